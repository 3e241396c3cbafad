"""Connections, servers and processes that stay when who has them is cancelled."""

from __future__ import annotations

import asyncio
import socket

import pytest

pytestmark = pytest.mark.cancellations

Address = tuple[str, int]


# -------------------------------------------------------- transport left


async def faulty_transport_left(echo: Address) -> None:
    """The writer is closed after the answer, if that comes."""
    reader, writer = await asyncio.open_connection(*echo)
    writer.write(b"hello\n")
    await reader.readline()  # leaves: left open
    writer.close()
    await writer.wait_closed()


async def repaired_transport_left(echo: Address) -> None:
    reader, writer = await asyncio.open_connection(*echo)
    try:
        writer.write(b"hello\n")
        await reader.readline()
    finally:
        writer.close()
    await writer.wait_closed()


# ------------------------------------------------------------ server left


async def faulty_server_left() -> None:
    """A server that is closed at the end, if that is reached."""

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    await asyncio.sleep(0.1)  # leaves: 1 descriptor left open
    server.close()


async def repaired_server_left() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await asyncio.sleep(0.1)


# ------------------------------------------------------------ socket left


async def faulty_socket_left(echo: Address) -> None:
    """A plain socket, which no transport knows of."""
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, echo)  # leaves: unclosed socket
    await loop.sock_sendall(sock, b"hello\n")
    await loop.sock_recv(sock, 100)  # leaves: 1 descriptor left open; unclosed socket
    sock.close()


async def repaired_socket_left(echo: Address) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, echo)
        await loop.sock_sendall(sock, b"hello\n")
        await loop.sock_recv(sock, 100)
