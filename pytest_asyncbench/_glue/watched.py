"""One watched test: its policy, its instruments, its time; nothing of its phases.

Here the glue introduces the floors below to each other: a policy decides which
instruments are put around the test, and what they saw goes to the judge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TypeVar

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.own_time import OwnTime
from pytest_asyncbench._glue.to_await import ToAwait
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._python import Kernel
from pytest_asyncbench._watching import Closing, Deadline, LoopsDeadline, Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Clock, Stopwatch
from pytest_asyncbench._words.promised import MARKER, Policy, Rule
from pytest_asyncbench._words.seconds import LivedSeconds, RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import DeadTask, Elapsed, Observations
from pytest_asyncbench._words.undo import Undo
from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Watched"]

Mark = tuple[int, int]
"""How many stalls and calls had been seen at a moment."""

T = TypeVar("T")


def _has_stalls(policy: Policy) -> bool:
    """Tell whether there are entries that stay for a step of half the threshold."""
    return policy.accepted is not None and bool(policy.accepted.stalls)


class Watched:
    """A test that is watched.

    Args:
        policy: what holds for it.
        rules: the table of known blocking calls.
        interception: the wrapped calls, None where no test asked for them.
        tracing: whether tasks are to be followed.
        virtual: the clock of a test that lives in virtual time.
    """

    clock: Clock = SYSTEM_CLOCK

    def __init__(
        self,
        policy: Policy,
        rules: tuple[Rule, ...],
        interception: Interception | None,
        *,
        tracing: bool,
        virtual: VirtualClock | None = None,
    ) -> None:
        self.policy = policy
        self.rules = rules
        self.watch = Watch(
            self.clock,
            threshold=policy.threshold,
            told_from=policy.threshold / 2 if _has_stalls(policy) else None,
            interception=interception,
            families=policy.rules,
            tracing=tracing,
            time=virtual.time if virtual is not None else None,
            kernel=Kernel(SYSTEM_CLOCK),
            background=policy.background != "off",
        )
        asked = policy.virtual.real_limit if policy.virtual else None
        self._limit = policy.real_limit if asked is None else asked
        self.time = OwnTime(self.clock, virtual, self._limit)
        self.judged_at: Mark = (0, 0)
        """Up to where the phases that are over have been judged."""
        self.to_await = ToAwait()
        self.accepted_lines: list[str] = []
        """What is to be said of promises of its parts, broken and accepted."""

    def start(self) -> Undo:
        """Put the instruments around the test; the returned call takes them off."""
        with ExitStack() as undo:
            undo.callback(self.time.begin())
            self.watch.start()
            undo.callback(self.watch.stop)
            return undo.pop_all().close

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do work of our own: no stall of the test's, and no time on its clock."""
        with self.watch.accepting(None), self.time.paused():
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
            return Deadline(self.watch, at, by_loop=True, expire=expire)
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
        )

    def closing(self) -> Closing:
        """Bound how long the loops of the calling thread wait for their tasks."""
        return Closing(self.watch, self._limit)

    def _forgiven(self, stopwatch: Stopwatch) -> Callable[[], float]:
        forgiving = self.policy.starvation == "forgive"
        return lambda: (stopwatch.starved() or 0.0) if forgiving else 0.0

    def leave_to_others(self) -> None:
        """Let a test run that no loop of asyncio's runs, as it would without us."""
        # What a setting says of all tests is not said of trio's.
        if MARKER not in self.policy.sources.values():
            self.policy = replace(self.policy, asked=False)

    def died(self, *, at_the_end: bool = False) -> tuple[DeadTask, ...]:
        """Give the background tasks that have died unseen, each once."""
        background = self.watch.background
        return () if background is None else background.take(at_the_end=at_the_end)

    def so_far(self) -> Mark:
        """Mark this moment, for `seen_since`."""
        return len(self.watch.stalls), self.watch.known.mark()

    def has_seen_more(self) -> bool:
        """Tell whether there is more by now than what was judged.

        Whether a task has died unseen is known only when nobody holds it any longer.
        """
        if self.watch.background is not None or self.accepted_lines:
            return True
        return self.so_far() != self.judged_at

    def seen_since(self, mark: Mark = (0, 0)) -> Observations:
        """Gather what was seen of the loops since a mark, or from the start."""
        stalls, calls = mark
        return Observations(
            elapsed=Elapsed(wall=RealSeconds(0.0)),
            steps=self.watch.steps,
            loops=self.watch.loops,
            not_followed=self.watch.not_followed,
            stalls=tuple(self.watch.stalls[stalls:]),
            calls=tuple(self.watch.known.since(calls)),
            accepted=tuple(self.watch.accepted),
            debugged=self.watch.watchdog.debugged,
            problems=tuple(self.watch.problems),
        )
