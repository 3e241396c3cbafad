"""Names that modules import lazily (Python 3.15), left alone while freezegun looks.

Problem: freezegun's start asks all modules for all their names, and its stop those
that came meanwhile; to ask for a lazily imported name is to import what it stands for.
What does not do: to take such names out of their modules for that time. Another thread
may use one, and each would come back in another place. What we do: freezegun asks with
`getattr`, and takes what raises AttributeError for absent; so while it looks, that
name is, in its own module, one that knows no lazy names. What it remembers of a
module that has some is forgotten, since they will have values later; and a value that
one got in frozen time is put right at the end, as freezegun does for its own.
"""

from __future__ import annotations

import types
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from freezegun import api

from pytest_asyncbench._words.undo import replace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["frozen"]

_LAZY = getattr(types, "LazyImportType", None)


@contextmanager
def frozen(start: datetime, *, ignore: list[str]) -> Iterator[None]:
    """Freeze time, though not asyncio's, and import nothing by that."""
    freezing = api.freeze_time(start, ignore=ignore, real_asyncio=True)
    left: list[tuple[dict[str, Any], str]] = []
    with _left_alone(left):
        freezing.start()
    try:
        yield
    finally:
        with _left_alone([]):
            freezing.stop()
        for namespace, name in left:
            value = namespace.get(name)
            namespace[name] = freezing.reals.get(id(value), value)


@contextmanager
def _left_alone(left: list[tuple[dict[str, Any], str]]) -> Iterator[None]:
    """Have freezegun see no lazy name, and add those that it asks for to `left`."""

    def get(module: ModuleType, name: str) -> Any:
        namespace = _namespace(module)
        if type(namespace.get(name)) is _LAZY:
            left.append((namespace, name))
            raise AttributeError(name)
        return getattr(module, name)

    if _LAZY is None:
        yield
        return
    undo = replace(api, "getattr", get)
    try:
        yield
    finally:
        undo()
        for namespace, _ in left:
            api._GLOBAL_MODULES_CACHE.pop(str(namespace.get("__name__")), None)


def _namespace(module: ModuleType) -> dict[str, Any]:
    # What only claims to be a module has none; and one of importlib's lazy modules
    # would be loaded by module.__dict__.
    if not issubclass(type(module), ModuleType):
        return {}
    namespace: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return namespace
