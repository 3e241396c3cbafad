"""Many that are alike are told once, with a count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

__all__ = ["so_did", "told_apart"]

_FEW = 3
"""So many that are alike are told of one by one."""

T = TypeVar("T")


def told_apart(each: Iterable[T], kind: Callable[[T], Hashable]) -> list[tuple[T, int]]:
    """Give those to tell of; with one that stands for many alike, how many more.

    Args:
        each: all of them, in their order.
        kind: what those have in common that are alike.
    """
    kinds: dict[Hashable, list[T]] = {}
    for one in each:
        kinds.setdefault(kind(one), []).append(one)
    return [
        told
        for alike in kinds.values()
        for told in (
            [(alike[0], len(alike) - 1)]
            if len(alike) > _FEW
            else [(one, 0) for one in alike]
        )
    ]


def so_did(more: int) -> str:
    """Say behind a sentence on one how many more it holds for; nothing for none."""
    return f"; so did {more} more" if more else ""
