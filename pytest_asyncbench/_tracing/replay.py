"""How long a strand would have taken with no other beside it, by running it once more.

Its steps are put in a row again as asyncio would have put them on one processor: its
queue is first in, first out, a turn of the loop takes what is ready as it begins, and a
timer runs for the delay that it was set for. A step takes what it took. What came from
outside takes as long after its request as it did. A wait that another strand has ended
does not happen.

Most strands do one thing after another; then the sum of their steps and waits says the
same (`alone`), and nothing needs to be run again.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from pytest_asyncbench._tracing.barriers import Meeting
from pytest_asyncbench._tracing.handover import keeper
from pytest_asyncbench._tracing.ownership import OUTSIDE, Owners
from pytest_asyncbench._tracing.tape import OTHERS, OURS, PLAIN, POLLED, TIMER, Job
from pytest_asyncbench._tracing.trace import LOOP
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.seen import StrandTrace
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["alone", "together"]

_QUICK_POLL = 0.0005
"""A poll that took longer than this has waited."""

_THREADS = -2
"""The server that stands for the thread of number 0; for others, the next ones less."""

_NOWHERE = -2
"""In the place of an entry, where there is none; no cause of any."""

_POLLS = 200
"""So many polls are enough to tell what one takes."""


class _Stretch(NamedTuple):
    """A part of what a server did for an answer: it waited, and then it ran."""

    waited: float
    ran: float
    at: int
    """The entry in which it ran."""
    share: float
    """The part of that entry which it is."""


class _Wait(NamedTuple):
    """What a step waited for, besides the step before it of its own task."""

    after: int = -1
    """An entry of the strand's: from its end on."""
    delay: float = 0.0
    """For so many seconds from then on."""
    began: float = 0.0
    """How long after the begin of that entry it was asked for; of a timer or a job."""
    is_timer: bool = False
    inline: bool = False
    """Whether it goes on without a turn of the loop."""
    served: tuple[_Stretch, ...] = ()
    """What a server did for it; `delay` is the sum of that."""
    server: int = -1
    job: Job | None = None
    """The call in a pool's thread that it is the result of."""
    in_line: bool = False
    """Whether the server had something else to do before, as far as is known."""
    in_turn: bool = False
    """Whether the server does one such thing after another."""


class _Strand:
    """What is needed to run the steps of one strand again."""

    def __init__(self, owners: Owners, number: int, poll: float, late: float) -> None:
        self.owners = owners
        self.trace = owners.trace
        self.number = number
        self.steps = owners.steps[number]
        self.poll = poll
        self.late = late
        self.ends = {self.trace.last[owners.roots[number]]}
        """With these entries it has ended."""

    def waited_for(self, at: int, request: int) -> _Wait:
        """Tell what an entry waited for; `request` is where its wait began."""
        trace, owners = self.trace, self.owners
        who, cause = trace.who[at], trace.cause[at]
        if at in trace.inline:
            inside = cause if owners.of(cause) == self.number else request
            return _Wait(after=inside, inline=True)
        timer = trace.timer(who)
        if timer is not None:
            setter, set_at, delay = timer
            return _Wait(
                after=setter,
                began=set_at - trace.began(setter),
                delay=delay,
                is_timer=True,
            )
        sent = trace.sent(who)
        # Another thread has sent it, whichever step was in progress in the loop's.
        by_another = sent is not None and sent[1] >= 0
        if cause != LOOP and owners.of(cause) == self.number and not by_another:
            return _Wait(after=cause)
        if sent is not None:
            at_once, thread, job = sent
            if job is not None and job.ended <= at_once:
                by_a_step = self._kept_out(job.ended, job.started)
                kept_out = max(by_a_step, job.kept_out)
                return self._of_job(job, at_once - job.started - kept_out, at)
            return self._by_thread(at, request, thread)
        read = trace.read(who)
        if read is not None and 0 <= read[0] < at:
            return self._answer(read[0], request)
        if cause == LOOP:
            return self._since(at, request, 0.0)
        if owners.of(cause) >= 0:
            return _Wait(after=request, inline=True)
        if trace.task_of(cause) in owners.servers:
            return self._answer(cause, request)
        return self._since(at, request, 0.0)

    def _since(self, at: int, request: int, busy: float) -> _Wait:
        """Wait for the outside as long after the request as it was."""
        trace = self.trace
        begun = trace.ended[request] if request >= 0 else -math.inf
        ready = trace.ready_at(at)
        since = max(begun, busy, trace.began(self.steps[0]))
        return _Wait(after=request, delay=max(0.0, ready - since))

    def _by_thread(self, at: int, request: int, thread: int) -> _Wait:
        """Wait for a thread, which does one thing at a time."""
        before = self.owners.sent_before(at)
        waits = self._since(at, request, before)
        asked = self.trace.ended[request] if request >= 0 else -math.inf
        sent = self.trace.ready_at(at)
        return waits._replace(
            delay=waits.delay - self._kept_out(sent, sent - waits.delay),
            server=_THREADS - thread,
            in_line=before > asked,
        )

    def _kept_out(self, got: float, since: float) -> float:
        """Tell for how long another strand kept the interpreter from a thread."""
        if self.owners.of(keeper(self.trace, got)) in (self.number, OUTSIDE):
            return 0.0
        return min(self.trace.tape.switch_interval, got - since)

    def _of_job(self, job: Job, took: float, at: int) -> _Wait:
        if job.entry >= at or self.owners.of(job.entry) != self.number:
            return _Wait(delay=took)
        asked = job.submitted - self.trace.began(job.entry)
        return _Wait(after=job.entry, began=asked, delay=took, job=job)

    def _answer(self, waker: int, request: int) -> _Wait:
        """Follow back what a server did for this answer, less what it stood in line."""
        trace, owners = self.trace, self.owners
        asked_at = request if request >= 0 else self.steps[0] - 1
        asked = trace.ended[asked_at]
        server = trace.task_of(waker)
        done: list[_Stretch] = []
        now, after, in_line = waker, request, False
        later, in_turn = -1, trace.who[waker] == server
        while now >= owners.start:
            if owners.of(now) >= 0:
                after = now if owners.of(now) == self.number else request
                break
            if now <= asked_at:
                in_turn = False
                if done:  # it waited for something before it was asked
                    first = done.pop()
                    since = max(0.0, first.waited - (asked - trace.ended[now]))
                    done.append(first._replace(waited=since))
                break
            if trace.who[now] == server:
                # Has it done nothing else in between?
                in_turn = in_turn and (later < 0 or trace.previous[later] == now)
                later = now
            if now != waker and now in owners.woken:
                # The end of another's: from there on it is this one's, and alone it
                # takes its turn for it. How much of the step that was is not known.
                done.append(_Stretch(0.0, 0.0, now, 0.0))
                in_line = True
                break
            # What one step does for several, each of them needs its part of.
            share = 1.0 / max(1, owners.answers[now])
            in_line = in_line or share < 1.0
            in_turn = in_turn and share == 1.0
            before, waited = self._before(now, asked)
            done.append(_Stretch(waited, trace.seconds(now) * share, now, share))
            now = before
        return _Wait(
            after=after,
            delay=sum(each.waited + each.ran for each in done),
            served=tuple(reversed(done)),
            server=server,
            in_line=in_line,
            in_turn=in_turn,
        )

    def _before(self, at: int, asked: float) -> tuple[int, float]:
        """Tell what released an entry of no strand, and after how much of a wait."""
        trace = self.trace
        who, cause = trace.who[at], trace.cause[at]
        timer = trace.timer(who)
        if timer is not None:
            setter, set_at, delay = timer
            return setter, max(0.0, delay - (trace.ended[setter] - set_at))
        read = trace.read(who)
        if read is not None and 0 <= read[0] < at:
            return read[0], 0.0
        if cause != LOOP:
            return cause, 0.0
        previous = trace.previous[at]
        since = max(asked, trace.ended[previous]) if previous >= 0 else asked
        return previous, max(0.0, trace.ready_at(at) - since)


def alone(owners: Owners) -> list[StrandTrace]:
    """Give the account of each strand, with the time that it waits when it is alone."""
    trace, names, ends = owners.trace, owners.tapes.names, owners.ends
    found: list[StrandTrace] = []
    poll, late = _poll_takes(owners), _late(owners)
    # The loop over all steps of a run, which may have ten thousand strands: what most
    # of them are is asked without a call.
    ended, who_of, cause_of = trace.ended, trace.who, trace.cause
    previous, inline = trace.previous, trace.inline
    first_of, last_of = trace.first, trace.last
    facts = trace.tape.timer_facts
    strands = zip(owners.roots, owners.steps, ends, strict=True)
    for number, (root, steps, finished) in enumerate(strands):
        running = queued = taken = served = 0.0
        tail, end, in_line, over = _NOWHERE, last_of[root], True, False
        for at in steps:
            began, cause, who = ended[at - 1], cause_of[at], who_of[at]
            seconds = ended[at] - began
            running += seconds
            timer = -1
            if who >= 0 or (kind := (OTHERS - who) & 3) == PLAIN:
                since = ended[cause] if cause != LOOP else trace.ready_at(at)
                queued += began - since
            elif kind == TIMER:
                timer = (OTHERS - who >> 2) * 3
                since = facts[timer + 1] + facts[timer + 2]
                if since < began:
                    queued += began - since
            else:
                queued += began - trace.ready_at(at)
            if over:
                continue
            if cause == tail and who >= 0 and at not in inline:
                # It was put there by the step before, and waits for nothing else.
                in_line = previous[at] <= tail
                taken += poll + seconds
            elif timer >= 0 and facts[timer] == tail and at not in inline:
                left = since - ended[tail]
                taken += seconds + (left + late if left > 0 else poll)
            elif tail == _NOWHERE:
                taken = seconds
            else:
                more = _next(owners, number, tail, at, poll, late)
                in_line = more is not None
                if more is not None:
                    taken += more[0]
                    served += more[1]
            tail = at
            if at == end or not in_line:
                over = True
        if not in_line:
            again = _Again(_Strand(owners, number, poll, late))
            taken, served = again.run(), again.served
        first = first_of[root]
        cause = LOOP if first in inline else cause_of[first]
        found.append(
            StrandTrace(
                names[root],
                ended[cause] if cause != LOOP else owners.started(number),
                finished,
                running,
                taken - running if taken > running else 0.0,
                queued,
                served,
            )
        )
    return found


def _next(
    owners: Owners, number: int, tail: int, at: int, poll: float, late: float
) -> tuple[float, float] | None:
    """Tell how long after a step of a strand's the next one ends, if it waits for that.

    And for how long of that it is served. None where it does not wait for it: the
    strand does not do one thing after another.
    """
    trace = owners.trace
    who, seconds, before = trace.who[at], trace.seconds(at), trace.seconds(tail)
    waits = _Strand(owners, number, poll, late).waited_for(at, tail)
    if waits.after != tail or waits.in_line:
        return None
    if who >= 0 and trace.previous[at] > tail:
        return None
    served = sum([each.ran for each in waits.served])
    if waits.inline:
        return waits.delay + seconds, served
    if waits.began:
        return max(poll, waits.began + waits.delay - before) + seconds, served
    return max(poll, waits.delay) + seconds, served


def together(owners: Owners, cases: Sequence[Mapping[int, float]]) -> list[float]:
    """Tell how long the steps of one strand take, some of them less, in each case.

    Args:
        owners: of a single strand, which may have several tasks that it begins with.
        cases: by entry, for how many seconds it awaits what it was blocked by.
    """
    strand = _Strand(owners, 0, _poll_takes(owners), _late(owners))
    # Who ended last may be another one than in the real run.
    strand.ends = {owners.trace.last[root] for root in owners.roots}
    ours = _ours_after(owners)
    return [_Again(strand, blocked, ours).run() for blocked in cases]


def _ours_after(owners: Owners) -> dict[int, float]:
    """Tell by entry how long our own code was at work once that was over.

    It takes down what a long step has done before the loop goes on to the next.
    """
    trace = owners.trace
    return {
        at - 1: trace.seconds(at)
        for at in range(owners.start, owners.until)
        if trace.who[at] == OURS
    }


def _poll_takes(owners: Owners) -> float:
    """Tell how long a poll takes that does not wait."""
    trace, at = owners.trace, owners.start - 1
    polls: list[float] = []
    with suppress(ValueError):  # there is none after that
        while len(polls) < _POLLS:
            at = trace.who.index(POLLED, at + 1, owners.until)
            seconds = trace.seconds(at)
            if seconds < _QUICK_POLL:
                polls.append(seconds)
    return median_low(polls) if polls else 0.0


def _late(owners: Owners) -> float:
    """Tell by how much timers were late in this run, while the loop was idle."""
    return max(0.0, median_low(owners.late)) if owners.late else 0.0


class _Order(NamedTuple):
    """What a thread is asked for."""

    at: int
    """The entry that waits for it."""
    server: int
    takes: float
    """So many seconds, from when the thread begins with it."""


_ORDERS = -1_000_000_000
"""The number of the first order; others are less."""


class _Again:
    """One strand's steps, run again by a loop that only counts.

    Args:
        blocked: by entry, for how many seconds it awaits what it was blocked by.
        ours: by entry, for how long our own code keeps the loop after it.
    """

    def __init__(
        self,
        strand: _Strand,
        blocked: Mapping[int, float] = MappingProxyType({}),
        ours: Mapping[int, float] = MappingProxyType({}),
    ) -> None:
        self._strand = strand
        self._blocked = dict(blocked)
        self._ours = dict(ours)
        self._cut: dict[int, float] = {}
        """By entry: how much of it was awaited by now."""
        self._ready: deque[int] = deque()
        self._later: list[tuple[float, int, int, bool]] = []
        self._missing: Counter[int] = Counter()
        """By entry: how many of the things that it waits for have yet to happen."""
        self._not_before: dict[int, float] = {}
        self._timers: set[int] = set()
        self._inline: set[int] = set()
        self._on_end: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self._on_begin: dict[int, list[tuple[int, float]]] = defaultdict(list)
        self._on_count: dict[tuple[int, int], list[int]] = defaultdict(list)
        self._ran: dict[int, float] = {}
        """How long the steps of servers take."""
        self._last_of: dict[int, int] = {}
        """By server: its last step for this strand."""
        self._takes_up: dict[int, int] = {}
        """By the first step for a request: the server that has to be free for it."""
        self._answers: dict[int, int] = {}
        """By the last one: the server that is free then."""
        self._in_line: dict[int, deque[int]] = {}
        """By server that is not free: the first steps for those who wait for it."""
        self._orders: dict[int, _Order] = {}
        """What threads are asked for; no step, since it takes none of the loop's time.
        """
        self._free: dict[int, list[float]] = {}
        """By thread or pool: from when on each of its threads has nothing to do."""
        self._first: list[int] = []
        """The orders that nothing comes before."""
        self._key_of: dict[int, int] = {}
        self._gates: dict[int, tuple[int, int]] = {}
        """By entry: so many callbacks of a key must have run before it ends."""
        self._counts: Counter[int] = Counter()
        """By what callbacks share, and by a number of less than 0 for each meeting."""
        self._comes: dict[int, list[tuple[int, float]]] = defaultdict(list)
        """By entry: which meetings somebody comes to, and how long after its begin."""
        self._now = 0.0
        self._order = 0
        self._lay_out()

    @property
    def served(self) -> float:
        """For how long servers run for the strand."""
        return sum(self._ran.values())

    def _lay_out(self) -> None:
        strand, trace = self._strand, self._strand.trace
        seen: Counter[int] = Counter()
        ordinal: dict[int, int] = {}
        mine = set(strand.steps)
        requests = self._requests(mine)
        last = -1
        for at in strand.steps:
            who = trace.who[at]
            plain = trace.plain(who)
            if plain is not None and plain[0]:
                self._key_of[at] = plain[0]
                seen[plain[0]] += 1
                ordinal[at] = seen[plain[0]]
            earlier = trace.previous[at] if who >= 0 else -1
            if earlier in mine:
                self._needs(at, self._on_end[earlier])
            request = requests.get(at, earlier if earlier in mine else -1)
            if who < 0 and request < 0:
                request = last
            waits = strand.waited_for(at, request)
            self._wait(at, waits, ordinal, mine)
            self._gate(at, ordinal, seen)
            last = at
        after = {trace.previous[at]: at for at in strand.steps if trace.who[at] >= 0}
        for number, meeting in enumerate(strand.owners.meetings.get(strand.number, ())):
            self._meet(-1 - number, meeting, after)

    def _meet(self, key: int, meeting: Meeting, after: dict[int, int]) -> None:
        """Have those who met at a barrier go on when all of them have come.

        Args:
            key: counts them.
            meeting: those of this strand; for others nobody waits when it is alone.
            after: by a task's entry, its next.
        """
        trace, all_of_them = self._strand.trace, (key, len(meeting.own))
        for one in meeting.own:
            self._comes[one.entry].append((key, one.at - trace.began(one.entry)))
            if one.entry == meeting.released:
                self._gates[one.entry] = all_of_them
            at = after.get(one.entry, -1)
            if at >= 0 and trace.cause[at] == meeting.released:
                self._missing[at] += 1
                self._on_count[all_of_them].append(at)

    def _gate(self, at: int, ordinal: dict[int, int], seen: Counter[int]) -> None:
        """Have a step that took several results at once wait for the last of them.

        It was woken by the first, and found the others there. How much of it came after
        each is not known; so all of it may come before.
        """
        cause = self._strand.trace.cause[at]
        key = self._key_of.get(cause, 0)
        if self._strand.trace.tape.one_by_one.get(key) and seen[key] > ordinal[cause]:
            self._gates[at] = key, seen[key]

    def _requests(self, mine: set[int]) -> dict[int, int]:
        """Tell of what came from outside where the task it woke began to wait."""
        trace = self._strand.trace
        found: dict[int, int] = {}
        for at in self._strand.steps:
            cause = trace.cause[at]
            request = trace.previous[at] if trace.who[at] >= 0 else found.get(at, -1)
            while cause in mine and trace.who[cause] < 0 and cause not in found:
                if request not in mine or request >= cause:
                    break
                found[cause] = request
                cause = trace.cause[cause]
        return found

    def _wait(
        self, at: int, waits: _Wait, ordinal: dict[int, int], mine: set[int]
    ) -> None:
        after = waits.after
        if waits.job is not None or waits.server <= _THREADS:
            self._order_from(at, waits, mine)
            return
        if waits.served:
            self._serve(at, waits, mine)
            return
        if waits.inline:
            self._inline.add(at)
        if after not in mine or after >= at:
            if waits.delay:
                self._not_before[at] = waits.delay
            return
        if waits.is_timer:
            self._timers.add(at)
        if waits.is_timer or waits.began:
            self._needs(at, self._on_begin[after], waits.began + waits.delay)
        elif after in ordinal and not waits.delay:
            self._missing[at] += 1
            self._on_count[self._key_of[after], ordinal[after]].append(at)
        elif after != self._strand.trace.previous[at] or waits.delay:
            self._needs(at, self._on_end[after], waits.delay)

    def _serve(self, at: int, waits: _Wait, mine: set[int]) -> None:
        """Lay out what a server did as steps of its own, which need the processor."""
        before = waits.after if waits.after in mine and waits.after < at else -1
        for number, (waited, ran, entry, share) in enumerate(waits.served):
            step = -2 - len(self._ran)
            self._ran[step] = ran
            for of_entries in (self._blocked, self._ours):
                if share and entry in of_entries:
                    of_entries[step] = of_entries[entry] * share
            if before != -1:
                self._needs(step, self._on_end[before], waited)
            elif waited:
                self._not_before[step] = waited
            last = self._last_of.get(waits.server)
            if number == 0 and waits.in_turn:
                self._takes_up[step] = waits.server
            elif number == 0 and waits.in_line and last is not None:
                self._needs(step, self._on_end[last], waited)
            before = step
        self._last_of[waits.server] = before
        if waits.in_turn:
            self._answers[before] = waits.server
        self._needs(at, self._on_end[before])

    def _order_from(self, at: int, waits: _Wait, mine: set[int]) -> None:
        """Lay out what a thread does, which may have something else to do before."""
        order = _ORDERS - len(self._orders)
        owners = self._strand.owners
        if waits.job is not None:
            server = waits.job.pool
            threads = owners.threads_of(server)
        else:
            server = waits.server
            threads = owners.tapes.at_once.get(_THREADS - server, 1)
        if server not in self._free:
            self._free[server] = [0.0] * max(1, threads)
        self._orders[order] = _Order(at, server, waits.delay)
        self._missing[at] += 1
        if waits.after not in mine or waits.after >= at:
            self._first.append(order)
        elif waits.job is not None:
            self._on_begin[waits.after].append((order, waits.began))
        else:
            self._on_end[waits.after].append((order, 0.0))

    def _is_ordered(self, order: int, when: float) -> None:
        """Have the first thread that is free do it."""
        at, server, takes = self._orders[order]
        free = self._free[server]
        done = max(when, free[0]) + takes
        heapq.heapreplace(free, done)
        self._happened(at, done)

    def _needs(
        self, at: int, signals: list[tuple[int, float]], delay: float = 0.0
    ) -> None:
        self._missing[at] += 1
        signals.append((at, delay))

    def run(self) -> float:
        """Run the steps; tell when all that the strand began with had ended."""
        strand, trace = self._strand, self._strand.trace
        open_ends = strand.ends.intersection(strand.steps)
        for order in self._first:
            self._is_ordered(order, 0.0)
        for at in [*strand.steps, *self._ran]:
            if not self._missing[at]:
                self._is_ready(at)
        ready = self._ready
        while ready or self._later:
            self._turn(strand)
            left = len(ready)
            # What goes on without a turn of the loop was put at the front.
            while ready and (left or ready[0] in self._inline):
                at = ready.popleft()
                left -= at not in self._inline
                seconds = self._ran[at] if at < 0 else trace.seconds(at)
                if self._step(at, seconds) and at in open_ends:
                    open_ends.discard(at)
                    if not open_ends:
                        return self._now
        return self._now

    def _turn(self, strand: _Strand) -> None:
        later = self._later
        if self._ready:
            self._now += strand.poll
        elif later:
            due, _, _, is_timer = later[0]
            due += strand.late if is_timer else 0.0
            self._now = max(self._now + strand.poll, due)
        while later and later[0][0] <= self._now:
            self._ready.append(heapq.heappop(later)[2])

    def _step(self, at: int, seconds: float) -> bool:
        """Run a step, and tell whether it has ended."""
        if at in self._blocked:
            # It awaits this first, wherever in the step it was, and then goes on.
            self._cut[at] = self._blocked.pop(at)
            self._put_off(at, self._now + self._cut[at])
            return False
        began, cut = self._now, self._cut.get(at, 0.0)
        for meeting, after in self._comes.pop(at, ()):
            self._count(meeting, began + after)
        gate = self._gates.pop(at, None)
        if gate is not None and self._counts[gate[0]] < gate[1]:
            self._now += max(0.0, seconds - cut)
            self._cut[at] = seconds
            self._missing[at] += 1
            self._on_count[gate].append(at)
            return False
        for one, delay in self._on_begin.pop(at, ()):
            self._happened(one, began + max(0.0, delay - cut))
        self._now += max(0.0, seconds - cut)
        key = self._key_of.get(at)
        if key is not None:
            self._count(key, self._now)
        for one, delay in self._on_end.pop(at, ()):
            self._happened(one, self._now + delay)
        if at in self._answers:
            self._is_free(self._answers[at])
        if at in self._ours:
            # For as much as is left of the step there is as much to take down.
            self._now += self._ours[at] * max(0.0, 1.0 - cut / seconds)
        return True

    def _count(self, key: int, when: float) -> None:
        self._counts[key] += 1
        for one in self._on_count.pop((key, self._counts[key]), ()):
            self._happened(one, when)

    def _happened(self, at: int, when: float) -> None:
        if at in self._orders:
            self._is_ordered(at, when)
            return
        self._missing[at] -= 1
        self._not_before[at] = max(when, self._not_before.get(at, 0.0))
        if not self._missing[at]:
            self._is_ready(at)

    def _is_free(self, server: int) -> None:
        """Have a server go on with the next request, within the same step."""
        in_line = self._in_line[server]
        if in_line:
            self._inline.add(in_line[0])
            self._ready.appendleft(in_line.popleft())
        else:
            del self._in_line[server]

    def _is_ready(self, at: int) -> None:
        server = self._takes_up.get(at)
        if server is not None:
            if server in self._in_line:
                self._in_line[server].append(at)
                return
            self._in_line[server] = deque()
        when = self._not_before.get(at, 0.0)
        if when > self._now:
            self._put_off(at, when)
        elif at in self._inline:
            self._ready.appendleft(at)
        else:
            self._ready.append(at)

    def _put_off(self, at: int, when: float) -> None:
        self._order += 1
        heapq.heappush(self._later, (when, self._order, at, at in self._timers))
