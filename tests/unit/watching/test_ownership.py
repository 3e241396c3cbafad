"""Each field that threads share has one that writes it, and a switch checks that."""

from __future__ import annotations

import asyncio
import threading

import pytest
from by_hand import HandLoop, until

from pytest_asyncbench._loops.view import LoopView
from pytest_asyncbench._watching.ownership import (
    OWNERS,
    Writer,
    WrongThread,
    check_owners,
)
from pytest_asyncbench._watching.sampling import Sampled
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench.testing import ManualClock


@pytest.fixture(params=[LoopView, Sampled])
def shared(request):
    """What is known of a loop that this thread runs, and the fields of it."""
    view = LoopView(asyncio.SelectorEventLoop(), 0.0)
    view.loop.close()
    return view if request.param is LoopView else Sampled(view)


def written(thing, name):
    """Write a field of it again as it is; give what that raises."""
    try:
        setattr(thing, name, getattr(thing, name))
    except WrongThread as error:
        return str(error)
    return None


def written_elsewhere(thing, name):
    """Do so in another thread."""
    told = []
    thread = threading.Thread(target=lambda: told.append(written(thing, name)))
    thread.start()
    thread.join()
    return told[0]


@pytest.mark.parametrize("kind", [LoopView, Sampled])
def test_every_field_has_a_row(kind):
    """A new one must be given an owner, and one that is gone must give it up."""
    assert set(OWNERS[kind]) == set(kind.__slots__)


def test_another_thread_than_its_owner_is_refused(shared, trespasses):
    """In the whole suite, since it has the switch on."""
    owners = OWNERS[type(shared)]
    refused = {name for name in owners if written_elsewhere(shared, name)}
    assert refused == {name for name in owners if owners[name] is not Writer.ANY}
    assert len(trespasses) == len(refused)
    trespasses.clear()


def test_the_thread_of_the_loop_writes_what_is_its_own(shared, trespasses):
    """And nothing of the watchdog's."""
    owners = OWNERS[type(shared)]
    free = {name for name in owners if not written(shared, name)}
    assert free == {n for n in owners if owners[n] in (Writer.LOOP, Writer.ANY)}
    trespasses.clear()


def test_a_loop_takes_its_fields_along_to_another_thread():
    """It may be set up in one and run for good in another."""
    clock = ManualClock()
    loop, watch = HandLoop(clock), Watch(clock, threshold=0.1)
    watch.start()
    try:
        view = watch.view(loop)
        sampled = watch.watchdog.sampled(view)

        async def main():
            await asyncio.sleep(0)
            clock.wait(0.5)
            until(lambda: sampled.samples)

        thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
        thread.start()
        thread.join()
    finally:
        watch.stop()
        loop.close()
    assert view.thread == thread.ident
    assert watch.problems == []
    assert len(watch.stalls) == 1


def test_the_switch_is_off_again_without_a_trace():
    """Nothing looks at a write then."""

    class Shared:
        """Has one field, which is never written again."""

        def __init__(self):
            self.field = 1

    broken = []
    undo = check_owners(broken, {Shared: {"field": Writer.NOBODY}})
    shared = Shared()
    with pytest.raises(WrongThread, match=r"Shared\.field is written by nobody alone"):
        shared.field = 2
    undo()
    shared.field = 3
    assert "__setattr__" not in vars(Shared)
    assert broken == ["Shared.field is written by nobody alone"]
