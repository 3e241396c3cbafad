"""What is handed to threads: to a pool's, or to one that is started for it.

The line that hands work over is the user's, and the thread that does the work has no
frame of it. So it is noted as it happens, while a test is watched.
"""

from __future__ import annotations

import _thread
import asyncio
import asyncio.threads
import functools
import math
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from contextvars import Context
from types import CodeType, FrameType
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, ref

from pytest_asyncbench._loops import LoopView, as_coroutine_function, running_loop
from pytest_asyncbench._python import (
    RawStack,
    capture_lines,
    getframe,
    has_gil,
    is_of_pool,
    public_name,
    rested_since,
    running_threads,
    started_for,
    to_stack,
    work_queue,
)
from pytest_asyncbench._watching.at_once import Owner, owner_here
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.seen import HandedOver
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Handing", "Job"]

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")

_MOST_ENDED = 64
_NEAR = 8
"""Within so many frames of who hands a job over stands the call that does so."""
_ANYIOS_ITEM = 5
"""What anyio puts into a queue for a job: how, what and with what to call, what awaits
it, and the scope; None for the end."""
_MOST_STARTED = 256
"""What more threads were started for is forgotten again, the oldest first."""


class Job(NamedTuple):
    """One piece of work, as it was handed over."""

    function: str
    stack: RawStack
    owner: Owner | None

    def told(self) -> HandedOver:
        """Put it into words."""
        return HandedOver(function=self.function, stack=to_stack(self.stack))


class _Ended(NamedTuple):
    at: float
    thread: int
    future: int
    job: Job


class _Put(NamedTuple):
    """A job that was put into the queue of a worker thread of anyio's."""

    at: float
    future: int
    job: Job


class _Called(NamedTuple):
    """A call of `asyncio.to_thread`, which a task may run that has no other frame."""

    coroutine: ref[Any]
    """Kept since nobody is told of the end of what no reference is left of."""
    stack: RawStack


class _Started(NamedTuple):
    thread: ref[threading.Thread]
    job: Job
    rested: object | None


class Handing:
    """Note what is handed to threads, from `install` on until that is undone.

    What that takes of a step is booked to us.

    Args:
        met: the loops that are watched.
    """

    def __init__(
        self, clock: Clock, met: Mapping[asyncio.AbstractEventLoop, LoopView]
    ) -> None:
        self._clock = clock
        self._met = met
        self.codes: frozenset[CodeType] = frozenset()
        """Whose frame stands under every step."""
        self.rests = True
        """Whether nothing is noted, since nobody is watched: between two tests, and
        after the last, when somebody may have kept what stood in for a function."""
        self._listens = False
        """Whether queues are listened to, also while it rests: who starts then may be
        given jobs in the next test."""
        self._at_work: dict[int, Job] = {}
        """By the id of its future, which its executor keeps alive."""
        self._ended: deque[_Ended] = deque(maxlen=_MOST_ENDED)
        self._started: deque[_Started] = deque(maxlen=_MOST_STARTED)
        """A copy of it is made in one go, whatever other threads start meanwhile."""
        self._put: deque[_Put] = deque(maxlen=_MOST_ENDED)
        self._called: dict[int, _Called] = {}
        """By the id of the frame of what was called, for as long as that is there."""
        self._listened: WeakKeyDictionary[threading.Thread, Undo] = WeakKeyDictionary()
        """What is to be undone of the queues that are listened to."""

    def install(self) -> Undo:
        """Look on at each hand-over from now on, in any thread."""
        if not has_gil():
            return lambda: None
        self.rests, self._listens = False, True
        with ExitStack() as undo:
            submit, start = ThreadPoolExecutor.submit, threading.Thread.start
            undo.callback(
                replace(ThreadPoolExecutor, "submit", self._submitting(submit))
            )
            undo.callback(replace(threading.Thread, "start", self._starting(start)))
            for module in asyncio, asyncio.threads:
                noted = self._calling(module.to_thread)
                undo.callback(replace(module, "to_thread", noted))
            undo.callback(self._called.clear)
            undo.callback(self._at_work.clear)  # whose end comes later is nobody's
            undo.callback(self._stop_listening)
            for thread in running_threads():
                self._listen(thread)
            undo.callback(setattr, self, "rests", True)
            return undo.pop_all().close

    def of_future(
        self, future: int, since: float, until: float = math.inf
    ) -> Job | None:
        """Give the job whose future has this id and that was at work between these."""
        for each in list(self._ended):
            if each.future == future and each.at >= since:
                return each.job
        for put in reversed(list(self._put)):
            if put.future == future and put.at <= until:
                return put.job  # nobody tells when it ends; an id comes again
        return self._at_work.get(future)

    def of_thread(self, ident: int) -> Job | None:
        """Give the job for which the thread was started; None for a pool's."""
        # The newest, since the ident of one that has ended is given to another.
        for started in reversed(list(self._started)):
            thread = started.thread()
            # It raises in one whose own `__init__` never called that of `Thread`.
            if thread is not None and legible.attribute(thread, "ident") == ident:
                is_at_it = started.rested is rested_since(thread)
                return started.job if is_at_it and not is_of_pool(thread) else None
        return None

    def ended_in(self, ident: int, since: float) -> Job | None:
        """Give the one job that has ended in a thread since then; None for several."""
        jobs = [
            each.job
            for each in list(self._ended)
            if each.at >= since and each.thread == ident
        ]
        return jobs[0] if len(jobs) == 1 else None

    def _job(
        self, name: Callable[Q, str], *args: Q.args, **kwargs: Q.kwargs
    ) -> Job | None:
        if self.rests:
            return None
        began = self._clock.now()
        try:
            here = getframe()
            stack = self._called_at(here) or capture_lines(here, self.codes)
            return Job(name(*args, **kwargs), stack, owner_here())
        except Exception:  # foreign objects may do anything when they are looked at
            return None  # and of its keeper less is known
        finally:
            self._book(began)

    def _book(self, since: float) -> None:
        loop = running_loop()
        view = None if loop is None else self._met.get(loop)
        if view is not None:
            view.book(self._clock.now() - since)

    def _called_at(self, frame: FrameType | None) -> RawStack | None:
        """Give where `asyncio.to_thread` was called that hands over just now."""
        if not self._called:
            return None
        for _ in range(_NEAR):
            if frame is None:
                break
            called = self._called.get(id(frame))
            if called is not None:
                return called.stack
            frame = frame.f_back
        return None

    def _calling(
        self, to_thread: Callable[..., Coroutine[Any, Any, T]]
    ) -> Callable[..., Coroutine[Any, Any, T]]:
        @functools.wraps(to_thread)
        def noted(
            func: Callable[..., T], /, *args: object, **kwargs: object
        ) -> Coroutine[Any, Any, T]:
            made = to_thread(func, *args, **kwargs)
            if self.rests:
                return made
            began = self._clock.now()
            with suppress(Exception):  # ours, and of its keeper less is known
                frame = made.cr_frame  # type: ignore[attr-defined]
                at, stack = id(frame), capture_lines(getframe(), self.codes)
                over = ref(made, lambda _: self._called.pop(at, None))
                self._called[at] = _Called(over, stack)
            self._book(began)
            return made

        return as_coroutine_function(noted)

    def _submitting(self, submit: Callable[..., Future[T]]) -> Callable[..., Future[T]]:
        @functools.wraps(submit)
        def noted(
            pool: ThreadPoolExecutor,
            fn: Callable[..., T],
            /,
            *args: object,
            **kwargs: object,
        ) -> Future[T]:
            job = self._job(_name_of, fn, args)
            future = submit(pool, fn, *args, **kwargs)
            if job is not None:
                self._at_work[id(future)] = job
                future.add_done_callback(self._end)
            return future

        return noted

    def _starting(
        self, start: Callable[[threading.Thread], None]
    ) -> Callable[[threading.Thread], None]:
        @functools.wraps(start)
        def noted(thread: threading.Thread) -> None:
            job = self._job(started_for, thread)
            if job is not None:
                started = _Started(ref(thread), job, rested_since(thread))
                self._started.append(started)
            self._listen(thread)
            start(thread)

        return noted

    def _listen(self, thread: threading.Thread) -> None:
        """Note what is put into the queue of a worker thread of anyio's."""
        queue = work_queue(thread) if self._listens else None
        if queue is not None and thread not in self._listened:
            noted = self._putting(queue.put_nowait)
            self._listened[thread] = replace(queue, "put_nowait", noted)

    def _stop_listening(self) -> None:
        self._listens = False
        for undo in list(self._listened.values()):
            undo()
        self._listened.clear()

    def _putting(self, put: Callable[[T], None]) -> Callable[[T], None]:
        @functools.wraps(put)
        def noted(item: T) -> None:
            if isinstance(item, tuple) and len(item) == _ANYIOS_ITEM:
                _, function, args, future, _ = item
                job = self._job(_name_of, function, args)
                if job is not None:
                    self._put.append(_Put(self._clock.now(), id(future), job))
            put(item)

        return noted

    def _end(self, future: Future[T]) -> None:
        # In the thread that did it; where that was quicker than we, in the one that
        # handed it over.
        job = self._at_work.pop(id(future), None)
        if job is not None:
            now = self._clock.now()
            self._ended.append(_Ended(now, _thread.get_ident(), id(future), job))


def _name_of(function: Callable[..., object], args: tuple[object, ...]) -> str:
    """Name what a job calls at last: asyncio's own ones call it in a context."""
    if isinstance(function, functools.partial):
        return _name_of(function.func, (*function.args, *args))
    in_context = isinstance(getattr(function, "__self__", None), Context)
    if in_context and args and callable(args[0]):
        return _name_of(args[0], args[1:])
    return public_name(function).replace("<locals>.", "")
