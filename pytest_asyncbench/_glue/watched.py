"""One watched test: its policy, its instruments, its time; nothing of its phases.

Here the glue introduces the floors below to each other: a policy decides which
instruments are put around the test, and what they saw goes to the judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.own_time import OwnTime
from pytest_asyncbench._glue.relay import Relay
from pytest_asyncbench._glue.timelines import Room
from pytest_asyncbench._glue.to_await import ToAwait
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._python import Kernel
from pytest_asyncbench._watching import (
    Closing,
    Deadline,
    LoopsDeadline,
    Owner,
    Watch,
)
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Clock, Stopwatch
from pytest_asyncbench._words.decided import Finding, Verdict, Violation
from pytest_asyncbench._words.promised import MARKER, Policy, Rule
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import (
    NO_TIME,
    AcceptedSpan,
    BlockingCall,
    Crowd,
    DeadTask,
    LateTurn,
    LoopStall,
    NotFollowed,
    Observations,
)
from pytest_asyncbench._words.undo import Undo, Undos
from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Watched", "insist_on_asyncio"]

Mark = tuple[int, int, int]
"""How many stalls, late turns and calls had been seen at a moment."""

_Owned = BlockingCall | LateTurn | LoopStall
"""What is of one of several tests that run at once."""

T = TypeVar("T")


class _Way(NamedTuple):
    """How a test is watched; see `Watch`."""

    threshold: float
    told_from: float | None
    families: frozenset[str]
    tracing: bool
    background: bool
    time: Callable[[], VirtualSeconds] | None


def _watch(clock: Clock, way: _Way, interception: Interception | None) -> Watch:
    kernel = Kernel(SYSTEM_CLOCK)
    return Watch(clock, interception=interception, kernel=kernel, **way._asdict())


_NOBODYS = "several tests ran at once, and this was in no task of theirs"


def _has_stalls(policy: Policy) -> bool:
    """Tell whether there are entries that stay for a step of half the threshold."""
    return policy.accepted is not None and bool(policy.accepted.stalls)


_NOT_ASYNCIO = NotFollowed(
    kind="a host other than asyncio", missing="event loop of asyncio's"
)


def insist_on_asyncio(what: str) -> None:
    """Refuse to start tasks where nobody would run them.

    Raises:
        RuntimeError: no loop of asyncio's runs here.
    """
    if running_loop() is None:
        raise RuntimeError(
            f"{what} starts tasks of asyncio's, and no loop of asyncio's runs here; "
            "in a test that trio runs use trio.open_nursery(), and a budget's within="
        )


class Watched:
    """A test that is watched.

    Args:
        policy: what holds for it.
        rules: the table of known blocking calls.
        interception: the wrapped calls, None where no test asked for them.
        judge: judges its call.
        tracing: whether tasks are to be followed.
        virtual: the clock of a test that lives in virtual time.
        at_once: the policies of all tests that are to run at the same time.
        beside: one of these, which is watched already.
        relay: has the instruments of the test before, where they may serve this one.
        timelines: the room for its timeline, where that is wanted.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(
        self,
        policy: Policy,
        rules: tuple[Rule, ...],
        interception: Interception | None,
        *,
        judge: Callable[[Policy, Observations], Verdict],
        tracing: bool,
        virtual: VirtualClock | None = None,
        at_once: Sequence[Policy] = (),
        beside: Watched | None = None,
        relay: Relay | None = None,
        timelines: Room | None = None,
    ) -> None:
        self.policy = policy
        self.rules = rules
        self.judge = judge
        self.owner = Owner()
        self.timelines = timelines
        # A step can be looked at by one watch only.
        self._is_first = beside is None
        policies = at_once or (policy,)
        threshold = min(each.threshold for each in policies)
        way = _Way(
            threshold=threshold,
            told_from=threshold / 2 if any(map(_has_stalls, policies)) else None,
            families=frozenset().union(*(each.rules for each in policies)),
            tracing=tracing,
            background=any(each.background != "off" for each in policies),
            time=virtual.time if virtual is not None else None,
        )
        make = partial(_watch, self.clock, way, interception)
        self.watch: Watch
        if beside is not None:
            self.watch = beside.watch
        else:
            self.watch = make() if relay is None else relay.watch(way, make)
        if len(at_once) > 1:
            self.watch.tell_apart()
        asked = policy.virtual.real_limit if policy.virtual else None
        self._limit = policy.real_limit if asked is None else asked
        self.time = OwnTime(self.clock, virtual, self._limit)
        self.told: tuple[Finding, ...] = ()
        """What the verdict on the call has found."""
        self.judged_at: Mark = (0, 0, 0)
        """Up to where the phases that are over have been judged."""
        self.to_await = ToAwait()
        self._elsewhere: tuple[NotFollowed, ...] = ()
        """Who else than asyncio has run the test."""
        self.cut = False
        """Whether a part of it was cancelled at a budget of its own."""
        self.broken_parts: WeakKeyDictionary[BaseException, tuple[Violation, ...]] = (
            WeakKeyDictionary()
        )
        """What its parts have broken, by what was raised for it."""
        self.accepted_lines: list[str] = []
        """What is to be said of promises of its parts, broken and accepted."""

    def start(self) -> Undo:
        """Put the instruments around the test; the returned call takes them off."""
        if self.time.virtual is None:
            return self.watch.join()
        with Undos() as undo:
            undo.add(self.time.begin())
            undo.add(self.watch.join())
        return undo.close

    def owning(self) -> AbstractContextManager[None]:
        """Have this block, and all tasks that it starts, be this test's."""
        if self.watch.shared_since is None:
            return nullcontext()
        return self.watch.owning(self.owner)

    def fixtures(self) -> Undo:
        """Have what runs in no test's task be this one's fixtures', until undone."""
        before, self.watch.of_phase = self.watch.of_phase, self.owner

        def undo() -> None:
            self.watch.of_phase = before

        return undo

    def judging(self) -> AbstractContextManager[None]:
        """Do work of our own at the end of a call: it may be within a step of a loop.

        So it is where tests run at once, and may be a long one for another test.
        """
        if self.watch.shared_since is None:
            return nullcontext()
        return self.watch.accepting(None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do work of our own: no stall of the test's, and no time on its clock.

        What it takes is forgiven, as all that our own code does within a test.
        """
        counted = self.watch.watchdog.own_cost.counted()
        with counted, self.watch.accepting(None), self.time.paused():
            yield

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Run a coroutine in a loop of its own, in the test's time."""
        with self.time.adopting():
            return asyncio.run(work)

    def stopwatch(self, began: RealSeconds | None = None) -> Stopwatch:
        """Begin to measure the calling thread's time, or to go on from a moment on."""
        return self.time.stopwatch(self.watch.starvation(), began)

    def deadline(
        self,
        stopwatch: Stopwatch,
        within: float,
        expire: Callable[[], None] | None = None,
    ) -> Deadline:
        """Make the deadline of a budget that began with the stopwatch."""
        if stopwatch.virtually_began is not None:
            at = VirtualSeconds(stopwatch.virtually_began + within)
            return Deadline(
                self.watch, at, by_loop=True, expire=expire, aside=self.time.paused
            )
        return Deadline(
            self.watch,
            RealSeconds(stopwatch.began + within),
            forgiven=self._forgiven(stopwatch),
            limit=self._limit,
            expire=expire,
        )

    def loops_deadline(self, stopwatch: Stopwatch, within: float) -> LoopsDeadline:
        """Make the deadline of a sync test that began with the stopwatch."""
        at: LivedSeconds = RealSeconds(stopwatch.began + within)
        if stopwatch.virtually_began is not None:
            at = VirtualSeconds(stopwatch.virtually_began + within)
        return LoopsDeadline(
            self.watch,
            at,
            forgiven=self._forgiven(stopwatch),
            callers=host.CALLERS,
            by_loops=self.time.is_of if self.time.virtual else None,
            aside=self.time.paused,
        )

    def closing(self) -> Closing:
        """Bound how long the loops of the calling thread wait for their tasks."""
        return Closing(self.watch, self._limit)

    def _forgiven(self, stopwatch: Stopwatch) -> Callable[[], float]:
        forgiving = self.policy.starvation == "forgive"
        return lambda: (stopwatch.starved() or 0.0) if forgiving else 0.0

    def leave_to_others(self) -> None:
        """Let a test run that no loop of asyncio's runs, as it would without us."""
        self._elsewhere = (_NOT_ASYNCIO,)
        # What a setting says of all tests is not said of trio's.
        if MARKER not in self.policy.sources.values():
            self.policy = replace(self.policy, asked=False)

    def died(self, *, at_the_end: bool = False) -> tuple[DeadTask, ...]:
        """Give the background tasks that have died unseen, each once."""
        background = self.watch.background
        return () if background is None else background.take(at_the_end=at_the_end)

    def so_far(self) -> Mark:
        """Mark this moment, for `seen_since`."""
        watch = self.watch
        return len(watch.stalls), len(watch.late), watch.known.mark()

    def has_seen_more(self) -> bool:
        """Tell whether there is more by now than what was judged.

        Whether a task has died unseen is known only when nobody holds it any longer.
        """
        if self.watch.background is not None or self.accepted_lines:
            return True
        return self.so_far() != self.judged_at

    def seen_since(self, mark: Mark = (0, 0, 0)) -> Observations:
        """Gather what was seen of the loops since a mark, or from the start."""
        first, first_late, first_call = mark
        stalls = self.watch.stalls[first:]
        late = self.watch.turns_since(first_late)
        calls = self.watch.known.since(first_call)
        accepted = self.watch.accepted
        if self.watch.shared_since is not None:
            accepted = [each for each in accepted if each.owner in (None, self.owner)]
            accepted += self._nobodys([*stalls, *late, *calls])
            stalls = [*filter(self._is_told, stalls)]
            late = [*filter(self._is_told, late)]
            calls = [one for one in calls if self._is_asked_for(one)]
        return Observations(
            elapsed=NO_TIME,
            steps=self.watch.steps,
            loops=self.watch.loops,
            not_followed=self.watch.not_followed + self._elsewhere,
            stalls=tuple(stalls),
            late=tuple(late),
            calls=tuple(calls),
            accepted=tuple(accepted),
            debugged=self.watch.watchdog.debugged,
            problems=tuple(self.watch.problems),
        )

    def crowds(self) -> tuple[Crowd, ...]:
        """Tell which threads took turns as a loop waited; of tests at once the first.

        What threads do is of no test's task.
        """
        return tuple(self.watch.crowds()) if self._is_first else ()

    # ------------------------------------------------- several tests at once

    def untold(self, stalls: Sequence[LoopStall]) -> tuple[LoopStall, ...]:
        """Give those that the verdict on the call has not told of already.

        Of tests that run at once each is judged within a step, which may be a long one.
        """
        if self.watch.shared_since is None:
            return tuple(stalls)
        return tuple(
            stall
            for stall in stalls
            if stall.seconds - self._told_of(stall) > self.policy.threshold
        )

    def _told_of(self, stall: LoopStall) -> float:
        """Tell for how many seconds of a long step the verdict has named a call."""
        return sum(found.seconds for found in self.told if stall.began in found.steps)

    def _is_own(self, seen: _Owned) -> bool:
        """Tell whether something is of this test, and of no other at the same time."""
        if seen.owner is not None:
            return seen.owner is self.owner
        return self._is_first and not self._is_nobodys(seen)

    def _is_nobodys(self, seen: _Owned) -> bool:
        """Tell whether it was in no test's task, though others ran at the time."""
        shared = self.watch.shared_since
        return seen.owner is None and shared is not None and seen.began >= shared

    def _is_told(self, seen: _Owned) -> bool:
        """Tell whether it stands in this test's report; the first tells of nobody's."""
        return self._is_own(seen) or (self._is_first and self._is_nobodys(seen))

    def _is_asked_for(self, call: BlockingCall) -> bool:
        family = self._families.get(call.target)
        return self._is_told(call) and family in self.policy.rules

    @cached_property
    def _families(self) -> dict[str, str]:
        """The family of each call that has a rule; most tests never ask."""
        return {rule.target: rule.family for rule in self.rules}

    def _nobodys(self, seen: Sequence[_Owned]) -> Iterator[AcceptedSpan]:
        """Accept, in the report of the first test, what was in no test's task."""
        for one in seen if self._is_first else ():
            if not self._is_nobodys(one):
                continue
            began = RealSeconds(one.began)
            ended = RealSeconds(one.began + one.seconds)
            yield AcceptedSpan(began=began, ended=ended, reason=_NOBODYS)
