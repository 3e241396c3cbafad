"""Swaps what modules took with ``from time import sleep`` for something else.

What the values are is not known here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType

from pytest_asyncbench._interception.callers import PACKAGE, top
from pytest_asyncbench._interception.signatures import Function
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Swap", "swap_aliases"]


class Swap(NamedTuple):
    """One function, or class, for another, wherever it is found."""

    old: Function
    new: Function
    everywhere: bool
    """Whether modules of the standard library are meant, too."""


def swap_aliases(swaps: Iterable[Swap]) -> None:
    """Go once over all modules and put each new value where its old one stands.

    Not in our own package. Not in the modules that implement the standard library's
    public ones (`posix`, `_io`): the import system works with these.
    """
    wanted = {id(swap.old): swap for swap in swaps}
    for name, module in list(sys.modules.items()):
        first = top(name)
        standard = first in sys.stdlib_module_names
        hidden = standard and (first.startswith("_") or first in {"posix", "nt"})
        if hidden or first == PACKAGE or not _is_module(module):
            continue
        # A lazy module would be loaded by module.__dict__.
        namespace = object.__getattribute__(module, "__dict__")
        # Most have none, which is told at once by all that they have.
        if wanted.keys().isdisjoint(map(id, [*namespace.values()])):
            continue
        for key, value in list(namespace.items()):
            swap = wanted.get(id(value))
            if swap is not None and (swap.everywhere or not standard):
                namespace[key] = swap.new


def _is_module(value: object) -> bool:
    # By its true type: things that only claim to be modules (cffi's `lib`) are listed
    # in sys.modules, too, and have no namespace to look at.
    return issubclass(type(value), ModuleType)
