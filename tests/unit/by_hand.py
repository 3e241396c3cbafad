"""Facts made by hand: stacks, stalls and calls that no instrument has seen."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import sysconfig
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._python.frames import current_frames
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench._words.seen import (
    BlockingCall,
    Elapsed,
    Frame,
    LoopStall,
    Observations,
    Sample,
)
from pytest_asyncbench._words.timeline import Track

STDLIB = sysconfig.get_paths()["stdlib"]
SITE = sysconfig.get_paths()["purelib"]


SLOW_RULE = Rule(target="slow_library.wait", family="sleep", advice="do not wait")
"""That of a library which is there in the tests of watching alone."""

TICK = 2.0**-20
"""A microsecond or so, of which any number can be added up exactly."""

A_WHILE = 10
"""Seconds to wait for another thread, which normally takes a few milliseconds."""


def until(condition):
    """Give the other thread time, in real time but only as much as it needs."""
    pause = threading.Event()
    for _ in range(A_WHILE * 1000):
        if condition():
            return
        pause.wait(0.001)
    pytest.fail("it never came")


def until_it_waits(thread):
    """Return once a thread waits for another, and has done so for more than a moment.

    One that lacks a processor stands still as well; Linux tells the two apart.
    """
    before: object = None
    still = 0
    while still < 3:
        time.sleep(0.005)
        frame = current_frames()[thread.ident]
        position = frame, frame.f_lasti
        still = still + 1 if position == before and _sleeps(thread) else 0
        before = position


def _sleeps(thread):
    stat = Path(f"/proc/self/task/{thread.native_id}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] == "S"
    except OSError:
        return True  # no Linux


def user(line=41, function="test_checkout", module="test_orders", call=None):
    """A frame of the user's."""
    file = f"/home/user/shop/{module.replace('.', '/')}.py"
    return Frame(file=file, line=line, function=function, module=module, call=call)


def library(function="get", package="requests.api", line=7):
    """A frame of an installed package."""
    file = f"{SITE}/{package.replace('.', '/')}.py"
    return Frame(file=file, line=line, function=function, module=package)


def standard(function="recv", module="socket", line=9, call=None):
    """A frame of the standard library."""
    file = f"{STDLIB}/{module}.py"
    return Frame(file=file, line=line, function=function, module=module, call=call)


def samples(*stacks, began=0.0, seconds=1.0):
    """Samples at even distances within a step."""
    gap = seconds / (len(stacks) + 1)
    return tuple(
        Sample(at=began + gap * (number + 1), stack=stack)
        for number, stack in enumerate(stacks)
    )


def stall(*stacks, began=0.0, seconds=1.0, **facts):
    """A long step whose samples show these stacks."""
    given = {"task": "Task-1", "held_up": 0, **facts}
    shown = samples(*stacks, began=began, seconds=seconds)
    return LoopStall(began=began, seconds=seconds, samples=shown, **given)


def call(target="time.sleep", began=0.0, seconds=0.01, stack=None, **facts):
    """A known call, by default in a step of its own that began with it."""
    given = {"step": began, **facts}
    stack = stack or (user(call=target),)
    return BlockingCall(
        target=target, began=began, seconds=seconds, stack=stack, **given
    )


def track(name, did, lasted, began=0, kind="task", notes=None):
    """Give a row of a timeline; notes are given for what waited or blocked."""
    noted = sum(each in "wb" for each in did)
    return Track(
        name=name,
        kind=kind,
        loop=0,
        began=began,
        ended=kind == "task",
        did=did,
        lasted=lasted,
        notes=(-1,) * noted if notes is None else notes,
        running=0.0,
        waiting=0.0,
        queued=0.0,
    )


def observations(wall=1.0, starved=0.0, **seen):
    """All that was seen of a test of this length."""
    given = {"steps": 10, **seen}
    return Observations(elapsed=Elapsed(wall=wall, starved=starved), **given)


class _Poller(selectors.DefaultSelector):
    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def select(self, timeout=None):
        if timeout:
            self._clock.wait(timeout)
            timeout = 0
        return super().select(timeout)


class HandLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, in the time of a manual clock.

    Waiting for a timer moves the clock; a step takes what the test moves it by.
    """

    def __init__(self, clock):
        self._clock = clock
        super().__init__(_Poller(clock))

    def time(self):
        return self._clock.now()


class OnTop(HandLoop):
    """A loop on top of another one, as qasync's is on Qt's, in a manual clock's time.

    It inherits asyncio's queue, poll and turns, and uses none of them.
    """

    def __init__(self, clock):
        super().__init__(clock)
        self._timers = []
        self._numbers = itertools.count()
        self._over = False

    def call_at(self, when, callback, *args, context=None):
        handle = asyncio.Handle(callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(self, delay, callback, *args, context=None):
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_soon(self, callback, *args, context=None):
        return self.call_at(self.time(), callback, *args, context=context)

    def run_forever(self):
        asyncio._set_running_loop(self)
        self._over = False
        try:
            while not self._over:
                when, _, handle = heapq.heappop(self._timers)
                self._clock.wait(max(0.0, when - self.time()))
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(None)

    def stop(self):
        self._over = True


class Slow(HandLoop):
    """A loop whose polls come back a quarter of a second too late.

    It stands in the run queue meanwhile, or does what `late` says.
    """

    def __init__(self, clock, late=None):
        super().__init__(clock)
        late = late or clock.starve
        poll = self._selector.select

        def select(timeout=None):
            events = poll(timeout)
            late(0.25)
            return events

        self._selector.select = select


def run_in(clock, coroutine, factory=None, make=HandLoop):
    """Run a coroutine in a loop of the clock's time."""
    loop = make(clock)
    loop.set_task_factory(factory)
    # What would hang for ever fails instead.
    rescue = threading.Timer(30, lambda: loop.call_soon_threadsafe(loop.stop))
    rescue.start()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        rescue.cancel()
        loop.close()


@contextmanager
def slow_watch(clock, **settings):
    """A watch that is told of the calls of `SLOW_RULE`; gives what wraps these, too."""
    interception = Interception([SLOW_RULE], clock)
    with ExitStack() as undo:
        undo.callback(interception.install())
        watch = Watch(
            clock,
            threshold=10.0,
            interception=interception,
            families=frozenset({"sleep"}),
            **settings,
        )
        # What is asked here is what the loop's thread counts.
        watch.watchdog.look_at = lambda view, codes: None
        watch.start()
        undo.callback(watch.stop)
        yield interception, watch
