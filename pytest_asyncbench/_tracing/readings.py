"""What else a trace tells of a test: its critical path, and how it would have gone.

Both read all of its tasks as one: together they are the test. Serial time, which reads
each strand by itself, is worked out in `replay`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pytest_asyncbench._tracing.ownership import Owners
from pytest_asyncbench._tracing.replay import together
from pytest_asyncbench._tracing.tape import OTHERS
from pytest_asyncbench._tracing.trace import LOOP, NOBODY
from pytest_asyncbench._words.decided import Did, PathLink
from pytest_asyncbench._words.whose import users_frame

__all__ = ["critical_path", "saved"]

_SAME = 1e-6
"""Two moments that are nearer than this, in seconds, are one."""

_WORTH_A_LINK = 0.001
"""Links that are shorter than this part of the whole are a part of their neighbours."""

_MOST_LINKS = 10_000
"""Of a chain of more steps it is told for how long each task did what, and no more."""

_KEPT = 0.02
"""Of waits of more seconds than this it is asked who kept the loop meanwhile."""


def saved(owners: Owners, blocked: Sequence[dict[float, float]]) -> list[float]:
    """Tell how many seconds a test would gain with some of its blocking awaited.

    Args:
        owners: the tasks of the test, as one.
        blocked: what is awaited instead, several cases: for how many seconds of each
            step, by the moment at which that began.
    """
    cases = [_entries(owners, case) for case in blocked]
    as_it_was, *repaired = together(owners, [{}, *cases])
    return [max(0.0, as_it_was - wall) for wall in repaired]


def _entries(owners: Owners, case: dict[float, float]) -> dict[int, float]:
    trace = owners.trace
    found: dict[int, float] = {}
    for began, seconds in case.items():
        at = trace.begun_at(began)
        if at:
            found[at] = min(seconds, trace.seconds(at))
    return found


def critical_path(owners: Owners, end: int) -> tuple[PathLink, ...]:
    """Give the chain of steps and waits that an entry stood on, first to last.

    It goes back from the end of that entry. Where a step stood in the queue, that is a
    link. Before it is the step in which it was put there; a timer or an answer from
    outside was waited for since the step of that task before. Who waited for what
    another task did, and had not started that, waited for it since then as well.
    """
    path = [*_Backwards(owners, end)]
    path.reverse()
    return tuple(_joined(path))


class _Backwards:
    """The links of a path, last to first."""

    def __init__(self, owners: Owners, end: int) -> None:
        self._owners = owners
        self._trace = owners.trace
        self._end = end

    def __iter__(self) -> Iterator[PathLink]:
        chain = [*self._chain()]
        if len(chain) > _MOST_LINKS:
            yield from self._folded(chain)
            return
        for before, at in chain:
            for kind, seconds in self._parts(before, at):
                if kind == "waiting":
                    yield self._waited(before, at, seconds)
                else:
                    yield self._link(at, kind, seconds)

    def _chain(self) -> Iterator[tuple[int, int]]:
        """Give each entry with the one that it went on from, last to first."""
        at = self._end
        while at >= self._owners.start:
            before = self._before(at)
            yield before, at
            at = before

    def _parts(self, before: int, at: int) -> Iterator[tuple[Did, float]]:
        """Tell for how long an entry ran, and what was before that, last to first."""
        trace = self._trace
        yield "running", trace.seconds(at)
        ready = trace.ready_at(at)
        queued = trace.began(at) - ready
        if queued > _SAME and at not in trace.inline:
            yield "queued", queued
        # What its task waited for before all this began is no part of it.
        known = before >= self._owners.start
        waited = ready - trace.ended[before] if known else 0.0
        if waited > _SAME:
            yield "waiting", waited

    def _folded(self, chain: Sequence[tuple[int, int]]) -> Iterator[PathLink]:
        """Give one link for all that a task did of a kind; a long wait has its own.

        Each stands where the last of what it is made of does.
        """
        took: dict[tuple[str, Did, PathLink | None], float] = defaultdict(float)
        for before, at in chain:
            for kind, seconds in self._parts(before, at):
                is_long = kind == "waiting" and seconds > _KEPT
                wait = self._waited(before, at, seconds) if is_long else None
                took[self._name(at), kind, wait] += seconds
        for (task, kind, wait), seconds in took.items():
            link = wait or PathLink(task=task, kind=kind, seconds=0.0)
            yield link.longer(seconds - link.seconds)

    def _before(self, at: int) -> int:
        """Give the entry that this one went on from."""
        trace = self._trace
        timer = trace.timer(trace.who[at])
        if timer is not None:
            return trace.entry(timer[0])
        cause, earlier = trace.cause[at], trace.previous[at]
        # What no task has set off, the end of a budget say, comes from outside.
        if cause == LOOP or trace.task_of(cause) == NOBODY:
            return earlier
        if earlier >= 0 and (self._is_anothers(at, cause) or self._is_io(cause)):
            return earlier
        return cause

    def _is_io(self, at: int) -> bool:
        """Tell whether an entry is what the loop calls when something is ready.

        Or a callback that was set off by that. Its task is who opened the connection,
        long before, and not who has ended a wait.
        """
        trace = self._trace
        while at != LOOP and trace.who[at] <= OTHERS:
            if trace.timer(trace.who[at]) is not None:
                return False
            at = trace.cause[at]
        return at == LOOP

    def _is_anothers(self, at: int, cause: int) -> bool:
        """Tell whether a wait was ended by a task that who waited did not start."""
        trace = self._trace
        task, waker = trace.who[at], trace.task_of(cause)
        while waker not in (NOBODY, task):
            waker = trace.parent.get(waker, NOBODY)
        return waker == NOBODY and trace.task_of(cause) != NOBODY

    def _link(self, at: int, kind: Did, seconds: float) -> PathLink:
        return PathLink(task=self._name(at), kind=kind, seconds=seconds)

    def _waited(self, before: int, at: int, seconds: float) -> PathLink:
        trace = self._trace
        looked = trace.tape.waits.get(before)
        stack, awaited = looked if looked is not None else ((), None)
        cause = trace.cause[at]
        waker = NOBODY if self._is_io(cause) else trace.task_of(cause)
        others = trace.who[at] >= 0 and waker not in (NOBODY, trace.who[at])
        return PathLink(
            task=self._name(before),
            kind="waiting",
            seconds=seconds,
            place=users_frame(stack),
            awaited=awaited,
            by=self._owners.tapes.names[waker] if others else None,
            kept_by=self._kept_by(before, seconds) if seconds > _KEPT else None,
        )

    def _kept_by(self, before: int, seconds: float) -> str | None:
        """Tell who kept the loop for most of the time after an entry.

        Where nobody could rest there, nobody has looked either who waited for what.
        """
        trace, end = self._trace, self._trace.ended[before] + seconds
        kept: dict[str, float] = defaultdict(float)
        tasks: dict[str, set[str]] = defaultdict(set)
        for at in range(before + 1, bisect_left(trace.ended, end) + 1):
            name = self._name(at)
            if name:
                alike = name.partition(" (")[0]
                kept[alike] += min(end, trace.ended[at]) - trace.began(at)
                tasks[alike].add(name)
        if sum(kept.values()) <= 0.5 * seconds:
            return None
        most = max(kept, key=kept.__getitem__)
        return tasks[most].pop() if len(tasks[most]) == 1 else most

    def _name(self, at: int) -> str:
        task = self._trace.task_of(at)
        return "" if task == NOBODY else self._owners.tapes.names[task]


def _joined(path: Sequence[PathLink]) -> Iterator[PathLink]:
    """Put links together that are alike, and those that are too short to tell of."""
    whole = sum(link.seconds for link in path)
    last: PathLink | None = None
    for link in path:
        if last is None:
            last = link
        elif last.goes_on_with(link):
            last = last.longer(link.seconds, link.times)
        elif link.seconds < _WORTH_A_LINK * whole:
            last = last.longer(link.seconds)
        elif last.seconds < _WORTH_A_LINK * whole:
            last = link.longer(last.seconds)
        else:
            yield last
            last = link
    if last is not None:
        yield last
