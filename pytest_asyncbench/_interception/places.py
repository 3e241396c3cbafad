"""What the rules say of each place that calls are made at, asked once for each.

Whether a call's arguments make it harmless is another thing, and asked at every call.

*Problem*: to know a place, the whole stack must be gone through, which takes longer
than all else that is done for a call. *What does not work*: to keep a frame, and to see
that it is the same. It would keep alive what the test's variables hold. *What we do*: a
line of the user's at which `_SETTLED` calls in a row came on one stack is settled. A
call there that is quick is then taken to have come on that stack, too. Whoever counts
them says how many may, until one is looked at whole. One on another stack, and the line
must settle anew. *What still fails*: quick calls at a settled line that come on another
stack are booked to the one that is known, until that is noticed.
"""

from __future__ import annotations

import threading
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from pytest_asyncbench._interception.callers import (
    STEP_ENDS,
    is_allowed,
    is_anybodys,
    is_users,
)
from pytest_asyncbench._python import PlaceKey, codes_at, place_key

if TYPE_CHECKING:
    from pytest_asyncbench._interception.compiled import CompiledRule
    from pytest_asyncbench._interception.signatures import Count, Function

__all__ = ["InProgress", "Line", "LineKey", "Place", "Places"]

_MOST, _DEEPEST = 5_000, 400
"""So many places are remembered, and so many parts of a key, two for each frame.

A function that calls itself may have any number of stacks. Each call at one that is not
remembered is judged anew, as if it were the first one there. So is a call that nobody's
frame is to be seen of, since a coroutine in C may have made it.
"""

# Held here, so that neither our wrappers nor anybody's patches come in between.
_this_thread = threading.get_ident

_SETTLED = 1_000
"""So many calls in a row must have come to a line on one stack."""

LineKey = tuple[int, int, int]
"""The id of a frame's code, the offset at which it stands, and the thread."""


class Place:
    """A stack on which the target of one rule was called; known by its identity."""

    __slots__ = ("allowed", "codes")

    def __init__(self, codes: tuple[CodeType, ...], *, allowed: bool) -> None:
        self.allowed = allowed
        """Whether the rules allow the call there, for who its callers are."""
        self.codes = codes
        """Kept, since their ids stand for them."""


class InProgress:
    """A call that has begun and not yet ended."""

    __slots__ = ("function", "told")

    def __init__(self, function: Function) -> None:
        self.function = function
        self.told = 0.0
        """Its seconds that were told of already, as those of calls within it."""


class Line:
    """Where one thread called one rule's target, each time on the same stack so far."""

    __slots__ = ("call", "count", "place", "rule", "seen")

    def __init__(self, rule: CompiledRule, place: Place, function: Function) -> None:
        self.rule = rule
        self.place = place
        self.seen = 0
        """How many calls in a row."""
        self.count: Count | None = None
        """Counts a quick one that came on this stack; None before it has settled."""
        self.call = InProgress(function)
        """Stands for each of these calls in turn. Within one of them none begins here,
        unless it comes back to the user's, which is looked at whole."""


class Places:
    """The places of calls, while one listener listens."""

    def __init__(self) -> None:
        self._known: dict[PlaceKey, Place] = {}
        """By the key of the stack after the id of the compiled rule, which its
        installation keeps."""
        self.lines: dict[LineKey, Line] = {}
        """Those of the user's, where no predicate must be asked."""

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

    def seen(
        self,
        rule: CompiledRule,
        frame: FrameType,
        place: Place,
        function: Function,
        count: Count | None,
    ) -> None:
        """Take note that a call which counts came on this stack, in this thread."""
        if rule.harmless is not None:
            return
        key = id(frame.f_code), frame.f_lasti, _this_thread()
        line = self.lines.get(key)
        if line is None or line.place is not place:
            if not is_users(frame) or (line is None and len(self.lines) >= _MOST):
                return
            line = self.lines[key] = Line(rule, place, function)
        line.seen += 1
        line.count = count if line.seen >= _SETTLED else None
