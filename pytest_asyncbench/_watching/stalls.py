"""What was known of a long step, made into an observation of it.

It is made in the loop's thread, between that step and the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import CodeType

from pytest_asyncbench._loops import (
    LoopView,
    describe_callback,
    names,
    written_at,
)
from pytest_asyncbench._python import (
    COLLECT,
    Collector,
    Tick,
    acquire,
    split_step,
    stopped_between,
    switch_interval,
    to_frame,
    to_stack,
)
from pytest_asyncbench._watching.sampling import RawSample, Sampled
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.seen import Collection, Frame, LoopStall, Sample

__all__ = ["Stalls"]

_SAMPLE_TIMEOUT = 0.1
"""How long a step that ends waits for a sample that is being taken, in seconds."""


class Stalls:
    """Make an observation of each step that was too long."""

    def __init__(self, watchdog: Watchdog, collector: Collector) -> None:
        self._watchdog = watchdog
        self._collector = collector
        self.stand_ins: dict[CodeType, CodeType] = {}
        """Code of ours that runs in a step in the place of the test's."""

    def observe(self, view: LoopView, handle: names.Step, ended: float) -> LoopStall:
        """Tell of the step that has just ended on a loop."""
        sampled = self._watchdog.sampled(view)
        sampled.over = view.last
        # At once: what the thread is kept waiting from here on is not the step's.
        last = self._watchdog.settle(view)._replace(at=ended)
        _end_sampling(sampled)
        return self._stall(sampled, handle, last)

    def _stall(self, sampled: Sampled, handle: names.Step, last: Tick) -> LoopStall:
        view, ended = sampled.view, last.at
        began = view.last
        gaps = self._watchdog.gaps(ended)
        # Not before the watchdog has come: what kept this thread out kept it, too.
        last = last._replace(late=self._watchdog.kept_out())
        stopped = stopped_between(gaps, began, ended)
        split = split_step(sampled.ticks, began, last, stopped, switch_interval())
        is_sampled = sampled.step == began
        ours = view.ours - view.ours_before if view.ours_step == began else 0.0
        callback = names.CALLBACK.of(handle)
        return LoopStall(
            began=began,
            seconds=ended - began,
            samples=tuple(map(_sample, sampled.samples if is_sampled else ())),
            task=describe_callback(callback),
            # What the step itself put into the queue at its end was not held up by it.
            **view.held_up(sampled.queue_then if is_sampled else 0, ended - began),
            working=None if split.working is None else max(0.0, split.working - ours),
            blocked=split.blocked,
            starved=split.starved,
            stopped=stopped,
            kept_out=split.kept_out,
            ours=ours,
            collections=self._collections(view, callback, ended),
            others=_of_others(sampled.ticks, began, last),
            source=self._source(callback),
        )

    def _collections(
        self, view: LoopView, callback: Callable[..., object], ended: float
    ) -> tuple[Collection, ...]:
        # A callback in C has no frame that would show who asked for it.
        itself = describe_callback(callback) == COLLECT
        return tuple(
            Collection(
                began=one.began,
                seconds=one.seconds,
                stack=to_stack(one.stack),
                starved=one.starved,
                called=one.called or itself,
            )
            for one in self._collector.found
            if one.thread == view.thread and view.last <= one.began <= ended
        )

    def _source(self, callback: Callable[..., object]) -> Frame | None:
        code = written_at(callback)
        if code is None:
            return None
        code = self.stand_ins.get(code, code)
        return to_frame((code, code.co_firstlineno, {}))


def _end_sampling(sampled: Sampled) -> None:
    """Wait for a sample of a step that is over, where one is being taken."""
    # A call that kept the GIL is sampled at its very end: let that be finished.
    if acquire(sampled.looking, True, _SAMPLE_TIMEOUT):
        sampled.looking.release()


def _of_others(ticks: Sequence[Tick], began: float, last: Tick) -> float | None:
    before = [tick for tick in ticks if tick.at <= began]
    return last.of_others_since(before[-1]) if before else None


def _sample(raw: RawSample) -> Sample:
    at, raw_stack, wait, turn, worked = raw
    stack = to_stack(raw_stack)
    outermost = stack[-1].function if stack else ""
    own_turn = outermost.rpartition(".")[2] == names.RUN_ONCE.name
    return Sample(
        at=at, stack=stack, wait=wait, turn=turn, own_turn=own_turn, worked=worked
    )
