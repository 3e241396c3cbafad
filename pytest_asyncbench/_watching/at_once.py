"""Whose a step is, where another plugin runs several tests in one loop at once.

A test's body says so in its context. Each task that it starts has a copy of that, and
so has each callback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pytest_asyncbench._loops import names

__all__ = ["Owner", "owner_here", "owner_of", "owning"]


class Owner:
    """One of the tests, known by its identity: no context keeps a test alive."""


_OWNER: ContextVar[Owner | None] = ContextVar("pytest_asyncbench_owner", default=None)


@contextmanager
def owning(owner: Owner) -> Iterator[None]:
    """Have all that begins in this block, and in tasks started in it, be a test's."""
    before = _OWNER.set(owner)
    try:
        yield
    finally:
        _OWNER.reset(before)


def owner_here() -> Owner | None:
    """Tell whose the step in progress is; None where it is in no test's task."""
    return _OWNER.get()


def owner_of(handle: names.Step) -> Owner | None:
    """Tell whose a step is that has ended."""
    context = names.CONTEXT.get(handle)
    return None if context is None else context.get(_OWNER)
