"""For how long a thread could have run and was not let, from some moment on.

The one account of it: budgets, speedups and deadlines all read it here.
"""

from __future__ import annotations

import _thread
from collections.abc import Callable, Iterable

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import Moment, Ours, starved_between, stopped_between
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import (
    Clock,
    Processor,
    Starved,
    current_thread_ids,
)
from pytest_asyncbench._words.seconds import RealSeconds

__all__ = ["Starvation"]

_AT_ONCE = 0.001
"""What was read within so many seconds is of one moment."""
_MOST_READINGS = 5


class Starvation:
    """Count for how long the calling thread is starved, from now on.

    Args:
        views: gives each loop that was met so far.
    """

    def __init__(
        self,
        clock: Clock,
        watchdog: Watchdog,
        views: Callable[[], Iterable[LoopView]],
    ) -> None:
        self._clock = clock
        self._watchdog = watchdog
        self._views = views
        self._thread, self._native = current_thread_ids()
        here = self._here()
        self._first = self._moment(here)
        self._lost = self._lost_by(here, self._first)

    def __call__(self) -> Starved:
        """Tell the seconds so far, and up to when they are, from any thread."""
        # Only who is not the watchdog may wait for it, and before the account is read.
        if _thread.get_ident() == self._thread:
            gaps = self._watchdog.gaps(self._clock.now())
        else:
            gaps = self._watchdog.known_gaps()
        here = self._here()
        last = self._moment(here)
        stopped = stopped_between(gaps, self._first.at, last.at)
        lost = self._lost_by(here, last) - self._lost
        seconds = starved_between(self._first, last, lost + stopped)
        return Starved(seconds, RealSeconds(last.at))

    def _lost_by(self, here: list[LoopView], moment: Moment) -> float:
        return sum(self._lost_in(view, moment) for view in here)

    def _lost_in(self, view: LoopView, moment: Moment) -> float:
        lost = self._watchdog.sampled(view).lost
        if lost is None:
            return 0.0
        since = 0.0 if view.loop.is_running() else moment.at - view.last
        moment = moment._replace(polled=view.polled_by(moment.at), late=view.late)
        return lost.up_to(moment, since=since).seconds

    def _moment(self, here: list[LoopView]) -> Moment:
        at, account = self._account()
        return Moment(
            at=at,
            account=account,
            polled=sum(view.polled_by(at) for view in here),
            ours=self._ours(here),
            cost=self._watchdog.cost_by(at),
            in_gil=self._watchdog.in_gil(self._native),
        )

    def _ours(self, here: list[LoopView]) -> Ours:
        known = self._watchdog.own_cost.of(self._thread)
        return Ours(known.worked + sum(view.ours for view in here), known.waited)

    def _here(self) -> list[LoopView]:
        return [view for view in self._views() if view.thread == self._thread]

    def _account(self) -> tuple[float, Processor]:
        # Who loses the processor in between has two figures of two moments.
        now, processor = self._clock.now, self._clock.processor
        for _ in range(_MOST_READINGS):
            before, account, at = now(), processor(self._thread, self._native), now()
            if at - before < _AT_ONCE:
                break
        return at, account
