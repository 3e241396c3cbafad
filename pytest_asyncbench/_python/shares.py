"""Whose time a step took: the thread's own, the system's, or another thread's.

Pure functions over the accounts that were read around and within the step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from operator import add

from pytest_asyncbench._words.clock import Processor
from pytest_asyncbench._words.values import NamedTuple, dataclass

__all__ = [
    "Cost",
    "Gap",
    "Lost",
    "Moment",
    "Ours",
    "Rest",
    "Split",
    "Tick",
    "asked_for",
    "is_late",
    "keeps_out",
    "kept_out",
    "lacked_processor",
    "share_of",
    "split_step",
    "starved_between",
    "stood",
    "stopped_between",
    "waited_for_gil",
]


class Ours(NamedTuple):
    """For how long a thread was in our own code so far, beside the run queue."""

    worked: float = 0.0
    waited: float = 0.0


class Cost(NamedTuple):
    """For how long others may have waited for the watchdog, in seconds."""

    by_us: float = 0.0
    """For it to take the interpreter."""
    asked: float = 0.0
    """For how long it has asked for that in vain, where they may have."""
    held: float = 0.0
    """For how long it had it."""

    def __add__(self, more: Cost) -> Cost:  # type: ignore[override]
        return Cost(*map(add, self, more))


class Tick(NamedTuple):
    """A thread's account at one moment, and what else was known then."""

    at: float
    account: Processor
    steps: int = 0
    """How many steps its loop had run. Before each it may have waited in a poll."""
    looks: int = 0
    """How often our own thread had looked at the loops."""
    process: float | None = None
    """The processor time of all threads."""
    late: float = 0.0
    """For how long the watchdog had been kept from the interpreter so far."""
    waiting: bool = False
    """Whether the thread waited in the kernel for something of the user's."""
    cost: Cost = Cost()
    """What the watchdog has cost others so far."""
    ours: Ours = Ours()
    in_gil: float | None = None
    """For how long the thread may have waited for the interpreter so far, at the most:
    a switch interval for each time that it waited. None where unknown."""
    polled: float = 0.0
    """For how long the loop's polls that were over by then had waited so far."""
    since: float = 0.0
    """When the poll or the step began that it was in."""

    def polled_until(self, began: float, last: Tick) -> float:
        """Tell for how long, at the least, its loop then polled until a step began.

        Args:
            began: when that was.
            last: the tick of that step's end.
        """
        # The poll that it may have been in has begun before.
        in_progress = max(0.0, self.at - self.since)
        return min(began - self.at, max(0.0, last.polled - self.polled - in_progress))

    def of_others_since(self, before: Tick) -> float | None:
        """Tell for how long other threads have worked since; None where unknown."""
        process = _more(before.process, self.process)
        worked = _more(before.account.working, self.account.working)
        return None if process is None or worked is None else max(0.0, process - worked)

    def moment(self, late: float = 0.0) -> Moment:
        """Give what decides what was lost by then, with how late its polls were."""
        return Moment(
            self.at,
            self.account,
            self.polled,
            late,
            self.cost,
            self.ours,
            self.waiting,
            self.in_gil,
        )


_TELLS = 0.1
"""What comes after the first sample of a step does not tell what was before that where
it is a smaller part of the step than this."""


class _Around(NamedTuple):
    """The accounts of a thread around a step, over time."""

    before: Sequence[Tick]
    """Up to its beginning; at least one."""
    within: Sequence[Tick]
    """In the midst of it."""

    @property
    def first(self) -> Tick:
        """The last one before it."""
        return self.before[-1]


def _around(ticks: Sequence[Tick], began: float, last: Tick) -> _Around | None:
    """Give the accounts around a step that ended with the last; None without any."""
    before = [tick for tick in ticks if tick.at <= began]
    within = [tick for tick in ticks if began < tick.at < last.at]
    return _Around(before, within) if before else None


def share_of(
    ticks: Sequence[Tick], began: float, last: Tick, stopped: float = 0.0
) -> tuple[float | None, float | None]:
    """Split a step: seconds the thread worked, seconds it was kept off the processor.

    `ticks` are the thread's accounts over time, one of them at the step's first sample,
    and `last` is that of its end. From that sample on the split is known. Before it
    the account of `began` is missing; there the step is taken to have been as it was
    later, within what the accounts around its beginning allow, and without the time for
    which nothing ran. A thread does not work while its loop polls, though it may stand
    in the run queue.

    Who keeps the interpreter is sampled at the very end of the step. All that the
    accounts allow is taken for the step's then, as where there is no sample. Where that
    is more than there was time for, what is known for sure is left as it is.
    """
    around = _around(ticks, began, last)
    if around is None:
        return None, None
    first, within, length = around.first, around.within, last.at - began
    tail = last.at - within[0].at if within else 0.0
    read = (first, *within[:1], last) if tail > _TELLS * length else (first, last)
    at_rest = first.polled_until(began, last)
    working = _share([(t.at, t.account.working) for t in read], began, at_rest)
    starved = _share([(t.at, t.account.starved) for t in read], began, 0.0)
    if working is None or starved is None:
        return working and working.likely, starved and starved.likely
    return _together(working, starved, length - stopped)


class _Share(NamedTuple):
    """For how long a thread did something in a step, in seconds."""

    least: float
    likely: float


def _share(
    read: Sequence[tuple[float, float | None]], began: float, idle: float
) -> _Share | None:
    at = [(moment, known) for moment, known in read if known is not None]
    if len(at) < len(read):
        return None
    (earlier, first), (ended, last) = at[0], at[-1]
    sampled, then = at[1] if len(at) > 2 else (ended, last)
    known, unknown = max(0.0, last - then), sampled - began
    rate = known / (ended - sampled) if ended > sampled else 1.0
    most = min(unknown, max(0.0, then - first))
    least = max(0.0, min(unknown, then - first - (began - earlier - idle)))
    likely = min(most, max(least, rate * unknown))
    length = ended - began
    return _Share(min(length, known + least), min(length, known + likely))


def _together(working: _Share, starved: _Share, length: float) -> tuple[float, float]:
    """Fit both into a step: what is not known for sure gives way, in proportion."""
    over = working.likely + starved.likely - length
    if over <= 0:
        return working.likely, starved.likely
    least = working.least + starved.least
    if least >= length:
        return working.least * length / least, starved.least * length / least
    part = (length - least) / (working.likely + starved.likely - least)
    return (
        working.least + part * (working.likely - working.least),
        starved.least + part * (starved.likely - starved.least),
    )


# ---------------------------------------------------------- kept out by others

_BY_CHANCE = 5
"""How many slices a thread may have had for other reasons, such as a thread's start."""
_SLICES_PER_LOOK = 2
"""How often a thread at work loses the processor to one that looks at it."""
_SOME = 4
_QUEUED = 2 / 3
"""Who stood in the run queue for this part of the time waited for little else."""
_QUEUES_TOO = 4
"""Who has the GIL may stand in the run queue with it, for so many times as long as it
works at the most."""
_ASKS_AGAIN = 0.8
"""Who waits for the GIL asks again after each switch interval. A thread that woke less
often than that, by this factor, waited for something else."""


def kept_out(ticks: Sequence[Tick], began: float, last: Tick, interval: float) -> float:
    """Tell for how long another thread kept the interpreter from this one in a step.

    *Problem*: who waits for the GIL neither works nor stands in the run queue, just as
    who waits for a peer. *What does not work*: to look, since the looker needs the GIL
    as well, and a thread that has just given it to the looker waits for it, too. *What
    we do*: of the time that is not explained otherwise, count what both of these allow:
    the thread woke after every switch interval, and somebody did hold the GIL, since
    the watchdog was kept out as well, or other threads worked, if only for a part of
    it: who has the GIL may stand in the run queue with it. The work of others
    proves nothing where this thread was seen to wait for something of the user's. *What
    still fails*: a thread in C that polls something in short sleeps beside a busy one.
    """
    around = _around(ticks, began, last)
    if around is None:
        return 0.0
    slices_each = _slices_each(around.before[-_SOME:])
    at_rest = around.first.polled_until(began, last)
    return sum(
        _at_most(first, then, began, at_rest, interval, slices_each)
        for first, then in _stretches([around.first, *around.within, last])
    )


def _slices_each(ticks: Sequence[Tick]) -> float:
    # The rate of the time before the step: below 1 where not each step had its poll.
    slices = _more(ticks[0].account.slices, ticks[-1].account.slices)
    steps = ticks[-1].steps - ticks[0].steps
    return 1.0 if slices is None or steps <= 0 else min(1.0, slices / steps)


def _not_for_gil(first: Tick, last: Tick, interval: float, slices_each: float) -> float:
    """Tell how many slices of a processor a thread may have had for other reasons.

    A look of ours costs some of a thread that has the GIL, at work or in the run queue,
    and is asked for it after a switch interval. Who polls or waits it costs none.
    """
    had_it = (_more(first.account.working, last.account.working) or 0.0) + (
        _more(first.account.starved, last.account.starved) or 0.0
    )
    looks = float(last.looks - first.looks)
    if interval:
        looks = min(looks, had_it / interval)
    return slices_each * (last.steps - first.steps) + _SLICES_PER_LOOK * looks


def _stretches(ticks: Sequence[Tick]) -> Iterator[tuple[Tick, Tick]]:
    # As few and as long as possible: the figures of one tick are read one after
    # another, which matters over a short stretch.
    first = before = ticks[0]
    for tick in ticks[1:]:
        if tick.waiting or before.waiting:
            if before is not first:
                yield first, before
            yield before, tick
            first = tick
        before = tick
    if before is not first:
        yield first, before


def _at_most(
    first: Tick,
    last: Tick,
    began: float,
    at_rest: float,
    interval: float,
    slices_each: float,
) -> float:
    length = last.at - max(first.at, began)
    worked = _more(first.account.working, last.account.working)
    starved = _more(first.account.starved, last.account.starved)
    slices = _more(first.account.slices, last.account.slices)
    if worked is None or starved is None or slices is None:
        return 0.0
    known = worked + starved + (at_rest if first.at < began else 0.0)
    unexplained = min(length, last.at - first.at - known)
    others = _not_for_gil(first, last, interval, slices_each) * interval
    waits = _more(first.in_gil, last.in_gil)
    # Who loses the processor at work has more slices, and has not waited.
    in_gil = (slices - _BY_CHANCE) * interval if waits is None else waits
    if in_gil - others < _ASKS_AGAIN * unexplained:
        return 0.0
    # While this thread worked, the watchdog was late because of it.
    held = max(0.0, last.late - first.late - worked)
    if not (first.waiting or last.waiting):
        at_work = max(0.0, (_more(first.process, last.process) or 0.0) - worked)
        held = max(held, (1 + _QUEUES_TOO) * at_work)
    return max(0.0, min(unexplained, slices * interval - others, held))


def lacked_processor(
    ticks: Sequence[Tick], began: float, last: Tick, interval: float
) -> bool:
    """Tell whether a thread stood in the run queue, and so waited for no GIL.

    Who waits for the GIL stands there as well, once for each time that it asks, and so
    has many slices of a processor, however late. False where nothing is known.
    """
    around = _around(ticks, began, last)
    if around is None:
        return False
    first, length = around.first, last.at - began
    starved = _more(first.account.starved, last.account.starved)
    slices = _more(first.account.slices, last.account.slices)
    if starved is None or slices is None:
        return False
    slices_each = _slices_each(around.before[-_SOME:])
    others = _not_for_gil(first, last, interval, slices_each)
    return starved >= _QUEUED * length and slices - others <= _BY_CHANCE


def _more(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


# ---------------------------------------------------------- kept out by ourselves

_ASKED = 2
"""So often it waits in a round in which it asks for the GIL; the first is its sleep."""
_LOST = 0.001
"""What it costs to hand the GIL over, in seconds, where nobody lacks a processor."""


def keeps_out(rest: Rest, at: float, switches: int | None, interval: float) -> bool:
    """Tell whether the watchdog may have kept who was at work from the interpreter.

    *Problem*: a thread at work gives up the GIL for the watchdog, and waits until that
    has taken it. Where the system does not give the watchdog a processor, both wait,
    and only one of them in the run queue. *What does not work*: to count how often the
    thread woke, as `kept_out` does, since who gives up the GIL for another waits once,
    however long it takes. *What we do*: where the watchdog had to ask for the GIL, so
    that somebody had it, and came later than its asking explains, count what is left.
    Who is asked in vain for a switch interval gives it up at once if it can; who does
    so earlier did it by itself. *What still fails*: that is the most that it may be, as
    it also queues after its sleep, and each time it asks again. So it is only counted
    of time in the same round that nothing else explains, and not where who was asked
    kept the GIL and did not work: see `Lost`.
    """
    more = _more(rest.switches, switches)
    if not interval or more is None or more < _ASKED:
        return False
    explained = max(interval, asked_for(rest, switches, interval))
    return at - rest.due > explained + _LOST


def asked_for(rest: Rest, switches: int | None, interval: float) -> float:
    """Tell for how long, at the least, the watchdog has asked for the GIL in vain.

    It asks once for each wait but its sleep, and the last time with success.
    """
    more = _more(rest.switches, switches) or 0
    return max(0, more - _ASKED) * interval


def _by_us(ticks: Sequence[Tick], began: float, last: Tick) -> float:
    around = _around(ticks, began, last)
    if around is None:
        return 0.0
    first, within = around.first, [*around.within, last]
    # Of what was lost around the step's beginning it has its part, and polls have none.
    at_rest = first.polled_until(began, last)
    before = first.moment()._replace(polled=last.polled - at_rest)
    lost = Lost(before).up_to(within[0].moment())
    part = (within[0].at - began) / (within[0].at - first.at - at_rest)
    others = (1 - part) * lost.seconds
    for tick in within[1:]:
        lost = lost.up_to(tick.moment())
    return max(0.0, lost.seconds - others)


# ------------------------------------------------------------- nobody ran at all

_LATE = 0.02
"""A thread that wakes later than this, in seconds, is asked why; less is chance."""


class Rest(NamedTuple):
    """A sleep of the watchdog: when it is due to wake, and its account before."""

    due: float
    switches: int | None
    starved: float | None


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch in which the watchdog should have run, and for how long nothing did."""

    began: float
    ended: float
    stopped: float = 0.0

    def stopped_within(self, began: float, ended: float) -> float:
        """Tell how much of the time in which nothing ran may lie between these."""
        overlap = min(self.ended, ended) - max(self.began, began)
        return max(0.0, min(self.stopped, overlap))


def stopped_between(gaps: Sequence[Gap], began: float, ended: float) -> float:
    """Tell how much of the time in which nothing ran may lie between these moments."""
    # They come one after another, and most were in tests before.
    since = takewhile(lambda gap: gap.ended > began, reversed(gaps))
    return sum(gap.stopped_within(began, ended) for gap in since)


def is_late(rest: Rest, at: float) -> bool:
    """Tell whether it woke so late that the reason is worth finding."""
    return at - rest.due > _LATE


def waited_for_gil(
    rest: Rest, at: float, switches: int | None, interval: float
) -> float:
    """Tell for how long the watchdog may have waited for the GIL since it was due."""
    if not interval:
        return 0.0
    late = max(0.0, at - rest.due)
    more = _more(rest.switches, switches)
    return late if more is None else min(late, more * interval)


def stood(
    rest: Rest, at: float, switches: int | None, starved: float | None, interval: float
) -> Gap:
    """Tell for how long no thread ran from when the watchdog was due until `at`.

    A stopped process runs nothing, and the clock goes on. All else that keeps the
    watchdog from waking in time shows in its account: in the run queue it is starved,
    and for the GIL it asks again after each switch interval.
    """
    in_queue = _more(rest.starved, starved)
    stopped = 0.0
    if in_queue is not None and switches is not None:
        late = at - rest.due - waited_for_gil(rest, at, switches, interval)
        stopped = late - in_queue if late - in_queue > _LATE else 0.0
    return Gap(began=rest.due, ended=at, stopped=stopped)


# ------------------------------------------------------------------ in all


class Split(NamedTuple):
    """Whose time a step took, in seconds; None where the platform can't tell."""

    working: float | None
    blocked: float | None
    starved: float | None
    """All the time in which the thread could have run and was not let."""
    kept_out: float = 0.0
    """The part of it in which another thread of the test's kept the interpreter."""


def split_step(
    ticks: Sequence[Tick], began: float, last: Tick, stopped: float, interval: float
) -> Split:
    """Split the step from `began` to the thread's last account.

    `stopped` are its seconds in which the whole process stood, and `interval` is the
    interpreter's switch interval, 0 where it has no GIL to wait for.
    """
    working, starved = share_of(ticks, began, last, stopped)
    if working is None or starved is None:
        return Split(working, None, starved)
    blocked = max(0.0, last.at - began - stopped - working - starved)
    kept = min(blocked, kept_out(ticks, began, last, interval))
    # Both may tell of the same time, so the longer one counts.
    lost = max(kept, min(blocked, _by_us(ticks, began, last)))
    return Split(working, blocked - lost, starved + stopped + lost, kept)


class Moment(NamedTuple):
    """The account of a thread that runs loops, at one moment."""

    at: float
    account: Processor
    polled: float = 0.0
    """For how long its loops had nothing to do so far, and waited in their polls."""
    late: float = 0.0
    """For how long these polls lasted beyond the moment at which a timer was due."""
    cost: Cost = Cost()
    """What the watchdog has cost others so far."""
    ours: Ours = Ours()
    waiting: bool = False
    """Whether the thread waited in the kernel for something of the user's."""
    in_gil: float | None = None
    """For how long the thread may have waited for the interpreter so far, at the most;
    None where unknown."""


_AT_ONCE = 0.001
"""Figures of one moment are read one after another, within so many seconds."""
_MOST_EARLIER = 16
_ONE_WAIT = 0.005
"""For how long a thread waits for the GIL at a time, in seconds, if nobody asks for
another interval."""


class Lost(NamedTuple):
    """For how long a thread was kept from running, beside its time in the queue."""

    moment: Moment
    """Up to when that is known."""
    seconds: float = 0.0
    earlier: tuple[tuple[Moment, float], ...] = ()
    """The moments before, each with what was known then."""

    def is_all_by(self, at: float, working: float | None, polled: float) -> bool:
        """Tell whether no more can have been lost by a later moment, to speak of.

        By what is read quickly: how long the thread has worked and its loops polled.
        Where that is more than there was time for, these figures tell nothing.
        """
        worked = _more(self.moment.account.working, working)
        if worked is None:
            return False
        known = worked + polled - self.moment.polled
        return abs(at - self.moment.at - known) < _AT_ONCE

    def up_to(self, moment: Moment, *, since: float = 0.0) -> Lost:
        """Go on to a later moment.

        Of the time that is not explained by the thread's own account that is lost for
        which there is a cause: a timer that was due, or our own thread. A cause excuses
        what was waited for between the same two moments, and nothing else: where there
        was nothing to excuse, it must not do so for a call that blocks later.

        *Problem*: the system adds a wait in the run queue to the account when it ends,
        so up to then it seems to be unexplained. *What we do*: where more is explained
        than there was time for, go back to the last moment that agrees with it.

        Args:
            moment: what is known then.
            since: for how many seconds up to then no loop has run. What the thread may
                have waited for in these is not known.
        """
        earlier, before, seconds = self.earlier, self.moment, self.seconds
        more = _unexplained(before, moment) or 0.0
        while more < -_AT_ONCE and earlier:
            (before, seconds), earlier = earlier[-1], earlier[:-1]
            more = _unexplained(before, moment) or 0.0
        lost = more - since
        if lost > 0:
            causes = _late_between(before, moment) + _by_us_between(before, moment)
            lost = max(0.0, min(lost, causes))
        else:
            lost = 0.0
        known = (*earlier, (before, seconds))
        return Lost(moment, seconds + lost, known[-_MOST_EARLIER:])


def _late_between(first: Moment, last: Moment) -> float:
    # Who is late for it stands in the run queue is forgiven that by its account.
    in_queue = _more(first.account.starved, last.account.starved) or 0.0
    return max(0.0, last.late - first.late - in_queue)


def _by_us_between(first: Moment, last: Moment) -> float:
    # Who waits for something of the user's wants no interpreter meanwhile.
    if first.waiting or last.waiting:
        return 0.0
    # Whom the watchdog asks in vain keeps the GIL: at work, or in the queue. Who does
    # neither keeps it in a call in C that waits, and is kept out by nobody.
    worked = _more(first.account.working, last.account.working) or 0.0
    in_queue = _more(first.account.starved, last.account.starved) or 0.0
    if last.cost.asked - first.cost.asked > worked + in_queue + _AT_ONCE:
        return _held_between(first, last)
    return last.cost.by_us - first.cost.by_us + _held_between(first, last)


def _held_between(first: Moment, last: Moment) -> float:
    # Who wants the interpreter wakes after each switch interval; who sleeps does not.
    in_gil = _more(first.in_gil, last.in_gil)
    if in_gil is None:
        return 0.0
    # A wait that had begun before is counted there.
    return max(0.0, min(last.cost.held - first.cost.held, in_gil + _ONE_WAIT))


def starved_between(first: Moment, last: Moment, causes: float) -> float | None:
    """Tell for how long the thread could have run and was not let.

    That is its time in the run queue and in our own code, and what of the remaining
    time other `causes` explain, in seconds. What they don't is the test's own waiting.
    """
    in_queue = _more(first.account.starved, last.account.starved)
    unexplained = _unexplained(first, last)
    if in_queue is None or unexplained is None:
        return in_queue
    in_ours = last.ours.worked + last.ours.waited
    in_ours -= first.ours.worked + first.ours.waited
    return in_queue + in_ours + max(0.0, min(unexplained, causes))


def _unexplained(first: Moment, last: Moment) -> float | None:
    before, after = first.account, last.account
    if before.working is None or before.starved is None:
        return None
    if after.working is None or after.starved is None:
        return None
    worked, in_queue = after.working - before.working, after.starved - before.starved
    waited = last.polled - first.polled + last.ours.waited - first.ours.waited
    return last.at - first.at - worked - in_queue - waited
