"""What the functions look like that this room is given and hands on.

What a wrapped function takes and returns is its own affair: `Any` says so here, and
nowhere else in the room.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Rule

__all__ = ["Args", "Count", "Function", "Kwargs", "Listener", "Predicate"]

Args = tuple[Any, ...]
Kwargs = dict[str, Any]

Function = Callable[..., Any]
"""Any function that a rule can be about."""

Predicate = Callable[[Args, Kwargs], bool]
"""Tells from the arguments of a call, before it is made, that it cannot wait."""

Count = Callable[[float, float, float], bool]
"""Counts one more call, by when our work for it began, and when it began and ended;
says False where it does not, and the listener must be told of the call."""


class Listener(Protocol):
    """Who is told of blocking calls, on the thread that made them."""

    def __call__(
        self,
        rule: Rule,
        began: float,
        seconds: float,
        frame: FrameType,
        place: Hashable,
        /,
    ) -> Count | None:
        """Take note of a call; `frame` is the caller of the wrapped function.

        What is given counts quick calls at the same place, as far as it can.

        `seconds` are less those of calls within it that are told of themselves.
        `place` is the same object for all calls of a rule's target on the same stack.
        """
