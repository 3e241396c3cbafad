"""The time that a test lives in, real or virtual, and the loops that live in it.

Virtual time is loaded where a test lives in it: few runs have any.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

from pytest_asyncbench._words.clock import Clock, Starved, Stopwatch
from pytest_asyncbench._words.errors import VirtualTimeError
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo, Undos, nothing

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["OwnTime"]


class OwnTime:
    """The time of one test; made in the thread that runs it.

    Args:
        clock: the real time.
        virtual: the time of the test's loops, None where that is the real one.
        real_limit: for how long something real may keep silent then, in seconds.
    """

    def __init__(
        self, clock: Clock, virtual: VirtualClock | None, real_limit: float
    ) -> None:
        self._clock = clock
        self.virtual = virtual
        self._real_limit = real_limit
        self._thread = threading.get_ident()
        self._brought: list[asyncio.AbstractEventLoop] = []
        self.order: Callable[[asyncio.AbstractEventLoop], Undo] | None = None
        """Has a loop run in another order, where the test is run under schedules."""
        self.refused: VirtualTimeError | None = None
        """Why a loop of the test's can't live in virtual time."""

    def begin(self) -> Undo:
        """Have the date follow virtual time, where that is the test's."""
        with ExitStack() as undo:
            if self.virtual is not None:
                undo.enter_context(self.virtual.frozen_datetime())
            return undo.pop_all().close

    def stopwatch(
        self, starved: Callable[[], Starved], began: RealSeconds | None = None
    ) -> Stopwatch:
        """Begin to measure in this time, and in real time.

        Args:
            starved: tells for how long this thread has been starved since now.
            began: when what is measured began, where that was before now.
        """
        clock = self.virtual
        if clock is None:
            return Stopwatch(self._clock, starved=starved, began=began)
        return Stopwatch(
            self._clock,
            clock.time,
            starved=starved,
            began=began,
            waited=lambda: clock.waited,
        )

    def paused(self) -> AbstractContextManager[None]:
        """Let no time pass on the test's clock."""
        return nullcontext() if self.virtual is None else self.virtual.freeze()

    def bring(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Bring a fresh loop into this time; closing it brings it back.

        Raises:
            VirtualTimeError: it is of a kind that can't be.
        """
        if self.virtual is None:
            return nothing
        from pytest_asyncbench.virtual_time import virtualize

        try:
            return virtualize(loop, self.virtual, real_limit=self._real_limit)
        except VirtualTimeError as error:
            self.refused = error
            raise

    def adopt(self) -> Undo:
        """Bring in the loops that are run from now on; the returned call, out again."""
        if self.virtual is None and self.order is None:
            return nothing
        from pytest_asyncbench.virtual_time import adopt

        undo = Undos()

        def bring(loop: asyncio.AbstractEventLoop) -> None:
            if loop not in self._brought:
                self._brought.append(loop)
                undo.add(self.bring(loop))
                if self.order is not None:
                    undo.add(self.order(loop))

        undo.add(adopt(bring))
        return undo.close

    @contextmanager
    def adopting(self) -> Iterator[None]:
        """Bring in the loops that are run inside, and out again."""
        undo = self.adopt()
        try:
            yield
        finally:
            undo()

    def is_of(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Tell whether a loop lives in the test's virtual time."""
        keeps = getattr(loop, "time", None)
        return self.virtual is not None and keeps == self.virtual.time

    def insist_on(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Refuse a loop that was made elsewhere, and so does not live in this time.

        Raises:
            VirtualTimeError: it keeps real time, and the test is in virtual time.
        """
        if self.virtual is not None and not self.is_of(loop):
            here = threading.get_ident() == self._thread
            self.refused = _keeps_real_time(loop) if here else _runs_elsewhere(loop)
            raise self.refused

    def look_at(
        self,
        met: list[asyncio.AbstractEventLoop],
        before: list[asyncio.AbstractEventLoop],
    ) -> None:
        """Note if a loop that a call has met, and not before it, kept real time."""
        if self.virtual is None or self.refused is not None:
            return
        from pytest_asyncbench.virtual_time import is_virtual

        for loop in met:
            if loop not in (*before, *self._brought) and not is_virtual(loop):
                self.refused = _keeps_real_time(loop)


def _keeps_real_time(loop: asyncio.AbstractEventLoop | None) -> VirtualTimeError:
    if loop is None:
        return VirtualTimeError(
            "virtual_time needs a loop of asyncio's, and none runs this test; where "
            "trio runs it use trio.testing.MockClock"
        )
    return VirtualTimeError(
        f"the loop of this test, {_kind(loop)}, keeps real time: virtual_time is for "
        "selector loops of asyncio's kind, which are run for the first time in this "
        "test"
    )


def _runs_elsewhere(loop: asyncio.AbstractEventLoop | None) -> VirtualTimeError:
    return VirtualTimeError(
        f"the loop of this test, {_kind(loop)}, keeps real time, since it runs in "
        "another thread than the test: asgiref's async_to_sync does so, and with it "
        "Django's TestCase. virtual_time follows the loops of the test's own thread: "
        "write the test as a function, for pytest-asyncio to run"
    )


def _kind(loop: asyncio.AbstractEventLoop | None) -> str:
    return f"{type(loop).__module__}.{type(loop).__qualname__}"
