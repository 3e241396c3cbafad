"""The seams on a loop: four attributes of the one loop, and a way to undo them.

Nothing of asyncio is copied or subclassed, so a loop of the user's own factory
becomes virtual as well as asyncio's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from pytest_asyncbench._loops import names
from pytest_asyncbench._words.errors import VirtualTimeError
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench.virtual_time._clock import VirtualClock, clockwork_of
from pytest_asyncbench.virtual_time._clockwork import RESOLUTION, Clockwork
from pytest_asyncbench.virtual_time._durations import SECOND, nanoseconds
from pytest_asyncbench.virtual_time._selector import VirtualSelector
from pytest_asyncbench.virtual_time._wakers import Wakers

__all__ = ["adopt", "is_virtual", "virtual_loop_factory", "virtualize"]

REAL_LIMIT = 5.0
"""How long the real world may keep silent while the loop waits for it, in seconds."""

_SEAMS = (names.SELECTOR, names.READY, names.SCHEDULED, names.SSOCK)
"""What a loop must have to become virtual."""

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def virtual_loop_factory(
    clock: VirtualClock,
    base: LoopFactory = asyncio.new_event_loop,
    *,
    real_limit: float = REAL_LIMIT,
) -> LoopFactory:
    """Give a factory of virtual loops, for ``asyncio.Runner`` or pytest-asyncio.

    Args:
        clock: the time that the loops live by, one after another.
        base: makes the real loop that becomes virtual.
        real_limit: see `virtualize`.
    """

    def new_virtual_loop() -> asyncio.AbstractEventLoop:
        loop = base()
        try:
            virtualize(loop, clock, real_limit=real_limit)
        except BaseException:
            loop.close()
            raise
        return loop

    return new_virtual_loop


def virtualize(
    loop: asyncio.AbstractEventLoop,
    clock: VirtualClock,
    *,
    real_limit: float = REAL_LIMIT,
) -> Callable[[], None]:
    """Make a fresh loop live by `clock`; closing the loop undoes it.

    Args:
        loop: an asyncio selector loop, or one derived from it, with no timer yet.
        clock: the time it is to live by.
        real_limit: the real seconds for which a thread, job, socket or process may
            keep silent while the loop waits for it.

    Returns:
        A call that makes it an ordinary loop again.

    Raises:
        VirtualTimeError: for a loop whose time cannot be replaced.
    """
    _check(loop)
    limit = nanoseconds(real_limit, "real_limit") / SECOND
    clockwork = clockwork_of(clock)
    wakers = Wakers(loop, clockwork.hints)
    selector = VirtualSelector(loop, clockwork, wakers, limit)
    close_really = loop.close
    undo = ExitStack()

    def close() -> None:
        close_really()  # refuses while the loop runs; then all stays as it is
        undo.close()

    def restore() -> None:
        if loop.is_running():
            raise VirtualTimeError("a running loop cannot leave virtual time")
        undo.close()

    seams = (
        (names.SELECTOR.name, selector),
        ("time", clockwork.time),
        (names.CLOCK_RESOLUTION.name, RESOLUTION),  # on Windows that of a coarser clock
        ("run_in_executor", wakers.watch_executor()),
        ("call_soon_threadsafe", wakers.watch_callers()),
        ("run_forever", _driving(loop, clockwork, selector)),
        ("close", close),
    )
    with ExitStack() as half_done:
        for name, value in seams:
            half_done.callback(replace(loop, name, value))
        undo.push(half_done.pop_all())
    return restore


def adopt(bring: Callable[[asyncio.AbstractEventLoop], object]) -> Undo:
    """Have every loop brought into virtual time that this thread runs from now on.

    For loops that somebody else makes: ``asyncio.run`` in the code under test, or
    another test framework.

    Args:
        bring: makes a loop virtual, or raises; called as a loop is run that is not.

    Returns:
        The way back.
    """
    here = threading.get_ident()
    original = asyncio.BaseEventLoop.run_forever

    def run_forever(loop: asyncio.BaseEventLoop) -> None:
        if threading.get_ident() != here or is_virtual(loop):
            original(loop)
            return
        bring(loop)
        # One that became virtual has its own since then.
        (loop.run_forever if is_virtual(loop) else partial(original, loop))()

    return replace(asyncio.BaseEventLoop, "run_forever", run_forever)


def is_virtual(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop lives in virtual time."""
    return isinstance(names.SELECTOR.get(loop), VirtualSelector)


def _check(loop: asyncio.AbstractEventLoop) -> None:
    """Refuse a loop whose time cannot be replaced."""
    kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
    if type(loop).__module__.partition(".")[0] in {"uvloop", "winloop"}:
        raise VirtualTimeError(
            f"{kind} keeps time in C, where no test can move it: "
            "run tests in virtual time on asyncio's own loop"
        )
    if names.PROACTOR.is_on(loop):
        raise VirtualTimeError(
            f"{kind} waits for completions, not for sockets to be ready, and virtual "
            "time cannot see what is left of them: use asyncio.SelectorEventLoop"
        )
    if names.first_missing(loop, _SEAMS) or not _uses_its_queue(loop):
        raise VirtualTimeError(f"{kind} is no selector loop of asyncio's kind")
    if is_virtual(loop):
        raise VirtualTimeError("the loop lives in virtual time already")
    if loop.is_running() or names.SCHEDULED.of(loop):
        raise VirtualTimeError(
            "the loop has begun in real time; its timers would mean nothing now"
        )


def _uses_its_queue(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a fresh loop queues callbacks as asyncio does.

    One on top of another loop, as qasync's, may have the queue and not use it. Then its
    timers are the other one's, too, and that keeps real time.
    """
    if type(loop).call_soon is asyncio.BaseEventLoop.call_soon:
        return True
    ready = names.READY.of(loop)
    before = len(ready)
    loop.call_soon(int).cancel()
    uses = len(ready) > before
    if uses:
        ready.pop()
    return uses


def _driving(
    loop: asyncio.AbstractEventLoop, clockwork: Clockwork, selector: VirtualSelector
) -> Callable[[], None]:
    """Tie the clock to the loop for as long as it runs."""
    original = loop.run_forever

    def wake(move: Callable[[], object]) -> bool:
        if names.THREAD_ID.of(loop) in {None, threading.get_ident()}:
            return False
        loop.call_soon_threadsafe(move)
        return True

    def run_forever() -> None:
        with clockwork.driven(selector.callbacks, wake):
            original()

    return run_forever
