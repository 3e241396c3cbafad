"""What the rules say of each place that calls are made at, asked once for each.

Whether a call's arguments make it harmless is another thing, and asked at every call.
"""

from __future__ import annotations

from types import CodeType, FrameType
from typing import TYPE_CHECKING

from pytest_asyncbench._interception.callers import STEP_ENDS, is_allowed, is_anybodys
from pytest_asyncbench._python import PlaceKey, codes_at, place_key

if TYPE_CHECKING:
    from pytest_asyncbench._interception.compiled import CompiledRule

__all__ = ["Place", "Places"]

_MOST, _DEEPEST = 5_000, 400
"""So many places are remembered, and so many parts of a key, two for each frame.

A function that calls itself may have any number of stacks. Each call at one that is not
remembered is judged anew, as if it were the first one there. So is a call that nobody's
frame is to be seen of, since a coroutine in C may have made it.
"""


class Place:
    """A stack on which the target of one rule was called; known by its identity."""

    __slots__ = ("allowed", "codes")

    def __init__(self, codes: tuple[CodeType, ...], *, allowed: bool) -> None:
        self.allowed = allowed
        """Whether the rules allow the call there, for who its callers are."""
        self.codes = codes
        """Kept, since their ids stand for them."""


class Places:
    """The places of calls, while one listener listens."""

    def __init__(self) -> None:
        self._known: dict[PlaceKey, Place] = {}
        """By the key of the stack after the id of the compiled rule, which its
        installation keeps."""

    def of(self, rule: CompiledRule, frame: FrameType) -> Place:
        """Give the place of a call that this frame makes, in the frame's thread."""
        key = place_key(frame, STEP_ENDS, id(rule))
        place = self._known.get(key)
        if place is None:
            allowed = is_allowed(rule.allowed, frame)
            place = Place(codes_at(frame, STEP_ENDS), allowed=allowed)
            if (
                len(self._known) < _MOST
                and len(key) <= _DEEPEST
                and is_anybodys(frame, STEP_ENDS)
            ):
                self._known[key] = place
        return place
