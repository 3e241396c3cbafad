"""What stands behind the `concurrently` fixture: run, hold to a budget, report."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import (
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cached_property, partial
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, overload

from pytest_asyncbench._glue.failures import by_weight, failure_of, note_others
from pytest_asyncbench._glue.hindsight import path_of, with_hindsight
from pytest_asyncbench._glue.outcome import broken_promise
from pytest_asyncbench._glue.run import Run
from pytest_asyncbench._glue.watched import Watched, insist_on_asyncio
from pytest_asyncbench._judging.judge import blocking, comparison_of, judge
from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.values import Duration, Serial
from pytest_asyncbench._python.frames import getframe
from pytest_asyncbench._python.stack import raw_frame, to_frame
from pytest_asyncbench._reports.message import accepted_lines
from pytest_asyncbench._running import (
    Item,
    Job,
    Together,
    close_unstarted,
    in_turn,
    jobs_from,
)
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.decided import Comparison, Finding, Verdict
from pytest_asyncbench._words.errors import ConcurrencyError
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seconds import LivedSeconds
from pytest_asyncbench._words.seen import Observations
from pytest_asyncbench._words.units import plural

if TYPE_CHECKING:
    from typing_extensions import Unpack  # in typing from 3.11 on

    from pytest_asyncbench._tracing import Group

__all__ = ["Concurrently"]

T = TypeVar("T")

Given = Awaitable[T] | Callable[[], Awaitable[T]]
Named = Mapping[str, Given[Any]]
"""Work by its names, which seldom comes to values of one type."""


class Options(TypedDict, total=False):
    """What can be said of a call besides the work."""

    within: Duration | None
    """The longest wall-clock time in seconds, or "250ms", or a timedelta."""
    speedup: float | None
    """How many times as fast as one after another it must be."""
    serial: Serial
    """ "derived" works the time one after another out from this run, "measured" first
    runs the callables so; a number is taken as given."""
    limit: int | None
    """The most that are in flight at one moment."""


class _Terms:
    """What one call of `concurrently` was asked to do, checked."""

    def __init__(
        self, jobs: Sequence[Job], return_exceptions: bool, options: Options
    ) -> None:
        _insist_on_known(options)
        self.jobs = jobs
        within, speedup = options.get("within"), options.get("speedup")
        self.budget = (
            None
            if within is None and speedup is None
            else values.budget(within, speedup, "concurrently()")
        )
        self.serial = _serial(options.get("serial", "derived"), jobs)
        limit = options.get("limit")
        self.limit = None if limit is None else values.limit(limit)
        self.return_exceptions = return_exceptions


def _insist_on_known(options: Iterable[str]) -> None:
    accepted = (*Options.__annotations__, "return_exceptions")
    for word in options:
        if word not in accepted:
            raise TypeError(
                f"concurrently() has no argument {word!r}"
                f"{values.suggest(word, accepted)}; accepted: {', '.join(accepted)}"
            )


def _rows(iterables: Sequence[Iterable[object]]) -> Iterator[tuple[object, ...]]:
    """Give what each call gets; no item is left over in silence."""
    __tracebackhide__ = True  # the user's line is the one that tells
    # Comprehensions have a frame up to 3.11, which a traceback would show.
    iterators = list(map(_items, iterables, itertools.count(1)))
    count = 0
    while iterators:
        row = tuple(next(each, _END) for each in iterators)
        ended = [value is _END for value in row]
        if all(ended):
            return
        if any(ended):
            raise ValueError(
                "concurrently.map() was given iterables of unequal length: number "
                f"{ended.index(True) + 1} ends after {count} {plural(count, 'item')}, "
                f"number {ended.index(False) + 1} does not; for an argument that is "
                "the same in each call, use functools.partial"
            )
        yield row
        count += 1


_END = object()


def _items(each: Iterable[object], number: int) -> Iterator[object]:
    __tracebackhide__ = True
    try:
        return iter(each)
    except TypeError as error:  # what people hand over is not checked
        raise TypeError(
            f"concurrently.map() can't go through iterable number {number}: {error}; "
            "what has one item for each call is accepted"
        ) from None


def _insist_on_a_function(given: object) -> None:
    __tracebackhide__ = True
    if not callable(given):  # what people hand over is not checked
        close_unstarted([given])
        raise TypeError(
            f"concurrently.map() can't call {legible.told(partial(repr, given))}; "
            "a function is accepted, which is called for each item"
        )


def _serial(serial: Serial, jobs: Sequence[Job]) -> Serial:
    serial = values.serial(serial)
    if serial == "measured":
        fixed = next((job.name for job in jobs if not job.repeatable), None)
        if fixed is not None:
            raise TypeError(
                f'serial="measured" runs everything twice, and {fixed!r} can be '
                "awaited once; pass a callable that returns it"
            )
    return serial


class Concurrently:
    """Run coroutines side by side, and hold them to a budget.

    ``await concurrently(a(), b(), within=1.2, speedup=2)`` gives a `Run`: the results
    in the order given, and what is known of the time they took.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    @overload
    def __call__(
        self,
        work: Named,
        /,
        *,
        return_exceptions: bool = False,
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[Any]]: ...
    @overload
    def __call__(
        self,
        *work: Given[T],
        return_exceptions: Literal[True],
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[T | BaseException]]: ...
    @overload
    def __call__(
        self,
        *work: Given[T],
        return_exceptions: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[T]]: ...
    def __call__(
        self,
        *work: Item,
        return_exceptions: bool = False,
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[object]]:
        """Run coroutines, or callables that return one, or a mapping of name to either.

        Args:
            work: what to run. Nothing that it starts outlives this call.
            return_exceptions: give exceptions as results instead of raising.
            options: what is promised, and how it is run; see `Options`.

        Raises:
            BudgetExceeded: it took longer than `within`; what was left is cancelled.
            NotConcurrent: it was not `speedup` times as fast.
            PolicyError, TypeError, ValueError: the arguments mean nothing.
        """
        return self._to_await(getframe(1), work, options, return_exceptions)

    @overload
    def map(
        self,
        function: Callable[..., Awaitable[T]],
        *iterables: Iterable[object],
        return_exceptions: Literal[True],
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[T | BaseException]]: ...
    @overload
    def map(
        self,
        function: Callable[..., Awaitable[T]],
        *iterables: Iterable[object],
        return_exceptions: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[T]]: ...
    def map(
        self,
        function: Callable[..., Awaitable[object]],
        *iterables: Iterable[object],
        return_exceptions: bool = False,
        **options: Unpack[Options],
    ) -> Coroutine[None, None, Run[object]]:
        """Call `function` for each item, as ``map`` does, and run all that at once.

        Raises:
            ValueError: one of the iterables ends before another.
        """
        __tracebackhide__ = True
        _insist_on_a_function(function)
        # As in `_rows`, no comprehension.
        calls = list(itertools.starmap(partial(partial, function), _rows(iterables)))
        return self._to_await(getframe(1), calls, options, return_exceptions)

    @overload
    def run(
        self,
        work: Named,
        /,
        *,
        return_exceptions: bool = False,
        **options: Unpack[Options],
    ) -> Run[Any]: ...
    @overload
    def run(
        self,
        *work: Given[T],
        return_exceptions: Literal[True],
        **options: Unpack[Options],
    ) -> Run[T | BaseException]: ...
    @overload
    def run(
        self,
        *work: Given[T],
        return_exceptions: Literal[False] = False,
        **options: Unpack[Options],
    ) -> Run[T]: ...
    def run(
        self,
        *work: Item,
        return_exceptions: bool = False,
        **options: Unpack[Options],
    ) -> Run[object]:
        """Do the same in a test that is not async, in a loop of its own."""
        __tracebackhide__ = True
        if _loop_runs_here():
            close_unstarted(work)
            raise RuntimeError("a loop is running here: use `await concurrently(...)`")

        async def entered() -> Run[object]:
            __tracebackhide__ = True
            return await self._entered(work, options, return_exceptions)

        entered.__qualname__ = "concurrently.run"  # what reports call its task
        try:
            return self._watched.run(entered())
        except Exception as error:
            # The same error, so that it keeps the context that it has.
            raise error.with_traceback(_beyond_ours(error))  # noqa: B904

    def _to_await(
        self,
        caller: FrameType,
        work: Sequence[Item],
        options: Options,
        return_exceptions: bool,
    ) -> Coroutine[None, None, Run[object]]:
        """Give what the test is to await, and keep in mind that it has yet to."""
        key = object()
        entered = self._awaited(key, work, options, return_exceptions)
        self._watched.to_await.add(key, entered, to_frame(raw_frame(caller)), work)
        return entered

    async def _awaited(
        self,
        key: object,
        work: Sequence[Item],
        options: Options,
        return_exceptions: bool,
    ) -> Run[object]:
        __tracebackhide__ = True
        self._watched.to_await.begun(key)
        return await self._entered(work, options, return_exceptions)

    async def _entered(
        self, work: Sequence[Item], options: Options, return_exceptions: bool
    ) -> Run[object]:
        __tracebackhide__ = True
        try:
            insist_on_asyncio("concurrently()")
            with self._watched.paused():
                terms = _Terms(jobs_from(work), return_exceptions, options)
        except (RuntimeError, TypeError, ValueError) as error:
            close_unstarted(work)
            # What is wrong stands in the test, and not where we found it out.
            raise error.with_traceback(None) from None
        return await self._run(terms)

    async def _run(self, terms: _Terms) -> Run[object]:
        __tracebackhide__ = True
        watched = self._watched
        policy = _policy_for(watched.policy, terms)
        given = terms.serial if isinstance(terms.serial, float) else None
        if terms.serial == "measured":
            given = await self._in_turn(terms)
        together = Together(
            terms.jobs,
            recorder=watched.watch.recorder,
            limit=terms.limit,
            keep_going=terms.return_exceptions,
        )
        before = watched.so_far()
        stopwatch = watched.stopwatch()
        async with AsyncExitStack() as stack:
            deadline = None
            within = policy.within("call")
            if within is not None:
                deadline = await stack.enter_async_context(
                    watched.deadline(stopwatch, within, together.expire)
                )
            await together.run()
        elapsed = stopwatch.elapsed()
        with watched.paused():
            seen = replace(
                watched.seen_since(before),
                elapsed=elapsed,
                together=elapsed.lived,
                serial=given,
                overrun=deadline.overrun if deadline else None,
            )
            asked = _Asked(watched, policy, seen, together.group)
            if policy.compares or seen.overrun is not None:
                seen = asked.seen
            verdict = judge(policy, seen, watched.rules)
            watched.cut = watched.cut or verdict.was_cut
            if verdict.violations or verdict.accepted:
                verdict = with_hindsight(verdict, together.group, watched.watch.note)
                watched.accepted_lines += accepted_lines(verdict)
            _raise_broken(watched, verdict, together)
            return _as_run(verdict, together, terms, asked)

    async def _in_turn(self, terms: _Terms) -> LivedSeconds:
        __tracebackhide__ = True
        stopwatch = self._watched.stopwatch()
        await in_turn(terms.jobs, keep_going=terms.return_exceptions)
        return stopwatch.elapsed().lived


class _Asked:
    """What is worked out of a run, as of its end, when somebody asks."""

    def __init__(
        self, watched: Watched, policy: Policy, seen: Observations, group: Group
    ) -> None:
        self._watched = watched
        self._policy = policy
        self._seen = seen
        self._strands = group.reading()

    def blocking(self) -> tuple[Finding, ...]:
        """Tell what blocked the loop while it ran."""
        with self._watched.paused():
            return blocking(self._policy, self._seen, self._watched.rules)

    @cached_property
    def seen(self) -> Observations:
        """What was seen, with the strands."""
        with self._watched.paused():
            return replace(self._seen, strands=self._strands())

    @cached_property
    def comparison(self) -> Comparison | None:
        """Compare with one after another; None on a loop that can't be followed."""
        return comparison_of(self._policy, self.seen)


def _beyond_ours(error: Exception) -> TracebackType | None:
    """Give the traceback from where this module was left for the user's coroutine.

    Between the test and that stand frames of ours and those of asyncio's that run a
    loop. Without them a promise that is broken here points at the test's line.
    """
    beyond = following = error.__traceback__
    while following is not None:
        if following.tb_frame.f_code.co_filename == __file__:
            beyond = following.tb_next
        following = following.tb_next
    return beyond


def _loop_runs_here() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _policy_for(policy: Policy, terms: _Terms) -> Policy:
    # Blocking is judged with the whole test, and here only where somebody asks: the
    # test is still running, and waits for it.
    return replace(
        policy, blocking="off", budget=terms.budget, copies=None, asked=False
    )


def _raise_broken(watched: Watched, verdict: Verdict, together: Together) -> None:
    __tracebackhide__ = True
    if any(violation.kind == "wall" for violation in verdict.violations):
        raise _broken(watched, verdict)
    failed = [
        (legible.name(task.get_name), error)
        for index in (together.order if together.failed else ())
        if (error := failure_of(task := together.tasks[index])) is not None
    ]
    if failed and not together.keep_going:
        (_, first), *others = by_weight(failed)
        # Those that were cancelled because of the first did not fail.
        others = [
            (name, error)
            for name, error in others
            if not isinstance(error, asyncio.CancelledError)
        ]
        note_others(first, others)
        raise first
    if verdict.violations:
        raise _broken(watched, verdict)


def _broken(watched: Watched, verdict: Verdict) -> ConcurrencyError:
    """Make the failure; the test's record has it, too, if the test ends with it."""
    error = broken_promise(verdict)
    watched.broken_parts[error] = verdict.violations
    return error


def _as_run(
    verdict: Verdict, together: Together, terms: _Terms, asked: _Asked
) -> Run[object]:
    failed = together.failed  # of ten thousand that have ended well none is asked
    errors = [failure_of(task) if failed else None for task in together.tasks]
    wall = verdict.elapsed.lived

    def told() -> Comparison:
        # On a loop that can't be followed nothing is known of serial time.
        known = asked.comparison or Comparison(tasks=(), wall=wall, serial=math.nan)
        return known.with_errors(errors)

    return Run(
        [
            task.result() if error is None else error
            for task, error in zip(together.tasks, errors, strict=True)
        ],
        names=[job.name for job in terms.jobs],
        order=together.order,
        comparison=told,
        blocking=asked.blocking,
        elapsed=verdict.elapsed,
        path=partial(path_of, together.group),
        limit=terms.limit,
    )
