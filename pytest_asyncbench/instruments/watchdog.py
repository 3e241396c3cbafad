"""A thread that looks at a loop's thread while one of its steps lasts.

It answers what the loop's own thread cannot: what stood on its stack in the middle
of a long step, and that a budget is over while nothing gives the loop a chance to
notice. It knows no policy; it takes samples and keeps deadlines.

A C call that holds the GIL keeps this thread from running, too. It then waits for
the GIL, is given it at the very moment that the call returns, and finds the frame
still standing on the guilty line.
"""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Callable
from types import CodeType

from pytest_asyncbench._clock import Clock, Processor
from pytest_asyncbench._undo import Undo
from pytest_asyncbench.instruments._stack import RawStack, capture
from pytest_asyncbench.instruments.steps import LoopView

__all__ = ["Watchdog", "share_of"]

_MOST_SAMPLES = 400
_MOST_TICKS = 64
_LOOKS_PER_TICK = 4

Tick = tuple[float, Processor]

OnDeadline = Callable[[RawStack | None], float]
"""Called in the watchdog's thread with the stack of the step that is in progress;
returns the seconds after which to call again, or 0 for never."""


class _Deadline:
    __slots__ = ("at", "call", "view")

    def __init__(self, at: float, view: LoopView, call: OnDeadline) -> None:
        self.at = at
        self.view = view
        self.call = call


class Watchdog:
    """Sample the steps that last longer than `interval`, and keep deadlines.

    To wake costs the loop more than to look, because the GIL changes hands twice. So
    while steps are short it wakes at half the pace, and reads the operating system's
    account of the thread at every fourth time.
    """

    def __init__(self, clock: Clock, interval: float) -> None:
        self._clock = clock
        self._interval = interval
        self._views: list[LoopView] = []
        self._codes: frozenset[CodeType] = frozenset()
        self._deadlines: list[_Deadline] = []
        self._thread: threading.Thread | None = None
        self._looks = 0
        self._in_long_step = False
        self._stop = _thread.allocate_lock()
        self.failures: list[str] = []

    def watch(self, view: LoopView, codes: frozenset[CodeType]) -> None:
        """Begin to look at a loop; the thread starts with the first one."""
        self._codes = codes
        view.ticks.append(self._tick(view))
        self._views.append(view)
        if self._thread is None:
            self._stop.acquire()
            self._thread = threading.Thread(
                target=self._run, name="asyncbench-watchdog", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; nothing happens where it never started."""
        if self._thread is not None:
            self._stop.release()
            self._thread.join()
            self._thread = None

    def expect(self, at: float, view: LoopView, on_deadline: OnDeadline) -> Undo:
        """Call `on_deadline` when the clock reads `at`, unless undone before."""
        deadline = _Deadline(at, view, on_deadline)
        self._deadlines.append(deadline)

        def undo() -> None:
            if deadline in self._deadlines:
                self._deadlines.remove(deadline)

        return undo

    def _run(self) -> None:
        # A raw lock, because waiting on it reads no clock that could be replaced
        # and goes through no function that a rule could have wrapped.
        while not self._stop.acquire(timeout=self._next()):
            try:
                self._look()
            except Exception as error:
                self.failures.append(f"watchdog: {error!r}")
                if len(self.failures) > 10:
                    return

    def _next(self) -> float:
        pause = self._interval if self._in_long_step else 2 * self._interval
        left = [deadline.at - self._clock.now() for deadline in list(self._deadlines)]
        return max(0.0, min([pause, *left]))

    def _look(self) -> None:
        self._looks += 1
        self._in_long_step = False
        for view in self._views:
            # Taken together: where a C call kept the GIL, it is ours only for this.
            step, frame = view.last, sys._current_frames().get(view.thread)
            now = self._clock.now()
            stack = None
            if now - step >= self._interval:
                # A step that ends meanwhile waits for its sample, see `Watch`.
                with view.looking:
                    stack = capture(frame, self._codes)
                    self._sample(view, step, now, stack)
            if stack is not None:
                self._in_long_step = True
            elif self._looks % _LOOKS_PER_TICK == 0:  # in a short step, or polling
                view.ticks.append(self._tick(view))
                del view.ticks[:-_MOST_TICKS]
            del frame
        self._keep_deadlines()

    def _sample(
        self, view: LoopView, step: float, now: float, stack: RawStack | None
    ) -> None:
        # No stack: the loop is polling. Another step: this one is over already.
        if stack is None or view.last != step:
            return
        if view.sampled_step != step:
            view.samples = []
            view.sampled_step = step
            view.queue_then = view.queued()
            view.ticks.append(self._tick(view))
        if len(view.samples) < _MOST_SAMPLES:
            view.samples.append((now, stack))

    def _tick(self, view: LoopView) -> Tick:
        return self._clock.now(), self._clock.processor(view.thread, view.native)

    def _keep_deadlines(self) -> None:
        now = self._clock.now()
        for deadline in list(self._deadlines):
            if now < deadline.at:
                continue
            frame = sys._current_frames().get(deadline.view.thread)
            again = deadline.call(capture(frame, self._codes))
            deadline.at = now + again if again > 0 else float("inf")


def share_of(
    ticks: list[Tick], began: float, ended: float, last: Processor
) -> tuple[float | None, float | None]:
    """Split a step: seconds the thread worked, seconds it was kept off the processor.

    `ticks` are the thread's accounts over time, one of them at the step's first sample,
    and `last` its account at `ended`. From that sample on the split is known. Before it
    the account of `began` is missing; there the step is taken to have been as it was
    later, within what the accounts around its beginning allow.
    """
    before = [tick for tick in ticks if tick[0] <= began]
    within = [tick for tick in ticks if began < tick[0] < ended]
    if not before:
        return None, None
    shares = []
    for name in ("working", "starved"):
        at = [(tick[0], getattr(tick[1], name)) for tick in (before[-1], *within[:1])]
        at.append((ended, getattr(last, name)))
        shares.append(None if None in dict(at).values() else _share(at, began))
    working, starved = shares
    step = ended - began
    over = (working or 0.0) + (starved or 0.0)
    if working is None or starved is None or over <= step:
        return working, starved
    return working * step / over, starved * step / over


def _share(at: list[tuple[float, float]], began: float) -> float:
    ended, last = at[-1]
    if len(at) == 2:
        return min(ended - began, max(0.0, last - at[0][1]))
    (earlier, first), (sampled, then) = at[:2]
    known, unknown = max(0.0, last - then), sampled - began
    rate = known / (ended - sampled) if ended > sampled else 0.0
    most = min(unknown, max(0.0, then - first))
    least = max(0.0, most - (began - earlier))
    return min(ended - began, known + min(most, max(least, rate * unknown)))
