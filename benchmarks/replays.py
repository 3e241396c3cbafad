"""Tell how many failing schedules fail in the same way in a fresh process.

Each of the racy programs with real I/O, of ``races_outside/``, is run by pytest under
schedules until it fails. What it prints for ``--asyncbench-schedule`` is then given to
so many further processes, each of which is to fail with the same line.

Usage: ``python benchmarks/replays.py [processes for each]``
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from _table import print_table

CORPUS = Path(__file__).parent / "races_outside"
RUNS = "1000"
REPLAY = re.compile(r"replay: pytest (--asyncbench-schedule=\S+)")
FAILED = re.compile(r"^E   (\w+.*)$", re.MULTILINE)
PROGRAM = re.compile(r"async def (racy_\w+)", re.MULTILINE)


def run(*options: str) -> str:
    """Run the corpus in a process of its own; give what it prints."""
    settings = ("-c", str(CORPUS / "pytest.ini"), str(CORPUS), "-q")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout


def main(arguments: list[str]) -> None:
    """Print for each program how many of its replays failed as it did."""
    times = int(arguments[0]) if arguments else 17
    names = PROGRAM.findall((CORPUS / "libraries.py").read_text(encoding="utf-8"))
    rows, alike = [], 0
    for name in names:
        told = run("-k", name, f"--asyncbench-schedules={RUNS}")
        replay, failed = REPLAY.search(told), FAILED.search(told)
        if replay is None or failed is None:
            rows.append((name, "not found", ""))
            continue
        again = [FAILED.search(run(replay[1])) for _ in range(times)]
        same = sum(each is not None and each[1] == failed[1] for each in again)
        alike += same
        rows.append((name, failed[1], f"{same} of {times}"))
    print_table("replays in fresh processes", ("program", "fails with", "same"), rows)
    print(f"{alike} of {times * len(names)}")


if __name__ == "__main__":
    main(sys.argv[1:])
