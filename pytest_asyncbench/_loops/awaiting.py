"""What a suspended task waits for: its chain of awaits, and what stands at its end."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import PurePath
from types import CodeType, FrameType, FunctionType, MethodType

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.tasks import TASKS, behind, task_label
from pytest_asyncbench._python import raw_frame, to_frame
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.seen import Frame, Stack
from pytest_asyncbench._words.units import many
from pytest_asyncbench._words.whose import is_users

__all__ = [
    "await_chain",
    "awaited_tasks",
    "awaits_outside",
    "by_name",
    "closes_a_generator",
    "is_cleaning_up",
    "is_internal",
    "is_told_to_end",
    "leaves_a_group",
    "makes_a_server",
    "may_mistake_cancellation",
    "stands_at",
    "waits_for_a_lock",
    "waits_for_ever",
]

_Lock = asyncio.Lock | asyncio.Semaphore | asyncio.Condition

_PACKAGE = __name__.partition(".")[0]


def await_chain(task: names.AnyTask) -> tuple[Stack, str]:
    """Follow a suspended task's awaits; give its stack and what it waits for."""
    frames = [frame for _, frame in _chain(task)]
    frames.reverse()
    return tuple(_frame_of(frame) for frame in frames), _awaited(task, frames)


def stands_at(task: names.AnyTask) -> Frame | None:
    """Give the innermost line of a suspended task's that is not of a library's.

    Where all are, the innermost that is not Python's own, which says whose await it is.
    None where it has no line but ours, as before the first step of a test's body.
    """
    frames = [_frame_of(frame) for _, frame in _chain(task)]
    packages = [frame.module.partition(".")[0] for frame in frames]
    told = [
        (is_users(frame.file), package not in sys.stdlib_module_names, depth, frame)
        for depth, (frame, package) in enumerate(zip(frames, packages, strict=True))
        if package != _PACKAGE
    ]
    return max(told)[-1] if told else None


def waits_for_ever(task: names.AnyTask) -> bool:
    """Tell whether a task stands at what only another part of the program can end.

    An event that somebody is to set, or a future that the program itself awaits. Not an
    item of a queue, the lock of a condition, a timer or a library's own future.
    """
    frames = [frame for _, frame in _chain(task)]
    if not frames:
        return False
    if frames[-1].f_code is asyncio.Event.wait.__code__:
        # A queue that is joined waits for an event as well.
        return len(frames) == 1 or not _is_asyncios(frames[-2])
    waiter = names.WAITER.get(task)
    is_plain = waiter is not None and not isinstance(waiter, TASKS)
    is_alone = is_plain and names.CHILDREN.get(waiter) is None
    return is_alone and is_users(frames[-1].f_code.co_filename)


def waits_for_a_lock(task: names.AnyTask) -> bool:
    """Tell whether a task stands where asyncio's locks and semaphores are acquired."""
    codes = {frame.f_code for _, frame in _chain(task)}
    return not codes.isdisjoint(_ACQUIRING)


_ACQUIRING = {asyncio.Lock.acquire.__code__, asyncio.Semaphore.acquire.__code__}


def may_mistake_cancellation(task: names.AnyTask) -> bool:
    """Tell whether a suspended task can't know, if it is cancelled now, that it was.

    It waits for one that was told to end, whose end looks the same to it; or in
    `wait_for`, which up to 3.11 swallows a cancellation that comes with its result.
    """
    waiter = names.WAITER.get(task)
    if isinstance(waiter, TASKS) and is_told_to_end(waiter):
        return True
    return _WAIT_FOR_SWALLOWS and any(
        frame.f_code is asyncio.wait_for.__code__ for _, frame in _chain(task)
    )


_WAIT_FOR_SWALLOWS = sys.version_info < (3, 12)


def leaves_a_group(task: names.AnyTask) -> bool:
    """Tell whether a suspended task stands where a group of tasks awaits its own.

    If one of them fails, or a scope of anyio's has told them to end, that takes the
    place of a cancellation which comes meanwhile.
    """
    return any(
        frame.f_code.co_name == "__aexit__"
        and frame.f_globals.get("__name__") in _OF_GROUPS
        for _, frame in _chain(task)
    )


_OF_GROUPS = {"asyncio.taskgroups", "anyio._backends._asyncio"}


def is_told_to_end(future: names.AnyFuture) -> bool:
    """Tell whether a future is cancelled, or is about to be."""
    if future.done():
        return future.cancelled()
    awaited = [*(names.CHILDREN.get(future) or ())]
    if isinstance(future, TASKS):
        cancelling = getattr(future, "cancelling", int)  # from 3.11 on
        if cancelling() or names.MUST_CANCEL.get(future):
            return True
        waiter = names.WAITER.get(future)
        awaited += [] if waiter is None else [waiter]
    return any(map(is_told_to_end, awaited))


def closes_a_generator(task: names.AnyTask) -> bool:
    """Tell whether a task closes an asynchronous generator that nobody has closed."""
    return type(names.COROUTINE.of(task)).__name__ == "async_generator_athrow"


def is_internal(task: names.AnyTask) -> bool:
    """Tell whether asyncio has a task for itself, as for the pipes of a subprocess."""
    code = getattr(names.COROUTINE.of(task), "cr_code", None)
    if not isinstance(code, CodeType) or not _is_private(code.co_name):
        return False
    return PurePath(code.co_filename).parent == _ASYNCIO


_ASYNCIO = PurePath(asyncio.__file__).parent


def makes_a_server(task: names.AnyTask) -> bool:
    """Tell whether a task stands in asyncio's own way to a server.

    It waits for a turn there, once it listens. Who is cancelled then is never given the
    server, and can't close it.
    """
    return any(
        frame.f_code.co_name in _SERVERS and _is_asyncios(frame)
        for _, frame in _chain(task)
    )


_SERVERS = {"create_server", "create_unix_server"}


def by_name(task: names.AnyTask) -> tuple[str, int, str]:
    """Sort key that puts Task-2 before Task-10."""
    name = legible.told(task.get_name)
    stem, _, digits = name.rpartition("-")
    # Compared as text: `int` refuses some kinds of digits, and very many of them.
    if not digits.isdecimal():
        return name, 0, ""
    return stem, len(digits.lstrip("0")), digits


# What stands between an await and its asynchronous generator, or a coroutine that
# somebody called `__await__` on; it has no attribute that says whose it is.
_GO_BETWEENS = {
    "async_generator_asend",
    "async_generator_athrow",
    "anext_awaitable",
    "coroutine_wrapper",
}


def _chain(task: names.AnyTask) -> Iterator[tuple[object, FrameType]]:
    """Give what a task awaits and its frame, from the outside in."""
    awaited = names.COROUTINE.of(task)
    if _suspended(awaited)[0] is None:
        awaited = behind(awaited)
    while awaited is not None:
        while type(awaited).__name__ in _GO_BETWEENS:
            awaited = next(iter(gc.get_referents(awaited)), None)
        frame, onwards = _suspended(awaited)
        if frame is None:
            return
        yield awaited, frame
        awaited = onwards


_SUSPENDED = (
    ("cr_frame", "cr_await"),
    ("gi_frame", "gi_yieldfrom"),
    ("ag_frame", "ag_await"),
)
"""Where each kind of what is awaited has its frame, and what it awaits itself."""


def _suspended(awaited: object) -> tuple[FrameType | None, object]:
    for its_frame, onwards in _SUSPENDED:
        frame = _attribute(awaited, its_frame)
        # A mock or a proxy has every attribute, and behind each another one.
        if isinstance(frame, FrameType):
            return frame, _attribute(awaited, onwards)
    return None, None


def _attribute(awaited: object, name: str) -> object:
    try:
        return getattr(awaited, name, None)
    except Exception:  # what is awaited is the user's
        return None


def _frame_of(frame: FrameType) -> Frame:
    return to_frame(raw_frame(frame))


def _awaited(task: names.AnyTask, innermost_first: list[FrameType]) -> str:
    waiter = names.WAITER.get(task)
    if isinstance(waiter, TASKS):
        return f"task {task_label(waiter)!r}"
    children = [each for each in names.CHILDREN.get(waiter) or () if not each.done()]
    if children:
        return f"all of {_listed(children)}"
    if innermost_first and innermost_first[0].f_code.co_name != "__sleep0":
        module = innermost_first[0].f_globals.get("__name__", "")
        if module == f"{_PACKAGE}._running.together":
            return "what it runs concurrently"
        if _is_asyncios(innermost_first[0]):
            return _primitive(task, innermost_first)
    return "its turn on the loop" if waiter is None else _future(waiter)


def _future(waiter: names.AnyFuture) -> str:
    shielded = _shielded(waiter)
    return f"{_child(shielded)}, in a shield" if shielded else _child(waiter)


def _shielded(waiter: names.AnyFuture) -> names.AnyFuture | None:
    """Give what a shield stands around, if that is what a task waits for."""
    # Whoever cancels the shield calls a function that knows both.
    for kept in gc.get_referents(waiter):
        if getattr(kept, "__qualname__", "") == "shield.<locals>._outer_done_callback":
            inner = inspect.getclosurevars(kept).nonlocals.get("inner")
            return inner if isinstance(inner, asyncio.Future) else None
    return None


def awaits_outside(task: names.AnyTask) -> bool:
    """Tell whether a suspended task waits for a future that others may end.

    Not for another task, asyncio's timers, or its locks, queues and streams. Who has a
    future in an extension does not show; so one of this loop's own counts as well.
    """
    waiter = names.WAITER.get(task)
    if waiter is None or isinstance(waiter, TASKS):
        return False
    children = names.CHILDREN.get(waiter)
    if children:
        return any(not (isinstance(each, TASKS) or each.done()) for each in children)
    frames = [frame for _, frame in _chain(task)]
    if not frames or not _is_asyncios(frames[-1]):
        return True
    code, owner = frames[-1].f_code, frames[-1].f_locals.get("self")
    return owner is None and code is not asyncio.sleep.__code__


def _awaited_by(awaiting: names.AnyTask) -> list[names.AnyTask]:
    """Give the tasks that a task is recorded to await, from 3.14 on."""
    tasks = asyncio.all_tasks(awaiting.get_loop())
    known = [task for task in tasks if awaiting in (names.AWAITED_BY.get(task) or ())]
    return sorted(known, key=by_name)


def awaited_tasks(task: names.AnyTask) -> list[names.AnyTask]:
    """Give the tasks that a cancellation of this one is passed on to."""
    waiter = names.WAITER.get(task)
    awaited = (waiter, *(names.CHILDREN.get(waiter) or ()))
    return [each for each in awaited if isinstance(each, TASKS) and not each.done()]


def is_cleaning_up(task: names.AnyTask) -> bool:
    """Tell whether a suspended task still handles a cancellation.

    That is in an ``except``, a ``finally`` or an ``__aexit__``: there the coroutine
    keeps the error. One that caught the error and went on keeps it no more, unless a
    variable does. Code in a greenlet, as SQLAlchemy's, does not show what it handles;
    it is taken to clean up.
    """
    kept = [
        each
        for awaited, frame in _chain(task)
        for each in gc.get_referents(awaited, frame)  # a frame's variables on 3.10
    ]
    return any(_is_cancellation(each) or _is_greenlet(each) for each in kept)


def _is_greenlet(kept: object) -> bool:
    return any(kind.__name__ == "greenlet" for kind in type(kept).__mro__)


def _is_cancellation(kept: object) -> bool:
    """Tell whether something is a cancellation, or came while one was handled."""
    while isinstance(kept, BaseException):
        if isinstance(kept, asyncio.CancelledError):
            return True
        kept = kept.__context__
    return False


_MOST = 5


def _listed(awaited: Sequence[names.AnyFuture]) -> str:
    more = f" and {len(awaited) - _MOST} more" if len(awaited) > _MOST else ""
    return f"{', '.join(map(_child, awaited[:_MOST]))}{more}"


def _is_asyncios(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == "asyncio"


def _called(within: Sequence[FrameType]) -> str:
    """Name what was called of asyncio's, by the innermost frame that people know."""
    if any(frame.f_code.co_name == names.WAIT_FOR_ONE.name for frame in within):
        return "asyncio.as_completed"
    known = (frame for frame in within if not _is_private(frame.f_code.co_name))
    return _asyncio_name(next(known, within[0]))


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _asyncio_name(frame: FrameType) -> str:
    # Its primitives wait in methods; the class is not in the code's name on 3.10.
    owner = frame.f_locals.get("self")
    if owner is None:
        return _frame_of(frame).qualified
    return f"asyncio.{type(owner).__qualname__}.{frame.f_code.co_name}"


def _child(child: names.AnyFuture) -> str:
    if isinstance(child, TASKS):
        return f"task {task_label(child)!r}"
    return f"a {type(child).__name__.lstrip('_')}"


def _primitive(task: names.AnyTask, innermost_first: list[FrameType]) -> str:
    """Name asyncio's own call, and what it waits for there, where that is known."""
    within = [*takewhile(_is_asyncios, innermost_first)]
    called = _called(within)
    for frame in within:
        owner = frame.f_locals.get("self")
        if isinstance(owner, asyncio.Event):
            return _joined(within) or f"{called}, which nobody has set"
        # A task that was notified and wants the lock back stands in `Lock.acquire`.
        if isinstance(owner, asyncio.Condition):
            return f"{called}, which nobody has notified"
        if isinstance(owner, (asyncio.Lock, asyncio.Semaphore)):
            return f"{called}, held by {_holders(owner, task)}"
    awaited = _awaited_by(task)
    return f"{called} of {_listed(awaited)}" if awaited else called


def _joined(within: Sequence[FrameType]) -> str:
    """Tell of a queue that is joined: its last item sets an event of its own."""
    for frame in within:
        queue = frame.f_locals.get("self")
        if isinstance(queue, asyncio.Queue):
            left = names.UNFINISHED.get(queue)
            told = "" if left is None else f", {many(left, 'item')} without task_done()"
            return _asyncio_name(frame) + told
    return ""


def _holders(lock: _Lock, waiting: names.AnyTask) -> str:
    """Name the tasks that are inside of an ``async with`` on a lock.

    asyncio does not record who holds one. But a coroutine that is suspended in a
    ``with`` block keeps, on its stack of values, the exit that it will call.
    """
    tasks = sorted(asyncio.all_tasks(waiting.get_loop()), key=by_name)
    told = [
        "itself" if task is waiting else f"task {task_label(task)!r}"
        for task in tasks
        if _holds(task, lock)
    ]
    return ", ".join(told) or "a task that asyncio does not record"


def _holds(task: names.AnyTask, lock: _Lock) -> bool:
    chain = list(_chain(task))
    exits: int = sum(
        getattr(kept, "__name__", "") == "__aexit__" and _is_on(owner, lock)
        for awaited, frame in chain
        for kept, owner in _exits(gc.get_referents(awaited, frame))  # a frame's on 3.10
    )
    # Whoever waits to enter has the exit on its stack already, and who waits to be
    # notified has it still.
    waits = any(
        frame.f_code.co_name in ("__aenter__", "wait")
        and _is_on(frame.f_locals.get("self"), lock)
        for _, frame in chain
    )
    return exits > waits


def _exits(kept: Sequence[object]) -> Iterator[tuple[object, object]]:
    """Give each method that is kept, and whose it is."""
    for each, beside in zip(kept, [*kept[1:], None], strict=True):
        if isinstance(each, MethodType):
            yield each, each.__self__
        elif isinstance(each, FunctionType):
            yield each, beside  # from 3.14 on they lie side by side


def _is_on(owner: object, lock: _Lock) -> bool:
    # A condition is entered through its lock.
    return owner is lock or (
        isinstance(owner, asyncio.Condition)
        and names.LOCK_OF_CONDITION.get(owner) is lock
    )
