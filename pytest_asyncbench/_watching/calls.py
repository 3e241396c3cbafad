"""What is known of a call of a rule's target, made into an observation of it.

It is made in the loop's thread, when the call has returned.
"""

from __future__ import annotations

import asyncio
from types import CodeType, FrameType

from pytest_asyncbench._loops import LoopView, caller_in_c, names
from pytest_asyncbench._python import RawStack, capture, to_stack
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench._words.seen import BlockingCall, Frame, Stack

__all__ = ["Calls"]

_IN_C = Frame(file="?", line=0, function="a callback of the loop")
"""Stands for a callback that is a function in C."""

_ITERATION = frozenset({names.RUN_ONCE.of(asyncio.BaseEventLoop).__code__})
"""The code of one iteration, whose frame stands under all that asyncio's loops do."""


class Calls:
    """Make an observation of each known call, of which there may be a million."""

    def __init__(self) -> None:
        self.codes: frozenset[CodeType] = frozenset()
        """The code objects whose frame stands under every step."""
        self._stacks: dict[tuple[object, ...], tuple[RawStack, Stack]] = {}
        """By which code, line and globals each frame had; these stay for their ids."""

    def observe(
        self, view: LoopView, rule: Rule, began: float, seconds: float, frame: FrameType
    ) -> BlockingCall | None:
        """Tell of a call that has just returned; None where it is not the loop's."""
        # Between two steps there are finalizers of what the last one held, and signal
        # handlers while the loop rests.
        raw = capture(frame, self.codes) or capture(frame, _ITERATION)
        if raw is None:
            return None  # a loop is running, but this is not of its making
        return BlockingCall(
            target=rule.target,
            began=began,
            seconds=seconds,
            stack=self._told(raw) or (caller_in_c() or _IN_C,),
            step=view.last,
            **view.held_up(view.queued(), seconds),
        )

    def _told(self, raw: RawStack) -> Stack:
        """Put a stack into words, and each only one time."""
        key = tuple(
            one if isinstance(one, Frame) else (id(one[0]), one[1], id(one[2]))
            for one in raw[1]
        )
        if key not in self._stacks:
            self._stacks[key] = raw, to_stack((None, raw[1]))
        return self._stacks[key][1]
