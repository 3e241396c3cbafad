"""The three phases of a watched test, each with its own facts and its verdict."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    nullcontext,
)
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, ClassVar, ParamSpec

from pytest_asyncbench._glue.watched import Watched, insist_on_asyncio
from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._watching import Closing, Deadline, LoopsDeadline
from pytest_asyncbench._words.clock import Stopwatch
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.errors import BudgetExceeded
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy, When
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import (
    NO_TIME,
    AwaitedTask,
    Elapsed,
    Frame,
    Observations,
    Repetition,
)
from pytest_asyncbench._words.undo import Undo, Undos
from pytest_asyncbench._words.values import changed

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Group

__all__ = ["Call", "Phase", "SetUp", "Teardown"]

P = ParamSpec("P")

_Work = Callable[[], Awaitable[None]]


class Phase:
    """A phase of a test, as pytest reports them."""

    when: ClassVar[When]
    name: ClassVar[str]
    """For people."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._stopwatch: Stopwatch | None = None
        self._elapsed = NO_TIME
        self._deadline: Deadline | LoopsDeadline | None = None
        self.verdict: Verdict | None = None
        self.within = watched.policy.within(self.when)
        """For how long it may last, in seconds."""

    def _hold(self, undo: Undos) -> None:
        """Hold it to its budget from without: by the tasks of the loops it runs."""
        within = self.within
        if within is None or self._stopwatch is None:
            return
        deadline = self._watched.loops_deadline(self._stopwatch, within)
        undo.add(deadline.begin())
        self._deadline = deadline

    def _end(self) -> None:
        if self._stopwatch is not None:
            self._elapsed = self._stopwatch.elapsed()

    def end_of(self, own: BaseException | None) -> BaseException | None:
        """Give what it ends with, given what it raised."""
        return self._deadline.end_of(own) if self._deadline else own

    @property
    def cancelled(self) -> BaseException | None:
        """What it ends with if it is cancelled at its budget."""
        return self._deadline.error if self._deadline else None

    @property
    def was_cut(self) -> bool:
        """Whether its tasks were cancelled at its budget, however they went on."""
        return self._deadline is not None and self._deadline.has_cancelled

    @property
    def ruling(self) -> BaseException | None:
        """Why it could not be run in the time that the test asked for."""
        return None

    def judge(self) -> Verdict:
        """Decide on what was seen of it."""
        raise NotImplementedError


class _Fixtures(Phase):
    """What a test's fixtures do: their own budget holds, and none of the test's."""

    def begin(self) -> Undo:
        """Have what runs be theirs, and be measured where a budget asks for that."""
        if self.within is None:
            return self._watched.fixtures()
        with Undos() as undo:
            undo.add(self._end)
            self._stopwatch = self._watched.stopwatch()
            self._hold(undo)
            undo.add(self._watched.fixtures())
        return undo.close

    @property
    def _policy(self) -> Policy:
        """What holds for them: neither the test's budget nor that it is watched."""
        return replace(self._watched.policy, budget=None, copies=None, asked=False)

    def _with_time(self, seen: Observations) -> Observations:
        return replace(
            seen,
            phase=self.when,
            elapsed=self._elapsed,
            overrun=self._deadline.stuck() if self._deadline else None,
        )


class SetUp(_Fixtures):
    """The set-up of a test's fixtures; judged if it fails, since no call comes then."""

    when = "setup"
    name = "the set-up"

    def overran(self) -> bool:
        """Tell whether it has failed by its budget alone."""
        if self.within is None:
            return False
        policy = replace(self._policy, blocking="off")
        return bool(judge(policy, self._seen()).violations)

    def _seen(self) -> Observations:
        return self._with_time(self._watched.seen_since())

    def judge(self) -> Verdict:
        """Judge what has blocked, and its own budget."""
        self._watched.judged_at = self._watched.so_far()
        self.verdict = judge(self._policy, self._seen(), self._watched.rules)
        return self.verdict

    @property
    def of_no_call(self) -> Verdict | None:
        """The verdict as that of the whole test, whose call has taken no time."""
        if self.verdict is None:
            return None
        return replace(self.verdict, elapsed=NO_TIME)


class Call(Phase):
    """The test itself, whose verdict also is on what its set-up did to the loop."""

    when = "call"
    name = "this test"

    def __init__(self, watched: Watched) -> None:
        super().__init__(watched)
        self._copied = _copied(watched)
        self._unawaited: tuple[Frame, ...] = ()
        self._untaken = False
        """Whether it is async, and nobody has awaited it so far."""
        self._of_examples = False
        self._group: Group | None = None
        self._runs: list[tuple[Elapsed, Group | None]] = []
        """The body's runs, where it is run several times in turn."""
        self._met_before: list[asyncio.AbstractEventLoop] = []
        self.over = False
        """Whether it has been judged."""

    def begin(
        self,
        *,
        in_loop: bool,
        of_examples: bool = False,
        began: RealSeconds | None = None,
    ) -> Undo:
        """Start to measure; a sync test's loops are its body's.

        Args:
            in_loop: whether it is an async test.
            of_examples: whether it is called once for each of many examples, which
                share its budget.
            began: when it began, where that was before now.

        Returns:
            What ends it.
        """
        watch = self._watched.watch
        self._of_examples = of_examples
        with Undos() as undo:
            undo.add(self._watched.time.adopt())
            self._met_before = watch.loops_here()
            undo.add(self._end)
            # One that stood in a fixture before took none of the call's time.
            watch.watchdog.debugged = False
            self._stopwatch = self._watched.stopwatch(began)
            if not in_loop and watch.recorder is not None:
                self._group = watch.recorder.bodies()
            if not in_loop:
                self._hold(undo)
        return undo.close

    def _end(self) -> None:
        super()._end()
        self._unawaited = self._watched.to_await.close()
        self._watched.time.look_at(self._watched.watch.loops_here(), self._met_before)

    def hosted(
        self, function: Callable[P, Awaitable[None]]
    ) -> Callable[P, Awaitable[None]]:
        """Make the function that stands in for an async test while it runs."""

        async def inside(*args: P.args, **kwargs: P.kwargs) -> None:
            self._untaken = False
            try:
                await self._body(partial(function, *args, **kwargs))
            except BudgetExceeded as error:
                if not self._of_examples or error is not self.cancelled:
                    raise
                # Ours would be one more failing example, and many more were run to find
                # a simpler one. Hypothesis lets a cancellation through.
                raise asyncio.CancelledError from error

        self._untaken = True
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is not None:
            self._watched.watch.stand_ins[inside.__code__] = code
        return wraps(function)(inside)

    async def _body(self, call: Callable[[], Awaitable[None]]) -> None:
        with self._watched.owning():
            await self._watched_body(call)

    async def _watched_body(self, call: Callable[[], Awaitable[None]]) -> None:
        loop = running_loop()
        self._watched.time.insist_on(loop)
        if loop is None:
            self._watched.leave_to_others()
            if self._watched.policy.copies is not None:
                insist_on_asyncio("@pytest.mark.concurrent")
            return await call()
        async with AsyncExitStack() as stack:
            try:
                await self._enter(stack)
            except Exception as error:  # ours, and the test goes on without
                text = f"can't stand inside the test: {error_of_ours(error)}"
                self._watched.watch.note(Problem(kind="failed", text=text))
            work = self._copied(call)
            repeat = self._watched.policy.repeat
            return await (work() if repeat is None else self._in_turn(work, repeat))

    async def _in_turn(self, work: Callable[[], Awaitable[None]], repeat: int) -> None:
        """Run the body several times, each with an account of its own."""
        for _ in range(repeat):
            stopwatch = self._watched.stopwatch()
            recorder = self._watched.watch.recorder
            group = recorder.body() if recorder is not None else None
            try:
                async with self._turn(stopwatch, repeat):
                    await work()
            finally:
                if group is not None:
                    group.closes()
                self._runs.append((stopwatch.elapsed(), group))

    def _turn(
        self, stopwatch: Stopwatch, repeat: int
    ) -> AbstractAsyncContextManager[object]:
        """Hold one of several runs to the time of all: one alone moves no median."""
        if self.within is None:
            return nullcontext()
        self._deadline = self._watched.deadline(stopwatch, repeat * self.within)
        return self._deadline

    async def _enter(self, stack: AsyncExitStack) -> None:
        watch, within = self._watched.watch, self.within
        watch.view(asyncio.get_running_loop())
        if watch.recorder is not None:
            self._group = watch.recorder.body()
        # Runs in turn have a deadline each.
        alone = self._watched.policy.repeat is None
        if alone and within is not None and self._stopwatch is not None:
            deadline = self._watched.deadline(self._stopwatch, within)
            self._deadline = await stack.enter_async_context(deadline)
            if self._of_examples:
                # One that never waits could not be ended, and so each would run.
                await deadline.checkpoint()

    @property
    def was_cancelled(self) -> bool:
        """Whether its own task was; a sync test has none, and is ended by others'."""
        return isinstance(self._deadline, Deadline) and self.was_cut

    @property
    def ruling(self) -> BaseException | None:
        """Why a loop of the test's can't live in virtual time."""
        return self._watched.time.refused

    def seen(self) -> Observations:
        """Gather what every instrument saw up to now."""
        group = self._group
        strands = group.traces() if group is not None else ()
        return changed(
            self._watched.seen_since(),
            elapsed=self._elapsed,
            strands=strands,
            # While none was in flight, none of them was starved.
            starved_together=group.starved() if group and strands else None,
            repetitions=tuple(_repetition(*run) for run in self._runs),
            overrun=self._deadline.stuck() if self._deadline else None,
            unawaited=self._unawaited,
            untaken=self._untaken,
            died=self._watched.died(),
            crowds=self._watched.crowds(),
        )

    def _with_hindsight(self, verdict: Verdict) -> Verdict:
        if self._group is None:
            return verdict
        # Loaded only here: in most runs no test follows tasks.
        from pytest_asyncbench._glue.hindsight import with_hindsight

        watched = self._watched
        return with_hindsight(
            verdict,
            self._group,
            watched.watch.note,
            always=watched.timelines is not None,
            cut=watched.cut,
            began=self._stopwatch.began if self._stopwatch is not None else 0.0,
        )

    def _with_timeline(self, verdict: Verdict) -> Verdict:
        watch, room = self._watched.watch, self._watched.timelines
        if room is None or watch.recorder is None or self._stopwatch is None:
            return verdict
        from pytest_asyncbench._glue.timelines import with_timeline

        return with_timeline(verdict, watch.recorder, self._stopwatch, room, watch.note)

    def judge(self) -> Verdict:
        """Judge all that was promised."""
        self._watched.judged_at = self._watched.so_far()
        verdict = self._watched.judge(self._watched.policy, self.seen())
        self.verdict = self._with_timeline(self._with_hindsight(verdict))
        self._watched.told = self.verdict.findings
        return self.verdict


class Teardown(_Fixtures):
    """The teardown of a test's fixtures."""

    _closing: Closing | None = None

    when = "teardown"
    name = "the teardown"

    def begin(self, *, bounded: bool = False) -> Undo:
        """Begin as set-up does; where asked, bound how long a loop is closed for."""
        begun = super().begin()
        if not bounded:
            return begun
        with Undos() as undo:
            undo.add(begun)
            closing = self._closing = self._watched.closing()
            undo.add(closing.begin())
        return undo.close

    @property
    def left(self) -> tuple[AwaitedTask, ...]:
        """The tasks that did not end as the loop was closed."""
        return self._closing.left if self._closing else ()

    def judge(self) -> Verdict:
        """Judge what has blocked since the test was judged, and its own budget."""
        seen = self._watched.seen_since(self._watched.judged_at)
        seen = replace(self._with_time(seen), died=self._watched.died(at_the_end=True))
        seen = replace(seen, stalls=self._watched.untold(seen.stalls))
        self.verdict = judge(self._policy, seen, self._watched.rules)
        return self.verdict


def _repetition(elapsed: Elapsed, group: Group | None) -> Repetition:
    return Repetition(
        elapsed=elapsed,
        strands=group.traces() if group else (),
        starved_together=group.starved() if group else None,
    )


def _copied(watched: Watched) -> Callable[[_Work], _Work]:
    """Give what makes copies of a test's body; loaded now, and in no step of it."""
    copies = watched.policy.copies
    if copies is None:
        return lambda work: work
    from pytest_asyncbench._glue.copies import in_copies

    return lambda work: partial(in_copies, work, copies, watched.watch.recorder)
