"""The racy programs of the benchmark of schedules: each is what it says."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from pytest_asyncbench._running import Explorer, Order, run_alone
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench.virtual_time import VirtualClock

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

sys.path.insert(0, str(BENCHMARKS))
try:
    from races import PROGRAMS
finally:
    sys.path.remove(str(BENCHMARKS))

# A run of each takes under a millisecond; the benchmark has a thousand, and 20 seeds.
RUNS = 300


def outcome(function, order):
    try:
        run_alone(function, order, VirtualClock())
    except (Exception, asyncio.CancelledError) as error:
        return error
    return order.unseen[0] if order.unseen else None


def explored(function, seed):
    explorer = Explorer(runs=RUNS, seed=seed, within=None, clock=SYSTEM_CLOCK)
    assert outcome(function, explorer.own_order()) is None
    return explorer.explore(lambda order: outcome(function, order))


def test_there_are_enough():
    """Forty at least, each with a name of its own."""
    assert len(PROGRAMS) >= 40
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_a_racy_program_fails_under_a_schedule_and_its_twin_under_none(program):
    """And both pass in asyncio's own order; what was found is found once more."""
    found = explored(program.racy, seed=1)
    assert found.failure is not None
    assert outcome(program.racy, Order(found.schedule)) is not None
    twin = explored(program.repaired, seed=1)
    assert twin.failure is twin.problem is None
