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
from typing import Any

from pytest_asyncbench._loops import names
from pytest_asyncbench._words.undo import Undo, replace

__all__ = ["Links", "watch_writes"]


class Links:
    """The last write to each connection of a loop."""

    __slots__ = ("_last", "fresh")

    def __init__(self) -> None:
        self._last: dict[Any, tuple[float, Any]] = {}
        self.fresh: list[Any] = []
        """The transports that were written to in this step, not signed yet."""

    def sign(self, at: float, writer: Any) -> None:
        """Note who wrote in the step that has just ended."""
        for transport in self.fresh:
            here, there = _ends(transport)
            if here is not None:
                self._last[here, there] = (at, writer)
        self.fresh.clear()

    def writer_to(self, transport: Any) -> tuple[float, Any] | None:
        """Tell who last wrote to the other end of a connection, and when."""
        here, there = _ends(transport)
        return None if here is None else self._last.get((there, here))


def _ends(transport: Any) -> tuple[Any, Any]:
    here = transport.get_extra_info("sockname")
    there = transport.get_extra_info("peername")
    if isinstance(here, tuple) and isinstance(there, tuple):
        return here, there
    return None, None


def watch_writes(links_of: Callable[[Any], Links | None]) -> Undo:
    """Note each write to a connection of a loop that has links, until undone."""
    kind = names.SOCKET_TRANSPORT.of(selector_events)

    def noting(original: Any) -> Any:
        def write(self: Any, data: Any) -> None:
            links = links_of(names.TRANSPORT_LOOP.of(self))
            if links is not None:
                links.fresh.append(self)
            original(self, data)

        return write

    with ExitStack() as undo:
        # 3.12 gave writelines a body of its own; before, it goes through write.
        for name in ("write", "writelines"):
            if name in vars(kind):
                undo.callback(replace(kind, name, noting(vars(kind)[name])))
        return undo.pop_all().close
