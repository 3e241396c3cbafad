"""What the scripts beside this one share: a run, a table, and medians over rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

WITHOUT = ("-p", "no:asyncbench")


def processor_time(folder: Path, *options: str, **environment: str) -> float:
    """Give the seconds that a pytest of its own takes over a folder, start and end in.

    It is run there: `-m` looks in the working directory before PYTHONPATH, and would
    find the package in use where a copy of it is to be measured. Bytecode files are
    written unless the environment says otherwise.
    """
    quiet = ("-q", "-p", "no:cacheprovider", "-W", "ignore", *options)
    # No project's settings: what is measured are the defaults.
    where = ("-c", os.devnull, "--rootdir", str(folder), str(folder))
    settings = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *quiet, *where],
        cwd=folder,
        env={**os.environ, **settings, **environment},
        stdout=subprocess.DEVNULL,
    )
    if hasattr(os, "wait4"):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    else:
        sys.exit("this system does not tell what a process has used")
    if process.returncode:
        sys.exit(f"the run failed: {process.args}")
    return usage.ru_utime + usage.ru_stime


def print_table(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print rows under their heads; the first column is text, the others figures."""
    lines = [heads, *rows]
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    print(f"\nPython {sys.version.split()[0]} · {title}\n")
    for text, *figures in lines:
        cells = [figure.rjust(n) for figure, n in zip(figures, others, strict=True)]
        print("  ".join([text.ljust(first), *cells]).rstrip())


def compare_to_first(
    cases: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, tuple[float, float]]:
    """Run each case in each round; give the medians of its figure and of its ratio.

    The ratio to the first case is taken within a round: a machine that is busy for a
    while is so for both.
    """
    seen: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            seen[name].append(case())
    first = next(iter(seen.values()))
    return {
        name: (
            statistics.median(figures),
            statistics.median(f / b for f, b in zip(figures, first, strict=True)),
        )
        for name, figures in seen.items()
    }


def rounds_from(arguments: Sequence[str], default: int) -> int:
    """Read the number of rounds that a script was called with."""
    if not arguments:
        return default
    if not arguments[0].isdecimal() or int(arguments[0]) < 1:
        sys.exit(f"{arguments[0]!r} is no number of rounds; 1 or more is accepted")
    return int(arguments[0])
