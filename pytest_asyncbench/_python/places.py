"""Which place a call was made at: the whole stack, as a key that is quickly made.

A known call may be made a million times at one place. What takes long is to put a stack
into words, and to hold it against the allowances. So that is done once for each place,
and every further call only asks whether its place is known.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from types import CodeType, FrameType

from pytest_asyncbench._python.greenlets import outside_here

__all__ = ["PlaceKey", "codes_at", "place_key"]

PlaceKey = tuple[int, ...]
"""What is called there; then for each frame, innermost first, the id of its code and
the offset at which it stood.

To hash a code object takes as long as it has instructions, so its id stands for it.
Whoever keeps a key keeps the code objects, too.
"""


def place_key(frame: FrameType | None, ends: AbstractSet[int], called: int) -> PlaceKey:
    """Make the key of the stack from `frame` outwards, in the thread that runs it.

    `ends` are the ids of code objects whose frame stands around all steps; `called` is
    put first.
    """
    key = [called]
    add = key.append
    while frame is not None:
        code = id(frame.f_code)
        if code in ends:
            break
        add(code)
        add(frame.f_lasti)
        frame = frame.f_back or outside_here(frame)
    return tuple(key)


def codes_at(frame: FrameType | None, ends: AbstractSet[int]) -> tuple[CodeType, ...]:
    """Give the code objects whose ids are in the key of the same stack."""
    codes: list[CodeType] = []
    while frame is not None and id(frame.f_code) not in ends:
        codes.append(frame.f_code)
        frame = frame.f_back or outside_here(frame)
    return tuple(codes)
