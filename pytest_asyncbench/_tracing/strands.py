"""Groups of strands: which tasks were started side by side, and what is read of them.

A strand is a coroutine that was given, with the tasks that it starts; one that was
given in the body of another is part of that. What a strand would have taken alone is
worked out in `replay`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Set
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from pytest_asyncbench._tracing.ownership import Owners
from pytest_asyncbench._tracing.replay import alone
from pytest_asyncbench._tracing.tape import POLLED
from pytest_asyncbench._tracing.trace import NOBODY
from pytest_asyncbench._words.seen import StrandTrace
from pytest_asyncbench._words.uncollected import uncollected

if TYPE_CHECKING:
    from pytest_asyncbench._tracing.tape import End, Tape
    from pytest_asyncbench._tracing.tapes import Tapes
    from pytest_asyncbench._tracing.trace import Creator, Trace

__all__ = ["Group"]

_OUTSIDE: Set[Creator] = {"nobody", "thread"}


class Group:
    """Strands that are started side by side.

    It is read when they have ended, or when the test has. With no recorder nobody
    follows them, and nothing is known.
    """

    def __init__(self, tapes: Tapes | None = None) -> None:
        self._tapes = tapes
        self._given: dict[Tape, list[int]] = {}
        self._host: tuple[Tape, int, int] | None = None
        """A tape, a task on it, and the entry from which on it starts strands."""
        self._numbered = 0
        """How many tasks had a number when that was said."""
        self._of_loops = False
        self._last_read: dict[Tape, tuple[End, Owners]] = {}
        """By tape: how far it was read, and whose each step was."""
        self._until: int | None = None

    def given(self, number: int, tape: Tape) -> None:
        """Take in a task."""
        self._given.setdefault(tape, []).append(number)

    def hosted(self, number: int, tape: Tape) -> None:
        """Take in all that a task starts from now on."""
        self._host = tape, number, len(tape)
        self._numbered = 0 if self._tapes is None else len(self._tapes.names)

    def hosted_by_loops(self) -> None:
        """Take in all that is started by what any loop was started with."""
        self._of_loops = True

    def closes(self) -> None:
        """Take in no more: what its host starts from now on is another group's."""
        if self._host is not None:
            self._until = len(self._host[0])

    # ---------------------------------------------------------------- read

    def traces(self) -> tuple[StrandTrace, ...]:
        """Give each strand's account, in the order in which they were started."""
        return self.reading()()

    def reading(self) -> Callable[[], tuple[StrandTrace, ...]]:
        """Give what reads the account of each as of now, whenever it is called."""
        return partial(self._traces, self._ends())

    def _ends(self) -> dict[Tape, End]:
        """Tell up to where the tapes are to be read now."""
        # Of a full tape the rest is missing: serial time would be too small.
        tapes = self._tapes.all if self._tapes is not None else ()
        return {tape: tape.end() for tape in tapes if not tape.full}

    def _traces(self, ends: Mapping[Tape, End]) -> tuple[StrandTrace, ...]:
        if self._has_none():
            return ()
        try:
            with uncollected():
                accounts = (alone(one) for _, one in self._read(ends))
                return (*chain.from_iterable(accounts),)
        except Exception as error:
            # Nothing of ours may escape into the test, and no figure may be wrong.
            if self._tapes is not None:
                self._tapes.unreadable(error)
            return ()

    def _has_none(self) -> bool:
        """Tell of a body, without reading a tape, that it has started nothing.

        Each task has a number from its first step on; most tests have but their own.
        """
        if self._tapes is None or self._host is None or self._given:
            return False
        return len(self._tapes.names) == self._numbered

    def starved(self) -> float | None:
        """Tell for how long the loop's thread was starved while one was in flight.

        None where nobody can tell, in virtual time say.
        """
        if self._tapes is None or not self._tapes.in_real_time:
            return None
        return sum(
            _starved_within(owners.trace.tape, *span)
            for _, owners in self._read()
            for span in owners.spans()
        )

    def whole(self) -> Owners | None:
        """Give all of them as one strand, with a body that started them.

        None where they live in several loops, or in virtual time.
        """
        if self._tapes is None or not self._tapes.in_real_time:
            return None
        if self._host is not None:
            tape, host, since = self._host
            trace = self._tapes.trace(tape)
            if tape.full or host not in trace.first or trace.last[host] < since:
                return None
            start = max(since, trace.first[host])
            return Owners(trace, [host], set(), self._tapes, as_one=True, start=start)
        read = [*self._read()]
        if len(read) != 1:
            return None
        trace, owners = read[0]
        roots, hosts = owners.roots, owners.hosts
        started = {trace.parent[root] for root in roots}
        if self._of_loops and hosts and len(started) == 1:
            # What a sync test runs is all that it does, as a body is.
            roots, hosts = [*started], set[int]()
        return Owners(trace, roots, hosts, self._tapes, as_one=True)

    def _read(
        self, ends: Mapping[Tape, End] | None = None
    ) -> Iterator[tuple[Trace, Owners]]:
        if self._tapes is None:
            return
        ends = self._ends() if ends is None else ends
        for tape, end in ends.items():
            trace = self._tapes.trace(tape)
            read_to, owners = self._last_read.get(tape, (end, None))
            if owners is None or read_to != end:
                roots, hosts = self._roots(trace, self._tapes.older)
                if not roots:
                    continue
                owners = Owners(trace, roots, hosts, self._tapes, end=end)
                if owners.only_serve and not self._given:
                    # As if a fixture had started it: nobody has said that it is one.
                    roots = [
                        root
                        for number, root in enumerate(roots)
                        if number not in owners.only_serve
                    ]
                    owners = Owners(trace, roots, hosts, self._tapes, end=end)
                self._last_read[tape] = end, owners
            yield trace, owners

    def _roots(self, trace: Trace, older: Set[int]) -> tuple[list[int], set[int]]:
        """Give the tasks that its strands begin with, and those that started them."""
        tape = trace.tape
        begun = trace.begun_in_turn
        if self._host is not None and self._host[0] is tape:
            _, host, since = self._host
            until = len(trace.who) if self._until is None else self._until
            roots = [
                task
                for task in begun
                if trace.parent[task] == host and since <= trace.first[task] <= until
            ]
            return roots, {host}
        if self._of_loops:
            roots, hosts = self._started_by(trace, {"nobody"})
            if not roots and (by_hand := _side_by_side(trace, older)):
                return by_hand, set()
            # A portal's loop is started with one task, which starts none; what a client
            # sends there from its thread is what a body is elsewhere.
            return (roots, hosts) if roots else self._started_by(trace, _OUTSIDE)
        given = [task for task in self._given.get(tape, ()) if task in trace.first]
        given.sort(key=trace.first.__getitem__)
        return given, {trace.parent[task] for task in given} - {NOBODY}

    @staticmethod
    def _started_by(trace: Trace, creators: Set[Creator]) -> tuple[list[int], set[int]]:
        """Give what those tasks have started that one of these created, and those."""
        begun = trace.begun_in_turn
        hosts = {task for task in begun if trace.creator_of(task) in creators}
        return [task for task in begun if trace.parent[task] in hosts], hosts


def _side_by_side(trace: Trace, older: Set[int]) -> list[int]:
    """Give the tasks that were put on a loop by hand, and were on it at the same time.

    What a loop is run for, again and again, is none of them, and no older task.
    """
    by_hand = [
        task
        for task in trace.begun_in_turn
        if task not in older and trace.creator_of(task) == "nobody"
    ]
    found = dict[int, None]()
    longest = by_hand[0] if by_hand else NOBODY
    for task in by_hand[1:]:
        began, then = trace.first[longest], trace.first[task]
        if then <= trace.last[longest] or POLLED not in trace.who[began:then]:
            found |= {longest: None, task: None}
        longest = max(longest, task, key=trace.last.__getitem__)
    return [*found]


def _starved_within(tape: Tape, began: float, ended: float) -> float:
    """Tell how much of a time was starved, by the accounts that were taken around it.

    What was lost between two accounts, of which one lies within, is all taken to be
    lost within, as far as there was time for it.
    """
    return max(0.0, _lost_by(tape, ended) + _lost_after(tape, began) - _all_lost(tape))


def _lost_by(tape: Tape, moment: float) -> float:
    """Tell how much was lost up to a moment, at most."""
    taken = tape.starved
    after = bisect_left(taken, (moment, 0.0))
    if after == len(taken):
        return _all_lost(tape)
    if after == 0:
        return 0.0
    (before, lost), (_, then) = taken[after - 1], taken[after]
    return min(then, lost + moment - before) - taken[0][1]


def _lost_after(tape: Tape, moment: float) -> float:
    """Tell how much was lost from a moment on, at most."""
    taken = tape.starved
    after = bisect_left(taken, (moment, 0.0))
    if after == 0:
        return _all_lost(tape)
    if after == len(taken):
        return 0.0
    (_, lost), (at, then) = taken[after - 1], taken[after]
    return min(then - lost, at - moment) + taken[-1][1] - then


def _all_lost(tape: Tape) -> float:
    return tape.starved[-1][1] - tape.starved[0][1] if tape.starved else 0.0
