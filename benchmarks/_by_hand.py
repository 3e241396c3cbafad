"""Time that only moves by what programs do: exact, whatever else the machine does.

A loop's wait for a timer moves it, and so does work, each by just what was asked for.
Threads are real, and sleep until it has been moved far enough. What a thread was asked
for has begun before the loop goes on, and what it answers has arrived before time does.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import selectors
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench.testing import ManualClock

__all__ = ["HandTime", "Lane"]

T = TypeVar("T")

_IN_REAL_SECONDS = 60
"""A thread that takes longer to do what is expected of it hangs."""

_FLIGHT = 0.0005
"""Real seconds in which what was sent to a socket of this process is there."""

_TICK = 0.004
"""In ticks of so many seconds most kernels count when something came."""


class Lane:
    """Threads that take jobs, so many at once; each job sleeps once, then answers."""

    def __init__(self, workers: float = math.inf) -> None:
        self.workers = workers
        self.jobs = 0

    def asleep(self) -> float:
        """Tell how many of its threads are to sleep now."""
        return min(self.workers, self.jobs)


class HandTime:
    """A clock that stands still until it is moved, and who sleeps by it."""

    def __init__(self) -> None:
        self.clock = _HandClock()
        self._changed = threading.Condition()
        self._numbers = itertools.count()
        self._asleep: list[tuple[float, int, Lane, threading.Event]] = []
        self._released = self._answers = 0
        self._lanes: list[Lane] = []
        self._here = threading.local()

    # -- in the loop's thread

    def work(self, seconds: float) -> None:
        self._move(self.clock.work, seconds)

    def wait(self, seconds: float) -> None:
        self._move(self.clock.wait, seconds)

    def lane(self, workers: float = math.inf) -> Lane:
        self._lanes.append(Lane(workers))
        return self._lanes[-1]

    def asked(self, lane: Lane, ask: Callable[[], T]) -> T:
        """Ask something of a lane; go on when one of its threads sleeps for it."""
        with self._changed:
            lane.jobs += 1
        given = ask()
        self._settle()
        return given

    def pool(self, workers: int) -> ThreadPoolExecutor:
        return _HandPool(self, workers)

    def next_answer(self) -> float:
        """Tell when the first of those that sleep wakes up."""
        return self._asleep[0][0] if self._asleep else math.inf

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do what `asyncio.run` does, in this time."""
        loop = _HandLoop(self)
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    def _move(self, move: Callable[[float], None], seconds: float) -> None:
        until = self.clock.now() + seconds
        while self.next_answer() <= until:
            wakes, _, lane, event = self._asleep[0]
            move(max(0.0, wakes - self.clock.now()))
            with self._changed:
                heapq.heappop(self._asleep)
                lane.jobs -= 1
                self._released += 1
            event.set()
            self._settle()
        move(max(0.0, until - self.clock.now()))

    def _settle(self) -> None:
        """Return when each has answered that was woken, and each sleeps that is to."""
        with self._changed:
            if not self._changed.wait_for(self._settled, _IN_REAL_SECONDS):
                raise RuntimeError("a thread does not do what is expected of it")

    def _settled(self) -> bool:
        to_sleep = sum(lane.asleep() for lane in self._lanes)
        return self._answers == self._released and len(self._asleep) == to_sleep

    # -- in any thread

    def enter(self, lane: Lane) -> None:
        """Note that the calling thread is one of a lane's."""
        self._here.lane = lane

    def sleep(self, seconds: float) -> None:
        """Sleep as a thread of a lane, or block the loop."""
        lane = getattr(self._here, "lane", None)
        if lane is None:
            self.wait(seconds)
            return
        event = threading.Event()
        with self._changed:
            wakes = self.clock.now() + seconds
            heapq.heappush(self._asleep, (wakes, next(self._numbers), lane, event))
            self._changed.notify()
        event.wait()

    def answered(self, by: socket.socket | None = None) -> None:
        """Note that the calling thread has sent what it was asked for, by a socket."""
        if getattr(self._here, "lane", None) is not None:
            with self._changed:
                self._answers += 1
                if by is not None:
                    self.clock.came_to[by.getpeername()] = self.clock.now()
                self._changed.notify()


class _HandClock(ManualClock):
    """A clock that knows when something came as well as Linux does.

    What that tells is up to two ticks early: the clock that goes with its ticks is less
    than one behind these, and here it is half of one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.came_to: dict[Any, float] = {}
        """By a socket's own address: when the last answer did."""

    def working(self, native: int = 0) -> None:
        """Tell nothing: in this time nobody waits for the interpreter."""

    def received(self, connection: Any) -> RealSeconds | None:
        came = self.came_to.get(connection.getsockname())
        return None if came is None else RealSeconds((came // _TICK - 0.5) * _TICK)


class _HandPool(ThreadPoolExecutor):
    """A pool whose jobs sleep by a hand's time."""

    def __init__(self, time: HandTime, workers: int) -> None:
        self._time = time
        self._lane = time.lane(workers)
        super().__init__(workers, initializer=time.enter, initargs=[self._lane])

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        submit = super().submit
        return self._time.asked(self._lane, lambda: submit(fn, *args, **kwargs))


class _HandLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, in a time by hand."""

    def __init__(self, time: HandTime) -> None:
        self._by_hand = time
        super().__init__(_Poller(time))

    def time(self) -> float:
        return self._by_hand.clock.now()

    def call_soon_threadsafe(self, *arguments: Any, **named: Any) -> asyncio.Handle:
        handle = super().call_soon_threadsafe(*arguments, **named)
        self._by_hand.answered()
        return handle


class _Poller(selectors.DefaultSelector):
    def __init__(self, time: HandTime) -> None:
        super().__init__()
        self._time = time

    def select(self, timeout: float | None = None) -> Any:
        time = self._time
        until = math.inf if timeout is None else time.clock.now() + timeout
        # Beside the loop's own socket, by which threads wake it, there may be others.
        flight = _FLIGHT if len(self.get_map()) > 1 and timeout != 0 else 0
        while not (events := super().select(flight)) and time.clock.now() < until:
            wakes = min(until, time.next_answer())
            if wakes == math.inf:
                return super().select(None)
            time.wait(max(0.0, wakes - time.clock.now()))
        return events
