"""A loop's own turn: what it does between two steps, and what of that is its poll.

Before it polls, asyncio takes cancelled timers out of its heap where they are more than
half; after that it takes out those that are due. Of very many timers that takes long,
and is in no step.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FrameType

from pytest_asyncbench._loops import names, steps
from pytest_asyncbench._loops.names import Step
from pytest_asyncbench._loops.uvloop_steps import StepOf
from pytest_asyncbench._loops.view import LoopView
from pytest_asyncbench._words.undo import nothing

__all__ = ["handle_of_turn", "turn_around"]


def turn_around(view: LoopView, frame: FrameType | None) -> CodeType | None:
    """Give the code that stands around a loop's own turn which `frame` is at work in.

    None where it polls, or stands in no turn of the loop's.
    """
    # A patch of a test's may be on either.
    turns = {_code(names.RUN_ONCE.get(owner)) for owner in (type(view.loop), view.loop)}
    while frame is not None and frame.f_code.co_filename != steps.__file__:
        if frame.f_code in turns:
            return None if frame.f_back is None else frame.f_back.f_code
        frame = frame.f_back
    return None


def handle_of_turn(view: LoopView) -> Step:
    """Make what tells of a loop's own turn as a handle does of a step."""
    return StepOf(names.RUN_ONCE.get(type(view.loop)) or nothing)


def _code(function: Callable[..., object] | None) -> CodeType | None:
    return getattr(function, "__code__", None)
