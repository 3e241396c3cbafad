"""What stays around a run from test to test, and what goes with each of them."""

from __future__ import annotations

import asyncio
import gc
import sys
from asyncio import selector_events

import pytest

from pytest_asyncbench._loops import names
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

TRANSPORT = names.SOCKET_TRANSPORT.of(selector_events)


async def echo(reader, writer):
    writer.write(await reader.readline())
    writer.close()


async def meets_and_talks():
    if sys.version_info >= (3, 11):
        barrier = asyncio.Barrier(2)
        await asyncio.gather(barrier.wait(), barrier.wait())
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    writer.close()
    server.close()


@pytest.fixture(params=[False, True], ids=["detected", "followed"])
def watch(request):
    watch = Watch(SYSTEM_CLOCK, threshold=10, tracing=request.param)
    watch.kept_on = lambda: True
    yield watch
    watch.stop()


def play(watch, work=meets_and_talks):
    """Run something as a test does that hands its instruments on."""
    leave = watch.join()
    asyncio.run(work())
    tapes = watch.recorder.tapes.all if watch.recorder else []
    leave()
    return tapes


def ours(found):
    return [each for each in found if type(each).__module__.startswith("pytest_async")]


def test_what_is_known_of_a_test_goes_without_a_collection(watch):
    """Ten thousand tests would else have it run, and all that lives be gone through."""
    play(watch)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(3):
            play(watch)
        gc.collect()
        left = [type(each).__qualname__ for each in ours(gc.garbage)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []


def standing():
    return {**vars(asyncio.BaseEventLoop)}, {**vars(TRANSPORT)}


def test_asyncios_classes_are_written_to_once_for_a_run(watch):
    """Each time all that runs there looks its attributes up anew; the end restores."""
    before, within = standing(), []

    async def looks():
        await meets_and_talks()
        within.append(standing())

    play(watch, looks)
    play(watch, looks)
    assert within == [standing()] * 2
    watch.stop()
    assert standing() == before


def test_who_meets_and_talks_is_noted_in_each_test(watch):
    """Though the classes lead on to what the first of them has put there."""
    for _ in range(2):
        for tape in play(watch):
            written = [detail[0] for detail in tape.details if len(detail) == 5]
            assert any(entry > 0 for entry in written)
            assert len(tape.arrivals) == (2 if sys.version_info >= (3, 11) else 0)
