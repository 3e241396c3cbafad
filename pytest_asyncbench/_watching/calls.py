"""The known calls of a test, counted for each place where they are made.

This runs in the loop's thread, when a call has returned, and there may be a million of
them: so a call at a place that was seen before only adds to a few numbers. What is
kept of each call by itself is when it began and ended, until its step is over.

Three rules say what is given up where a place makes very many calls. Past `_MOST_SPANS`
of them in one step, the last stretch of time is drawn out to the end of each further
call: a sample between two such calls counts as one in a call. Past `_LOOKED_AT` of them
in one step, who is held up is asked only at a call that is longer than all before, and
at each hundredth. And where a line has settled, as `_interception/places.py` says, a
call is looked at whole, with its stack and who is held up, if it is the first of its
step there, longer than all before it in the step, no quick one, or the hundredth since
one was. All others are only counted. Counts, sums and the longest call are exact.

What we take for all this is booked to us and not to the test, for each loop.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import Callable, Hashable, Mapping
from types import CodeType, FrameType

from pytest_asyncbench._loops import (
    MOST_AT_ONCE,
    LoopView,
    caller_in_c,
    is_closed,
    names,
    running_loop,
)
from pytest_asyncbench._python import RawStack, capture, to_stack
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench._words.seen import BlockingCall, Frame, Stack
from pytest_asyncbench._words.undo import Undo
from pytest_asyncbench._words.units import NOWHERE

__all__ = ["Calls"]

_IN_C = Frame(file=NOWHERE, line=0, function="a callback of the loop")
"""Stands for a callback that is a function in C."""

_ITERATION = frozenset({names.RUN_ONCE.of(asyncio.BaseEventLoop).__code__})
"""The code of one iteration, whose frame stands under all that asyncio's loops do."""

_LOOKED_AT, _EACH = 1_000, 100
_MOST_SPANS = 20_000

_QUICK = 0.0001
"""A call that took longer, in seconds, is always looked at whole: its stack, and who
was held up by it."""

_MOST_STEPS, _MOST_KEPT, _MOST_STACKS = 1_000, 1_000, 5_000
"""When who takes what was counted is to take it: so many steps with calls at one place,
or so many places; and so many stacks are kept in words from one time to the next."""


class _Counted:
    """Calls at one place, in one loop: those of a step, or of the steps before it."""

    __slots__ = (
        "began",
        "count",
        "held_up",
        "held_up_for",
        "longest",
        "longest_began",
        "owner",
        "sealed",
        "seconds",
        "spans",
        "stack",
        "step",
        "steps",
        "target",
    )

    def __init__(self, target: str, stack: Stack, owner: object) -> None:
        self.owner = owner
        self.target = target
        self.stack = stack
        self.sealed = False
        """Whether the step became long, so that nothing more is added."""
        self.steps = array("d")
        """When each of them began, of all but the one that is in progress."""
        self.begin(-math.inf, math.inf)

    def begin(self, step: float, began: float) -> None:
        """Count from nothing on, within this step."""
        self.step = step
        self.began = began
        self.count = 0
        self.seconds = 0.0
        self.longest = -1.0
        self.longest_began = began
        self.held_up = 0
        self.held_up_for = 0.0
        self.spans: list[float] = []
        """When each began and ended, one after the other; of one step only."""

    def anew(self) -> _Counted:
        """Give one for the same place, in which nothing is counted yet."""
        return _Counted(self.target, self.stack, self.owner)

    def add(self, view: LoopView, began: float, seconds: float) -> None:
        """Count one more call of the same step."""
        self.count += 1
        self.seconds += seconds
        spans = self.spans
        if len(spans) < _MOST_SPANS:
            spans.append(began)
            spans.append(began + seconds)
        else:
            spans[-1] = began + seconds
        longer = seconds > self.longest
        if longer:
            self.longest = seconds
            self.longest_began = began
        if longer or self.count <= _LOOKED_AT or not self.count % _EACH:
            held_up, held_up_for = view.suffering(seconds)
            self.held_up = max(self.held_up, held_up)
            self.held_up_for = max(self.held_up_for, held_up_for)

    def take_in(self, other: _Counted) -> None:
        """Add what was counted in one more step."""
        self.steps.append(other.step)
        self.began = min(self.began, other.began)
        self.count += other.count
        self.seconds += other.seconds
        if other.longest > self.longest:
            self.longest = other.longest
            self.longest_began = other.longest_began
        self.held_up = max(self.held_up, other.held_up)
        self.held_up_for = max(self.held_up_for, other.held_up_for)

    def told(self) -> BlockingCall:
        """Give them as an observation."""
        several = self.count > 1
        ended = self.longest_began + self.longest
        # Nobody asks for them in a step that is not long.
        spans = self.spans if self.sealed and several else ()
        return BlockingCall(
            target=self.target,
            began=self.began,
            seconds=self.seconds,
            stack=self.stack,
            step=self.steps[-1] if self.steps else self.step,
            held_up=self.held_up,
            held_up_for=self.held_up_for,
            count=self.count,
            earlier=tuple(self.steps[:-1]),
            longest=(self.longest_began, ended) if several else None,
            spans=tuple(zip(spans[::2], spans[1::2], strict=True)),
            owner=self.owner,
        )


class _AtPlace:
    """What was counted at one place in one loop, while nothing changed around it."""

    __slots__ = ("before", "clock", "draws_out", "most", "now", "until", "view")

    def __init__(
        self,
        view: LoopView,
        clock: Callable[[], float],
        now: _Counted,
        before: _Counted,
    ) -> None:
        self.view = view
        self.clock = clock
        self.now = now
        """Of the last step in which it was called."""
        self.before = before
        """Of all steps before that one which did not become long."""
        self.until = 0
        """Up to so many calls in the step, one may be counted and not looked at."""
        self.most = 0.0
        """How long one of them may last, in seconds."""
        self.draws_out = False
        """Whether there are too many for the time of each to be kept."""

    def look_whole_again_after(self, calls: int) -> None:
        """Have so many quick calls of this step counted by `count`."""
        here = self.now
        self.most = min(here.longest, _QUICK)
        self.until = here.count + calls
        self.draws_out = len(here.spans) >= _MOST_SPANS

    def count(self, entered: float, began: float, ended: float) -> bool:
        """Count a quick call of the step that was last looked at, if it is one.

        `entered` is when we began to work for it.
        """
        here, view, seconds = self.now, self.view, ended - began
        count = here.count + 1
        # While another loop runs in this thread, this one's step is over.
        if seconds > self.most or count > self.until or here.step != view.last:
            return False
        here.count = count
        here.seconds += seconds
        spans = here.spans
        if self.draws_out:
            spans[-1] = ended
        else:
            spans.append(began)
            spans.append(ended)
        spent = self.clock() - entered - seconds
        if spent < MOST_AT_ONCE:
            view.ours += spent
        return True


class Calls:
    """Count the known calls of all loops, each place by itself.

    Args:
        met: the loops that are watched.
        now: reads the clock.
    """

    def __init__(
        self,
        met: Mapping[asyncio.AbstractEventLoop, LoopView],
        now: Callable[[], float],
    ) -> None:
        self._met = met
        self._now = now
        self.codes: frozenset[CodeType] = frozenset()
        """The code objects whose frame stands under every step."""
        self.owner: Callable[[], object] | None = None
        """Tells whose the step in progress is, where several tests run at once."""
        self.on_full: Undo | None = None
        """Called where much has been counted, if somebody calls `take` then."""
        self._most = _MOST_KEPT
        self._counted: list[_Counted] = []
        self._open: dict[tuple[Hashable, LoopView, object], _AtPlace] = {}
        self._opened = -math.inf
        """From when on all that is counted together is judged alike."""
        self._stacks: dict[tuple[object, ...], tuple[RawStack, Stack]] = {}
        """By which code, line and globals each frame had; these stay for their ids."""

    @property
    def total(self) -> int:
        """How many have been counted."""
        return sum(one.count for one in self._counted)

    def mark(self) -> int:
        """Mark this moment; no call before it is counted with one after it."""
        self._close()
        return len(self._counted)

    def begin_anew(self, now: float) -> None:
        """Count what begins from now on by itself: it may be judged otherwise."""
        self._close()
        self._opened = now

    def _close(self) -> None:
        done, self._open = self._open, {}
        for at in done.values():
            at.until = 0

    def seal(self, view: LoopView) -> None:
        """Keep the calls of a loop's step apart, since that became long."""
        for (_, loops, _), at in list(self._open.items()):
            if loops is view and at.now.step == view.last:
                at.now.sealed = True

    def since(self, mark: int) -> list[BlockingCall]:
        """Give what was counted since a mark."""
        return [one.told() for one in self._counted[mark:] if one.count]

    def take(self, over: LoopView | None = None) -> list[BlockingCall]:
        """Give what was counted in steps that are over, and keep nothing of it.

        The step in progress of `over` is, too. Others count meanwhile: what is added
        in this very moment by the thread of another loop may be lost.
        """
        done, kept = [*self._counted], list[_Counted]()
        for key, at in [*self._open.items()]:
            before, now = at.before, at.now
            if is_closed(at.view.loop):
                del self._open[key]
                continue
            if before.count:
                at.before = before.anew()
            if at.view is over or now.step != at.view.last:
                at.until = 0
                at.now = now.anew()
            kept += at.before, at.now
        # In one step, and not those that have been added since.
        self._counted[: len(done)] = kept
        self._most = max(_MOST_KEPT, 2 * len(kept))
        if len(self._stacks) > _MOST_STACKS:
            self._stacks = {}
        left = {*map(id, kept)}
        return [one.told() for one in done if one.count and id(one) not in left]

    def observe(
        self,
        rule: Rule,
        began: float,
        seconds: float,
        frame: FrameType,
        place: Hashable,
        /,
    ) -> Callable[[float, float, float], bool] | None:
        """Count a call that has just returned, where it is a call of the loop's.

        What is returned counts quick ones at the same place.
        """
        loop = running_loop()
        view = None if loop is None else self._met.get(loop)
        if view is None:
            return None
        owner = None if self.owner is None else self.owner()
        key = place, view, owner
        at = self._open.get(key)
        # One that was in progress then belongs to neither side.
        if at is None or began < self._opened:
            stack = self._stack(frame)
            if stack is None:
                return None  # a loop is running, but this is not of its making
            before, now = (_Counted(rule.target, stack, owner) for _ in range(2))
            at = _AtPlace(view, self._now, now, before)
            self._counted += at.before, at.now
            at.now.begin(view.last, began)
            if began >= self._opened:
                self._open[key] = at
        elif at.now.step != view.last:
            if at.now.sealed:
                at.now = at.now.anew()
                self._counted.append(at.now)
            elif at.now.count:
                at.before.take_in(at.now)
            at.now.begin(view.last, began)
        at.now.add(view, began, seconds)
        at.look_whole_again_after(_EACH - 1 if key in self._open else 0)
        view.book(self._now() - (began + seconds))
        if self.on_full is not None and (
            len(at.before.steps) > _MOST_STEPS or len(self._counted) > self._most
        ):
            self.on_full()
        # The next one on the same stack may be another test's.
        return at.count if self.owner is None else None

    def _stack(self, frame: FrameType) -> Stack | None:
        # Between two steps there are finalizers of what the last one held, and signal
        # handlers while the loop rests.
        raw = capture(frame, self.codes) or capture(frame, _ITERATION)
        return None if raw is None else self._told(raw) or (caller_in_c() or _IN_C,)

    def _told(self, raw: RawStack) -> Stack:
        """Put a stack into words, and each only one time."""
        key = tuple(
            one if isinstance(one, Frame) else (id(one[0]), one[1], id(one[2]))
            for one in raw[1]
        )
        known = self._stacks.get(key)
        if known is None:
            known = self._stacks[key] = raw, to_stack((None, raw[1]))
        return known[1]
