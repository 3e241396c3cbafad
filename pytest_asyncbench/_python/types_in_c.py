"""Methods of types that are written in C, and of which Python lets nobody write to.

Problem: ``io.TextIOWrapper.read = ...`` is a TypeError, and no object of such a type
can be made one of another. To be told of every call in C (`sys.monitoring`, from 3.12
on) makes each call of the process slower, and shows no iteration.

What we do: write to the dict that the type keeps its methods in, and tell the
interpreter, as other detectors have done for years. Whatever calls the method by its
name finds the new one, from C, too.

What still fails: a method that was bound before (``write = file.write``), a slot of
the type (``for line in file``), any other interpreter than CPython, and builds without
a GIL, where another thread may read the dict meanwhile.
"""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Callable, Mapping

from pytest_asyncbench._python.gil import has_gil
from pytest_asyncbench._words.undo import Undo

__all__ = ["get_ready_for_methods", "replace_methods"]


def get_ready_for_methods() -> None:
    """Load what `replace_methods` needs, which takes milliseconds."""
    _modified()


@functools.cache
def _modified() -> Callable[[type], None] | None:
    """Give what tells the interpreter that a type has changed."""
    if sys.implementation.name != "cpython":
        return None
    try:
        ctypes = importlib.import_module("ctypes")
    except ImportError:  # a Python that was built without
        return None
    tell = ctypes.pythonapi["PyType_Modified"]
    tell.argtypes, tell.restype = [ctypes.py_object], None

    def modified(kind: type) -> None:
        tell(kind)

    return modified


def replace_methods(kind: type, methods: Mapping[str, object]) -> Undo | None:
    """Put functions in the place of a type's own methods, until undone.

    A method that somebody else has replaced in between is left as it is. Returns None
    where that can't be done.
    """
    there, modified = _methods_of(kind), _modified()
    if there is None or modified is None or not methods.keys() <= there.keys():
        return None
    # Both are held until it is over: the interpreter remembers what a name has led to,
    # and keeps none of it alive.
    before = {name: there[name] for name in methods}
    there.update(methods)
    modified(kind)

    def undo() -> None:
        for name, method in methods.items():
            if there.get(name) is method:
                there[name] = before[name]
        modified(kind)

    return undo


def _methods_of(kind: type) -> dict[str, object] | None:
    """Give the dict itself, which `vars` only shows."""
    if not has_gil():
        return None
    found = [one for one in gc.get_referents(vars(kind)) if type(one) is dict]
    return found[0] if len(found) == 1 else None
