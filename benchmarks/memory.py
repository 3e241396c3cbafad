"""What 10,000 watched tests leave behind in memory, beside the same run without us.

Run it as ``python benchmarks/memory.py [tests]``. Each figure is the resident memory of
a pytest of its own: how much it grew from one tenth of its tests to the last one. What
pytest keeps of each test itself stands in the first row.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _table import WITHOUT, print_table, rounds_from

SUITE = """
import asyncio, pytest

@pytest.mark.parametrize("n", range({half}))
def test_runs_no_loop(n):
    assert sum(range(n % 100)) >= 0

@pytest.mark.asyncio
@pytest.mark.parametrize("n", range({half}))
async def test_runs_one(n):
    await asyncio.sleep(0)
"""

CONFTEST = """
import gc
import pytest

DONE = 0

def resident():
    gc.collect()
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024

def pytest_collection_modifyitems(items):
    half = len(items) // 2
    items[:] = [each for pair in zip(items[:half], items[half:]) for each in pair]

@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    global DONE, EARLY
    DONE += 1
    if DONE == {tests} // 10:
        EARLY = resident()
    elif DONE == {tests}:
        with open("grown", "w") as file:
            file.write(str(resident() - EARLY))
"""

CASES = {
    "without": WITHOUT,
    "blocking=report": ("--asyncbench-blocking=report",),
    "and budget=30s": ("--asyncbench-blocking=report", "--asyncbench-budget=30s"),
}


def grown(folder: Path, *options: str) -> float:
    """Give by how many MB a run over a folder grows."""
    quiet = ("-q", "-p", "no:cacheprovider", "-W", "ignore")
    command = [sys.executable, "-m", "pytest", *quiet, "-c", os.devnull, *options]
    subprocess.run(
        [*command, "--rootdir", str(folder), str(folder)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return float((folder / "grown").read_text())


if __name__ == "__main__":
    if not Path("/proc/self/status").exists():
        sys.exit("this system does not tell what memory a process has")
    tests = rounds_from(sys.argv[1:], 10_000) // 2 * 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_suite.py").write_text(SUITE.format(half=tests // 2))
        (folder / "conftest.py").write_text(CONFTEST.format(tests=tests))
        seen = {case: grown(folder, *options) for case, options in CASES.items()}
        bare = seen["without"]
        print_table(
            f"memory that {tests:,} tests leave behind",
            ["", "grown", "more"],
            [
                [case, f"{each:.1f} MB", f"{each - bare:+.1f} MB"]
                for case, each in seen.items()
            ],
        )
