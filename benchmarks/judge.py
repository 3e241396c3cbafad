"""How the judge's time grows with what was seen: calls and samples of one long step.

Run it as ``python benchmarks/judge.py [rounds]``. Nothing is watched: the facts are
made by hand, and only the judging is measured. The cases take turns, round after round.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from _table import compare_to_first, print_table, rounds_from

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import (
    BlockingCall,
    Elapsed,
    Frame,
    LoopStall,
    Observations,
    Sample,
)

STACK = (
    Frame(file="/home/user/test_db.py", line=7, function="test", module="test_db"),
)
EACH = 20e-6
"""Seconds that each call took."""


def observed(calls: int, samples: int) -> Observations:
    """Make a step that did nothing but call, with samples all over it."""
    seconds = calls * EACH
    return Observations(
        elapsed=Elapsed(wall=seconds),
        calls=tuple(
            BlockingCall(
                target="sqlite3.Connection.execute",
                began=number * EACH,
                seconds=EACH / 2,
                stack=STACK,
                step=0.0,
            )
            for number in range(calls)
        ),
        stalls=(
            LoopStall(
                began=0.0,
                seconds=seconds,
                samples=tuple(
                    Sample(at=seconds * number / samples, stack=STACK)
                    for number in range(samples)
                ),
                task="Task-1",
                held_up=0,
            ),
        ),
    )


def judging(seen: Observations) -> float:
    """Give the processor time for one verdict."""
    began = time.process_time()
    findings(Policy(), seen)
    return time.process_time() - began


if __name__ == "__main__":
    rounds = rounds_from(sys.argv[1:], 5)
    sizes = [(20_000, 250), (40_000, 250), (80_000, 250), (80_000, 1_000)]
    cases = {
        f"{calls:,} calls, {samples:,} samples": partial(
            judging, observed(calls, samples)
        )
        for calls, samples in sizes
    }
    print_table(
        "the judge, processor time",
        ["", "time", "ratio"],
        [
            [name, f"{seconds * 1e3:,.1f} ms", f"{ratio:.2f}"]
            for name, (seconds, ratio) in compare_to_first(cases, rounds).items()
        ],
    )
