"""What a test has asked for and has yet to await; an ``await`` is easily forgotten."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine, Iterable

from pytest_asyncbench._words.seen import Frame

__all__ = ["ToAwait"]

Given = Coroutine[None, None, object]


class ToAwait:
    """The coroutines that a test was given by us, and the work that each is to do."""

    def __init__(self) -> None:
        self._given: dict[object, tuple[Given, Frame, Iterable[object]]] = {}

    def add(
        self, key: object, coroutine: Given, where: Frame, work: Iterable[object]
    ) -> None:
        """Keep a coroutine in mind, until it says that it has begun."""
        self._given[key] = coroutine, where, work

    def begun(self, key: object) -> None:
        """Let go of a coroutine, and of what its work holds."""
        self._given.pop(key, None)

    def close(self) -> tuple[Frame, ...]:
        """Close what nobody awaited, with its work; give where it was asked for."""
        if not self._given:
            return ()
        from pytest_asyncbench._running import close_unstarted  # who gave has loaded it

        given = [*self._given.values()]
        self._given.clear()
        # One that was cancelled before it began is closed, and was awaited.
        forgotten = [where for coroutine, where, _ in given if _is_unstarted(coroutine)]
        for coroutine, _, work in given:
            coroutine.close()
            close_unstarted(work)
        return tuple(forgotten)


def _is_unstarted(coroutine: Given) -> bool:
    return inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
