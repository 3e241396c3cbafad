"""Run several coroutines at once: start, limit, cancel, results in the order given.

Structured: nothing that is started here outlives the call. It knows no budgets and
no verdicts; a deadline is somebody else's, who calls `Together.expire`.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import reprlib
from collections import Counter
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import nullcontext, suppress
from inspect import CO_COROUTINE
from itertools import compress
from types import CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, cast

from pytest_asyncbench._loops import AnyCoroutine, AnyTask, is_cleaning_up, task_label
from pytest_asyncbench._tracing import Group, Recorder
from pytest_asyncbench._words import legible

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # in typing from 3.13 on

__all__ = ["Item", "Job", "Together", "close_unstarted", "in_turn", "jobs_from"]

_AT_ONCE = 500
"""How many jobs are started in one step."""

Work = Awaitable[Any]
"""What a job awaits, whatever it comes to."""

Maker = Callable[[], Work]
Given = Work | Maker
"""What a test may hand over: the work, or how to make it."""

Item = Given | Mapping[str, Given]
"""One argument of a run: several may come in one, by their names."""

_CALLED = (FunctionType, MethodType, functools.partial)
"""What is called, and is never awaited as it is."""


class Job:
    """One piece of work: a name and how to start it."""

    __slots__ = ("argument", "given", "name", "repeatable")

    def __init__(self, name: str, given: Given, argument: int | str = 1) -> None:
        self.name = name
        self.given = given
        self.argument = argument
        # Asked here and by who makes jobs, since most are: a call less for each.
        self.repeatable = not isinstance(given, CoroutineType) and not _is_work(given)

    def coroutine(self) -> AnyCoroutine:
        """Give what a task can be made of: the work itself where it is a coroutine."""
        given = self.given
        if isinstance(given, CoroutineType):
            return given
        called = given.func if type(given) is functools.partial else given
        if isinstance(called, MethodType):
            called = called.__func__
        if isinstance(called, FunctionType) and called.__code__.co_flags & CO_COROUTINE:
            try:
                # None of the user's code runs by that.
                return cast("Callable[[], AnyCoroutine]", given)()
            except TypeError:  # of its arguments: the task is to fail with it
                pass
        return self._run()

    async def _run(self) -> object:
        __tracebackhide__ = True  # the user's line is the one that tells
        given = self.given
        work = given if _is_work(given) else given()
        if not _is_work(work):  # what people hand over is not checked
            close_unstarted([work])
            raise TypeError(
                f"{_argument(self.argument)}, {self.name}, returned {_shown(work)}, "
                "which can't be awaited; a callable that returns a coroutine is "
                f"accepted{_hint(work)}"
            )
        return await work


def jobs_from(given: Sequence[Item]) -> list[Job]:
    """Make jobs of what a test handed over, or say what is wrong with it.

    Raises:
        TypeError: something is neither an awaitable nor callable without arguments.
        ValueError: nothing was given, or the same coroutine twice.
    """
    named: list[tuple[str, Item]]
    arguments: Iterable[int | str]
    if len(given) == 1 and isinstance(given[0], Mapping):
        named = [(_key(name), work) for name, work in given[0].items()]
        arguments = [name for name, _ in named]
    else:
        named = _numbered([(_name_of(work), work) for work in given])
        arguments = range(1, len(named) + 1)
    if not named:
        raise ValueError("concurrently() was given nothing to run")
    seen: dict[int, str] = {}
    jobs: list[Job] = []
    for argument, (name, work) in zip(arguments, named, strict=True):
        if id(work) in seen and _is_work(work):
            raise ValueError(
                f"concurrently() was given the same {type(work).__name__} {name!r} "
                "twice; it can be awaited once. Pass a callable, or call it again."
            )
        seen[id(work)] = name
        checked = work if isinstance(work, CoroutineType) else _checked(work, argument)
        jobs.append(Job(name, checked, argument))
    return jobs


def _is_work(given: object) -> TypeIs[Work]:
    """Tell whether it can be awaited as it is, soonest of what most are."""
    if isinstance(given, CoroutineType):
        return True
    return not isinstance(given, _CALLED) and inspect.isawaitable(given)


def _key(name: object) -> str:
    # As it is where it is a text: the results are asked for by it.
    return name if isinstance(name, str) else legible.told(functools.partial(str, name))


def _numbered(named: list[tuple[str, Item]]) -> list[tuple[str, Item]]:
    """Tell those that share a name apart by their position."""
    times = Counter(name for name, _ in named)
    return [
        (f"{name}[{index}]" if times[name] > 1 else name, work)
        for index, (name, work) in enumerate(named)
    ]


def _checked(work: Item, argument: int | str) -> Given:
    """Give a job's work, or what makes it; or say why this is neither."""
    if _is_work(work):
        return work
    if not callable(work):
        raise TypeError(
            f"{_argument(argument)} is {_shown(work)}; a coroutine, another awaitable, "
            f"or a callable without arguments that returns one is accepted{_hint(work)}"
        )
    if isinstance(work, functools.partial):
        return work  # made of a function and its arguments: taken at its word
    try:
        inspect.signature(work).bind()
    except TypeError as error:
        raise TypeError(
            f"{_argument(argument)}, {_name_of(work)}, "
            f"can't be called without arguments ({error}); "
            "call it, or wrap it in a lambda"
        ) from None
    except (
        Exception
    ):  # a builtin that does not tell it, an object that may not be asked
        pass
    return work


def _argument(argument: int | str) -> str:
    """Name an argument by its place, or by its key in a mapping."""
    return f"concurrently() argument {argument!r}"


def _shown(wrong: object) -> str:
    """Say what was given in the place of work; several pieces of it by their number."""
    if inspect.isgenerator(wrong) or inspect.isasyncgen(wrong):
        return f"the {type(wrong).__name__} {wrong.__name__}"
    pieces = _pieces(wrong)
    if any(map(inspect.isawaitable, pieces)):
        return f"a {type(wrong).__name__} of {len(pieces)}"
    return reprlib.repr(wrong)


def _hint(wrong: object) -> str:
    """Say what to write where several pieces of work came as one."""
    if isinstance(wrong, Mapping):
        return "; a mapping of names to these is accepted alone"
    if inspect.isgenerator(wrong) or any(map(inspect.isawaitable, _pieces(wrong))):
        return "; for each piece of it, unpack it: concurrently(*items)"
    if inspect.isasyncgen(wrong):
        return "; iterate over it in a coroutine, with async for"
    return ""


def _pieces(wrong: object) -> Collection[object]:
    """Give what a container holds; nothing is taken from what can be read once."""
    if isinstance(wrong, Mapping):
        return wrong.values()
    return wrong if isinstance(wrong, (list, tuple, set, frozenset)) else ()


def _name_of(work: Item) -> str:
    if isinstance(work, CoroutineType):
        return work.__qualname__.rpartition("<locals>.")[2]
    if isinstance(work, asyncio.Task):
        return task_label(work)
    if isinstance(work, functools.partial):
        return _name_of(work.func)
    name = legible.attribute(work, "__qualname__") or legible.attribute(
        work, "__name__"
    )
    known = name if isinstance(name, str) else type(work).__qualname__
    return known.rpartition("<locals>.")[2]


def close_unstarted(given: Iterable[object]) -> None:
    """Close coroutines that will not be awaited, so that nobody is warned of them."""
    for work in given:
        if inspect.iscoroutine(work):
            if inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()
        else:
            close_unstarted(_pieces(work))


class Together:
    """Jobs that run side by side in one loop; awaited once, by `run`."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        recorder: Recorder | None = None,
        limit: int | None = None,
        keep_going: bool = False,
    ) -> None:
        self._jobs = list(jobs)
        self._recorder = recorder
        self._limit = limit or len(self._jobs)
        self.keep_going = keep_going
        self._wake: asyncio.Future[None] | None = None
        self.failed = False
        """Whether one of them may have raised, or was cancelled."""
        self._flying = 0
        self._positions: dict[AnyTask, int] = {}
        self.tasks: list[AnyTask] = []
        self.group = Group(recorder.tapes if recorder else None)
        self.order: list[int] = []
        """Positions of the jobs, in the order in which they ended."""
        self.expired = False
        """Whether `expire` was called while something was still running."""

    async def run(self) -> None:
        """Start every job and wait for all; the rest is cancelled where one fails."""
        with nullcontext() if self._recorder is None else self._recorder.telling(self):
            try:
                await self._until_done()
            finally:
                await self._cancel_rest()

    async def _until_done(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over():
            await self._start_more(loop)
            if self._flying:
                self._wake = loop.create_future()
                await self._wake

    async def _start_more(self, loop: asyncio.AbstractEventLoop) -> None:
        # One for all, since there may be many.
        ended, tasks = self._ended, self.tasks
        while self._may_start():
            create = loop.create_task
            # Nobody ends within this step, whatever may be done by then.
            first, most = len(tasks), min(_AT_ONCE, self._limit - self._flying)
            try:
                for job in self._jobs[first : first + most]:
                    task = create(job.coroutine(), name=job.name)
                    self._positions[task] = len(tasks)
                    tasks.append(task)
                    self._flying += 1
                    task.add_done_callback(ended)
            finally:
                if self._recorder is not None:
                    self._recorder.adopt(tasks[first:], self.group)
            if self._may_start():
                await asyncio.sleep(0)  # to start ten thousand must not block the loop

    def _may_start(self) -> bool:
        more = len(self.tasks) < len(self._jobs) and self._flying < self._limit
        return more and not self._over()

    def _over(self) -> bool:
        if self.expired or (self.failed and not self.keep_going):
            return True
        return len(self.tasks) == len(self._jobs) and not self._flying

    def _ended(self, task: AnyTask) -> None:
        self.order.append(self._positions.pop(task))
        self._flying -= 1
        # Looked at here, so that asyncio does not report it as never retrieved.
        if task.cancelled() or task.exception() is not None:
            self.failed = True
        all_started = len(self.tasks) == len(self._jobs)
        if all_started and self._flying and not self.failed:
            return  # as most ends of ten thousand
        if self._over() or not all_started:
            self._awake()

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def expire(self) -> None:
        """Cancel what is still running; called in the loop's thread.

        Called again, it cancels once more what caught the cancellation and goes on.
        Who still cleans up is left in peace.
        """
        if self.expired:
            for task in self.tasks:
                if not is_cleaning_up(task):
                    task.cancel()
        elif self._flying:
            self.expired = True
            self._awake()

    async def _cancel_rest(self) -> None:
        close_unstarted(job.given for job in self._jobs[len(self.tasks) :])
        interrupted: asyncio.CancelledError | None = None
        # Also those that are done, but whose end the loop has yet to tell.
        pending = set(self._positions)
        self.failed = self.failed or bool(pending)
        for task in pending:
            task.cancel()
        while pending:
            try:
                _, pending = await asyncio.wait(pending)
            except asyncio.CancelledError as error:
                # We are cancelled, too: first tell those that linger once more.
                interrupted = error
                pending = {task for task in pending if not task.done()}
                for task in pending:
                    task.cancel()
        # A task that was cancelled before its first step never awaited its work. Only
        # these are looked at: of ten thousand that have ended well, it takes a while.
        cancelled = [task.cancelled() for task in self.tasks]
        close_unstarted(job.given for job in compress(self._jobs, cancelled))
        if interrupted is not None:
            raise interrupted


async def in_turn(jobs: Sequence[Job], *, keep_going: bool = False) -> None:
    """Run the jobs one after another; past those that fail, if it is to keep going."""
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    for job in jobs:
        with suppress(Exception) if keep_going else nullcontext():
            await loop.create_task(job.coroutine(), name=job.name)
