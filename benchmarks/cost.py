"""What watching costs: processor time and memory, as ratios to bare asyncio.

Run it as ``python benchmarks/cost.py [rounds]``. Every figure comes from a pytest of
its own, which runs one of the tests in ``_subjects.py``; the cases take turns, round
after round. Bare asyncio is the same test with ``-p no:asyncbench``. Peers join in
where they are installed, each with its own defaults; what they detect differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from _subjects import COROUTINES, STEPS, TASKS
from _table import compare_to_first, print_table, rounds_from

SUBJECTS = Path(__file__).with_name("_subjects.py")
PEERS: dict[str, tuple[str, ...]] = {
    "blockbuster": (),
    "aiocop": (),
    "pyleak": (),
    "aiodebug": (),
    "fastapi_loopguard": ("--loopguard-all-async",),
}
"""Those that are switched on inside of the test, or by an option of pytest's."""

WITHOUT = ("-p", "no:asyncbench")


def figure(test: str, options: tuple[str, ...] = (), **environment: str) -> float:
    """Run one of the subjects under pytest; give the figure that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder, "figure")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        # No project's settings: what is measured are the defaults.
        where = ["-c", os.devnull, "--rootdir", folder, f"{SUBJECTS}::{test}"]
        done = subprocess.run(
            [*command, *options, *where],
            env={**os.environ, "ASYNCBENCH_FIGURES": str(noted), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if not noted.exists():
            sys.exit(f"{test} did not run:\n{done.stdout}{done.stderr}")
        return float(noted.read_text())


def steps(*options: str, on: str = "") -> Callable[[], float]:
    return partial(figure, "test_steps", options, ASYNCBENCH_COST=on)


def print_steps(rounds: int) -> None:
    cases = {
        "bare asyncio": steps(*WITHOUT),
        "(a) installed, unasked": steps(),
        "(b) blocking calls": steps(
            "--asyncbench-blocking=error", "--asyncbench-rules=all"
        ),
        "(c) accounts of tasks": steps("--asyncbench-budget=10min"),
        "asyncio's debug mode": steps(*WITHOUT, on="debug"),
    }
    for peer, options in PEERS.items():
        if find_spec(peer) is None:
            print(f"{peer} is not installed here")
        else:
            cases[f"{peer} {version(peer)}"] = steps(*WITHOUT, *options, on=peer)
    print_table(
        f"{STEPS:,} steps of {TASKS} tasks that yield to each other",
        ["", "per step", "ratio"],
        [
            [name, f"{seconds * 1e9:,.0f} ns", f"{ratio:.2f}"]
            for name, (seconds, ratio) in compare_to_first(cases, rounds).items()
        ],
    )


def print_coroutines(rounds: int) -> None:
    rows = []
    for name, kind in {"sleep(0.5)": "sleeps", "yield five times": "yields"}.items():
        cases = {
            "gather": partial(figure, "test_gather", WITHOUT, ASYNCBENCH_COST=kind),
            "ours": partial(figure, "test_concurrently", (), ASYNCBENCH_COST=kind),
        }
        cases["read"] = partial(cases["ours"], ASYNCBENCH_READ="1")
        time = compare_to_first(cases, rounds)
        memory = compare_to_first(
            {case: partial(run, ASYNCBENCH_MEMORY="1") for case, run in cases.items()},
            1,
        )
        bare = memory["gather"][0]
        rows.append(
            [
                name,
                *(f"{seconds * 1e6:.1f} µs" for seconds, _ in time.values()),
                *(f"{time[case][1]:.2f}" for case in ("ours", "read")),
                f"{bare / 1024:.2f} KiB",
                *(
                    f"{(memory[it][0] - bare) / 1024:.2f} KiB"
                    for it in ("ours", "read")
                ),
            ]
        )
    print_table(
        f"{COROUTINES:,} coroutines through `concurrently`",
        [
            "each",
            *("gather", "concurrently", "and read", "ratio", "and read"),
            *("gather", "more", "and read"),
        ],
        rows,
    )


if __name__ == "__main__":
    rounds = rounds_from(sys.argv[1:], 7)
    print_steps(rounds)
    print_coroutines(rounds)
