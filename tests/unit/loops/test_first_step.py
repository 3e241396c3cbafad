"""The first step of a loop is told of, once, and costs the loop no step."""

from __future__ import annotations

import asyncio
import threading
from asyncio.events import Handle

import pytest

from pytest_asyncbench._loops import FirstStep

ORIGINAL = Handle._run


class Told:
    """A first step that takes itself away as it tells."""

    def __init__(self):
        self.threads = []
        self.first_step = FirstStep(self.stepped)

    def stepped(self):
        self.threads.append(threading.get_ident())
        self.first_step.disarm()


@pytest.fixture
def told():
    told = Told()
    uninstall = told.first_step.install()
    yield told
    told.first_step.disarm()
    uninstall()
    assert Handle._run is ORIGINAL


async def steps(seen):
    for number in range(3):
        seen.append(number)
        await asyncio.sleep(0)


def test_it_is_told_once_and_every_step_is_taken(told):
    """The one that is told of, too, and none twice."""
    seen = []
    told.first_step.arm()
    asyncio.run(steps(seen))
    assert len(told.threads) == 1
    assert seen == [0, 1, 2]


def test_it_is_told_in_the_thread_of_the_loop(told):
    """Wherever that loop runs."""
    told.first_step.arm()
    thread = threading.Thread(target=asyncio.run, args=(steps([]),))
    thread.start()
    ident = thread.ident
    thread.join()
    assert told.threads == [ident]


def test_while_it_is_not_armed_nothing_stands_in_the_way(told):
    """Neither before nor after."""
    asyncio.run(steps([]))
    assert told.threads == []
    told.first_step.arm()
    told.first_step.disarm()
    assert Handle._run is ORIGINAL


def test_a_step_of_which_nobody_wants_to_hear_is_taken(told):
    """Who is told may leave it armed: then it is told of the next step as well."""
    told.first_step.disarm = lambda: None
    seen = []
    told.first_step.arm()
    asyncio.run(steps(seen))
    del told.first_step.disarm
    assert seen == [0, 1, 2]
    assert len(told.threads) > 1


def test_whoever_stands_there_by_then_takes_the_step(told):
    """The instruments that were put there see the step by which they came."""
    taken = []

    def instrument(handle):
        taken.append(handle)
        ORIGINAL(handle)

    def stepped():
        told.first_step.disarm()
        Handle._run = instrument

    told.first_step._stepped = stepped
    told.first_step.arm()
    seen = []
    try:
        asyncio.run(steps(seen))
    finally:
        Handle._run = ORIGINAL
    assert seen == [0, 1, 2]
    assert len(taken) >= len(seen)


def test_a_loop_of_uvloops_is_told_of(told):
    """Its steps are C: the loop is told of as it is used."""
    uvloop = pytest.importorskip("uvloop")
    told.first_step.arm()
    loop = uvloop.new_event_loop()
    seen = []
    try:
        loop.run_until_complete(steps(seen))
    finally:
        loop.close()
    assert len(told.threads) == 1
    assert seen == [0, 1, 2]
