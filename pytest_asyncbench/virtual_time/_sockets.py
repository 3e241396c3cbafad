"""Which of a loop's files have somebody real at the other end.

A socket whose other end lives in the same loop can bring only what a task of the
loop has sent, so it does not hold the clock. Any other file may bring news.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from collections import Counter
from typing import TYPE_CHECKING, Literal

from pytest_asyncbench._loops import names
from pytest_asyncbench._words import held
from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    import asyncio

    from pytest_asyncbench.virtual_time._hints import Hints

__all__ = ["Sockets"]

Address = tuple["str | bytes | int", ...]

_ANYBODY: Address = ("anybody",)


class _End(NamedTuple):
    """One end of a connection, as far as the operating system tells."""

    kind: Literal["connected", "listening", "event", "other"]
    here: Address
    there: Address
    name: str


class Sockets:
    """The files that a loop has registered, and what may come through them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, hints: Hints) -> None:
        self._hints = hints
        self._heard = hints.said
        self._loop = loop
        self._selector = names.SELECTOR.of(loop)
        self._pipe = names.SSOCK.of(loop).fileno()
        self._ends: dict[int, _End] = {}
        self._real: tuple[str, ...] = ()
        self._passive: tuple[str, ...] = ()
        self._events: tuple[str, ...] = ()
        self._stale = len(self._selector.get_map()) > 1

    def came(self, fd: int) -> None:
        """Hear of a new registration; a number may be another file's by now."""
        self._ends.pop(fd, None)
        self._stale = True

    def went(self) -> None:
        """Hear that a registration ended."""
        self._stale = True

    def real(self) -> tuple[str, ...]:
        """Name the files through which news may come from outside the loop."""
        if self._stale or self._heard != self._hints.said:
            self._look()
        return self._real

    def passive(self) -> tuple[str, ...]:
        """Name the files at which a stranger may turn up, though none is known."""
        if self._stale or self._heard != self._hints.said:
            self._look()
        return self._passive

    def events(self) -> tuple[str, ...]:
        """Name the eventfds: who writes to one is a thread here, or the kernel."""
        if self._stale or self._heard != self._hints.said:
            self._look()
        return self._events

    def _look(self) -> None:
        self._heard = self._hints.said
        files = self._selector.get_map()  # numbers, all of them
        watched = [fd for fd in files if isinstance(fd, int) and fd != self._pipe]
        for fd in watched:
            if fd not in self._ends:
                self._ends[fd] = _end(fd)
        # An end that only writes now, or pauses, is not registered; it still counts
        # as an end in this loop, unless it has been closed meanwhile.
        for fd in self._ends.keys() - watched:
            if _end(fd) != self._ends[fd]:
                del self._ends[fd]
        ours = Counter((end.here, end.there) for end in self._ends.values())
        ends = {fd: self._ends[fd] for fd in watched if not self._hints.ignores(fd)}
        self._passive = tuple(
            _named(end, fd) for fd, end in ends.items() if end.kind == "listening"
        )
        self._events = tuple(
            _named(end, fd) for fd, end in ends.items() if end.kind == "event"
        )
        self._real = tuple(
            _named(end, fd)
            for fd, end in ends.items()
            if end.kind not in {"listening", "event"} and not _lives_here(end, ours)
        )
        # A connection under way gets its address without a word to the selector.
        self._stale = any(end.kind == "other" for end in ends.values())
        if self._stale:
            self._ends = {f: e for f, e in self._ends.items() if e.kind != "other"}


def _named(end: _End, fd: int) -> str:
    return f"{end.name} (descriptor {fd})"


def _lives_here(end: _End, ours: Counter[tuple[Address, Address]]) -> bool:
    if end.kind != "connected":
        return False
    # The ends of a pipe are one file; those of a connection mirror one another.
    # A UNIX server's peers all have the same, empty name: each needs its own.
    needed = 2 if end.here == end.there else ours[end.here, end.there]
    if ours[end.there, end.here] >= needed:
        return True
    # A connected datagram socket answers to one that takes from anybody.
    return (end.there, _ANYBODY) in ours


def _end(fd: int) -> _End:
    try:
        status = os.fstat(fd)
    except OSError:
        # On Windows a socket is no file.
        return _socket_end(fd)
    if stat.S_ISSOCK(status.st_mode):
        return _socket_end(fd)
    if stat.S_ISFIFO(status.st_mode):
        pipe: Address = ("pipe", status.st_dev, status.st_ino)
        return _End("connected", pipe, pipe, "pipe")
    name = _file_name(fd)
    return _End("event" if name == "eventfd" else "other", ("file", fd), (), name)


def _socket_end(fd: int) -> _End:
    try:
        sock = socket.socket(fileno=fd)
    except OSError:
        return _End("other", ("gone", fd), (), "file")
    try:
        return _named_end(sock)
    finally:
        sock.detach()


def _named_end(sock: socket.socket) -> _End:
    here = _address(sock.getsockname())
    name = f"socket {_text(here)}"
    with contextlib.suppress(OSError):
        there = _address(sock.getpeername())
        if here == there:
            # A pair without names: nothing tells where its other end is.
            return _End("other", here, there, "socket pair")
        return _End("connected", here, there, f"{name} to {_text(there)}")
    if sock.type == socket.SOCK_STREAM:
        kind = _listening(sock)
        return _End("listening" if kind else "other", here, (), name)
    # Anybody may write to a datagram socket. On the loopback, whoever could is a
    # process or a thread of this machine, and those of this test are known.
    local = here[0] in {"127.0.0.1", "::1"} or sock.family == _UNIX
    return _End("listening" if local else "other", here, _ANYBODY, name)


_UNIX = getattr(socket, "AF_UNIX", None)


def _listening(sock: socket.socket) -> bool:
    try:
        return bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except (OSError, AttributeError):
        # macOS has no such option; an unconnected stream that is not listening
        # is about to connect, and then the poll will soon tell.
        return True


def _address(given: str | bytes | Address) -> Address:
    if not isinstance(given, tuple):
        return (given,)
    # The flow and scope of IPv6 differ between the two ends of one connection.
    return given[:2]


def _text(address: Address) -> str:
    return ":".join(str(part) for part in address) or "without a name"


def _file_name(fd: int) -> str:
    try:
        file = held.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return "file"
    return file.removeprefix("anon_inode:").strip("[]")
