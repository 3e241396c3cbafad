"""Servers in a process of their own, for programs whose answers come from outside.

A thread that answers needs the interpreter, and so waits for the loop's steps: together
it takes longer than alone. Run as a script it is that process: for each line with a
number of seconds that it reads, it prints the port of a server that takes so long.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["accept", "served"]


def accept(server: socket.socket, respond: Callable[[socket.socket], None]) -> None:
    """Give each connection a thread, until the server is closed."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            threading.Thread(target=respond, args=[connection], daemon=True).start()


def served(seconds: float) -> int:
    """Give the port of a server that takes so long for each answer, until we end."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    print(seconds, file=process.stdin, flush=True)
    return int(process.stdout.readline())


@functools.cache
def _process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    # It ends with its input, which this closes.
    atexit.register(process.communicate)
    return process


def _answer(seconds: float, connection: socket.socket) -> None:
    with connection:
        while connection.recv(100):
            time.sleep(seconds)
            connection.sendall(b"answer\n")


def main() -> None:
    """Open servers until nobody asks for more."""
    for line in sys.stdin:
        server = socket.create_server(("127.0.0.1", 0))
        answer = functools.partial(_answer, float(line))
        threading.Thread(target=accept, args=[server, answer], daemon=True).start()
        print(server.getsockname()[1], flush=True)


if __name__ == "__main__":
    main()
