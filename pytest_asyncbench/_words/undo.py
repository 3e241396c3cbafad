"""Replacing an attribute, and giving back what puts it right again; many of those."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType, TracebackType
from typing import Any

__all__ = ["Undo", "Undos", "nothing", "replace"]

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


class Undos:
    """What puts things right again, to be called last first.

    As an `ExitStack` that is given calls alone, and none of the six that it makes for
    each. Around a block it undoes what has been done where the block fails, and else
    leaves it.
    """

    __slots__ = ("_undo", "add")

    def __init__(self) -> None:
        self._undo: list[Undo] = []
        self.add = self._undo.append
        """Takes one more."""

    def __enter__(self) -> Undos:
        """Begin a block that may fail."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it if the block has failed."""
        if error is not None:
            self.close()

    def close(self) -> None:
        """Call all, even where one of them raises; twice is no harm."""
        try:
            while self._undo:
                self._undo.pop()()
        finally:
            if self._undo:
                self.close()


def nothing() -> None:
    """Do nothing: what is called where there is nothing to undo, or to tell, yet."""
