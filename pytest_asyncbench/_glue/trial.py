"""One watched test, from its set-up to the verdict.

Here the glue introduces the floors below to each other: a policy decides which
instruments are put around the test, what they saw goes to the judge, and the judge's
verdict becomes the test's outcome.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from pytest_asyncbench._glue.failures import add_note, failure_of, with_others
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._python import Kernel
from pytest_asyncbench._reports.message import message
from pytest_asyncbench._running import Job, Together
from pytest_asyncbench._tracing import Group
from pytest_asyncbench._watching import Deadline, Watch
from pytest_asyncbench._words import errors
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Clock, Stopwatch
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.seen import Elapsed, Observations, Overrun
from pytest_asyncbench._words.undo import Undo
from pytest_asyncbench.virtual_time import (
    VirtualClock,
    adopt,
    is_virtual,
    virtualize,
)

__all__ = ["Trial"]

_RAISED = {
    "wall": errors.BudgetExceeded,
    "speedup": errors.NotConcurrent,
    "blocking": errors.BlockingCallError,
    "unmeasured": errors.UnmeasuredError,
}


Mark = tuple[int, int]
"""How many stalls and calls had been seen at a moment."""


class Trial:
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
            interception=interception,
            families=policy.rules,
            tracing=tracing,
            time=virtual.time if virtual is not None else None,
            kernel=Kernel(SYSTEM_CLOCK),
        )
        self.virtual = virtual
        self.verdict: Verdict | None = None
        self.ruling: BaseException | None = None
        """The failure that the verdict made of a test which had none of its own."""
        self.accepted_lines: list[str] = []
        """What is to be said of promises of its parts, broken and accepted."""
        self._stopwatch: Stopwatch | None = None
        self._elapsed: Elapsed | None = None
        self._deadline: Deadline | None = None
        self._group: Group | None = None
        self._brought: list[asyncio.AbstractEventLoop] = []
        self._met_before: list[asyncio.AbstractEventLoop] = []
        self._judged: Mark = (0, 0)
        self._teardown: Verdict | None = None

    # ---------------------------------------------------------- its time

    def start(self) -> Callable[[], None]:
        """Put the instruments around the test; the returned call takes them off."""
        with ExitStack() as undo:
            if self.virtual is not None:
                undo.enter_context(self.virtual.frozen_datetime())
            self.watch.start()
            undo.callback(self.watch.stop)
            return undo.pop_all().close

    def stopwatch(self) -> Stopwatch:
        """Begin to measure in the time that the test lives in, and in real time."""
        return Stopwatch(self.clock, self.virtual.time if self.virtual else None)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do work of our own: no stall of the test's, and no time on its clock."""
        with self.watch.accepting(None):
            if self.virtual is None:
                yield
                return
            with self.virtual.freeze():
                yield

    def loop_made(self, loop: asyncio.AbstractEventLoop) -> Undo:
        """Bring a fresh loop into the test's time; closing it brings it back."""
        if self.virtual is None:
            return lambda: None
        asked = self.policy.virtual.real_limit if self.policy.virtual else None
        limit = self.policy.real_limit if asked is None else asked
        try:
            return virtualize(loop, self.virtual, real_limit=limit)
        except errors.VirtualTimeError as error:
            self.ruling = error
            raise

    @contextmanager
    def adopting(self) -> Iterator[None]:
        """Bring the loops that are run inside into the test's time, and out of it."""
        if self.virtual is None:
            yield
            return
        with ExitStack() as undo:

            def bring(loop: asyncio.AbstractEventLoop) -> None:
                undo.callback(self.loop_made(loop))
                self._brought.append(loop)

            undo.callback(adopt(bring))
            yield

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of its own, in the test's time."""
        with self.adopting():
            return asyncio.run(work)

    # ----------------------------------------------------------- the call

    def begin_call(self, *, in_loop: bool) -> Undo:
        """Start to measure the call; a sync test's loops are its body's.

        Returns:
            What ends it.
        """
        with ExitStack() as undo:
            undo.enter_context(self.adopting())
            self._met_before = self.watch.loops_here()
            undo.callback(self._end_call)
            # One that stood in a fixture before took none of the call's time.
            self.watch.watchdog.debugged = False
            self._stopwatch = self.stopwatch()
            if not in_loop and self.watch.census is not None:
                self._group = self.watch.census.bodies()
            return undo.pop_all().close

    def hosted(self, function: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Make the function that stands in for an async test while it runs."""

        @functools.wraps(function)
        async def inside(*args: Any, **kwargs: Any) -> Any:
            return await self._body(functools.partial(function, *args, **kwargs))

        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            ours: Any = inside
            self.watch.stand_ins[ours.__code__] = code
        return inside

    async def _body(self, call: Callable[[], Awaitable[Any]]) -> Any:
        loop = running_loop()
        self._insist_on_its_time(loop)
        if loop is None and self.policy.copies is None:
            return await self._elsewhere(call)
        async with AsyncExitStack() as stack:
            try:
                await self._enter(stack)
            except Exception as error:  # ours, and the test goes on without
                text = f"can't stand inside the test: {error!r}"
                self.watch.note(Problem(kind="failed", text=text))
            if self.policy.copies is None:
                return await call()
            return await self._copies(call, self.policy.copies)

    async def _elsewhere(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Let a test run that no loop of asyncio's runs, as it would without us."""
        # What a setting says of all tests is not said of trio's.
        if "marker" not in self.policy.sources.values():
            self.policy = replace(self.policy, asked=False)
        return await call()

    def _insist_on_its_time(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Refuse a loop that was made elsewhere, and so is not in virtual time."""
        keeps = getattr(loop, "time", None)
        if self.virtual is not None and keeps != self.virtual.time:
            self.ruling = _keeps_real_time(loop)
            raise self.ruling

    async def _enter(self, stack: AsyncExitStack) -> None:
        self.watch.view(asyncio.get_running_loop())
        if self.watch.census is not None:
            self._group = self.watch.census.body()
        within = self.policy.budget.within if self.policy.budget else None
        if within is not None and self._stopwatch is not None:
            deadline = self.deadline(self._stopwatch, within)
            self._deadline = await stack.enter_async_context(deadline)

    async def _copies(self, call: Callable[[], Awaitable[Any]], copies: int) -> None:
        jobs = [Job(f"copy {number}", call) for number in range(1, copies + 1)]
        # They are the body's tasks, so the body's group has them already.
        together = Together(jobs, keep_going=True)
        await together.run()
        failed = [
            (job.name, error)
            for job, task in zip(jobs, together.tasks, strict=True)
            if (error := failure_of(task)) is not None
        ]
        if failed:
            raise with_others(failed, f"of {copies}")

    def deadline(
        self,
        stopwatch: Stopwatch,
        within: float,
        expire: Callable[[], None] | None = None,
    ) -> Deadline:
        """Make the deadline of a budget that began with the stopwatch."""
        if self.virtual is not None:
            at = stopwatch.virtually_began + within
            return Deadline(self.watch, at, by_loop=True, expire=expire)
        forgiving = self.policy.starvation == "forgive"
        return Deadline(
            self.watch,
            stopwatch.began + within,
            forgiven=lambda: (stopwatch.starved() or 0.0) if forgiving else 0.0,
            expire=expire,
        )

    def _end_call(self) -> None:
        if self._stopwatch is not None:
            self._elapsed = self._stopwatch.elapsed()
        if self.virtual is not None and self.ruling is None:
            known = (*self._met_before, *self._brought)
            for loop in self.watch.loops_here():
                if loop not in known and not is_virtual(loop):
                    self.ruling = _keeps_real_time(loop)

    # -------------------------------------------------------- the verdict

    def conclude(self) -> Verdict:
        """Judge what was seen so far."""
        self._judged = self.so_far()
        self.verdict = judge(self.policy, self.observations(), self.rules)
        return self.verdict

    def conclude_set_up(self) -> Verdict:
        """Judge what has blocked in a set-up after which no call will come."""
        self._judged = self.so_far()
        self.verdict = self._apart_from_call(self.observations())
        return self.verdict

    def conclude_teardown(self) -> Verdict:
        """Judge what has blocked since the call was judged, and nothing else."""
        seen = self.seen_since(self._judged, elapsed=Elapsed(wall=0.0))
        self._teardown = self._apart_from_call(seen)
        return self._teardown

    def _apart_from_call(self, seen: Observations) -> Verdict:
        policy = replace(self.policy, budget=None, copies=None, asked=False)
        return judge(policy, seen, self.rules)

    def verdict_of_all(self) -> Verdict:
        """Give the verdict on the call, with what came to light after it."""
        assert self.verdict is not None
        call, after = self.verdict, self._teardown
        return replace(
            call,
            findings=(*call.findings, *(after.findings if after else ())),
            violations=(*call.violations, *(after.violations if after else ())),
            problems=tuple(self.watch.problems),
        )

    def observations(self) -> Observations:
        """Gather what every instrument saw."""
        return self.seen_since(
            (0, 0),
            elapsed=self._elapsed or Elapsed(wall=0.0),
            strands=self._group.traces() if self._group else (),
            overrun=self._overrun(),
            problems=tuple(self.watch.problems),
        )

    def so_far(self) -> Mark:
        """Mark this moment, for `seen_since`."""
        return len(self.watch.stalls), len(self.watch.calls)

    def seen_since(self, mark: Mark, **facts: Any) -> Observations:
        """Gather what was seen of the loops since a mark, beside other facts."""
        stalls, calls = mark
        return Observations(
            steps=self.watch.steps,
            loops=self.watch.loops,
            not_followed=self.watch.not_followed,
            stalls=tuple(self.watch.stalls[stalls:]),
            calls=tuple(self.watch.calls[calls:]),
            accepted=tuple(self.watch.accepted),
            debugged=self.watch.watchdog.debugged,
            **facts,
        )

    def _overrun(self) -> Overrun | None:
        return self._deadline.stuck() if self._deadline else None

    @property
    def cancellation(self) -> BaseException | None:
        """What the test ended with if it was cancelled at its budget."""
        return self._deadline.error if self._deadline else None

    def outcome(
        self, verdict: Verdict, own: BaseException | None
    ) -> BaseException | None:
        """Give what the test ends with: its own failure or else the verdict's.

        A cancellation that we asked for is no failure of the test's own.
        """
        text = message(verdict)
        if own is not None and own is self.cancellation:
            own.args = (text,)
            return own
        if own is None and self.ruling is not None:
            return self.ruling
        if not verdict.violations:
            return own
        if own is not None:
            add_note(own, f"\n{text}")
            return own
        self.ruling = _RAISED[verdict.violations[0].kind](text)
        return self.ruling


def _keeps_real_time(loop: Any) -> errors.VirtualTimeError:
    kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
    return errors.VirtualTimeError(
        f"the loop of this test, {kind}, keeps real time: virtual_time is for selector "
        "loops of asyncio's kind, which are run for the first time in this test"
    )
