"""One failure out of many: the one to raise, and the others in its notes."""

from __future__ import annotations

import asyncio
import functools
from operator import itemgetter
from typing import TypeVar

from pytest_asyncbench._glue.host import NO_FAILURE
from pytest_asyncbench._reports.alike import so_did, told_apart
from pytest_asyncbench._words import legible

__all__ = ["add_note", "by_weight", "failure_of", "note_others", "with_others"]

T = TypeVar("T")


def failure_of(task: asyncio.Task[T]) -> BaseException | None:
    """Give what a finished task failed with, a cancellation included."""
    try:
        return task.exception()
    except asyncio.CancelledError as cancelled:
        return cancelled


def with_others(failed: list[tuple[str, BaseException]], whole: str) -> BaseException:
    """Choose one failure of several copies, and have its notes tell of the others."""
    (name, first), *others = by_weight(failed)
    add_note(first, f"in {name} {whole}")
    note_others(first, [(f"{other} {whole}", error) for other, error in others])
    return first


def note_others(first: BaseException, others: list[tuple[str, BaseException]]) -> None:
    """Tell of the failures beside the first one, in its notes; of many alike once."""
    told = [
        (name, f"{type(error).__name__}: {legible.text(functools.partial(str, error))}")
        for name, error in others
    ]
    for (name, text), alike in told_apart(told, itemgetter(1)):
        add_note(first, f"{name} failed, too: {text}{so_did(alike)}")


def by_weight(
    failed: list[tuple[str, BaseException]],
) -> list[tuple[str, BaseException]]:
    """Give failures first, then who skipped, then who was cancelled because of them."""

    def weight(named: tuple[str, BaseException]) -> int:
        if isinstance(named[1], asyncio.CancelledError):
            return 2
        return 1 if isinstance(named[1], NO_FAILURE) else 0

    return sorted(failed, key=weight)


def add_note(error: BaseException, text: str) -> None:
    """Add a note as ``BaseException.add_note`` does, which 3.10 lacks."""
    error.__dict__.setdefault("__notes__", []).append(text)
