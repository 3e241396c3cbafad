"""What watching costs a whole suite of small tests, and the start of a run.

Run it as ``python benchmarks/suite_cost.py [rounds]``. Each figure is the processor
time of a pytest of its own, from start to end; the cases of a suite take turns, round
after round, and each is compared with the run without the plugin of the same round.
Peers join in where they are installed, each with its own defaults; what they detect
differs.
"""

from __future__ import annotations

import py_compile
import shutil
import sys
import tempfile
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from _table import (
    WITHOUT,
    compare_to_first,
    print_table,
    processor_time,
    rounds_from,
)

SUITES = {
    "500 tests without a loop": """
import pytest

@pytest.mark.parametrize("n", range(500))
def test_sum(n):
    assert sum(range(n)) == n * (n - 1) // 2
""",
    "500 tests with a loop": """
import asyncio, pytest

@pytest.mark.parametrize("n", range(500))
async def test_yields(n):
    await asyncio.sleep(0)
""",
    "50 tests of 20 tasks": """
import asyncio, pytest

@pytest.mark.parametrize("n", range(50))
async def test_tasks(n):
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(20)))
""",
    "1,200 tests with a loop, then 20 of 10,000 steps": """
import asyncio, pytest

@pytest.mark.parametrize("steps", [1] * 1200 + [10_000] * 20)
async def test_steps(steps):
    for _ in range(steps):
        await asyncio.sleep(0)
""",
}

CASES = {
    "without": WITHOUT,
    "unasked": (),
    "blocking=report": ("--asyncbench-blocking=report",),
    "and budget=30s": ("--asyncbench-blocking=report", "--asyncbench-budget=30s"),
}

PEERS = {
    "blockbuster": """
import pytest
from blockbuster import blockbuster_ctx

@pytest.fixture(autouse=True)
def watched():
    with blockbuster_ctx():
        yield
""",
    "pyleak": """
import pytest

def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.no_leaks)
""",
    "fastapi_loopguard": "",
}
"""By their modules, the conftest that puts each around every test."""

OPTIONS = {"fastapi_loopguard": ("--loopguard-all-async",)}

AUTO = ("-o", "asyncio_mode=auto")


def _folder(root: str, name: str, source: str) -> Path:
    folder = Path(root, name)
    folder.mkdir(exist_ok=True)
    (folder / "test_suite.py").write_text(source)
    return folder


def print_suite(name: str, source: str, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        cases = {
            case: partial(
                processor_time, _folder(root, "ours", source), *AUTO, *options
            )
            for case, options in CASES.items()
        }
        for peer, conftest in PEERS.items():
            if find_spec(peer) is None:
                print(f"{peer} is not installed here")
                continue
            folder = _folder(root, peer, source)
            (folder / "conftest.py").write_text(conftest)
            options = (*WITHOUT, *OPTIONS.get(peer, ()))
            cases[f"{peer} {version(peer.replace('_', '-'))}"] = partial(
                processor_time, folder, *AUTO, *options
            )
        for case in cases.values():
            case()  # not counted: it writes the bytecode files
        print_cases(name, compare_to_first(cases, rounds))


def print_start(rounds: int) -> None:
    """Measure the start with the installer's bytecode, with pytest's own, with none.

    Of a copy of the package, so that the files beside the one in use stay as they are.
    """
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "suite")
        folder.mkdir()
        (folder / "test_nothing.py").write_text("def test_nothing(): pass\n")
        package = Path(__file__).parents[1] / "pytest_asyncbench"
        for name, compiles, writes in (
            ("all bytecode files", True, True),
            ("the installer's, and none is written", True, False),
            ("no bytecode file of ours, and none is written", False, False),
        ):
            place = Path(root, f"copy-{compiles}-{writes}")
            copy = place / package.name
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
            if compiles:
                for module in copy.rglob("*.py"):
                    py_compile.compile(str(module))
            environment = {
                "PYTHONPATH": str(place),
                "PYTHONDONTWRITEBYTECODE": "" if writes else "1",
            }
            cases = {
                case: partial(processor_time, folder, *options, **environment)
                for case, options in CASES.items()
            }
            for each in cases.values():
                each()
            print_cases(f"one empty test, {name}", compare_to_first(cases, rounds))


def print_cases(name: str, seen: dict[str, tuple[float, float]]) -> None:
    bare = next(iter(seen.values()))[0]
    print_table(
        name,
        ["", "processor", "ratio", "more"],
        [
            [
                case,
                f"{seconds * 1e3:.0f} ms",
                f"{ratio:.2f}",
                f"{(seconds - bare) * 1e3:+.0f} ms",
            ]
            for case, (seconds, ratio) in seen.items()
        ],
    )


if __name__ == "__main__":
    rounds = rounds_from(sys.argv[1:], 7)
    for suite, text in SUITES.items():
        print_suite(suite, text, rounds)
    print_start(rounds)
