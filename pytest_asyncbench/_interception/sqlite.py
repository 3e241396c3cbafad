"""Types in the place of `sqlite3`'s own, which are in C and must not be written to.

`sqlite3.connect` hands out subclasses that belong to one installation. Which of their
methods are wrapped, and why, is not known here.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import sqlite3

    from pytest_asyncbench._interception.signatures import Function

__all__ = ["connecting_with", "sqlite_stand_ins"]

P = ParamSpec("P")
T = TypeVar("T")

_POSITION_OF_FACTORY = 5  # among the arguments of sqlite3.connect


def sqlite_stand_ins() -> dict[str, type]:
    """Make subclasses of sqlite3's types for one installation to write to.

    Raises:
        ImportError: this Python was built without sqlite3.
    """
    module = importlib.import_module("sqlite3")
    # With no dictionary of its own a cursor is made as quickly as sqlite3's.
    looks: dict[str, object] = {"__module__": "sqlite3", "__slots__": ()}
    cursor_type: type[sqlite3.Cursor] = type("Cursor", (module.Cursor,), dict(looks))

    make, new = module.Connection.cursor, cursor_type

    def cursor(
        self: sqlite3.Connection,
        factory: Callable[[sqlite3.Connection], sqlite3.Cursor] = cursor_type,
    ) -> sqlite3.Cursor:
        made: sqlite3.Cursor = make(self, factory)
        return made

    def by_cursor(name: str) -> Function:
        # The method in C does the same, but from 3.11 on it does not ask cursor(). It
        # is called as it is: of a call of the connection's the cursor's is a part.
        execute = getattr(module.Cursor, name)

        @functools.wraps(getattr(module.Connection, name))
        def method(self: sqlite3.Connection, *args: object) -> sqlite3.Cursor:
            __tracebackhide__ = True
            made: sqlite3.Cursor = execute(make(self, new), *args)
            return made

        return method

    shortcuts = ("execute", "executemany", "executescript")
    methods = {"cursor": cursor, **{name: by_cursor(name) for name in shortcuts}}
    connection_type = type("Connection", (module.Connection,), {**looks, **methods})
    return {"sqlite3.Connection": connection_type, "sqlite3.Cursor": cursor_type}


def connecting_with(connection_type: type, connect: Callable[P, T]) -> Callable[P, T]:
    """Make `connect` hand out our type, where the caller asks for no other."""

    @functools.wraps(connect)
    def connect_with_factory(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        if len(args) <= _POSITION_OF_FACTORY:
            kwargs.setdefault("factory", connection_type)
        return connect(*args, **kwargs)

    return connect_with_factory
