"""Types of ours for what waits and is written in C: pollers and the simple queue.

Problem: what `select.poll()` and `select.epoll()` give can neither be written to nor
derived from. What we do: hand out objects that keep a raw one, and whose methods are
slots filled with its bound methods; only `poll` is a method, which can be wrapped.
`queue.SimpleQueue` can be derived from. The selectors of the standard library, which
run the loop itself, get raw ones.

What still fails: those that were made before `install`. Which methods are wrapped,
and why, is not known here.
"""

from __future__ import annotations

import queue
import select
import sys
from typing import TYPE_CHECKING, Protocol

from pytest_asyncbench._interception.errors import CannotWrapError
from pytest_asyncbench._interception.kind import Kind

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["WAITERS", "waiter_stand_in"]


class _RawPoll(Protocol):
    """What `select.poll()` gives."""

    def modify(self, fd: FileDescriptorLike, eventmask: int, /) -> None: ...
    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]: ...
    def register(self, fd: FileDescriptorLike, eventmask: int = ..., /) -> None: ...
    def unregister(self, fd: FileDescriptorLike, /) -> None: ...


class _RawEpoll(Protocol):
    """A `select.epoll`, which typeshed has where it is run on Linux only."""

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None: ...
    def __enter__(self) -> _RawEpoll: ...
    def __exit__(self, *args: object) -> None: ...
    @property
    def closed(self) -> bool: ...
    @classmethod
    def fromfd(cls, fd: FileDescriptorLike, /) -> _RawEpoll: ...
    def close(self) -> None: ...
    def fileno(self) -> int: ...
    def modify(self, fd: FileDescriptorLike, eventmask: int) -> None: ...
    def poll(
        self, timeout: float | None = None, maxevents: int = -1
    ) -> list[tuple[int, int]]: ...
    def register(self, fd: FileDescriptorLike, eventmask: int = ...) -> None: ...
    def unregister(self, fd: FileDescriptorLike) -> None: ...


class _Poll(metaclass=Kind):
    """What `select.poll()` gives while its type is ours."""

    __slots__ = ("_raw_poll", "modify", "register", "unregister")
    _raw = getattr(select, "poll", None)  # absent on Windows
    _raw_type = object if _raw is None else type(_raw())

    def __init__(self) -> None:
        raw: _RawPoll = type(self)._raw()
        self._raw_poll = raw.poll
        self.modify = raw.modify
        self.register = raw.register
        self.unregister = raw.unregister

    @property  # type: ignore[misc]  # isinstance() asks for it, and typeshed forbids it
    def __class__(self) -> type:
        return type(self)._raw_type

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        __tracebackhide__ = True
        return self._raw_poll(timeout)


class _Epoll(metaclass=Kind):
    """A `select.epoll` whose type is ours."""

    __slots__ = ("_raw_epoll", "close", "fileno", "modify", "register", "unregister")
    _raw = _raw_type = getattr(select, "epoll", object)  # Linux only

    def __init__(self, sizehint: int = -1, flags: int = 0) -> None:
        raw_type: type[_RawEpoll] = type(self)._raw_type
        self._keep(raw_type(sizehint, flags))

    def _keep(self, raw: _RawEpoll) -> None:
        self._raw_epoll = raw
        self.close = raw.close
        self.fileno = raw.fileno
        self.modify = raw.modify
        self.register = raw.register
        self.unregister = raw.unregister

    @classmethod
    def fromfd(cls, fd: FileDescriptorLike) -> _Epoll:
        raw_type: type[_RawEpoll] = cls._raw_type
        made = cls.__new__(cls)
        made._keep(raw_type.fromfd(fd))
        return made

    @property  # type: ignore[misc]  # isinstance() asks for it, and typeshed forbids it
    def __class__(self) -> type:
        return type(self)._raw_type

    @property
    def closed(self) -> bool:
        return self._raw_epoll.closed

    def __enter__(self) -> _Epoll:
        self._raw_epoll.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self._raw_epoll.__exit__(*args)

    def poll(
        self, timeout: float | None = None, maxevents: int = -1
    ) -> list[tuple[int, int]]:
        __tracebackhide__ = True
        return self._raw_epoll.poll(timeout, maxevents)


class _SimpleQueue(queue.SimpleQueue, metaclass=Kind):  # type: ignore[type-arg]  # any
    """A `queue.SimpleQueue` that can be written to."""

    __slots__ = ()
    _raw = _raw_type = queue.SimpleQueue


WAITERS: dict[str, Kind] = {
    "queue.SimpleQueue": _SimpleQueue,
    "select.epoll": _Epoll,
    "select.poll": _Poll,
}
"""The types that are to be replaced, by the name under which they are found."""


def waiter_stand_in(target: str) -> Kind | None:
    """Make a type for one installation to write to; None where there is no such."""
    kind = WAITERS[target]
    module, _, name = target.rpartition(".")
    there = getattr(sys.modules[module], name, None)
    if there is None:
        return None
    if there is not kind._raw and not isinstance(there, Kind):
        raise CannotWrapError(f"somebody else has replaced {target}")
    return kind.stand_in(target)
