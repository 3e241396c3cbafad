"""How late the watchdog woke, and what kept it: the GIL, the run queue, a stop.

Its own lateness is what tells of time in which nothing of this process ran, and of
time in which another thread kept the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_asyncbench._python import (
    Cost,
    Gap,
    Held,
    Kernel,
    Rest,
    asked_for,
    is_late,
    keeps_out,
    longer,
    stood,
    turn_after,
    turn_within,
    waited_for_gil,
)
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import Turn
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["KeptOut", "Lateness"]

_MOST_GAPS = 64
_AT_ONCE = 0.001
"""Less than this, in seconds, is not worth a reading."""
_PUNCTUAL = 0.003
"""Who is later than this for no other reason may have stood in the run queue."""


class KeptOut(NamedTuple):
    """How the watchdog was kept from the interpreter."""

    since: float
    """From when on it could have had it."""
    seconds: float
    """For how long it was kept out, at the most."""
    asked: float
    """For how long it has asked in vain, at the least."""


class _Since(NamedTuple):
    """From when on nothing is taken down yet of what others may have waited for."""

    at: float
    switches: int
    asleep: bool = False
    """Whether it sleeps, and is due then."""

    def cost(self, now: float, switches: int, interval: float) -> Cost:
        """Tell what has come since, by when it has waited so often."""
        if not self.asleep and switches == self.switches:
            return Cost(held=now - self.at)
        # Its sleep is one wait more.
        rest = Rest(self.at, self.switches - (not self.asleep), None)
        if not interval or (
            self.asleep and not keeps_out(rest, now, switches, interval)
        ):
            return Cost()
        asked = asked_for(rest, switches, interval)
        return Cost(by_us=max(0.0, now - self.at - asked), asked=asked)


class Lateness:
    """Keep the account of the watchdog's own sleep.

    Its fields are written by the watchdog's thread, which is gone at `begin_anew`.
    Nothing is known where there is no `kernel`, as under a clock that is not real.

    Args:
        in_queue: reads for how long the watchdog's thread stood in the run queue.
    """

    def __init__(
        self, clock: Clock, kernel: Kernel | None, in_queue: Callable[[], float | None]
    ) -> None:
        self._clock = clock
        self._kernel = kernel
        self._in_queue = in_queue
        self.rest: Rest | None = None
        """The sleep that it is in, or was in before the look that it takes now."""
        self.kept_out = 0.0
        """For how long it has been kept from the interpreter so far."""
        self.known: tuple[Cost, _Since | None] = Cost(), None
        """For how long others may have waited for it, as it has taken down so far, and
        up to when that is."""
        self.gaps: list[Gap] = []
        """When it should have run and nothing did."""
        self.turn: Turn | None = None
        """How it was given the interpreter for the look that it takes now."""
        self._held: Held | None = None
        """When it last had it, in this round."""
        self._woke = 0.0
        """When it last woke."""
        self._by_us_before = 0.0
        """For how long others may have waited before that for it to take it."""
        self._starved: float | None = 0.0
        """For how long it had stood in the run queue when that was last read."""
        self._switched: int | None = None
        """How often it had waited when it last woke."""

    def begin_anew(self) -> None:
        """Forget the account of a thread that has ended; another one is to come."""
        self._starved = 0.0
        self._held = self._switched = None

    def leaves(self) -> None:
        """Take down that it sleeps until it is woken, or ends: nobody waits for it."""
        self.known = self.known[0], None

    def goes_on(self) -> RealSeconds:
        """Take down that it has the interpreter, or has it again; tell when that is.

        To be called before it gives that up, which each reading of a file does, and
        after it.
        """
        now = self._clock.now()
        switches = self._kernel.switches() if self._kernel is not None else None
        if switches is not None:
            self._take_down(_Since(now, switches))
        return now

    def _take_down(self, since: _Since, now: float | None = None) -> None:
        now = since.at if now is None else now
        cost, before = self.known
        if before is not None and self._kernel is not None:
            interval = self._kernel.switch_interval()
            cost += before.cost(now, since.switches, interval)
        self.known = cost, since

    def cost_by(self, now: float, waited: Callable[[], int | None]) -> Cost:
        """Tell what others may have waited for by now; in another thread.

        Who was asked for the interpreter before the watchdog could take down that it
        had it, has got it by now.

        Args:
            now: the moment.
            waited: counts how often the watchdog's thread has waited so far.
        """
        cost, since = self.known
        if since is None or self._kernel is None or now - since.at < _AT_ONCE:
            return cost
        switches = waited()
        if switches is None:
            return cost
        return cost + since.cost(now, switches, self._kernel.switch_interval())

    def rests_until(self, due: float) -> None:
        """Take down that it goes to sleep."""
        self.goes_on()
        switches = self._kernel.switches() if self._kernel is not None else None
        # It may have lost the interpreter while it read its accounts.
        self.turn = self._turn_within(switches)
        self.rest = Rest(due, switches, self._starved)
        if switches is not None:
            self._take_down(_Since(due, switches, asleep=True), self._clock.now())

    def woke(self) -> KeptOut:
        """Take down that it has woken; tell since when and how long it was kept out."""
        # Here no file is read, which would give up the GIL: the look comes first.
        if self.rest is not None and self._kernel is not None:
            now, switches = self._clock.now(), self._kernel.switches()
            self._woke = now
            # For each time it asks for the GIL it may stand in the run queue once more.
            interval = 2 * self._kernel.switch_interval()
            kept_out = waited_for_gil(self.rest, now, switches, interval)
            self.kept_out += kept_out
            self._by_us_before = self.known[0].by_us
            if switches is not None:
                self._take_down(_Since(now, switches))
            self._has_turn(self.rest, now, switches, interval / 2)
            self._switched = switches
            asked = asked_for(self.rest, switches, interval / 2)
            return KeptOut(self.rest.due, kept_out, asked)
        self.turn = self._held = None
        self.goes_on()
        return KeptOut(0.0, 0.0, 0.0)

    def kept_out_since(self) -> KeptOut:
        """Tell the same of the time since it woke."""
        if self.rest is None or self._kernel is None:
            return KeptOut(0.0, 0.0, 0.0)
        interval = self._kernel.switch_interval()
        rest = Rest(self._woke, self._switched, None)
        now, switches = self._clock.now(), self._kernel.switches()
        seconds = waited_for_gil(rest, now, switches, interval)
        return KeptOut(self._woke, seconds, asked_for(rest, switches, interval))

    def _has_turn(
        self, rest: Rest, now: float, switches: int | None, interval: float
    ) -> None:
        if switches is not None:
            self._held = Held(now, switches)
            self.turn = longer((self.turn, turn_after(rest, self._held, interval)))

    def looks_again(self) -> None:
        """Take down that it looks once more, without a sleep in between."""
        if self._kernel is not None:
            self.turn = self._turn_within(self._kernel.switches())

    def _turn_within(self, switches: int | None) -> Turn | None:
        """Give the turn since it last had the interpreter, if it lost that since."""
        before, kernel = self._held, self._kernel
        if before is None or kernel is None or switches is None:
            return None
        self._held = Held(self._clock.now(), switches)
        return turn_within(before, self._held, kernel.switch_interval())

    def explain(self, *, thoroughly: bool) -> None:
        """Find out, after the look, what kept it from waking in time.

        The run queue's account is read where that is not explained, or `thoroughly`.
        """
        rest, kernel = self.rest, self._kernel
        if rest is None or kernel is None:
            return
        interval = kernel.switch_interval()
        now, switches = self._until(interval), kernel.switches()
        in_gil = waited_for_gil(rest, now, switches, interval)
        if now - rest.due - in_gil > _PUNCTUAL or thoroughly:
            self.goes_on()
            self._starved = self._in_queue()
            self.goes_on()
            now, switches = self._until(interval), kernel.switches()
        if is_late(rest, now):
            gap = stood(rest, now, switches, self._starved, interval)
            # Who is stopped kept nobody out: nobody ran.
            cost, since = self.known
            stopped = min(gap.stopped, cost.by_us - self._by_us_before)
            self.known = cost + Cost(by_us=-stopped), since
            self.gaps = [*self.gaps[-_MOST_GAPS:], gap]

    def _until(self, interval: float) -> float:
        # Without a GIL the look itself may be long: it stops all threads, and so waits
        # for the call in C that one is in. That thread works, and nothing stood still.
        return self._clock.now() if interval else self._woke

    def is_overdue(self, now: float) -> bool:
        """Tell whether it has not woken, though it should have; in a loop's thread."""
        rest = self.rest
        return self._kernel is not None and rest is not None and is_late(rest, now)
