"""Locks whose type is ours, so that waiting for them can be watched at all.

Whether a wait counts is not known here.

Problem: `threading.Lock()` returns an object of a C type that can be neither
written to nor subclassed, and locks are taken millions of times a second.

What does not work: a Python class with Python methods costs two frames for each
``with``, in every thread, whether or not anybody listens. Leaving locks to the
stall detector loses every wait below its threshold.

What we do: code outside the standard library that asks for a lock gets an object
whose methods are slots, filled with the raw lock's own bound methods. A ``with``
finds the slots' descriptors on the type and thus calls the C code directly: no
frame, no cost. Only while somebody listens do `acquire` and `__enter__` become
Python functions, on the type. `RLock` can be subclassed, and is treated alike.
The standard library gets raw locks: those of its queues, futures and loggers are
held for a few instructions, and what waits there has a rule of its own.

What still fails: locks that were made before `install`, or taken from `_thread`,
or captured as bound methods (Condition(lock).acquire) while nobody listened, and
the RLock that `threading.Condition()` makes for itself.
"""

from __future__ import annotations

import _thread
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from pytest_asyncbench._interception.errors import CannotWrapError
from pytest_asyncbench._interception.kind import Kind
from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._python import fork_reset
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from pytest_asyncbench._interception.compiled import CompiledRule, Intercept

__all__ = ["LOCKS", "LockKind", "intercept_lock", "lock_stand_in"]


class LockKind(Kind):
    """The type of our lock types."""


class _Lock(metaclass=LockKind):
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
        self._at_fork_reinit = fork_reset(raw)  # threading calls it
        self.locked = raw.locked
        self.release = raw.release

    @property  # type: ignore[misc]  # isinstance() asks for it, and typeshed forbids it
    def __class__(self) -> type:
        return _thread.LockType

    def __repr__(self) -> str:
        return repr(self.release.__self__)  # type: ignore[attr-defined]  # a method's

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle '_thread.lock' object")


def _open_slots(kind: type) -> None:
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


class _RLock(_thread.RLock, metaclass=LockKind):  # type: ignore[misc]  # not final in C
    """A `threading.RLock` whose type is ours."""

    __slots__ = ()
    _raw = _thread.RLock
    _raw_type = _thread.RLock
    _acquire = _thread.RLock.acquire


LOCKS: dict[str, LockKind] = {"threading.Lock": _Lock, "threading.RLock": _RLock}
"""The types that are to be replaced, by the name under which they are found."""


def lock_stand_in(target: str) -> Kind:
    """Make a lock type for one installation to write to."""
    kind = LOCKS[target]
    there = getattr(threading, target.rpartition(".")[2])
    if not isinstance(there(), kind._raw_type):
        raise CannotWrapError(f"somebody else has replaced {target}")
    return kind.stand_in(target)


class _OurLock(Protocol):
    """What a lock of either type has, whatever `acquire` is at the moment."""

    def _acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...


def _acquire(lock: _OurLock, blocking: bool, timeout: float) -> bool:
    return lock._acquire(blocking, timeout)


def intercept_lock(rule: CompiledRule, kind: LockKind, intercept: Intercept) -> Undo:
    """See contended locks of this kind, until undone."""

    def acquire(self: _OurLock, blocking: bool = True, timeout: float = -1) -> bool:
        __tracebackhide__ = True
        if running_loop() is None:
            return self._acquire(blocking, timeout)
        return intercept(rule, _acquire, (self, blocking, timeout), {})

    def enter(self: _OurLock) -> bool:
        __tracebackhide__ = True
        if running_loop() is None:
            return self._acquire()
        return intercept(rule, _acquire, (self, True, -1), {})

    with ExitStack() as undo:
        undo.callback(replace(kind, "acquire", acquire))
        undo.callback(replace(kind, "__enter__", enter))
        return undo.pop_all().close
