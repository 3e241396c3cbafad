"""Replacing an attribute, and giving back what puts it right again."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
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
    inherited = _inherits(owner, name)
    before = _MISSING if inherited else vars(owner).get(name, _MISSING)
    setattr(owner, name, value)

    def undo() -> None:
        stands = getattr(owner, name, _MISSING) if inherited else vars(owner).get(name)
        if stands is not value:
            return
        if before is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, before)

    return undo


def _inherits(owner: Any, name: str) -> bool:
    """Tell whether `owner.name` is a method of its class.

    Without ``vars(owner)``: from an object that has been asked for it, 3.11 and 3.12
    read each attribute slower from then on.
    """
    method = getattr(owner, name, None)
    return (
        isinstance(method, MethodType)
        and method.__self__ is owner
        and method.__func__ is getattr(type(owner), name, None)
    )


def nothing() -> None:
    """Do nothing: what is called where there is nothing to undo, or to tell, yet."""
