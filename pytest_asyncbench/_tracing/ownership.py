"""Whose each step was: a strand's, with what it set off, or nobody's of them.

The steps of a strand are those of its tasks, and of the callbacks that these have set
off: a timer that it set, what runs when its future is done, what came for it from a
thread or from a socket.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, islice
from typing import TYPE_CHECKING

from pytest_asyncbench._tracing.barriers import Meeting, meetings
from pytest_asyncbench._tracing.tape import OTHERS, PLAIN, TIMER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_asyncbench._tracing.tape import End
    from pytest_asyncbench._tracing.tapes import Tapes
    from pytest_asyncbench._tracing.trace import Trace

__all__ = ["OUTSIDE", "Owners"]

OUTSIDE = -1
"""The owner of what belongs to no strand."""

_UNKNOWN = -2
"""That of a callback which has set off nothing yet."""


class Owners:
    """The strands of one group on one loop, each with its steps.

    Args:
        roots: the task that each strand began with, in the order of their beginnings.
        as_one: whether they are all one strand.
        start: the entry with which the first begins, where that is no beginning.
        end: up to where the tape is read; all of it where that is not given.
        hosts: the tasks that started them, which serve none.
    """

    def __init__(
        self,
        trace: Trace,
        roots: Sequence[int],
        hosts: set[int],
        tapes: Tapes,
        *,
        as_one: bool = False,
        start: int | None = None,
        end: End | None = None,
    ) -> None:
        self.trace = trace
        tape = trace.tape
        self.until, late = end or (len(trace.who), len(tape.late))
        self.late = tape.late[:late]
        """By how much the poll overslept, as on the tape."""
        self.roots = roots
        self.hosts = hosts
        self.tapes = tapes
        self.start = (
            min(map(trace.first.__getitem__, roots)) if start is None else start
        )
        self.strand_of = {
            root: 0 if as_one else number for number, root in enumerate(roots)
        }
        """By task, where it is of any."""
        self.servers: set[int] = set()
        """The tasks of no strand that one has woken, or that a server has."""
        self.woken: dict[int, int] = {}
        """By an entry of no strand: the first of a strand's that it has set off."""
        self.answers: Counter[int] = Counter()
        """By an entry of no strand: how many of theirs it has set off."""
        self.listeners: set[int] = set()
        """The strands that have a server which another one has asked."""
        self.only_serve: set[int] = set()
        """Those of them that ask none. They last as long as somebody lets them."""
        self.steps = [array("i") for _ in roots]
        """Of each strand, its entries."""
        self._owners = array("i")
        self._threads: dict[int, int] = {}
        self._last_sent: dict[int, deque[float]] = {}
        self._sent_before: dict[int, float] = {}
        self._find_tasks()
        self._find_steps()

    @cached_property
    def meetings(self) -> dict[int, list[Meeting]]:
        """By strand: those of its own who met at a barrier."""
        arrivals = self.trace.tape.arrivals
        return meetings((each for each in arrivals if each.entry < self.until), self.of)

    def of(self, at: int) -> int:
        """Tell which strand an entry belongs to, by its place among the roots."""
        return self._owners[at - self.start] if at >= self.start else OUTSIDE

    def threads_of(self, pool: int) -> int:
        """Tell how many jobs a pool has worked at once, at most."""
        if pool not in self._threads:
            spans = {
                sent[2]: (sent[2].started, sent[2].ended)
                for code in self.trace.who[: self.until]
                if (sent := self.trace.sent(code)) is not None
                and sent[2] is not None
                and sent[2].pool == pool
            }
            moments = sorted(
                moment
                for began, ended in spans.values()
                for moment in ((began, 1), (ended, -1))
            )
            self._threads[pool] = max(
                accumulate(change for _, change in moments), default=1
            )
        return self._threads[pool]

    def sent_before(self, at: int) -> float:
        """Tell when the thread that sent this had nothing else to do any more.

        That is when it had sent something else; with several at work for it, one less.
        """
        return self._sent_before[at]

    @cached_property
    def ends(self) -> list[float | None]:
        """When each strand's root ended; None while it goes on."""
        ended, last, tasks = self.trace.ended, self.trace.last, self.tapes.tasks
        # There may be ten thousand, and nobody holds most of those any more.
        return [
            None
            if (known := tasks[root]) is not None
            and (task := known()) is not None
            and not task.done()
            else ended[last[root]]
            for root in self.roots
        ]

    def started(self, strand: int) -> float:
        """Tell when a strand could have begun."""
        first = self.trace.first[self.roots[strand]]
        if first in self.trace.inline:
            return self.trace.began(first)
        return self.trace.ready_at(first)

    def spans(self) -> list[tuple[float, float]]:
        """Give the times in which at least one strand was in flight."""
        at, first = self.trace.ended, self.trace.first
        united: list[tuple[float, float]] = []
        for root, end in zip(self.roots, self.ends, strict=True):
            began = at[first[root] - 1]
            ended = at[-1] if end is None else end
            if united and began <= united[-1][1]:
                united[-1] = united[-1][0], max(united[-1][1], ended)
            else:
                united.append((began, ended))
        return united

    def _find_tasks(self) -> None:
        trace, strand_of = self.trace, self.strand_of
        first = bisect_left(trace.beginnings, self.start)
        last = bisect_left(trace.beginnings, self.until)
        for task in trace.begun_in_turn[first:last]:
            strand = strand_of.get(trace.parent[task])
            if strand is not None:
                strand_of.setdefault(task, strand)
        if not trace.accepted.isdisjoint(strand_of):
            self._leave_to_clients(trace.begun_in_turn[first:last])

    def _leave_to_clients(self, begun: Sequence[int]) -> None:
        """Take what is done for other strands' requests out of those that listen.

        Who listens has it in its context, and alone would serve nobody. It is a part of
        the wait of who has asked, as with a server that a fixture has started.

        Args:
            begun: all tasks, in the order of their beginnings.
        """
        trace, strand_of = self.trace, self.strand_of
        served: set[int] = set()
        for task in begun:
            if task in trace.accepted or trace.parent[task] in served:
                served.add(task)
        ask: set[int] = set()
        for listener, client in self._requests():
            strand = strand_of.get(client, OUTSIDE)
            if OUTSIDE not in (listener, strand) and listener != strand:
                self.listeners.add(listener)
                if client not in served:
                    ask.add(strand)
        self.only_serve = self.listeners - ask
        for task in served:
            if strand_of.get(task) in self.listeners:
                del strand_of[task]

    def _requests(self) -> Iterator[tuple[int, int]]:
        """Give the strand that has the server of each request, and the task that asks.

        As far as both are in this loop.
        """
        trace = self.trace
        for at in trace.io_ready:
            read = trace.read(trace.who[at])
            if read is not None and read[4] and read[0] >= 0:
                listener = self.strand_of.get(read[1], OUTSIDE)
                yield listener, trace.task_of(read[0])

    def _find_steps(self) -> None:
        trace, start, until = self.trace, self.start, self.until
        who_of, facts = trace.who, trace.tape.timer_facts
        strand_of, owners, steps = self.strand_of.get, self._owners, self.steps
        servers, hosts, woken = self.servers, self.hosts, self.woken
        answers, add_owner = self.answers, owners.append
        entries = zip(
            range(start, until),
            islice(who_of, start, until),
            islice(trace.cause, start, until),
            strict=True,
        )
        for at, who, cause in entries:
            if who >= 0:
                owner = strand_of(who, OUTSIDE)
                if cause >= start:
                    by = owners[cause - start]
                    if owner < 0:
                        if who not in hosts and (by >= 0 or who_of[cause] in servers):
                            servers.add(who)
                    elif by == _UNKNOWN:
                        self._came_for(owner, cause)
                    elif by < 0:
                        woken.setdefault(cause, at)
                        answers[cause] += 1
            elif who > OTHERS:
                owner = OUTSIDE
            elif (kind := (OTHERS - who) & 3) == PLAIN and cause >= start:
                owner = owners[cause - start]
                if owner == _UNKNOWN:
                    owner = self._of_job(cause)
            elif kind == TIMER:  # whose is it that has set it?
                by = int(facts[(OTHERS - who >> 2) * 3])
                owner = owners[by - start] if start <= by < at else OUTSIDE
            else:
                owner = self._of_callback(at, who)
            add_owner(owner)
            if owner >= 0:
                steps[owner].append(at)

    def _of_job(self, cause: int) -> int:
        """Tell whose job has come back, by a callback that its end has set off.

        Of several that are awaited at once, all but the last wake nobody. But it is
        known who has handed them over.
        """
        sent = self.trace.sent(self.trace.who[cause])
        job = None if sent is None else sent[2]
        owner = OUTSIDE if job is None else self.of(job.entry)
        if owner < 0:
            return _UNKNOWN
        self._came_for(owner, cause)
        return owner

    def _came_for(self, owner: int, cause: int) -> None:
        """Book what came from outside to the strand that it has woken."""
        while cause >= self.start and self._owners[cause - self.start] == _UNKNOWN:
            self._owners[cause - self.start] = owner
            insort(self.steps[owner], cause)
            cause = self.trace.cause[cause]

    def _of_callback(self, at: int, code: int) -> int:
        """Tell whose that is which came from outside, as far as is known by then."""
        trace = self.trace
        sent = trace.sent(code)
        if sent is not None:
            when, thread, _ = sent
            self._sent_before[at] = 0.0
            if thread >= 0:
                last = self._last_sent.get(thread)
                if last is None:
                    at_once = self.tapes.at_once.get(thread, 1)
                    last = self._last_sent[thread] = deque([0.0] * at_once, at_once)
                self._sent_before[at] = last[0]
                last.append(when)
            return _UNKNOWN
        within = self.strand_of.get(trace.task_of(at), OUTSIDE)
        read = trace.read(code)
        if read is not None and read[4] and within in self.listeners:
            return _UNKNOWN
        return _UNKNOWN if within == OUTSIDE else within
