"""Reads and writes of files that are open already: methods of types in C.

A file that was opened on the loop has been told of by its `open`, and is not told of
again. Nor is what goes to the terminal, to pytest's own capture and log, or to memory.
A file of a socket is told of as the socket. Which rows there are is not known here.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._python import get_ready_for_methods, replace_methods
from pytest_asyncbench._words import held
from pytest_asyncbench._words.undo import Undo, nothing
from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    from pytest_asyncbench._interception.compiled import CompiledRule, Intercept
    from pytest_asyncbench._interception.signatures import Function

__all__ = ["OPENERS", "TYPES", "OpenFiles"]

P = ParamSpec("P")
T = TypeVar("T")

TYPES: dict[str, type] = {
    "io.BufferedRandom": io.BufferedRandom,
    "io.BufferedReader": io.BufferedReader,
    "io.BufferedWriter": io.BufferedWriter,
    "io.FileIO": io.FileIO,
    "io.TextIOWrapper": io.TextIOWrapper,
    "os.DirEntry": os.DirEntry,
}
"""The types whose methods are replaced, by the name that rules have for them."""

OPENERS = frozenset({"builtins.open", "pathlib.Path.open"})
"""What opens a file, and is told of."""

# Not on Windows before 3.12.
_is_blocking: Callable[[int], bool] = getattr(os, "get_blocking", lambda _: True)

_STREAMS = ("stdin", "stdout", "stderr", "__stdin__", "__stdout__", "__stderr__")
_STANDARD = 3
"""Below this are the descriptors of the standard streams."""


class _Method(NamedTuple):
    """A method that is replaced while its rule is active."""

    kind: type
    name: str
    rule: CompiledRule
    wrapper: Function


class OpenFiles:
    """The methods of one installation, and what is known of each file."""

    def __init__(self) -> None:
        self._methods: list[_Method] = []
        self._counts: WeakKeyDictionary[io.FileIO, bool] = WeakKeyDictionary()
        """Whether calls of a file count, asked once for each."""

    def add(self, rule: CompiledRule, function: Function, intercept: Intercept) -> None:
        """Have a method replaced while its rule is active."""
        where, _, name = rule.rule.target.rpartition(".")
        counts = self._may_write if name == "flush" else self._is_counted

        def wrapper(file: object, /, *args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            if rule.active and running_loop() is not None and counts(file):
                return intercept(rule, function, (file, *args), kwargs)
            return function(file, *args, **kwargs)

        for looks in ("__name__", "__qualname__", "__doc__"):
            setattr(wrapper, looks, getattr(function, looks))
        self._methods.append(_Method(TYPES[where], name, rule, wrapper))

    def stand_by(self, families: frozenset[str]) -> None:
        """Get ready for `activate`, which runs in a step of the loop."""
        if any(method.rule.rule.family in families for method in self._methods):
            get_ready_for_methods()

    def activate(self) -> Undo:
        """Replace the methods whose rule is active, until undone."""
        active = [method for method in self._methods if method.rule.active]
        with ExitStack() as undo:
            undo.callback(self._counts.clear)
            for kind in {method.kind for method in active}:
                own = {each.name: each.wrapper for each in active if each.kind is kind}
                undo.callback(replace_methods(kind, own) or nothing)
            return undo.pop_all().close

    def opening(self, function: Callable[P, T]) -> Callable[P, T]:
        """Note each file that is opened on a loop's thread."""

        def opened(*args: P.args, **kwargs: P.kwargs) -> T:
            __tracebackhide__ = True
            file = function(*args, **kwargs)
            if running_loop() is not None:
                self._note(file)
            return file

        return opened

    def _note(self, file: object) -> None:
        with suppress(Exception):  # of an opener's own kind of file
            raw = _raw_of(file)
            # Nobody has told of a descriptor that was open already.
            if raw is not None and not isinstance(raw.name, int):
                self._counts[raw] = False

    def _may_write(self, file: object) -> bool:
        # Every file is flushed as it is closed, those that are only read as well.
        raw = _raw_of(file) if self._is_counted(file) else None
        return raw is not None and raw.writable()

    def _is_counted(self, file: object) -> bool:
        if isinstance(file, os.DirEntry):
            return True
        try:
            raw = _raw_of(file)
            if raw is None:
                return False
            known = self._counts.get(raw)
            if known is None:
                known = self._counts[raw] = _can_wait(file, raw)
            return known
        except Exception:  # a closed file, one of the user's own, no room to ask
            return False


def _raw_of(file: object) -> io.FileIO | None:
    """Give what reads and writes for a file in the end; None where it is no file."""
    for name in ("buffer", "raw"):
        file = getattr(file, name, file)
    return file if isinstance(file, io.FileIO) else None


def _can_wait(file: object, raw: io.FileIO) -> bool:
    """Tell whether it is a file or a pipe, and not one of those that are let off."""
    descriptor = raw.fileno()
    mode = held.fstat(descriptor).st_mode
    if stat.S_ISFIFO(mode):
        kind = _is_blocking(descriptor)
    else:
        kind = stat.S_ISREG(mode) or stat.S_ISBLK(mode)
    return kind and descriptor >= _STANDARD and not _is_pytests(file, raw)


def _is_pytests(file: object, raw: io.FileIO) -> bool:
    return type(file).__module__.startswith("_pytest.") or any(
        raw is other for other in _let_off()
    )


def _let_off() -> Iterator[io.FileIO | None]:
    """Give the files behind the standard streams, and of pytest's own logs."""
    streams = [getattr(sys, name, None) for name in _STREAMS]
    streams += [
        getattr(handler, "stream", None)
        for handler in logging.root.handlers
        if type(handler).__module__.startswith("_pytest.")
    ]
    for stream in streams:
        with suppress(Exception):  # a closed stream, or one of the user's own
            yield _raw_of(stream)
