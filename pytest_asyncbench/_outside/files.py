"""Files of a run's own: whole or not at all, and two runs at once lose nothing.

A file is written beside its place and then moved there, which every system does in one
step. What is written beside is also the lock: it is made only where there is none, and
who comes second waits for that. This needs no further file, and works on any system.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pytest_asyncbench._words.errors import PolicyError

__all__ = [
    "change_file",
    "insist_on_one_use",
    "insist_on_writing",
    "read_text",
    "told",
    "write_file",
]

_WAITS = 200
_PAUSE = 0.05
"""In seconds. Who writes is done after milliseconds: where the same lock is there after
all these waits, whoever made it was killed."""

_WRITERS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def insist_on_writing(path: Path) -> None:
    """Find out whether a file can be written, and leave all as it is.

    Raises:
        OSError: it can't.
    """
    if path.is_dir():
        raise IsADirectoryError("it is a folder")
    if path.exists() and not path.is_file():
        # A pipe would be waited for without end, and a device be replaced by a file.
        raise OSError("it is a pipe or a device, and no file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {_missing(path)}")
    for each in (path, path.parent):
        # The superuser may write there all the same; the bit says that nobody should.
        if each.exists() and not each.stat().st_mode & _WRITERS:
            raise PermissionError(f"{each.name} is read-only")
    _lock(path.resolve()).unlink()


def insist_on_one_use(uses: Iterable[tuple[str, Path]]) -> None:
    """Find out whether no file is to be two things: what is written last would be left.

    Args:
        uses: what each file is to be, and where it is.

    Raises:
        PolicyError: one is; says which.
    """
    known: dict[Path, str] = {}
    for use, path in uses:
        other = known.setdefault(path.resolve(), use)
        if other != use:
            raise PolicyError(
                f"{path.name}: can't be both {other} and {use}; name another file for "
                "one of them"
            )


def read_text(name: str) -> str:
    """Read a file that was named on a command line.

    Raises:
        OSError: it can't be read.
        PolicyError: it holds no text.
    """
    try:
        return Path(name).read_bytes().decode()
    except UnicodeDecodeError:
        raise PolicyError(f"{name}: is no text") from None


def told(error: Exception) -> str:
    """Say what went wrong, with the file where the error has that."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _missing(path: Path) -> str:
    """Name the folders that a file lacks, and where they would be."""
    outermost = [each for each in path.absolute().parents if not each.is_dir()][-1]
    folders = path.absolute().parent.relative_to(outermost.parent)
    return f"{folders.as_posix()!r} in {str(outermost.parent)!r}"


def change_file(path: Path, change: Callable[[str | None], str]) -> None:
    """Give a file another text, as one step.

    Args:
        path: which file.
        change: makes the new text of the one that is there, None where there is none.

    Raises:
        OSError: it can't be read or written; it is as it was.
        ValueError: what is there is no text, or `change` refuses it; the same.
    """
    path = path.resolve()
    beside = _lock(path)
    try:
        before = path.read_bytes() if path.exists() else None
        text = change(None if before is None else before.decode())
        # A checkout on Windows may have its own ends of lines.
        if before is not None and b"\r\n" in before:
            text = text.replace("\n", "\r\n")
        after = text.encode()
        if after != before:
            _write(beside, after)
            if before is not None:
                beside.chmod(stat.S_IMODE(path.stat().st_mode))
            beside.replace(path)
            # From here on a lock of this name is somebody else's.
            return
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    beside.unlink()


def write_file(path: Path, text: str) -> None:
    """Give a file this text, whatever it had, as one step.

    Raises:
        OSError, ValueError: as `change_file`.
    """
    change_file(path, lambda before: text)


def _write(path: Path, text: bytes) -> None:
    with path.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _lock(path: Path) -> Path:
    """Make the lock of a file, which is the file beside it; wait where there is one."""
    lock = path.with_name(f"{path.name}.lock")
    waited, whose = 0, _stamp(lock)
    while True:
        try:
            lock.open("xb").close()
        except FileExistsError:
            now = _stamp(lock)
            waited, whose = (waited + 1 if now == whose else 0), now
            if waited < _WAITS:
                time.sleep(_PAUSE)
            else:
                lock.unlink(missing_ok=True)
        else:
            return lock


def _stamp(lock: Path) -> tuple[int, int] | None:
    """Tell one lock from the next."""
    try:
        found = lock.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino
