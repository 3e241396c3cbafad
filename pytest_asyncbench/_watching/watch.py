"""All instruments around one test: switched on together, off together, read once.

Instruments collect facts. They know the numbers that they need (a threshold, the
families of rules) but not what a test promised, and they form no opinion.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import CodeType, FrameType
from typing import Any

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import (
    LoopView,
    StepProbe,
    describe_callback,
    names,
    running_loop,
    written_at,
)
from pytest_asyncbench._python import (
    Collector,
    Kernel,
    RawStack,
    acquire,
    capture,
    kept_out,
    share_of,
    to_frame,
    to_stack,
)
from pytest_asyncbench._tracing import Census
from pytest_asyncbench._watching.sampling import Sampled
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Rule
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    BlockingCall,
    Collection,
    Frame,
    LoopStall,
    NotFollowed,
    Sample,
    Stack,
)

__all__ = ["Watch"]

_IN_C = (Frame(file="?", line=0, function="a callback of the loop"),)
"""The stack of a callback that is a function in C."""

_ITERATION = frozenset({names.RUN_ONCE.of(asyncio.BaseEventLoop).__code__})
"""The code of one iteration, whose frame stands under all that asyncio's loops do."""

_SAMPLES_PER_THRESHOLD = 8
_SAMPLE_TIMEOUT = 0.1
"""How long a step that ends waits for a sample that is being taken, in seconds."""
_SHORTEST_INTERVAL = 0.001
_LONGEST_INTERVAL = 0.025


class Watch:
    """Watch every loop of this process from `start` to `stop`.

    Args:
        clock: where every figure is read.
        threshold: the longest step that is no stall, in seconds.
        interception: the wrapped calls, where known calls are to be recorded.
        families: the families of rules that count.
        tracing: whether to follow tasks, which costs more at each step.
        time: the time in which tasks are followed, where it is not real time.
        kernel: what the system tells of threads, where the clock is the real one.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        threshold: float,
        interception: Interception | None = None,
        families: frozenset[str] = frozenset(),
        tracing: bool = False,
        time: Callable[[], float] | None = None,
        kernel: Kernel | None = None,
    ) -> None:
        self.clock = clock
        self.stalls: list[LoopStall] = []
        self.calls: list[BlockingCall] = []
        self.accepted: list[AcceptedSpan] = []
        self._problems: list[Problem] = []
        self.stand_ins: dict[CodeType, CodeType] = {}
        """Code of ours that runs in a step in the place of the test's."""
        interval = threshold / _SAMPLES_PER_THRESHOLD
        self.watchdog = Watchdog(
            clock, min(max(interval, _SHORTEST_INTERVAL), _LONGEST_INTERVAL), kernel
        )
        self.census = (
            Census(clock, threshold, self._long_step, time) if tracing else None
        )
        self._probe = StepProbe(
            clock,
            threshold,
            self._long_step,
            self._met,
            self.census.runner if self.census else None,
            # Whether each loop lived in it is asked at the end.
            keep=time is not None,
        )
        self._collector = Collector(clock)
        self._interception = interception
        self._families = families
        self._stacks: dict[tuple[object, ...], tuple[RawStack, Stack]] = {}
        """By which code, line and globals each frame had; these stay for their ids."""
        self._undo = ExitStack()

    # --------------------------------------------------------- on and off

    def start(self) -> None:
        """Switch every instrument on; one that fails takes the others off again."""
        with ExitStack() as undo:
            undo.callback(self.watchdog.stop)
            undo.callback(self._probe.install())
            self._collector.codes = self._probe.codes
            undo.callback(self._collector.install())
            if self._interception is not None and self._families:
                undo.callback(self._interception.listen(self._called, self._families))
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Switch everything off and put back all that was replaced."""
        self._undo.close()

    @contextmanager
    def accepting(self, reason: str | None) -> Iterator[None]:
        """Accept blocking in this block; with no reason, do not even list it."""
        began = self.clock.now()
        index = len(self.accepted)
        self.accepted.append(AcceptedSpan(began=began, ended=math.inf, reason=reason))
        try:
            yield
        finally:
            ended = self.clock.now()
            self.accepted[index] = AcceptedSpan(began=began, ended=ended, reason=reason)

    def forget(self) -> None:
        """Drop what was seen so far, of the step that is in progress, too."""
        # The lists stay: who reads what was added since some moment has their length.
        now = self.clock.now()
        self.accepted.append(AcceptedSpan(began=-math.inf, ended=now, reason=None))

    # ----------------------------------------------------------- problems

    def note(self, problem: Problem) -> None:
        """Take down what has gone wrong inside the plugin."""
        self._problems.append(problem)

    @property
    def problems(self) -> list[Problem]:
        """What has gone wrong inside the plugin so far, its watchdog included."""
        failures = self.watchdog.failures
        return [
            *self._problems,
            *(Problem(kind="failed", text=text) for text in failures),
        ]

    def _failed(self, text: str) -> None:
        self.note(Problem(kind="failed", text=text))

    # -------------------------------------------------------------- facts

    @property
    def steps(self) -> int:
        """How many steps have been measured."""
        return self._probe.steps

    @property
    def loops(self) -> tuple[str, ...]:
        """The kinds of loop that were met."""
        return tuple(sorted({view.kind for view in self._probe.views}))

    @property
    def not_followed(self) -> tuple[NotFollowed, ...]:
        """The kinds of loop that could not be followed, each once, and why."""
        found = {
            NotFollowed(kind=view.kind, missing=view.missing)
            for view in self._probe.views
            if view.missing is not None
        }
        return tuple(sorted(found, key=lambda each: each.kind))

    def loops_here(self) -> list[Any]:
        """Give the loops that were met in this thread, less those let go."""
        here = threading.get_ident()
        views = self._probe.views.met.values()
        return [view.loop for view in views if view.thread == here]

    def view(self, loop: Any) -> LoopView:
        """Give what is known of a loop, which is watched from now on."""
        return self._probe.views.of(loop)

    def _met(self, view: LoopView) -> None:
        # Runs within a step of the loop: nothing of ours may escape into it.
        try:
            if self.census is not None:
                self.census.meet(view)
            self.watchdog.look_at(view, self._probe.codes)
        except Exception as error:
            self._failed(f"a loop could not be watched: {error!r}")

    def _long_step(self, view: LoopView, handle: Any, ended: float) -> None:
        # Runs between two steps of the loop: nothing of ours may escape into it.
        if view.blind:
            return
        sampled = self.watchdog.sampled(view)
        sampled.over = view.last
        # A call that kept the GIL is sampled at its very end: let that be finished.
        if acquire(sampled.looking, True, _SAMPLE_TIMEOUT):
            sampled.looking.release()
        try:
            self.stalls.append(self._stall(sampled, handle, ended))
        except Exception as error:
            self._failed(f"a stall could not be recorded: {error!r}")

    def _stall(self, sampled: Sampled, handle: Any, ended: float) -> LoopStall:
        view = sampled.view
        began, ticks = view.last, sampled.ticks
        gaps = self.watchdog.gaps(ended)
        last = self.watchdog.tick(view)._replace(at=ended)
        stopped = sum(gap.stopped_within(began, ended) for gap in gaps)
        working, starved = share_of(ticks, began, ended, last.account, stopped)
        is_sampled = sampled.step == began
        samples = sampled.samples if is_sampled else []
        blocked, kept = None, 0.0
        if working is not None and starved is not None:
            blocked = max(0.0, ended - began - stopped - working - starved)
            kept = kept_out(ticks, began, last, sys.getswitchinterval())
            kept = min(blocked, kept)
            blocked -= kept
            starved += stopped + kept
        return LoopStall(
            began=began,
            seconds=ended - began,
            samples=tuple(
                Sample(at=at, stack=to_stack(raw), wait=wait)
                for at, raw, wait in samples
            ),
            task=describe_callback(names.CALLBACK.of(handle)),
            # What the step itself put into the queue at its end was not held up by it.
            **view.held_up(sampled.queue_then if is_sampled else 0, ended - began),
            working=working,
            blocked=blocked,
            starved=starved,
            stopped=stopped,
            kept_out=kept,
            collections=self._collections(view, ended),
            source=self._source(names.CALLBACK.of(handle)),
        )

    def _collections(self, view: LoopView, ended: float) -> tuple[Collection, ...]:
        return tuple(
            Collection(
                began=one.began,
                seconds=one.seconds,
                stack=to_stack(one.stack),
                asked=one.asked,
            )
            for one in self._collector.found
            if one.thread == view.thread and view.last <= one.began <= ended
        )

    def _source(self, callback: Any) -> Frame | None:
        code = written_at(callback)
        if code is None:
            return None
        code = self.stand_ins.get(code, code)
        return to_frame((code, code.co_firstlineno, {}))

    def _called(
        self, rule: Rule, began: float, seconds: float, frame: FrameType
    ) -> None:
        view = self._probe.views.met.get(running_loop())
        if view is None:
            return
        # Between two steps there are finalizers of what the last one held, and signal
        # handlers while the loop rests.
        raw = capture(frame, self._probe.codes) or capture(frame, _ITERATION)
        if raw is None:
            return  # a loop is running, but this is not of its making
        self.calls.append(
            BlockingCall(
                target=rule.target,
                began=began,
                seconds=seconds,
                stack=self._told(raw) or _IN_C,
                step=view.last,
                **view.held_up(view.queued(), seconds),
            )
        )

    def _told(self, raw: RawStack) -> Stack:
        """Put a stack into words, once: some calls are made a million times."""
        key = tuple(
            one if isinstance(one, Frame) else (id(one[0]), one[1], id(one[2]))
            for one in raw[1]
        )
        if key not in self._stacks:
            self._stacks[key] = raw, to_stack((None, raw[1]))
        return self._stacks[key][1]
