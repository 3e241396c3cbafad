"""Private names of asyncio and concurrent.futures: one row each, and the way to it.

asyncio tells nobody in public who is in its queue or what a task waits for. So some
of its private attributes are read, and a few are replaced. Each has a row here that
says what for, and what is lost where a loop or a Python has it no more; the rest of
the package goes through the rows. Three modules read an attribute thousands of times
in a test, and do so in plain sight, by the protocols below. A contract test fails on
every other use, and tries each row on each Python.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    import queue
    import socket
    import threading
    from collections import deque
    from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
    from contextvars import Context
    from selectors import BaseSelector
    from traceback import FrameSummary
    from types import ModuleType

__all__ = [
    "ACCEPT",
    "ARGS",
    "ASYNC_GENERATORS",
    "AWAITED_BY",
    "CALLBACK",
    "CANCEL_ALL",
    "CHILDREN",
    "CLOCK_RESOLUTION",
    "CONTEXT",
    "COROUTINE",
    "DEFAULT_EXECUTOR",
    "ENDS_A_SLEEP",
    "EXCEPTION",
    "HANDLE_LOOP",
    "IDLE_SEMAPHORE",
    "IS_COROUTINE",
    "LOCK_OF_CONDITION",
    "LOG_PENDING",
    "MANAGER_THREAD",
    "MUST_CANCEL",
    "PROACTOR",
    "PY_TASK",
    "READY",
    "RUN",
    "RUNNING_LOOP",
    "RUN_ONCE",
    "SCHEDULED",
    "SELECTOR",
    "SEMAPHORE_VALUE",
    "SHUTDOWN",
    "SIGNAL_HANDLERS",
    "SOCKET_TRANSPORT",
    "SOURCE_TRACEBACK",
    "SSOCK",
    "THREADS",
    "THREAD_ID",
    "TRANSPORT_LOOP",
    "TRANSPORT_SERVER",
    "UNFINISHED",
    "UNREGISTER",
    "UNSEEN",
    "WAITER",
    "WAIT_FOR_ONE",
    "WORKER",
    "WORK_QUEUE",
    "AnyCoroutine",
    "AnyFuture",
    "AnyTask",
    "Handle",
    "Loop",
    "PrivateName",
    "Runner",
    "Step",
    "first_missing",
    "running_loop",
]

Owner = TypeVar("Owner", contravariant=True)
Value = TypeVar("Value")

AnyTask = asyncio.Task[Any]
"""A task, whatever it comes to."""

AnyCoroutine = Coroutine[Any, Any, Any]
"""What a task can be made of, whatever it comes to."""

AnyFuture = asyncio.Future[Any]
"""A future, or a task, whatever it comes to."""


class Step(Protocol):
    """What a loop runs between two returns to itself, as reports read it."""

    @property
    def _callback(self) -> Callable[..., object]: ...


class Handle(Step, Protocol):
    """A callback in the queue of one of asyncio's loops, as its runners read it."""

    @property
    def _loop(self) -> asyncio.AbstractEventLoop: ...
    @property
    def _args(self) -> Sequence[object]: ...
    @property
    def _context(self) -> Context: ...
    def cancelled(self) -> bool: ...
    def _run(self) -> object: ...


class Loop(Protocol):
    """One of asyncio's own loops, as what looks at it in each of its turns reads it."""

    @property
    def _ready(self) -> deque[Handle]: ...
    @property
    def _scheduled(self) -> Sequence[asyncio.TimerHandle]: ...


Runner = Callable[[Handle], None]
"""What stands in for ``Handle._run``."""


class PrivateName(Generic[Owner, Value]):
    """A private attribute of somebody else's: a row of the table, and the way to it.

    Args:
        owner: where it lives, as it is imported: a class, or a module.
        name: how the attribute is called.
        kind: what it is an instance of.
        use: what it is read or replaced for.
        without: what is lost where it is missing.
        system: the one system that has it.
        since: the first Python that has it.
    """

    __slots__ = ("kind", "name", "owner", "since", "system", "use", "without")

    def __init__(
        self,
        owner: str,
        name: str,
        kind: str,
        *,
        use: str,
        without: str,
        system: Literal["unix", "windows"] | None = None,
        since: tuple[int, int] = (3, 10),
    ) -> None:
        self.owner = owner
        self.name = name
        self.kind = kind
        self.use = use
        self.without = without
        self.system = system
        self.since = since

    def __repr__(self) -> str:
        return f"{self.owner}.{self.name}"

    def is_on(self, thing: Owner) -> bool:
        """Tell whether `thing` has it."""
        return hasattr(thing, self.name)

    def of(self, thing: Owner) -> Value:
        """Give the attribute of `thing`.

        Raises:
            AttributeError: it has none.
        """
        value: Value = getattr(thing, self.name)
        return value

    def get(self, thing: Owner) -> Value | None:
        """Give the attribute of `thing`, or None where it has none."""
        value: Value | None = getattr(thing, self.name, None)
        return value

    def put(self, thing: Owner, value: Value) -> None:
        """Set the attribute of `thing` for good."""
        setattr(thing, self.name, value)

    def replace(self, thing: Owner, value: Value) -> Undo:
        """Set the attribute of `thing`; the returned call restores what was there."""
        return replace(thing, self.name, value)


def first_missing(
    loop: asyncio.AbstractEventLoop,
    needed: Iterable[PrivateName[asyncio.AbstractEventLoop, Any]],
) -> str | None:
    """Give the first of the names that a loop lacks, or None."""
    return next((each.name for each in needed if not each.is_on(loop)), None)


# ------------------------------------------------------------------- loops

READY: PrivateName[asyncio.AbstractEventLoop, deque[Handle]] = PrivateName(
    "asyncio.BaseEventLoop",
    "_ready",
    "collections.deque",
    use="who puts whom into the queue, and how many stand in it",
    without="tasks are not followed, so there is no speedup; no virtual time; "
    "how many callbacks a stall held up is not told",
)
SCHEDULED: PrivateName[asyncio.AbstractEventLoop, Sequence[asyncio.TimerHandle]] = (
    PrivateName(
        "asyncio.BaseEventLoop",
        "_scheduled",
        "list",
        use="which timers are late, and when the next one is due",
        without="no virtual time; which timers a stall held up is not told, nor that "
        "one was set while freeze_time stood",
    )
)
SELECTOR: PrivateName[asyncio.AbstractEventLoop, BaseSelector] = PrivateName(
    "asyncio.SelectorEventLoop",
    "_selector",
    "selectors.BaseSelector",
    use="when the loop rests and when it goes on; the proactor's loop has it, too",
    without="waiting looks like a long step, so the loop is not watched at all",
)
SSOCK: PrivateName[asyncio.AbstractEventLoop, socket.socket] = PrivateName(
    "asyncio.SelectorEventLoop",
    "_ssock",
    "socket.socket",
    use="the pipe that wakes the loop, which is nobody's connection",
    without="no virtual time",
)
PROACTOR: PrivateName[asyncio.AbstractEventLoop, object] = PrivateName(
    "asyncio.ProactorEventLoop",
    "_proactor",
    "asyncio.IocpProactor",
    use="whether the loop waits for completions, which virtual time refuses",
    without="it is refused as a loop of an unknown kind",
    system="windows",
)
SIGNAL_HANDLERS: PrivateName[asyncio.AbstractEventLoop, dict[int, asyncio.Handle]] = (
    PrivateName(
        "asyncio.SelectorEventLoop",
        "_signal_handlers",
        "dict",
        use="whether a signal may wake a loop in virtual time",
        without="a test that waits for a signal is taken for a deadlock",
        system="unix",
    )
)
ASYNC_GENERATORS: PrivateName[asyncio.AbstractEventLoop, Collection[object]] = (
    PrivateName(
        "asyncio.BaseEventLoop",
        "_asyncgens",
        "weakref.WeakSet",
        use="whether a loop has any to shut down, which takes a task and a few turns",
        without="those that a run under a schedule has left are not shut down",
    )
)
CLOCK_RESOLUTION: PrivateName[asyncio.AbstractEventLoop, float] = PrivateName(
    "asyncio.BaseEventLoop",
    "_clock_resolution",
    "float",
    use="how much too early a timer may run: in virtual time next to nothing",
    without="on Windows timers of one moment in virtual time may run in two turns",
)
THREAD_ID: PrivateName[asyncio.AbstractEventLoop, int | None] = PrivateName(
    "asyncio.BaseEventLoop",
    "_thread_id",
    "int | None",
    use="whether the virtual clock is moved from another thread than its loop's",
    without="no virtual time",
)
RUN_ONCE: PrivateName[
    type[asyncio.AbstractEventLoop] | asyncio.AbstractEventLoop, FunctionType
] = PrivateName(
    "asyncio.BaseEventLoop",
    "_run_once",
    "types.FunctionType",
    use="the frame under all that a loop does, between two steps as well; a loop whose "
    "steps are run by something else rests where nobody sees it",
    without="calls that finalizers and signal handlers make are not recorded, and a "
    "loop's tasks are not followed",
)
RUNNING_LOOP: PrivateName[
    ModuleType, Callable[[], asyncio.AbstractEventLoop | None]
] = PrivateName(
    "asyncio",
    "_get_running_loop",
    "types.BuiltinFunctionType",
    use="whether a loop runs in this thread, asked at each wrapped call; the public "
    "one raises an exception where none does",
    without="no call is watched",
)

# ------------------------------------------------------------------- steps

# Of the class, or of what stands in for it; see `passages`.
RUN: PrivateName[object, Runner] = PrivateName(
    "asyncio.Handle",
    "_run",
    "types.FunctionType",
    use="replaced: a step begins and ends here",
    without="no loop of asyncio's is watched",
)
HANDLE_LOOP: PrivateName[Handle, asyncio.AbstractEventLoop] = PrivateName(
    "asyncio.Handle",
    "_loop",
    "asyncio.AbstractEventLoop",
    use="whose step it is",
    without="no loop of asyncio's is watched",
)
CALLBACK: PrivateName[Step, Callable[..., object]] = PrivateName(
    "asyncio.Handle",
    "_callback",
    "collections.abc.Callable",
    use="run in a step, whose task or function it tells",
    without="no loop of asyncio's is watched",
)
SOURCE_TRACEBACK: PrivateName[asyncio.Handle | AnyFuture, list[FrameSummary] | None] = (
    PrivateName(
        "asyncio.Handle",
        "_source_traceback",
        "list | None",
        use="where it was made, as asyncio tells it in debug mode; less our own frames",
        without="asyncio's debug mode says that timers and tasks were created by us",
    )
)
ARGS: PrivateName[Handle, Sequence[object]] = PrivateName(
    "asyncio.Handle",
    "_args",
    "collections.abc.Sequence",
    use="what the callback is called with in a step",
    without="no loop of asyncio's is watched",
)
CONTEXT: PrivateName[Step, Context] = PrivateName(
    "asyncio.Handle",
    "_context",
    "contextvars.Context",
    use="the callback runs in it, and it tells the strand that a task was started by",
    without="no loop of asyncio's is watched",
)

ENDS_A_SLEEP: PrivateName[ModuleType, Callable[..., object]] = PrivateName(
    "asyncio.futures",
    "_set_result_unless_cancelled",
    "types.FunctionType",
    use="the callback of the timer of `asyncio.sleep`, which only wakes its task: no "
    "schedule of its own",
    without="no schedule but asyncio's own can be tried",
)

# ------------------------------------------------------------------- tasks

PY_TASK: PrivateName[ModuleType, type[AnyTask]] = PrivateName(
    "asyncio.tasks",
    "_PyTask",
    "type",
    use="the task that is written in Python; 3.10's backport of Runner is of it",
    without="steps of such tasks are taken for plain callbacks",
)
UNSEEN: PrivateName[AnyTask, bool] = PrivateName(
    "asyncio.Task",
    "_log_traceback",
    "bool",
    use="whether nobody has looked at the exception that a task ended with",
    without="a background task that died is told of where it is collected in the test",
)
EXCEPTION: PrivateName[AnyFuture, BaseException | None] = PrivateName(
    "asyncio.Task",
    "_exception",
    "BaseException | None",
    use="that exception, without being the one who has looked",
    without="a background task that died is told of where it is collected in the test",
)
COROUTINE: PrivateName[AnyTask, object] = PrivateName(
    "asyncio.Task",
    "_coro",
    "object",
    use="what a task runs; on 3.12.1 get_coro() crashes where an eager one is over",
    without="tasks are told by their names alone",
)
# Of the module, and of each function that is marked with it.
IS_COROUTINE: PrivateName[object, object] = PrivateName(
    "asyncio.coroutines",
    "_is_coroutine",
    "object",
    use="set, up to Python 3.11: what stands in for a coroutine function is one",
    without="mock.patch takes asyncio.to_thread for a plain function there",
)
CANCEL_ALL: PrivateName[ModuleType, FunctionType] = PrivateName(
    "asyncio.runners",
    "_cancel_all_tasks",
    "types.FunctionType",
    use="the frame of who closes a loop and waits for its tasks to end",
    without="the closing of a loop may wait for ever after a broken budget",
)
WAITER: PrivateName[AnyTask, AnyFuture | None] = PrivateName(
    "asyncio.Task",
    "_fut_waiter",
    "asyncio.Future | None",
    use="what a task awaits",
    without="what a task waits for when its budget ends is told by its frames alone",
)
MUST_CANCEL: PrivateName[AnyTask, bool] = PrivateName(
    "asyncio.Task",
    "_must_cancel",
    "bool",
    use="whether a task that waits for none was told to end",
    without="who waits for such a task, and takes its own cancellation for that one's, "
    "is said to have swallowed it",
)
UNREGISTER: PrivateName[ModuleType, Callable[[AnyTask], None]] = PrivateName(
    "asyncio",
    "_unregister_task",
    "types.BuiltinFunctionType",
    use="whoever closes a loop waits for all tasks that are registered; one that "
    "outlived its test's end must not be waited for",
    without="the closing of a loop may wait for ever for such a task",
)
LOG_PENDING: PrivateName[AnyTask, bool] = PrivateName(
    "asyncio.Task",
    "_log_destroy_pending",
    "bool",
    use="such a task has been told of, and is no surprise when it goes",
    without="asyncio logs that such a task was destroyed",
)
AWAITED_BY: PrivateName[AnyTask, Collection[AnyFuture]] = PrivateName(
    "asyncio.Task",
    "_asyncio_awaited_by",
    "set | frozenset | None",
    use="whom a group, wait, as_completed and shield wait for",
    without="these are told by their own names only",
    since=(3, 14),
)
WAIT_FOR_ONE: PrivateName[ModuleType, FunctionType] = PrivateName(
    "asyncio.tasks._AsCompletedIterator",
    "_wait_for_one",
    "types.FunctionType",
    use="the frame of who waits in as_completed; up to 3.12 a function within that",
    without="such a task is said to wait for an item of a queue",
    since=(3, 13),
)
CHILDREN: PrivateName[AnyFuture | None, Sequence[AnyFuture]] = PrivateName(
    "asyncio.tasks._GatheringFuture",
    "_children",
    "list",
    use="what asyncio.gather waits for",
    without="whoever awaits a gather is said to wait for a future",
)
LOCK_OF_CONDITION: PrivateName[asyncio.Condition, asyncio.Lock] = PrivateName(
    "asyncio.Condition",
    "_lock",
    "asyncio.Lock",
    use="who holds a condition, which is entered through its lock",
    without="who holds a condition is not told",
)
SEMAPHORE_VALUE: PrivateName[asyncio.Semaphore, int] = PrivateName(
    "asyncio.Semaphore",
    "_value",
    "int",
    use="how many places of it are taken",
    without="a place that a cancelled task has kept is not told of",
)
UNFINISHED: PrivateName[asyncio.Queue[Any], int] = PrivateName(
    "asyncio.Queue",
    "_unfinished_tasks",
    "int",
    use="for how many items nobody has called task_done()",
    without="an item that a cancelled task has taken is not told of",
)

# -------------------------------------------------------------- connections

SOCKET_TRANSPORT: PrivateName[ModuleType, type[asyncio.Transport]] = PrivateName(
    "asyncio.selector_events",
    "_SelectorSocketTransport",
    "type",
    use="its writes are noted: they tell who woke the other end of a connection",
    without="a server and its clients in one loop are taken for strangers",
)
TRANSPORT_LOOP: PrivateName[asyncio.Transport, asyncio.AbstractEventLoop] = PrivateName(
    "asyncio.selector_events._SelectorSocketTransport",
    "_loop",
    "asyncio.AbstractEventLoop",
    use="whose connection it is",
    without="a server and its clients in one loop are taken for strangers",
)
TRANSPORT_SERVER: PrivateName[asyncio.Transport, asyncio.Server | None] = PrivateName(
    "asyncio.selector_events._SelectorSocketTransport",
    "_server",
    "asyncio.Server | None",
    use="whether a connection was accepted, and what comes is a request",
    without="what a server that a task has started does for another one is taken for "
    "work of that task's own",
)

ACCEPT: PrivateName[asyncio.AbstractEventLoop, Callable[..., AnyCoroutine]] = (
    PrivateName(
        "asyncio.SelectorEventLoop",
        "_accept_connection2",
        "types.FunctionType",
        use="replaced: a connection that is accepted once its server was closed is "
        "closed, too; asyncio loses it",
        without="such a connection is told of as left open by who was cancelled",
    )
)

# --------------------------------------------------------------- executors

DEFAULT_EXECUTOR: PrivateName[asyncio.AbstractEventLoop, Executor | None] = PrivateName(
    "asyncio.BaseEventLoop",
    "_default_executor",
    "concurrent.futures.Executor | None",
    use="whether a job with no executor of its own goes to another interpreter",
    without="one that does fails under a budget: no other interpreter can be given "
    "what notes when it began",
)
WORKER: PrivateName[ModuleType, FunctionType] = PrivateName(
    "concurrent.futures.thread",
    "_worker",
    "types.FunctionType",
    use="the frame of an executor's thread, with its job in `work_item`",
    without="whether an executor's thread is idle can't be told: each end of one is "
    "a blocking call, and holds up virtual time",
)
THREADS: PrivateName[ThreadPoolExecutor, set[threading.Thread]] = PrivateName(
    "concurrent.futures.ThreadPoolExecutor",
    "_threads",
    "set",
    use="which threads an executor has",
    without="as without the worker",
)
WORK_QUEUE: PrivateName[ThreadPoolExecutor, queue.SimpleQueue[object]] = PrivateName(
    "concurrent.futures.ThreadPoolExecutor",
    "_work_queue",
    "queue.SimpleQueue",
    use="whether a job waits for a thread",
    without="as without the worker",
)
SHUTDOWN: PrivateName[ThreadPoolExecutor, bool] = PrivateName(
    "concurrent.futures.ThreadPoolExecutor",
    "_shutdown",
    "bool",
    use="whether what stands in the queue only tells the threads to end",
    without="as without the worker",
)
IDLE_SEMAPHORE: PrivateName[ThreadPoolExecutor, threading.Semaphore] = PrivateName(
    "concurrent.futures.ThreadPoolExecutor",
    "_idle_semaphore",
    "threading.Semaphore",
    use="how many threads have no job, also from 3.13 on, where jobs pass the queue",
    without="virtual time may jump while a job is being handed over",
)
MANAGER_THREAD: PrivateName[ProcessPoolExecutor, threading.Thread | None] = PrivateName(
    "concurrent.futures.ProcessPoolExecutor",
    "_executor_manager_thread",
    "threading.Thread | None",
    use="whether an executor has started a process",
    without="the end of one that was never used is a blocking call",
)

# Held here, so that neither our wrappers nor anybody's patches come in between.
running_loop = RUNNING_LOOP.of(asyncio)
