"""Threads that Python did not start: those of extensions in C, C++ and Rust.

Linux lists the threads of a process, and tells of each what it does. Elsewhere nothing
is known of them, and it is as if there were none.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

from pytest_asyncbench._python.threads import is_native, other_threads
from pytest_asyncbench._words import held

__all__ = ["OWN_NAME", "count_natives", "name_native", "named_of", "natives"]

OWN_NAME = "asyncbench"
"""What the system calls the watchdog's thread, which `threading` does not know."""

_TASKS = "/proc/self/task"
_NO_DIRECTORIES = 2
"""Links to that which are no thread's."""


def count_natives() -> int:
    """Count the threads that Python did not start."""
    if sys.platform != "linux":
        return 0
    try:
        threads = held.stat(_TASKS).st_nlink - _NO_DIRECTORIES
    except OSError:
        return 0
    return max(0, threads - 1 - other_threads())


def natives() -> Iterator[int]:
    """Give the native ids of the threads that `threading` did not start."""
    threads = threading.enumerate()
    known = {thread.native_id for thread in threads if not is_native(thread)}
    with suppress(OSError):
        yield from (
            int(each) for each in held.listdir(_TASKS) if int(each) not in known
        )


def named_of(native: int) -> str | None:
    """Tell what the system calls a thread; None where it has ended."""
    try:
        with io.FileIO(f"{_TASKS}/{native}/comm") as file:
            return file.read().decode(errors="replace").rstrip("\n")
    except OSError:
        return None


def name_native(native: int, name: str) -> None:
    """Have the system call a thread so, where it can."""
    with suppress(OSError), io.FileIO(f"{_TASKS}/{native}/comm", "w") as file:
        file.write(name.encode())
