"""What a thread waits for in the kernel: the system call, and on what.

Linux shows it of each thread of one's own process, without any privilege. Elsewhere,
and where ``/proc`` is cut down, the answer is None. Looking has no effect on what is
looked at: no descriptor changes its mode, no lock on a file is lost.
"""

from __future__ import annotations

import _socket
import functools
import io
import os
import platform
import stat
import struct
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Literal

from pytest_asyncbench._python.gil import switch_interval
from pytest_asyncbench._python.sources import opened
from pytest_asyncbench._words import held
from pytest_asyncbench._words.clock import SystemClock, current_thread_ids
from pytest_asyncbench._words.seen import Wait

__all__ = [
    "Doing",
    "Kernel",
    "does",
    "is_parked",
    "is_ready",
    "is_running",
    "static_memory",
    "waits_for",
    "waits_here",
]

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

# Held here: a test of memory limits may replace it.
_usage = getattr(resource, "getrusage", None)
_OF_THREAD = getattr(resource, "RUSAGE_THREAD", None)  # not on macOS

_RUNNING = "running"
"""The kernel's line on a thread that runs, or could and stands in the queue."""

_LOCK = "futex"
_PRIVATE = 128
"""FUTEX_PRIVATE_FLAG of linux/futex.h: nobody in another process can end this wait."""

# One row for each call that can wait: its name, its numbers on x86_64 and on aarch64
# (None where that has no such call), and in what argument the thing waited for stands.
# From arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
_CALLS = (
    ("read", 0, 63, "descriptor"),
    ("write", 1, 64, "descriptor"),
    ("open", 2, None, "path"),
    ("poll", 7, None, "poll"),
    ("ioctl", 16, 29, "descriptor"),
    ("pread64", 17, 67, "descriptor"),
    ("pwrite64", 18, 68, "descriptor"),
    ("readv", 19, 65, "descriptor"),
    ("writev", 20, 66, "descriptor"),
    ("select", 23, None, "select"),
    ("pause", 34, None, ""),
    ("nanosleep", 35, 101, "timer"),
    ("sendfile", 40, 71, "descriptor"),
    ("connect", 42, 203, "address"),
    ("accept", 43, 202, "descriptor"),
    ("sendto", 44, 206, "descriptor"),
    ("recvfrom", 45, 207, "descriptor"),
    ("sendmsg", 46, 211, "descriptor"),
    ("recvmsg", 47, 212, "descriptor"),
    ("wait4", 61, 260, "process"),
    ("fcntl", 72, 25, "descriptor"),
    ("flock", 73, 32, "descriptor"),
    ("fsync", 74, 82, "descriptor"),
    ("fdatasync", 75, 83, "descriptor"),
    ("rt_sigtimedwait", 128, 137, ""),
    ("rt_sigsuspend", 130, 133, ""),
    ("sync", 162, 81, ""),
    ("futex", 202, 98, "lock"),
    ("semtimedop", 220, 192, ""),
    ("clock_nanosleep", 230, 115, "timer"),
    ("epoll_wait", 232, None, "descriptor"),
    ("waitid", 247, 95, "any process"),
    ("openat", 257, 56, "path at"),
    ("pselect6", 270, 72, "select"),
    ("ppoll", 271, 73, "poll"),
    ("sync_file_range", 277, 84, "descriptor"),
    ("epoll_pwait", 281, 22, "descriptor"),
    ("accept4", 288, 242, "descriptor"),
    ("preadv", 295, 69, "descriptor"),
    ("recvmmsg", 299, 243, "descriptor"),
    ("copy_file_range", 326, 285, "descriptor"),
    ("io_uring_enter", 426, 426, "descriptor"),
    ("epoll_pwait2", 441, 441, "descriptor"),
    ("futex_waitv", 449, 449, "lock"),
)

_OF_OTHERS = {
    *("poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait"),
    *("epoll_pwait2", "io_uring_enter", "pause", "nanosleep", "clock_nanosleep"),
    *("rt_sigtimedwait", "rt_sigsuspend", "semtimedop", "futex_waitv"),
    *("connect", "accept", "accept4", "wait4", "waitid", "flock", "fcntl", "ioctl"),
    *("sendto", "sendmsg", "recvfrom", "recvmsg", "recvmmsg"),
}
"""Calls that end when a peer, another process, a signal or a timer lets them."""

_BY_WHAT_IS_OPEN = {"read", "readv", "write", "writev"}
"""Calls that wait for a disk at a file, which ends by itself, and else for a peer."""

Doing = Literal["works", "waits", "rests"]
"""A thread works; or waits for what this process can't see, or for a timer; or rests
until another thread of this process wakes it."""

_Row = tuple[str, str]

_NUMBERS: Mapping[str, Mapping[int, _Row]] = {
    "x86_64": {number: (name, what) for name, number, _, what in _CALLS},
    "aarch64": {
        number: (name, what) for name, _, number, what in _CALLS if number is not None
    },
}

_LINE = "/proc/self/task/{}/syscall"
_LINE_AT_MOST = 256
_PATH_AT_MOST = 256
_FEW = 4
"""Of so many descriptors each is looked at."""


@functools.cache
def _known_calls() -> Mapping[int, _Row]:
    # A process of 32 bits has other numbers on the same machine.
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return {}
    return _NUMBERS.get(platform.machine(), {})


def waits_for(native: int, read: Callable[[int], str] | None = None) -> Wait | None:
    """Tell what the thread with this native id waits for.

    None where it is running, waits in no call that is known, or only for the
    interpreter. `read` gives the kernel's line on it, in place of ``/proc``.
    """
    try:
        number, *arguments = _numbers((read or _line)(native))
        name, what = _known_calls()[number]
    except (OSError, ValueError, KeyError):
        return None
    if name == _LOCK and not _is_anothers_lock(arguments[0]):
        return None
    try:
        on = _FINDERS[what](arguments) if what else None
    except Exception:  # it has gone on meanwhile, and the descriptor is another's
        on = None
    return Wait(call=name, on=on)


def is_parked(
    native: int,
    read: Callable[[int], str] | None = None,
    word: Callable[[int], int] | None = None,
) -> bool:
    """Tell whether a thread waits for as long as it takes, for one of this process.

    Where it was let go on it is not parked any more, at once: the system knows that
    before the thread has the interpreter again. False where nothing is known.

    Problem: while the system wakes a thread on another processor, which takes it some
    time where that one sleeps, it goes on to tell that the thread waits. So we look
    whether the word in memory for whose change it waits has changed already; and as the
    thread may have changed it back by then, whether it still waits after that. `word`
    gives the word, in place of the memory of this process.
    """
    read = read or _line
    try:
        line = read(native)
        number, address, operation, value, limit, *_ = _numbers(line)
        name, _ = _known_calls()[number]
        if name != _LOCK or limit or not operation & _PRIVATE:
            return False
        if not _is_anothers_lock(address):
            return False
        return (word or _word)(address) == value & _WORD and read(native) == line
    except (OSError, ValueError, KeyError):
        return False


_WORD = 0xFFFF_FFFF


def _word(address: int) -> int:
    # Not as a pointer: who waited there may have gone, and the memory with it.
    with io.FileIO("/proc/self/mem") as memory:
        memory.seek(address)
        return int.from_bytes(memory.read(4), sys.byteorder)


def is_ready(native: int, read: Callable[[int], str] | None = None) -> bool:
    """Tell whether a thread lacks nothing but a processor, or the interpreter.

    False where nothing is known.
    """
    try:
        line = (read or _line)(native)
        if line.startswith(_RUNNING):
            return True
        number, address, *_ = _numbers(line)
        name, _ = _known_calls()[number]
    except (OSError, ValueError, KeyError):
        return False
    return name == _LOCK and not _is_anothers_lock(address)


def is_running(native: int, read: Callable[[int], str] | None = None) -> bool:
    """Tell whether a thread works, or would if it had a processor.

    False where nothing is known.
    """
    try:
        return (read or _line)(native).startswith(_RUNNING)
    except OSError:
        return False


def does(native: int, read: Callable[[int], str] | None = None) -> Doing | None:
    """Tell what a thread does; None where it has ended, or nothing is known."""
    try:
        line = (read or _line)(native)
    except OSError:
        return None
    if not _known_calls() or not line:
        return None
    if line.startswith(_RUNNING):
        return "works"
    number, address, *_ = _numbers(line)
    name, _ = _known_calls().get(number, ("", ""))
    if name == _LOCK:
        if not _static_memory():  # it may be the interpreter's, or any other
            return None
        return "rests" if _is_anothers_lock(address) else "works"
    if name in _BY_WHAT_IS_OPEN:
        return "works" if _is_a_file(address) else "waits"
    # Outside of any call it waits for a page of memory; in others for a disk.
    return "waits" if name in _OF_OTHERS else "works"


def _is_a_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(held.fstat(descriptor).st_mode)
    except OSError:  # it has been closed meanwhile
        return False


def _line(native: int) -> str:
    # FileIO, because open() may be one of the calls that a rule watches.
    with io.FileIO(_LINE.format(native)) as file:
        return file.read().decode()


def _line_in_steps(between: Callable[[], None], native: int) -> str:
    with opened(_LINE.format(native), between) as descriptor:
        return held.read(descriptor, _LINE_AT_MOST).decode()


def _numbers(line: str) -> list[int]:
    # _RUNNING, or "-1 …" for a wait outside of any call, as for a page of memory.
    return [int(field, 0) for field in line.split()]


# ------------------------------------------------------------ what it is on


def _descriptor(number: int) -> str | None:
    path = os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115 - Path(...) is slow
    if path.startswith("socket:"):
        return _peer(number)
    if path.startswith("anon_inode:"):
        return None
    return "a pipe" if path.startswith("pipe:") else path


def _peer(descriptor: int) -> str:
    # `_socket`, because `socket.socket` may be replaced or watched. With a default
    # timeout set even that would make the descriptor non-blocking, for its owner too.
    if _socket.getdefaulttimeout() is not None:
        return "a socket"
    duplicate = _socket.socket(fileno=os.dup(descriptor))
    try:
        return _written(duplicate.getpeername())
    except OSError:
        return _without_peer(duplicate)
    finally:
        duplicate.close()


def _without_peer(duplicate: _socket.socket) -> str:
    option = duplicate.getsockopt
    listens = option(_socket.SOL_SOCKET, _socket.SO_ACCEPTCONN)
    if listens or duplicate.type & 0xF == _socket.SOCK_DGRAM:
        return f"{_written(duplicate.getsockname())} (its own address)"
    return "a connection that is being made"


def _written(address: object) -> str:
    if isinstance(address, tuple) and len(address) >= 2:
        host, port = address[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    if isinstance(address, bytes):
        address = "@" + address.lstrip(b"\0").decode(errors="replace")
    return str(address) or "a socket without a name"


def _memory(address: int, size: int) -> bytes:
    with io.FileIO("/proc/self/mem") as file:
        file.seek(address)
        return file.read(size)


def _of_poll(arguments: Sequence[int]) -> str | None:
    # struct pollfd: a descriptor, and two short fields.
    at, count = arguments[:2]
    raw = _memory(at, 8 * min(count, _FEW + 1))
    return _one_of({descriptor for (descriptor,) in struct.iter_unpack("i4x", raw)})


def _of_select(arguments: Sequence[int]) -> str | None:
    # The first argument is the highest descriptor and one more, then come sets of bits.
    end = arguments[0]
    bits = 0
    for at in filter(None, arguments[1:3]):
        bits |= int.from_bytes(_memory(at, end // 8 + 1), "little")
    return _one_of({number for number in range(end) if bits >> number & 1})


def _one_of(descriptors: set[int]) -> str | None:
    if not descriptors:
        return "a timer"
    if len(descriptors) > _FEW:
        return None
    found = {_descriptor(descriptor) for descriptor in descriptors}
    return found.pop() if len(found) == 1 else None


def _of_connect(arguments: Sequence[int]) -> str | None:
    # struct sockaddr: its family in the byte order of the machine, then as of network.
    raw = _memory(arguments[1], min(arguments[2], 128))
    family = int.from_bytes(raw[:2], sys.byteorder)
    if family == _socket.AF_UNIX:
        return raw[2:].split(b"\0")[0].decode(errors="replace") or None
    port = int.from_bytes(raw[2:4], "big")
    if family == _socket.AF_INET:
        return _written((_socket.inet_ntop(family, raw[4:8]), port))
    if family == _socket.AF_INET6:
        return _written((_socket.inet_ntop(family, raw[8:24]), port))
    return None


def _path(address: int) -> str:
    raw = _memory(address, _PATH_AT_MOST)
    return raw.split(b"\0")[0].decode(errors="replace")


def _process(number: int) -> str | None:
    # -1 is any child, other negative numbers are groups.
    number &= 0xFFFFFFFF
    return f"process {number}" if 0 < number < 0x80000000 else "a child process"


_FINDERS: Mapping[str, Callable[[Sequence[int]], str | None]] = {
    "descriptor": lambda arguments: _descriptor(arguments[0]),
    "poll": _of_poll,
    "select": _of_select,
    "address": _of_connect,
    "path": lambda arguments: _path(arguments[0]),
    "path at": lambda arguments: _path(arguments[1]),
    "lock": lambda arguments: "a lock",
    "timer": lambda arguments: "a timer",
    "process": lambda arguments: _process(arguments[0]),
    "any process": lambda arguments: _process(
        arguments[1] if arguments[0] == os.P_PID else 0
    ),
}


# ------------------------------------------------------- the interpreter's


def _is_anothers_lock(address: int) -> bool:
    # Locks of Python's users are on the heap. Those in the static memory of the
    # interpreter are of the GIL, and a thread waits there whenever another one runs.
    # musl waits for the GIL on the stack: there a lock can't be told from it.
    static = _static_memory()
    return bool(static) and not any(first <= address < last for first, last in static)


@functools.cache
def _static_memory() -> tuple[tuple[int, int], ...]:
    try:
        os.confstr("CS_GNU_LIBC_VERSION")
        with io.FileIO("/proc/self/maps") as file:
            lines = (file.readall() or b"").decode(errors="replace").splitlines()
        program = os.path.realpath("/proc/self/exe")
    except (OSError, ValueError, AttributeError):
        return ()
    return tuple(static_memory(lines, program))


def static_memory(lines: Sequence[str], program: str) -> list[tuple[int, int]]:
    """Find the interpreter's static memory in the lines of a map of a process."""
    found: list[tuple[int, int]] = []
    for line in lines:
        fields = line.split(maxsplit=5)
        first, last = (int(number, 16) for number in fields[0].split("-"))
        path = fields[5] if len(fields) > 5 else ""
        ours = path == program or path.rpartition("/")[2].startswith("libpython")
        # What is not in the file is zero at first: it follows as memory of no name.
        follows = not path and bool(found) and found[-1][1] == first
        if "w" in fields[1] and (ours or follows):
            found.append((first, last))
    return found


# -------------------------------------------------------------- how often


def waits_here() -> int | None:
    """Count how often the calling thread has waited so far; this keeps the GIL.

    None where the system does not tell.
    """
    if _usage is None or _OF_THREAD is None:
        return None
    return int(_usage(_OF_THREAD).ru_nvcsw)


class Kernel:
    """What the system can tell of threads beside their account; tests have a fake."""

    switch_interval = staticmethod(switch_interval)

    def __init__(self, clock: SystemClock) -> None:
        self.working = clock.working
        self.waited = clock.waits

    def waits_for(self, native: int) -> Wait | None:
        """Tell what this thread waits for, None where it is none of the user's."""
        return waits_for(native)

    def is_running(self, native: int, between: Callable[[], None]) -> bool:
        """Tell whether this thread works, or would if it had a processor.

        Args:
            native: the number that the system gave it.
            between: called after each call of the system, as each gives up the GIL.
        """
        return is_running(native, functools.partial(_line_in_steps, between))

    def others_are_ready(self, known: Set[int]) -> bool:
        """Tell whether a thread but these lacks only a processor, or the interpreter.

        False where nothing is known.
        """
        try:
            natives = {int(name) for name in held.listdir("/proc/self/task")}
        except OSError:
            return False
        return any(is_ready(native) for native in natives - known)

    def switches(self) -> int | None:
        """Count how often the calling thread has waited so far; this keeps the GIL."""
        return waits_here()

    def in_gil(self, native: int) -> float | None:
        """Tell for how long a thread may have waited for the GIL so far, at the most.

        It waits for no longer than a switch interval at a time, and may have waited for
        something else. None where nothing is known.
        """
        here = native == current_thread_ids()[1]
        waits = self.switches() if here else self.waited(native)
        return None if waits is None else waits * self.switch_interval()
