"""Have a connection be closed that is accepted once its server was.

Problem: asyncio makes a server's connections in tasks of its own. Where the server is
closed before such a task begins, the transport fails to be made, and asyncio keeps
silent and closes neither it nor its socket (`_accept_connection2` and `Server._attach`
in CPython). So whoever is cancelled as it connects to a server of the same loop, and
closes all that it has, would be blamed for it. What we do: such a connection is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._loops import AnyCoroutine, names
from pytest_asyncbench._words.undo import Undo, nothing

if TYPE_CHECKING:
    import socket

__all__ = ["refuse_for_closed_servers"]


def refuse_for_closed_servers(loop: asyncio.AbstractEventLoop) -> Undo:
    """Stand in for how a loop makes the connections of servers; return what ends it."""
    original = names.ACCEPT.get(loop)
    if original is None:
        return nothing

    def accept(
        factory: Callable[[], asyncio.BaseProtocol],
        connection: socket.socket,
        extra: object,
        sslcontext: object = None,
        server: asyncio.Server | None = None,
        *rest: Any,
        **options: Any,
    ) -> AnyCoroutine:
        def made() -> asyncio.BaseProtocol:
            # It has none any more. asyncio asks for the protocol, and goes on at once.
            if server is not None and not server.sockets:
                connection.close()
                raise ConnectionAbortedError
            return factory()

        return original(made, connection, extra, sslcontext, server, *rest, **options)

    return names.ACCEPT.replace(loop, accept)
