"""A method of one loop is stood in for at its class, and the loop stays as it is."""

from __future__ import annotations

import asyncio
import sys
from types import MethodType

import pytest

from pytest_asyncbench._loops import close_doors, keep_passage, stand_in

NAME = "get_task_factory"


@pytest.fixture
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def original():
    """Give asyncio's own method, and see that it stands there again at the end."""
    standing = vars(asyncio.BaseEventLoop)[NAME]
    yield standing
    assert vars(asyncio.BaseEventLoop)[NAME] is standing


def telling(answer):
    return lambda before: lambda: (answer, before())


def test_it_stands_in_for_one_loop_alone_and_writes_to_none(original, loop):
    """It is told what stood there before; after the undo all is as it was."""
    other = asyncio.new_event_loop()
    attributes = set(vars(loop))
    undo = stand_in(loop, NAME, telling("ours"))
    assert loop.get_task_factory() == ("ours", None)
    assert other.get_task_factory() is None
    assert set(vars(loop)) == attributes
    undo()
    assert loop.get_task_factory() is None
    other.close()


def test_one_behind_another_leads_on_to_it_and_comes_back(original, loop):
    """Who stands there first is asked by who comes second."""
    undo_first = stand_in(loop, NAME, telling("first"))
    undo_second = stand_in(loop, NAME, telling("second"))
    assert loop.get_task_factory() == ("second", ("first", None))
    undo_second()
    assert loop.get_task_factory() == ("first", None)
    undo_first()


def test_who_has_been_written_over_is_left_standing(original, loop):
    """An undo out of its turn takes nobody else away."""
    undo_first = stand_in(loop, NAME, telling("first"))
    undo_second = stand_in(loop, NAME, telling("second"))
    undo_first()
    assert loop.get_task_factory() == ("second", ("first", None))
    undo_second()
    undo_first()


def test_a_door_that_is_taken_off_stands_again_for_who_comes_then(original, loop):
    """A loop in another thread may have found it just before."""
    undo = stand_in(loop, NAME, telling("ours"))
    door = vars(asyncio.BaseEventLoop)[NAME].asyncbench_leads_to
    undo()
    assert vars(asyncio.BaseEventLoop)[NAME] is original
    undo = door.put(loop, lambda: "ours")
    assert loop.get_task_factory() == "ours"
    undo()


class Own(asyncio.SelectorEventLoop):
    """A loop with a method of its own under that name."""

    def get_task_factory(self):
        return "own"


def test_a_loop_with_a_method_of_its_own_is_written_to(original):
    """The class of asyncio's is not asked then; the undo restores it."""
    loop = Own()
    undo = stand_in(loop, NAME, telling("ours"))
    assert loop.get_task_factory() == ("ours", "own")
    undo()
    assert loop.get_task_factory() == "own"
    assert NAME not in vars(loop)
    loop.close()


def test_a_loop_that_somebody_wrote_to_is_written_to(original, loop):
    """What they put there stands there again after the undo."""
    theirs = MethodType(lambda _: "theirs", loop)
    loop.get_task_factory = theirs
    undo = stand_in(loop, NAME, telling("ours"))
    assert loop.get_task_factory() == ("ours", "theirs")
    undo()
    assert vars(loop)[NAME] is theirs
    del loop.get_task_factory


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="a class may be written to as often as one likes"
)
def test_in_a_run_that_watches_the_class_is_written_to_once(original, loop):
    """What stands there stays from test to test, until the run has ended."""
    end = keep_passage()
    standing = set()
    for _ in range(3):
        undo = stand_in(loop, NAME, telling("ours"))
        standing.add(vars(asyncio.BaseEventLoop)[NAME])
        undo()
        assert loop.get_task_factory() is None
        standing.add(vars(asyncio.BaseEventLoop)[NAME])
    assert len(standing) == 1
    end()
    close_doors()
