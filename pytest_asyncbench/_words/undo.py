"""Replacing an attribute, and giving back what puts it right again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Undo", "nothing", "replace"]

Undo = Callable[[], None]

_MISSING = object()


def replace(owner: Any, name: str, value: Any) -> Undo:
    """Set `owner.name`; the returned call restores exactly what was there.

    An attribute that was inherited, not the owner's own, is deleted again. If
    somebody else has replaced it in between (closing a loop sets its selector to
    None), theirs is left standing.
    """
    before = vars(owner).get(name, _MISSING)
    setattr(owner, name, value)

    def undo() -> None:
        if vars(owner).get(name, _MISSING) is not value:
            return
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    return undo


def nothing() -> None:
    """Do nothing: what is called where there is nothing to undo, or to tell, yet."""
