"""Who wrote what a socket has just received, where both its ends are in one loop.

A test that serves on loopback has client and server in the same loop, and what one
of them does reaches the other through the kernel, where no callback shows it. A
connection's two ends name the same pair of addresses, in opposite order; so the last
write to one end tells who woke the other. Unix sockets have no such pair, and what
is sent past asyncio's transports is not seen: there the link is missing, not wrong.
"""

from __future__ import annotations

from asyncio import selector_events
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Generic, TypeVar

from pytest_asyncbench._loops import names
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    import asyncio

__all__ = ["Links", "watch_writes"]


Writer = TypeVar("Writer")
Data = TypeVar("Data")

_Address = tuple[str | int, ...]
_Write = Callable[["asyncio.Transport", Data], None]


class Links(Generic[Writer]):
    """The last write to each connection of a loop."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[tuple[_Address, _Address], tuple[float, Writer]] = {}

    def wrote(
        self, transport: asyncio.BaseTransport, now: float, writer: Writer
    ) -> None:
        """Note who writes to a connection now."""
        ends = _ends(transport)
        if ends is not None:
            self._last[ends] = now, writer

    def writer_to(
        self, transport: asyncio.BaseTransport
    ) -> tuple[float, Writer] | None:
        """Tell who last wrote to the other end of a connection, and when."""
        ends = _ends(transport)
        return None if ends is None else self._last.get((ends[1], ends[0]))


def _ends(transport: asyncio.BaseTransport) -> tuple[_Address, _Address] | None:
    here = transport.get_extra_info("sockname")
    there = transport.get_extra_info("peername")
    if isinstance(here, tuple) and isinstance(there, tuple):
        return here, there
    return None


def watch_writes(
    wrote: Callable[[asyncio.AbstractEventLoop, asyncio.Transport], None],
) -> Undo:
    """Tell of each write to a connection, with the loop of that, until undone."""
    kind = names.SOCKET_TRANSPORT.of(selector_events)

    def noting(original: _Write[Data]) -> _Write[Data]:
        def write(self: asyncio.Transport, data: Data) -> None:
            wrote(names.TRANSPORT_LOOP.of(self), self)
            original(self, data)

        return write

    with ExitStack() as undo:
        # 3.12 gave writelines a body of its own; before, it goes through write.
        for name in ("write", "writelines"):
            if name in vars(kind):
                undo.callback(replace(kind, name, noting(vars(kind)[name])))
        return undo.pop_all().close
