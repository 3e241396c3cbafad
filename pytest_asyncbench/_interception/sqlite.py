"""Types of `sqlite3` that can be written to, which its own, in C, must not be.

`sqlite3.connect` hands out subclasses that belong to one installation. Which of their
methods are wrapped, and why, is not known here.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from pytest_asyncbench._interception.words import Call

__all__ = ["connecting_with", "sqlite_stand_ins"]

_POSITION_OF_FACTORY = 5  # among the arguments of sqlite3.connect


def sqlite_stand_ins() -> dict[str, type]:
    """Make subclasses of sqlite3's types for one installation to write to."""
    sqlite3 = importlib.import_module("sqlite3")
    looks = {"__module__": "sqlite3"}
    cursor_type = type("Cursor", (sqlite3.Cursor,), dict(looks))

    def cursor(self: Any, factory: Any = cursor_type) -> Any:
        return sqlite3.Connection.cursor(self, factory)

    def by_cursor(name: str) -> Call:
        # What the method in C does, too, but up from 3.11 without asking cursor().
        original = getattr(sqlite3.Connection, name)

        @functools.wraps(original)
        def method(self: Any, *args: Any) -> Any:
            __tracebackhide__ = True
            return getattr(cursor(self), name)(*args)

        return method

    shortcuts = ("execute", "executemany", "executescript")
    methods = {"cursor": cursor, **{name: by_cursor(name) for name in shortcuts}}
    connection_type = type("Connection", (sqlite3.Connection,), {**looks, **methods})
    return {"sqlite3.Connection": connection_type, "sqlite3.Cursor": cursor_type}


def connecting_with(connection_type: type, connect: Call) -> Call:
    """Make `connect` hand out our type, where the caller asks for no other."""

    @functools.wraps(connect)
    def connect_with_factory(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if len(args) <= _POSITION_OF_FACTORY:
            kwargs.setdefault("factory", connection_type)
        return connect(*args, **kwargs)

    return connect_with_factory
