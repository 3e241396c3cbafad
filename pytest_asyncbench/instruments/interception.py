"""Rules → wrappers: see known blocking calls on the thread of a running loop.

Each target is replaced by a wrapper that goes straight through unless somebody
listens and the calling thread runs a loop. What a test promised, and what a call
means for it, is not known here.

Problem: some targets cannot be replaced where they stand.

- A function written in C is no descriptor, so ``class Backoff: sleep = time.sleep``
  works and must go on working. It is replaced by an object, not by a function.
- A type written in C must not be written to. `sqlite3.connect` hands out a
  subclass; `socket.socket` is a Python subclass already, and takes the wrappers.
- `threading.Lock` makes objects of a C type that cannot be subclassed. See "Locks".

What still fails: a reference that was taken before `install` and is held elsewhere
than in a module (a default argument, a closure) calls the original; one that was
taken while wrapped keeps a wrapper that has fallen silent.
"""

from __future__ import annotations

import _thread
import asyncio
import concurrent.futures.thread
import contextlib
import fnmatch
import functools
import importlib
import inspect
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pytest_asyncbench._rules import ABSENT_SOMEWHERE, NEVER_FROM, NEVER_WITHIN
from pytest_asyncbench._undo import Undo, replace

if TYPE_CHECKING:
    from pytest_asyncbench._clock import Clock
    from pytest_asyncbench._model import Rule

__all__ = ["PREDICATES", "Interception", "Listener", "Undo"]

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Predicate = Callable[[Args, Kwargs], bool]
Call = Callable[..., Any]

# Held here, so that neither our wrappers nor anybody's patches come in between.
_running_loop = asyncio._get_running_loop
_this_thread = threading.get_ident
_WORKER_CODE = concurrent.futures.thread._worker.__code__

_PACKAGE = __name__.partition(".")[0]
_MOST_FAILURES = 20
_POSITION_OF_FACTORY = 5  # among the arguments of sqlite3.connect


class Listener(Protocol):
    """Who is told of blocking calls, on the thread that made them."""

    def __call__(
        self, rule: Rule, began: float, seconds: float, frame: FrameType
    ) -> None:
        """Take note of a call; `frame` is the caller of the wrapped function."""


# -------------------------------------------------------------- predicates
#
# Each tells from a call's arguments, before it is made, that it cannot wait. What
# is asked of an object must not change it, nor wait itself.


def _argument(
    args: Args, kwargs: Kwargs, position: int, name: str, default: Any
) -> Any:
    return args[position] if len(args) > position else kwargs.get(name, default)


def _is_zero(timeout: Any) -> bool:
    return timeout is not None and timeout <= 0


def _zero_sleep(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0] <= 0)


def _zero_timeout(args: Args, kwargs: Kwargs) -> bool:
    return _is_zero(_argument(args, kwargs, 1, "timeout", None))


def _zero_select(args: Args, kwargs: Kwargs) -> bool:
    return _is_zero(_argument(args, kwargs, 3, "timeout", None))


def _nonblocking(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].gettimeout() == 0)


def _nonblocking_or_datagram(args: Args, kwargs: Kwargs) -> bool:
    # A datagram is put into a buffer and a datagram socket's connect only notes
    # the peer, so statsd clients and the like are no wait; but a name is looked up.
    sock = args[0]
    if sock.gettimeout() == 0:
        return True
    if sock.type != socket.SOCK_DGRAM:
        return False
    addresses = [value for value in args[1:] if isinstance(value, tuple)]
    return all(_is_numeric(address[0]) for address in addresses)


def _is_numeric(host: Any) -> bool:
    if not host:
        return True
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, text.partition("%")[0])
            return True
    return False


def _numeric_host(args: Args, kwargs: Kwargs) -> bool:
    flags: int = _argument(args, kwargs, 5, "flags", 0)
    if flags & socket.AI_NUMERICHOST:
        return True
    return _is_numeric(_argument(args, kwargs, 0, "host", None))


def _numeric_name(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[1] & socket.NI_NUMERICHOST)


def _process_over(args: Args, kwargs: Kwargs) -> bool:
    # poll() collects a child that has ended, as wait() would a moment later.
    timeout = _argument(args, kwargs, 1, "timeout", None)
    return _is_zero(timeout) or args[0].poll() is not None


def _process_read_out(args: Args, kwargs: Kwargs) -> bool:
    process = args[0]
    pipes = (process.stdin, process.stdout, process.stderr)
    return process.poll() is not None and all(p is None or p.closed for p in pipes)


def _no_hang(args: Args, kwargs: Kwargs) -> bool:
    # All of the wait family take their options last.
    options: int = args[-1] if args else kwargs["options"]
    return bool(options & os.WNOHANG)


def _spawn_without_wait(args: Args, kwargs: Kwargs) -> bool:
    return bool(_argument(args, kwargs, 0, "mode", os.P_WAIT) != os.P_WAIT)


def _moment() -> float:
    # A lock that guards a few instructions may be caught in the act, and a thread
    # that has reported its result be on its last ones. They are through as soon as
    # they get their turn, so to report these would make suites with threads flaky.
    # Who lost a turn to us and one to another has it again after two intervals.
    return 2 * sys.getswitchinterval()


def _free_lock(args: Args, kwargs: Kwargs) -> bool:
    lock, blocking, timeout = args
    if not blocking or timeout == 0:
        return True
    free = lock._acquire(False) or (timeout < 0 and lock._acquire(True, _moment()))
    if free:
        lock.release()
    return bool(free)


def _event_set(args: Args, kwargs: Kwargs) -> bool:
    return args[0].is_set() or _zero_timeout(args, kwargs)


def _semaphore_free(args: Args, kwargs: Kwargs) -> bool:
    if not _argument(args, kwargs, 1, "blocking", True):
        return True
    return args[0]._value > 0 or _is_zero(_argument(args, kwargs, 2, "timeout", None))


def _last_at_barrier(args: Args, kwargs: Kwargs) -> bool:
    barrier = args[0]
    return bool(barrier.broken or barrier.n_waiting + 1 >= barrier.parties)


def _thread_over(args: Args, kwargs: Kwargs) -> bool:
    thread, timeout = args[0], _argument(args, kwargs, 1, "timeout", None)
    if timeout is None and thread.is_alive():
        thread.join(_moment())
    return _is_zero(timeout) or not thread.is_alive()


def _zero_get(args: Args, kwargs: Kwargs) -> bool:
    if not _argument(args, kwargs, 1, "block", True):
        return True
    return _is_zero(_argument(args, kwargs, 2, "timeout", None))


def _queue_has_item(args: Args, kwargs: Kwargs) -> bool:
    return _zero_get(args, kwargs) or args[0].qsize() > 0


def _queue_has_room(args: Args, kwargs: Kwargs) -> bool:
    queue = args[0]
    if not 0 < queue.maxsize <= queue.qsize():
        return True
    if not _argument(args, kwargs, 2, "block", True):
        return True
    return _is_zero(_argument(args, kwargs, 3, "timeout", None))


def _queue_done(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].unfinished_tasks == 0)


def _future_done(args: Args, kwargs: Kwargs) -> bool:
    return args[0].done() or _zero_timeout(args, kwargs)


def _futures_done(args: Args, kwargs: Kwargs) -> bool:
    if _zero_timeout(args, kwargs):
        return True
    futures = _argument(args, kwargs, 0, "fs", ())
    if not isinstance(futures, (list, tuple, set, frozenset, dict)):
        return False  # an iterator would be used up by looking
    when = _argument(args, kwargs, 2, "return_when", "ALL_COMPLETED")
    return (all if when == "ALL_COMPLETED" else any)(each.done() for each in futures)


def _executor_at_rest(args: Args, kwargs: Kwargs) -> bool:
    # ``with ThreadPoolExecutor()`` around awaited jobs is good code, and its end
    # finds workers that are idle, or still on their way back from such a job.
    if not _argument(args, kwargs, 1, "wait", True):
        return True
    executor = args[0]
    workers = [thread for thread in executor._threads if thread.is_alive()]
    queued = not (executor._work_queue.empty() or executor._shutdown)
    return not workers or not (queued or any(map(_has_a_job, workers)))


def _has_a_job(worker: threading.Thread) -> bool:
    # The executor's own count of idle threads is too high up to Python 3.11, and the
    # thread is not yet counted when whoever awaited the job goes on. The worker's
    # main loop knows which job it has, and the job's future whether it is done.
    frame = sys._current_frames().get(worker.ident or 0)
    while frame is not None and frame.f_code is not _WORKER_CODE:
        frame = frame.f_back
    job = None if frame is None else frame.f_locals.get("work_item")
    return job is not None and not job.future.done()


def _executor_without_processes(args: Args, kwargs: Kwargs) -> bool:
    if not _argument(args, kwargs, 1, "wait", True):
        return True
    return args[0]._executor_manager_thread is None


def _message_here(args: Args, kwargs: Kwargs) -> bool:
    return bool(args[0].poll(0))


def _file_lock_tried(args: Args, kwargs: Kwargs) -> bool:
    fcntl = sys.modules["fcntl"]  # absent on Windows, as are the rules that ask this
    return bool(args[1] & (fcntl.LOCK_NB | fcntl.LOCK_UN))


def _file_descriptor(args: Args, kwargs: Kwargs) -> bool:
    return bool(args) and isinstance(args[0], int)


PREDICATES: dict[str, Predicate] = {
    predicate.__name__.lstrip("_"): predicate
    for predicate in (
        _event_set,
        _executor_at_rest,
        _executor_without_processes,
        _file_descriptor,
        _file_lock_tried,
        _free_lock,
        _future_done,
        _futures_done,
        _last_at_barrier,
        _message_here,
        _no_hang,
        _nonblocking,
        _nonblocking_or_datagram,
        _numeric_host,
        _numeric_name,
        _process_over,
        _process_read_out,
        _queue_done,
        _queue_has_item,
        _queue_has_room,
        _semaphore_free,
        _spawn_without_wait,
        _thread_over,
        _zero_get,
        _zero_select,
        _zero_sleep,
        _zero_timeout,
    )
}


# ----------------------------------------------------------------- callers

# These run a step: nothing beyond them has to do with the call.
_STEP_RUNNERS = frozenset(
    {
        ("asyncio.events", "_run"),
        ("asyncio.base_events", "_run_once"),
        ("asyncio.base_events", "run_forever"),
        ("asyncio.base_events", "run_until_complete"),
        ("asyncio.runners", "run"),
        ("_pytest.python", "pytest_pyfunc_call"),
    }
)


def _one_pattern(globs: Iterable[str]) -> re.Pattern[str]:
    # Without globs this is the pattern that matches nothing.
    return re.compile("|".join(map(fnmatch.translate, globs)) or r"(?!)")


_never_from = _one_pattern(NEVER_FROM)
_never_within = _one_pattern(NEVER_WITHIN)


def _is_standard(frame: FrameType) -> bool:
    return _top(_module_name(frame)) in sys.stdlib_module_names


def _module_name(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))  # exec() may put anything there


def _top(module: str) -> str:
    return module.partition(".")[0]


def _is_allowed(row: _Row, frame: FrameType | None) -> bool:
    """Look through the callers, from `frame` outwards to the step's own."""
    near = True
    while frame is not None:
        module = _module_name(frame)
        if _top(module) != _PACKAGE:
            code = frame.f_code
            caller = f"{module}.{getattr(code, 'co_qualname', code.co_name)}"
            if _never_within.match(caller):
                return True
            if near and (_never_from.match(caller) or row.allowed.match(caller)):
                return True
            if (module, code.co_name) in _STEP_RUNNERS:
                return False
            near = near and _is_standard(frame)
        frame = frame.f_back
    return False


# ---------------------------------------------------------------- wrappers


@dataclass(slots=True)
class _Row:
    """A rule, made ready to be asked; `on` while its family is listened to."""

    rule: Rule
    harmless: Predicate | None
    allowed: re.Pattern[str]
    on: bool = False


Watch = Callable[[_Row, Call, Args, Kwargs], Any]


def _watched(row: _Row, call: Call, watch: Watch) -> Call:
    """Give `call` as it looks to its callers; the one hot path of this module."""

    def watched(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if row.on and _running_loop() is not None:
            return watch(row, call, args, kwargs)
        # To pass on an empty dict would cost a fifth of the whole wrapper.
        return call(*args, **kwargs) if kwargs else call(*args)

    return watched


class _Builtin:
    """Stands where a function written in C stood, and binds no more than it did.

    `__call__` is the slot's own descriptor, so that a call goes on to the wrapped
    function without a frame in between.
    """

    __slots__ = ("__dict__", "_call")

    def __init__(self, call: Call, original: Call, module: str) -> None:
        self._call = call
        functools.update_wrapper(self, original)  # type: ignore[arg-type]  # callable below
        # Where it can be found, for pickle: os.stat says that it is posix.stat.
        self.__module__ = module
        self.__qualname__ = getattr(original, "__qualname__", "")

    def __reduce__(self) -> str:
        return self.__qualname__

    def __repr__(self) -> str:
        return repr(vars(self)["__wrapped__"])


# mypy sees a method added to a class, which is what this is.
_Builtin.__call__ = _Builtin.__dict__["_call"]  # type: ignore[method-assign]


class _Seam(NamedTuple):
    """Where a target stands, and what stands there."""

    owner: Any
    name: str
    raw: Any

    def dressed(self, call: Call) -> Any:
        """Give `call` the looks of what it replaces."""
        if isinstance(self.raw, (staticmethod, classmethod)):
            return type(self.raw)(functools.wraps(self.raw.__func__)(call))
        if isinstance(self.owner, type):
            # What a type in C offers has no module of its own.
            call.__module__ = self.owner.__module__
            return functools.wraps(self.raw)(call)
        if isinstance(self.raw, FunctionType):
            return functools.wraps(self.raw)(call)
        return _Builtin(call, self.raw, self.owner.__name__)

    @property
    def function(self) -> Call:
        """What is called in the end."""
        raw = self.raw
        is_bound_late = isinstance(raw, (staticmethod, classmethod))
        return raw.__func__ if is_bound_late else raw  # type: ignore[no-any-return]

    def put(self, value: Any) -> Undo:
        """Set `value` here, and under each other name that the class gives this."""
        names = [self.name]
        if isinstance(self.owner, type):
            # threading.Semaphore.__enter__ is its acquire.
            names += [
                name
                for name, other in vars(self.owner).items()
                if other is self.raw and name != self.name
            ]
        with ExitStack() as undo:
            for name in names:
                undo.callback(replace(self.owner, name, value))
            return undo.pop_all().close


class _CannotWrapError(Exception):
    """A target that has no seam on this interpreter; the text says why."""


class _AbsentError(_CannotWrapError):
    """A target that does not exist here."""


def _module_of(target: str) -> tuple[ModuleType, list[str]] | None:
    """Split a target into its module and the rest; None if it isn't imported yet."""
    parts = target.split(".")
    standard = parts[0] in sys.stdlib_module_names
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if standard and name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        module = sys.modules.get(name)
        if module is not None:
            return module, parts[length:]
    if standard:
        raise _AbsentError(f"no module named {parts[0]}")
    return None


def _find(target: str, stand_ins: Mapping[str, type]) -> _Seam | None:
    """Look a target up; None if its module is foreign and not imported yet."""
    found = _module_of(target)
    if found is None:
        return None
    owner: Any
    owner, (*path, name) = found
    where = target.rpartition(".")[0]
    try:
        for part in path:
            owner = getattr(owner, part)
        owner = stand_ins.get(where, owner)
        # A class gives what stands in it; a module may import what it is asked for.
        look = inspect.getattr_static if isinstance(owner, type) else getattr
        raw = look(owner, name)
        if isinstance(raw, type):
            owner, name, raw = raw, "__init__", inspect.getattr_static(raw, "__init__")
    except AttributeError:
        kind = "class" if isinstance(owner, type) else "module"
        raise _AbsentError(f"no such name in {kind} {where}") from None
    seam = _Seam(owner, name, raw)
    _check(seam)
    return seam


def _check(seam: _Seam) -> None:
    if isinstance(seam.owner, _LockKind):
        return  # a slot, which is no function
    if not callable(seam.function):
        raise _CannotWrapError("this is not callable")
    if inspect.iscoroutinefunction(seam.function):
        raise _CannotWrapError("a coroutine function does not block")


# ----------------------------------------------------------------- aliases


class _Swap(NamedTuple):
    """One module-level value for another, wherever it is found."""

    old: Any
    new: Any
    everywhere: bool
    """Whether modules of the standard library are meant, too."""


def _swap_aliases(swaps: Iterable[_Swap]) -> None:
    """Go once over all modules: ``from time import sleep`` is to be seen, too.

    Not in our own package. Not in the modules that implement the standard library's
    public ones (`posix`, `_io`): the import system works with these.
    """
    wanted = {id(swap.old): swap for swap in swaps}
    for name, module in list(sys.modules.items()):
        top = _top(name)
        standard = top in sys.stdlib_module_names
        hidden = standard and (top.startswith("_") or top in {"posix", "nt"})
        if hidden or top == _PACKAGE or not isinstance(module, ModuleType):
            continue
        # A lazy module would be loaded by module.__dict__.
        namespace = object.__getattribute__(module, "__dict__")
        for key, value in list(namespace.items()):
            swap = wanted.get(id(value))
            if swap is not None and (swap.everywhere or not standard):
                namespace[key] = swap.new


# ------------------------------------------------------------------- Locks
#
# Problem: `threading.Lock()` returns an object of a C type that can be neither
# written to nor subclassed, and locks are taken millions of times a second.
#
# What does not work: a Python class with Python methods costs two frames for each
# ``with``, in every thread, whether or not anybody listens. Leaving locks to the
# stall detector loses every wait below its threshold.
#
# What we do: code outside the standard library that asks for a lock gets an object
# whose methods are slots, filled with the raw lock's own bound methods. A ``with``
# finds the slots' descriptors on the type and thus calls the C code directly: no
# frame, no cost. Only while somebody listens do `acquire` and `__enter__` become
# Python functions, on the type. `RLock` can be subclassed, and is treated alike.
# The standard library gets raw locks: those of its queues, futures and loggers are
# held for a few instructions, and what waits there has a rule of its own.
#
# What still fails: locks that were made before `install`, or taken from `_thread`,
# or captured as bound methods (Condition(lock).acquire) while nobody listened, and
# the RLock that `threading.Condition()` makes for itself.


class _LockKind(type):
    """The type of our lock types: makes them, and passes for the raw type."""

    _raw: Call
    _raw_type: type

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if _is_standard(sys._getframe(1)):
            return cls._raw(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._raw_type)


class _Lock(metaclass=_LockKind):
    """A `threading.Lock` whose type is ours."""

    __slots__ = (
        "__weakref__",
        "_acquire",
        "_at_fork_reinit",
        "_enter",
        "_exit",
        "locked",
        "release",
    )
    _raw = _thread.allocate_lock
    _raw_type = _thread.LockType

    def __init__(self) -> None:
        raw = _thread.allocate_lock()
        self._acquire = raw.acquire
        self._enter = raw.__enter__
        self._exit = raw.__exit__
        self._at_fork_reinit = raw._at_fork_reinit  # type: ignore[attr-defined]  # for threading
        self.locked = raw.locked
        self.release = raw.release

    @property  # type: ignore[misc]  # isinstance() asks for it, and typeshed forbids it
    def __class__(self) -> type:
        return _thread.LockType

    def __repr__(self) -> str:
        return repr(self.release.__self__)  # type: ignore[attr-defined]  # a method's

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle '_thread.lock' object")


def _open_slots(kind: Any) -> None:
    # Other names of a slot's descriptor are further ways to the same value.
    for public, slot in (
        ("acquire", "_acquire"),
        ("acquire_lock", "_acquire"),
        ("release_lock", "release"),
        ("locked_lock", "locked"),
        ("__enter__", "_enter"),
        ("__exit__", "_exit"),
    ):
        setattr(kind, public, kind.__dict__[slot])


_open_slots(_Lock)


class _RLock(_thread.RLock, metaclass=_LockKind):  # type: ignore[misc]  # not final in C
    """A `threading.RLock` whose type is ours."""

    __slots__ = ()
    _raw = _thread.RLock
    _raw_type = _thread.RLock
    _acquire = _thread.RLock.acquire


def _lock_stand_in(name: str) -> type:
    """Make a lock type for one installation, which may write to it."""
    base: _LockKind = {"Lock": _Lock, "RLock": _RLock}[name]
    if not isinstance(getattr(threading, name)(), base._raw_type):
        raise _CannotWrapError(f"somebody else has replaced threading.{name}")
    names = {"__slots__": (), "__module__": "_thread"}
    return _LockKind(base._raw_type.__name__, (base,), names)


def _acquire(lock: Any, blocking: bool, timeout: float) -> Any:
    return lock._acquire(blocking, timeout)


def _watch_lock(row: _Row, kind: type, watch: Watch) -> Undo:
    """See contended locks of this kind, until undone."""

    def acquire(self: Any, blocking: bool = True, timeout: float = -1) -> Any:
        __tracebackhide__ = True
        if _running_loop() is None:
            return self._acquire(blocking, timeout)
        return watch(row, _acquire, (self, blocking, timeout), {})

    def enter(self: Any) -> Any:
        __tracebackhide__ = True
        if _running_loop() is None:
            return self._acquire()
        return watch(row, _acquire, (self, True, -1), {})

    with ExitStack() as undo:
        undo.callback(replace(kind, "acquire", acquire))
        undo.callback(replace(kind, "__enter__", enter))
        return undo.pop_all().close


# ------------------------------------------------------------------ sqlite3


def _sqlite_stand_ins() -> dict[str, type]:
    """Make subclasses of sqlite3's types for one installation to write to."""
    sqlite3 = importlib.import_module("sqlite3")
    looks = {"__module__": "sqlite3"}
    cursor_type = type("Cursor", (sqlite3.Cursor,), dict(looks))

    def cursor(self: Any, factory: Any = cursor_type) -> Any:
        return sqlite3.Connection.cursor(self, factory)

    def by_cursor(name: str) -> Call:
        # What the method in C does, too, but up from 3.11 without asking cursor().
        original = getattr(sqlite3.Connection, name)

        @functools.wraps(original)
        def method(self: Any, *args: Any) -> Any:
            __tracebackhide__ = True
            return getattr(cursor(self), name)(*args)

        return method

    shortcuts = ("execute", "executemany", "executescript")
    methods = {"cursor": cursor, **{name: by_cursor(name) for name in shortcuts}}
    connection_type = type("Connection", (sqlite3.Connection,), {**looks, **methods})
    return {"sqlite3.Connection": connection_type, "sqlite3.Cursor": cursor_type}


def _connecting_with(connection_type: type, connect: Call) -> Call:
    """Make `connect` hand out our type, where the caller asks for no other."""

    @functools.wraps(connect)
    def connect_with_factory(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if len(args) <= _POSITION_OF_FACTORY:
            kwargs.setdefault("factory", connection_type)
        return connect(*args, **kwargs)

    return connect_with_factory


# ------------------------------------------------------------------- engine


class Interception:
    """Wrap the targets of rules; tell a listener of the calls that can block.

    Args:
        rules: the table, the project's own rows included.
        clock: where the duration of a call is read.
    """

    def __init__(self, rules: Sequence[Rule], clock: Clock) -> None:
        self.problems: tuple[str, ...] = ()
        """A sentence for each target that cannot be wrapped; known after `install`."""
        self.failures: list[str] = []
        """What went wrong on our side while calls were watched."""
        self._rules = tuple(rules)
        self._now = clock.now
        self._listener: Listener | None = None
        self._inside: set[int] = set()
        self._reset()

    def _reset(self) -> None:
        self._undo = ExitStack()
        self._installed = False
        self._rows: list[_Row] = []
        self._locks: list[tuple[_Row, type]] = []
        self._late: list[Rule] = []
        self._swaps: dict[int, _Swap] = {}
        self._stand_ins: dict[str, type] = {}
        self._calls: dict[str, Call] = {}

    # --------------------------------------------------------- on and off

    def install(self) -> Undo:
        """Replace every target, silently as yet; the returned call restores all.

        Modules of the standard library are imported for this. A target of another
        module that isn't imported yet is replaced by the first `listen` after.
        """
        if self._installed:
            raise RuntimeError("this interception is already installed")
        self._reset()
        self.problems = ()
        with ExitStack() as undo:
            self._undo = undo
            undo.callback(self._take_back_aliases)
            self._make_stand_ins()
            self._wrap(self._rules)
            self._installed = True
            self._undo = undo.pop_all()
        return self._uninstall

    def _uninstall(self) -> None:
        self._installed = False
        self._undo.close()
        self._reset()

    def listen(self, listener: Listener, families: frozenset[str]) -> Undo:
        """Tell `listener` of the calls under these families' rules, until undone."""
        if self._listener is not None:
            raise RuntimeError("somebody is listening already")
        self._wrap_late()
        with ExitStack() as undo:
            undo.callback(self._fall_silent)
            self._listener = listener
            for row in self._rows:
                row.on = row.rule.family in families
            for row, kind in self._locks:
                if row.on:
                    undo.callback(_watch_lock(row, kind, self._watch))
            return undo.pop_all().close

    def _fall_silent(self) -> None:
        self._listener = None
        for row in self._rows:
            row.on = False

    # ----------------------------------------------------------- replacing

    def _make_stand_ins(self) -> None:
        wanted = {rule.target.rpartition(".")[0] for rule in self._rules}
        for name in ("Lock", "RLock"):
            if f"threading.{name}" in wanted:
                self._stand_in_for_lock(name)
        if wanted & {"sqlite3.Connection", "sqlite3.Cursor"}:
            self._stand_in_for_sqlite()

    def _stand_in_for_lock(self, name: str) -> None:
        try:
            kind = _lock_stand_in(name)
        except _CannotWrapError as error:
            self._problem(f"threading.{name}.acquire", str(error))
            return
        self._stand_ins[f"threading.{name}"] = kind
        self._replace(_Seam(threading, name, getattr(threading, name)), kind, False)

    def _stand_in_for_sqlite(self) -> None:
        try:
            self._stand_ins |= _sqlite_stand_ins()
        except ImportError:  # a Python built without it
            return
        sqlite3 = sys.modules["sqlite3"]
        seam = _Seam(sqlite3, "connect", sqlite3.connect)
        kind = self._stand_ins["sqlite3.Connection"]
        connect = _connecting_with(kind, sqlite3.connect)
        if any(rule.target == "sqlite3.connect" for rule in self._rules):
            self._calls["sqlite3.connect"] = connect
        else:
            self._replace(seam, seam.dressed(connect))

    def _wrap(self, rules: Iterable[Rule]) -> None:
        for rule in rules:
            self._wrap_or_say_why(rule)
        _swap_aliases(self._swaps.values())

    def _wrap_or_say_why(self, rule: Rule) -> None:
        try:
            self._wrap_one(rule)
        except _AbsentError as error:
            if rule.target not in ABSENT_SOMEWHERE:
                self._problem(rule.target, str(error))
        except _CannotWrapError as error:
            self._problem(rule.target, str(error))
        except TypeError:  # what setattr() says of types written in C
            self._problem(rule.target, "its type is written in C")

    def _wrap_one(self, rule: Rule) -> None:
        if rule.harmless is not None and rule.harmless not in PREDICATES:
            raise _CannotWrapError(f"no predicate named {rule.harmless!r}")
        seam = _find(rule.target, self._stand_ins)
        if seam is None:
            self._late.append(rule)
            return
        row = _Row(
            rule,
            PREDICATES[rule.harmless] if rule.harmless else None,
            _one_pattern(rule.allowed),
        )
        if isinstance(seam.owner, _LockKind):
            self._locks.append((row, seam.owner))
        elif id(seam.raw) not in self._swaps:  # else it has a rule under another name
            call = self._calls.get(rule.target, seam.function)
            self._replace(seam, seam.dressed(_watched(row, call, self._watch)))
        self._rows.append(row)

    def _replace(self, seam: _Seam, value: Any, everywhere: bool = True) -> None:
        self._undo.callback(seam.put(value))
        if isinstance(seam.owner, ModuleType):
            self._swaps[id(seam.raw)] = _Swap(seam.raw, value, everywhere)

    def _wrap_late(self) -> None:
        late, self._late = self._late, []
        imported = [rule for rule in late if _top(rule.target) in sys.modules]
        self._late = [rule for rule in late if rule not in imported]
        if imported:
            self._wrap(imported)

    def _take_back_aliases(self) -> None:
        # Modules that were imported meanwhile took our wrappers along, so what to
        # restore is looked for and not remembered.
        _swap_aliases(
            _Swap(swap.new, swap.old, everywhere=True) for swap in self._swaps.values()
        )

    def _problem(self, target: str, reason: str) -> None:
        self.problems += (f"rule {target!r}: {reason}",)

    # ------------------------------------------------------------ watching

    def _watch(self, row: _Row, call: Call, args: Args, kwargs: Kwargs) -> Any:
        """Make a call on the thread of a running loop, and tell of it if it counts.

        What a call does inside is part of it, and not looked at again; that holds
        for one that is harmless or allowed, too.
        """
        __tracebackhide__ = True
        thread = _this_thread()
        if thread in self._inside:
            return call(*args, **kwargs)
        frame = sys._getframe(2)
        counts, failure = False, None
        began = self._now()
        try:
            self._inside.add(thread)
            counts, failure = self._counts(row, args, kwargs, frame)
            result = call(*args, **kwargs)
        finally:
            self._inside.discard(thread)
            if counts:
                self._tell(row.rule, began, frame)
        # Only now: arguments that the call itself refuses are the caller's mistake.
        if failure is not None:
            self._failed(failure)
        return result

    def _counts(
        self, row: _Row, args: Args, kwargs: Kwargs, frame: FrameType
    ) -> tuple[bool, str | None]:
        try:
            if row.harmless is not None and row.harmless(args, kwargs):
                return False, None
            return not _is_allowed(row, frame), None
        except Exception as error:  # the call is the user's and must be made
            return False, f"rule {row.rule.target!r} could not be asked: {error!r}"

    def _tell(self, rule: Rule, began: float, frame: FrameType) -> None:
        try:
            seconds = self._now() - began
            if self._listener is not None:
                self._listener(rule, began, seconds, frame)
        except Exception as error:  # the call has been made and must come back
            self._failed(f"a call of {rule.target} could not be recorded: {error!r}")

    def _failed(self, failure: str) -> None:
        if failure not in self.failures and len(self.failures) < _MOST_FAILURES:
            self.failures.append(failure)
