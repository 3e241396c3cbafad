"""A stack → the line of the user's that is to blame, and what it called there.

The user's place is the innermost frame that is neither the standard library's, nor
an installed package's, nor ours; where there is none, the innermost frame. Of several,
one whose file exists is taken before generated code, which leads nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._rules.callers import DETECTORS
from pytest_asyncbench._words.seen import Frame, Stack
from pytest_asyncbench._words.values import NamedTuple
from pytest_asyncbench._words.whose import is_ours, is_plumbing, is_there, is_users

__all__ = ["Blame", "blame", "in_scope"]


class Blame(NamedTuple):
    """Where the user's code made a call, and which."""

    place: Frame
    call: str | None
    """What the line called, qualified; None where it was busy itself."""
    via: Stack
    """The frames further in, innermost first."""


def blame(stack: Stack, scope: Sequence[str] = ()) -> Blame | None:
    """Choose the user's frame of a stack; None where only asyncio and we are on it."""
    if all(map(is_plumbing, stack)):
        return None
    frames = [frame for frame in stack if not _only_wraps(frame)] or stack
    users = [i for i, frame in enumerate(frames) if _is_users(frame, scope)]
    index = next((i for i in users if is_there(frames[i].file)), (*users, 0)[0])
    place, further_in = frames[index], tuple(frames[:index])
    if further_in:
        return Blame(place, further_in[-1].qualified, further_in)
    return Blame(place, place.call, ())


def in_scope(stack: Stack, scope: Sequence[str]) -> bool:
    """Tell whether a frame of one of these packages is on the stack."""
    return not scope or any(_belongs(frame, scope) for frame in stack)


def _only_wraps(frame: Frame) -> bool:
    """Tell whether a frame, ours or another detector's, calls for somebody else."""
    return is_ours(frame.file) or frame.module.partition(".")[0] in DETECTORS


def _is_users(frame: Frame, scope: Sequence[str]) -> bool:
    if scope and _belongs(frame, scope):
        return True
    return is_users(frame.file)


def _belongs(frame: Frame, scope: Sequence[str]) -> bool:
    return any(
        frame.module == package or frame.module.startswith(f"{package}.")
        for package in scope
    )
