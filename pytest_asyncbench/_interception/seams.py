"""A target's name → the place where it stands, and can be replaced.

Problem: some targets cannot be replaced where they stand. A type written in C must
not be written to. `socket.socket` is a Python subclass of one already, and takes the
wrappers; for the others there may be stand-ins, which are passed in. Rules and
listeners are not known here.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from pytest_asyncbench._interception.words import (
    AbsentError,
    Call,
    CannotWrapError,
    NoSuchNameError,
)
from pytest_asyncbench._interception.wrappers import Builtin
from pytest_asyncbench._words.undo import Undo, replace

__all__ = ["Seam", "check", "find"]


class Seam(NamedTuple):
    """Where a target stands, and what stands there."""

    owner: Any
    name: str
    raw: Any

    def dressed(self, call: Call, raw: Call | None = None) -> Any:
        """Give `call` the looks of what it replaces; `raw` is what it goes on to."""
        if isinstance(self.raw, (staticmethod, classmethod)):
            return type(self.raw)(functools.wraps(self.raw.__func__)(call))
        if isinstance(self.owner, type):
            # What a type in C offers has no module of its own.
            call.__module__ = self.owner.__module__
            return functools.wraps(self.raw)(call)
        if isinstance(self.raw, FunctionType):
            return functools.wraps(self.raw)(call)
        return Builtin(call, self.raw, self.owner.__name__, raw)

    @property
    def function(self) -> Call:
        """What is called in the end."""
        raw = self.raw
        is_bound_late = isinstance(raw, (staticmethod, classmethod))
        return raw.__func__ if is_bound_late else raw  # type: ignore[no-any-return]

    def put(self, value: Any) -> Undo:
        """Set `value` here, and under each other name that the class gives this."""
        names = [self.name]
        if isinstance(self.owner, type):
            # threading.Semaphore.__enter__ is its acquire.
            names += [
                name
                for name, other in vars(self.owner).items()
                if other is self.raw and name != self.name
            ]
        with ExitStack() as undo:
            for name in names:
                undo.callback(replace(self.owner, name, value))
            return undo.pop_all().close


def find(target: str, stand_ins: Mapping[str, type]) -> Seam | None:
    """Look a target up; None if a module on the way is foreign and not imported yet.

    Raises NoSuchNameError where there is none, and AbsentError where its module is
    one that this Python was built without.
    """
    found = _module_of(target)
    if found is None:
        return None
    owner: Any
    owner, (*path, name) = found
    where = target.rpartition(".")[0]
    try:
        for part in path:
            owner = getattr(owner, part)
        owner = stand_ins.get(where, owner)
        # A class gives what stands in it; a module may import what it is asked for.
        look = inspect.getattr_static if isinstance(owner, type) else getattr
        raw = look(owner, name)
        if isinstance(raw, type):
            owner, name, raw = raw, "__init__", inspect.getattr_static(raw, "__init__")
    except AttributeError:
        kind = "class" if isinstance(owner, type) else "module"
        raise NoSuchNameError(f"no such name in {kind} {where}") from None
    return Seam(owner, name, raw)


def _module_of(target: str) -> tuple[ModuleType, list[str]] | None:
    """Split a target into its module and the rest; None if it isn't imported yet."""
    parts = target.split(".")
    standard = parts[0] in sys.stdlib_module_names
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if standard and name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        module = sys.modules.get(name)
        if module is not None:
            rest = parts[length:]
            # What of the standard library is to be imported has been, just now.
            is_late = len(rest) > 1 and not standard and _is_to_come(name, rest[0])
            return None if is_late else (module, rest)
    if standard:
        raise AbsentError(f"no module named {parts[0]}")
    return None


def _is_to_come(package: str, name: str) -> bool:
    """Tell whether a package has a module of that name that nobody has imported."""
    if hasattr(sys.modules[package], name):
        return False
    try:
        return importlib.util.find_spec(f"{package}.{name}") is not None
    except (ImportError, ValueError):
        return False


def check(seam: Seam) -> None:
    """Raise CannotWrapError for what is no blocking function, whatever its name."""
    if not callable(seam.function):
        raise CannotWrapError("this is not callable")
    if inspect.iscoroutinefunction(seam.function):
        raise CannotWrapError("a coroutine function does not block")
