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

from pytest_asyncbench._interception.errors import (
    AbsentError,
    CannotWrapError,
    NoSuchNameError,
)
from pytest_asyncbench._interception.signatures import Function
from pytest_asyncbench._interception.wrappers import Builtin
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Seam", "check", "find", "may_be_imported", "module_to_come"]


_HOMES = {"concurrent.futures.ProcessPoolExecutor": "concurrent.futures.process"}
"""Where a class is that its package loads when it is asked for it.

It is looked up there: the package may be asking for it just now.
"""


class Seam(NamedTuple):
    """Where a target stands, and what stands there."""

    owner: ModuleType | type
    name: str
    raw: Function

    @property
    def function(self) -> Function:
        """What is called in the end."""
        if isinstance(self.raw, (staticmethod, classmethod)):
            return self.raw.__func__
        return self.raw

    def dressed(self, wrapper: Function, plain: Function) -> Function:
        """Give `wrapper` the looks of what it replaces.

        Where that can be switched past its wrapper, it goes to `plain` then.
        """
        if isinstance(self.raw, (staticmethod, classmethod)):
            return type(self.raw)(functools.wraps(self.raw.__func__)(wrapper))
        if isinstance(self.owner, type):
            # What a type in C offers has no module of its own.
            wrapper.__module__ = self.owner.__module__
            return functools.wraps(self.raw)(wrapper)
        if isinstance(self.raw, FunctionType):
            return functools.wraps(self.raw)(wrapper)
        return Builtin(wrapper, self.raw, self.owner.__name__, plain)

    def put(self, value: Function) -> Undo:
        """Set `value` here, and under each other name that the class gives this."""
        with ExitStack() as undo:
            for name in self._names():
                undo.callback(replace(self.owner, name, value))
            return undo.pop_all().close

    def _names(self) -> list[str]:
        if isinstance(self.owner, ModuleType):
            return [self.name]
        # threading.Semaphore.__enter__ is its acquire.
        members = list(vars(self.owner).items())
        others = [name for name, member in members if member is self.raw]
        return list(dict.fromkeys([self.name, *others]))


def find(target: str, stand_ins: Mapping[str, type]) -> Seam | None:
    """Look a target up; None if a module on the way is foreign and not imported yet.

    Raises:
        NoSuchNameError: its module or class has no such name.
        AbsentError: its module is one that this Python was built without.
    """
    found = _module_of(target)
    if found is None:
        return None
    module, (*path, name) = found
    where = target.rpartition(".")[0]
    owner: ModuleType | type = module
    for part in path:
        owner = _within(owner, part)
    owner = stand_ins.get(where, owner)
    try:
        # A class gives what stands in it; a module may import what it is asked for.
        look = inspect.getattr_static if isinstance(owner, type) else getattr
        raw = look(owner, name)
    except AttributeError:
        kind = "class" if isinstance(owner, type) else "module"
        raise NoSuchNameError(f"no such name in {kind} {where}") from None
    if isinstance(raw, type):  # to make one of a class is to call this
        return Seam(raw, "__init__", inspect.getattr_static(raw, "__init__"))
    return Seam(owner, name, raw)


def _within(owner: ModuleType | type, name: str) -> ModuleType | type:
    try:
        found: ModuleType | type = getattr(owner, name)
    except AttributeError:
        raise NoSuchNameError(f"there is no {owner.__name__}.{name} here") from None
    return found


def module_to_come(target: str) -> str | None:
    """Give the module of the standard library that must be imported to find a target.

    None where it has been, or the target is elsewhere. Of a package it is the package:
    who wants any of it imports that first.
    """
    outermost = target.partition(".")[0]
    if outermost not in sys.stdlib_module_names:
        return None
    home = _HOMES.get(target.rpartition(".")[0], outermost)
    return None if home in sys.modules else home


def may_be_imported(target: str) -> bool:
    """Tell whether any module on the way to a foreign target is there by now.

    Else there is nothing to find; and to find that out costs each test ten times more.
    """
    parts = target.split(".")
    ways = (".".join(parts[:length]) for length in range(1, len(parts)))
    return any(way in sys.modules for way in ways)


def _module_of(target: str) -> tuple[ModuleType, list[str]] | None:
    """Split a target into its module and the rest; None if it isn't imported yet."""
    parts = target.split(".")
    home = _HOMES.get(target.rpartition(".")[0])
    if home is not None:
        with contextlib.suppress(ImportError):
            return importlib.import_module(home), parts[-2:]
    standard = parts[0] in sys.stdlib_module_names
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        if standard and name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        module = sys.modules.get(name)
        if module is not None:
            rest = parts[length:]
            # Modules of the standard library have been imported above: none is late.
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
