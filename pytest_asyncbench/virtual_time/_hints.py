"""What a test says of the world around a loop, since nothing there shows it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakSet

from pytest_asyncbench._words.errors import VirtualTimeError

if TYPE_CHECKING:
    from _typeshed import HasFileno

    Ignorable = int | HasFileno | asyncio.BaseTransport

__all__ = ["Hints"]

_File = tuple[int, ...]
"""An open file: its descriptor and, where the system tells, device and inode. When it
is closed, another may get its number."""


class Hints:
    """Who may wake the loop unseen, and who never will."""

    def __init__(self) -> None:
        self.expected: list[str] = []
        """What may wake the loop now, in the test's words."""
        self.ignored_threads: WeakSet[threading.Thread] = WeakSet()
        """Those that never call a loop."""
        self._ignored_files: set[_File] = set()
        self.said = 0
        """How often a file was named; who keeps what follows from it looks at this."""

    @contextmanager
    def expecting(self, what: str) -> Iterator[None]:
        """Expect it inside."""
        self.expected.append(what)
        try:
            yield
        finally:
            self.expected.remove(what)

    def ignore(self, thing: Ignorable) -> None:
        """Take an open file for one that brings no news.

        Raises:
            VirtualTimeError: it is no file, or closed.
        """
        __tracebackhide__ = True
        self._ignored_files.add(_file(_descriptor(thing)))
        self.said += 1

    def ignores(self, descriptor: int) -> bool:
        """Tell whether an open file was named as such."""
        return bool(self._ignored_files) and _file(descriptor) in self._ignored_files


def _descriptor(thing: Ignorable) -> int:
    __tracebackhide__ = True
    found: object = thing
    if isinstance(thing, asyncio.BaseTransport):
        found = thing.get_extra_info("socket") or thing.get_extra_info("pipe")
    number = getattr(found, "fileno", lambda: found)()
    if not isinstance(number, int) or isinstance(number, bool):
        raise VirtualTimeError(
            f"ignore() takes a socket, a transport or a descriptor, not {thing!r}"
        )
    if number < 0:
        raise VirtualTimeError(f"ignore() takes what is open, and {thing!r} is closed")
    return number


def _file(descriptor: int) -> _File:
    try:
        status = os.fstat(descriptor)
    except OSError:  # on Windows a socket is no file
        return (descriptor,)
    return descriptor, status.st_dev, status.st_ino
