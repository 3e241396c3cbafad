"""One function stands where each step passes; who wants steps stands behind it."""

from __future__ import annotations

import asyncio
import sys
from asyncio.events import Handle

import pytest
from by_hand import HandLoop

from pytest_asyncbench._loops import FirstStep, StepProbe, keep_passage
from pytest_asyncbench.testing import ManualClock

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="a class may be written to as often as one likes"
)


@pytest.fixture
def passing():
    """Keep the passage; give the function that stands there then."""
    original = Handle._run
    undo = keep_passage()
    standing = Handle._run
    assert standing is not original
    yield standing
    assert Handle._run is standing, "the class was written to once"
    undo()
    assert Handle._run is original


async def three_steps():
    for _ in range(2):
        await asyncio.sleep(0)


def test_without_anybody_behind_it_steps_are_taken_as_ever(passing):
    """Errors of callbacks reach the loop's handler, once."""
    errors = []
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    loop.call_soon(int, "no number")
    loop.run_until_complete(three_steps())
    loop.close()
    assert [type(error) for error in errors] == [ValueError]


def test_a_probe_sees_every_step_and_leaves_the_class_as_it_is(passing):
    """From test to test, as often as there are tests."""
    errors = []
    for _ in range(2):
        clock = ManualClock()
        probe = StepProbe(clock, 1.0, print, lambda view: None)
        undo = probe.install()
        loop = HandLoop(clock)
        loop.set_exception_handler(lambda _, told: errors.append(told["exception"]))
        loop.call_soon(int, "no number")
        loop.run_until_complete(three_steps())
        steps = probe.steps
        undo()
        loop.run_until_complete(three_steps())
        loop.close()
        assert steps > 3
        assert probe.steps == steps, "after the undo it sees none"
        assert type(errors.pop()) is ValueError
        assert not errors


def test_a_first_step_is_told_of_and_leaves_the_class_as_it_is(passing):
    """It stands behind the passage, and whoever is put there next takes that step."""
    told = []

    def stepped():
        told.append("stepped")
        first.disarm()

    first = FirstStep(stepped)
    first.arm()
    asyncio.run(three_steps())
    assert told == ["stepped"]


def test_who_has_replaced_the_passage_is_left_standing():
    """Then a probe stands on the class itself, as without any passage."""
    original = Handle._run
    undo = keep_passage()
    ours = Handle._run

    def theirs(handle):
        return ours(handle)

    Handle._run = theirs
    probe = StepProbe(ManualClock(), 1.0, print, lambda view: None)
    restore = probe.install()
    assert Handle._run not in (ours, theirs)
    restore()
    assert Handle._run is theirs
    undo()
    assert Handle._run is theirs
    Handle._run = original
