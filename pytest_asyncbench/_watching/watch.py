"""All instruments around one test: switched on together, off together, read once.

Instruments collect facts. They know the numbers that they need (a threshold, the
families of rules) but not what a test promised, and they form no opinion.
"""

from __future__ import annotations

import _thread
import asyncio
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import (
    LoopView,
    StepProbe,
    handle_of_turn,
    keep_doors,
    names,
    running_loop,
)
from pytest_asyncbench._python import (
    Collector,
    Kernel,
    acquire,
)
from pytest_asyncbench._watching.at_once import Owner, owner_here, owner_of, owning
from pytest_asyncbench._watching.background import Background
from pytest_asyncbench._watching.calls import Calls
from pytest_asyncbench._watching.handing import Handing
from pytest_asyncbench._watching.keepers import Keepers, Late, Look
from pytest_asyncbench._watching.stalls import Stalls
from pytest_asyncbench._watching.starvation import Starvation
from pytest_asyncbench._watching.watchdog import Watchdog
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.legible import error_of_ours
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.seconds import RealSeconds, VirtualSeconds
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    BlockingCall,
    Crowd,
    LateTurn,
    LoopStall,
    NotFollowed,
)
from pytest_asyncbench._words.undo import Undo

if TYPE_CHECKING:
    from pytest_asyncbench._tracing import Recorder

__all__ = ["Watch"]

_SAMPLES_PER_THRESHOLD = 8
_SHORTEST_INTERVAL = 0.001
_LONGEST_INTERVAL = 0.025

_MOST_PROBLEMS = 100
"""What goes wrong at each step would else fill the memory of who watches for days."""

_MOST_LATE = 1_000
"""Each of these has the stacks of all threads; of more of a test nothing is told."""

_ALWAYS, _NEVER = RealSeconds(-math.inf), RealSeconds(math.inf)


Taker = Callable[
    [
        Sequence[LoopStall],
        Sequence[BlockingCall],
        Sequence[LateTurn],
        Sequence[Crowd],
    ],
    None,
]
"""Takes what was seen of steps that are over, of turns that came late, and of who was
at work meanwhile."""


class Watch:
    """Watch every loop of this process from `start` to `stop`.

    Args:
        clock: where every figure is read.
        threshold: the longest step that is no stall, in seconds.
        told_from: the longest step that is not told of, where that is another one.
        interception: the wrapped calls, where known calls are to be recorded.
        families: the families of rules that count.
        tracing: whether to follow tasks, which costs more at each step.
        time: the time in which tasks are followed, where it is not real time.
        kernel: what the system tells of threads, where the clock is the real one.
        background: whether to look for tasks that died unseen; all are, with `tracing`.
        taker: is given what was seen of steps that are over, in the thread of a loop,
            and nothing of it is kept: for who watches for days.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        threshold: float,
        told_from: float | None = None,
        interception: Interception | None = None,
        families: frozenset[str] = frozenset(),
        tracing: bool = False,
        time: Callable[[], VirtualSeconds] | None = None,
        kernel: Kernel | None = None,
        background: bool = False,
        taker: Taker | None = None,
    ) -> None:
        self.clock = clock
        self._time = time
        self._taker = taker
        self._taking = _thread.allocate_lock()
        """Held while that is given something; who comes then leaves it for later."""
        self._over = False
        """Whether a step that ends is none of ours any more."""
        self.stalls: list[LoopStall] = []
        self.late: list[Late] = []
        """The stretches in which a loop waited for its turn."""
        self.accepted: list[AcceptedSpan] = []
        self.of_phase: Owner | None = None
        """Whose fixtures are at work, which run in no task of a test's body."""
        self._tests = 0
        """How many tests it is around at this moment."""
        self._ended: tuple[LoopView, float, Owner] | None = None
        """The step in which the last of their bodies ended."""
        self.shared_since: RealSeconds | None = None
        """From when on it knows of each step whose it is."""
        self._only_depth = 0
        self._outside: int | None = None
        """Which of them lasts up to the next block of `only`; None before the first."""
        self._problems: list[Problem] = []
        interval = threshold / _SAMPLES_PER_THRESHOLD
        self.watchdog = Watchdog(
            clock, min(max(interval, _SHORTEST_INTERVAL), _LONGEST_INTERVAL), kernel
        )
        limit = threshold if told_from is None else told_from
        self.recorder = self._new_recorder(limit) if tracing else None
        self.background = Background() if background else None
        if self.background is not None and self.recorder is not None:
            self.background.known = self.recorder.tapes.living
        self._probe = StepProbe(
            clock,
            limit,
            self._long_step,
            self._met,
            self.recorder.runner if self.recorder else None,
            meets=self._listen,
            # Whether each loop lived in it is asked at the end.
            keep=time is not None,
        )
        self._collector = Collector(clock)
        self._interception = interception
        self._families = families
        self._handing = Handing(clock, self._probe.views.met)
        self._keepers = Keepers(clock, limit, kernel, self._handing, self._collector)
        self.watchdog.keepers, self.watchdog.turned = self._keepers, self._turned
        self._keepers.loops = self.watchdog.loops_threads
        self._keepers.look_if_due = self.watchdog.look_if_due
        self.watchdog.own_turn = self._own_turn
        self._limit = limit
        self._of_steps = Stalls(self.watchdog, self._collector)
        self.stand_ins = self._of_steps.stand_ins
        self.known = Calls(self._probe.views.met, clock.now)
        """The known calls, counted."""
        self.known.on_full = self.hand_over if taker is not None else None
        self._keepers.crowds.on_full = self.hand_over  # which does nothing without one
        self.also_met: Callable[[LoopView], None] = _nothing
        """Called with each loop that is met, in that loop's thread."""
        self.kept_on: Callable[[], bool] = _never
        """Asked as the last test leaves: whether its instruments are to stay."""
        self._stays = False
        """Whether they have stayed after that, with nobody to watch."""
        self._undo = ExitStack()

    def _new_recorder(self, limit: float) -> Recorder:
        # Loaded only here: in most runs no test follows tasks.
        from pytest_asyncbench._tracing import Recorder

        return Recorder(self.clock, limit, self._long_step, self._time)

    # --------------------------------------------------------- on and off

    def start(self) -> None:
        """Switch every instrument on; one that fails takes the others off again."""
        with ExitStack() as undo:
            undo.callback(self.watchdog.stop)
            if self.recorder is not None:
                # Before the loops are let go of, and so undone after that.
                undo.callback(keep_doors())
                undo.callback(self.recorder.watch_classes(lambda: self.recorder))
            undo.callback(self._probe.install())
            self._handing.codes = self._probe.codes
            if self.watchdog.keepers is not None:
                undo.callback(self._handing.install())
            self._collector.codes = self.known.codes = self._probe.codes
            undo.callback(self._collector.install())
            if self._interception is not None and self._families:
                ready = self._interception.stand_by(self.known.observe, self._families)
                undo.callback(ready)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """Switch everything off and put back all that was replaced."""
        self._stays = False
        self._undo.close()

    def stop_unless_in_use(self) -> None:
        """Switch everything off, where the instruments have stayed for nobody."""
        if self._stays and self._tests == 0:
            self.stop()

    @property
    def is_as_new(self) -> bool:
        """Whether it has seen nothing so far, and all that it put up still stands."""
        seen = (
            self.stalls,
            self.late,
            self.accepted,
            self.problems,
            self._keepers.kept,
            self.watchdog.is_over,
            self.known.total,
            self.shared_since,
            self.background,
            self._time,
        )
        stands = self._probe.stands() and self._collector.stands()
        return stands and not any(seen)

    def _rest(self) -> None:
        """Let go of all loops, and of what else is known of a test that is over."""
        self._probe.rest()
        self._handing.rests = True
        self._keepers.crowds.forget()
        self.stand_ins.clear()
        self.of_phase = self._ended = None
        self.watchdog.debugged = False

    def begin_here(self) -> None:
        """Watch the loop that runs here, from the middle of its step on."""
        loop = running_loop()
        if loop is not None:
            self._probe.end_first(loop)

    def end_here(self) -> None:
        """Have the step that is in progress here end, before `stop`."""
        loop = running_loop()
        view = None if loop is None else self._probe.views.met.get(loop)
        if view is not None:
            self._probe.end_here(view)
        self._over = True

    def hand_over(self, over: LoopView | None = None) -> None:
        """Give what was seen of steps that are over to who takes it, and forget it.

        Args:
            over: the loop whose step in progress is over, too.
        """
        if self._taker is None or not acquire(self._taking, False):
            return
        try:
            with self.watchdog.own_cost.counted():
                for view in self._probe.forget_closed():
                    self.watchdog.forget(view)
                calls = self.known.take(over)
                stalls = [*self.stalls]
                del self.stalls[: len(stalls)]
                crowds = [*self._keepers.crowds.told()]
                self._taker(stalls, calls, self._take_turns(), crowds)
        except Exception as error:  # ours, and the loop goes on
            self._failed(f"what was seen can't be kept: {error_of_ours(error)}")
        finally:
            self._taking.release()

    def _take_turns(self) -> list[LateTurn]:
        """Tell who kept loops waiting, and forget what has been told of.

        A loop may have had its turn before the watchdog; nobody waits for that here.
        """
        told = self._keepers.told
        # Loops of other threads may add to the list meanwhile.
        over = [*takewhile(lambda late: self._over or late.ended < told, [*self.late])]
        del self.late[: len(over)]
        self._keepers.crowds.forget()
        return [turn for late in over for turn in self._keepers.turns(late)]

    def join(self) -> Undo:
        """Be around one more test; the last of them to leave switches all off."""
        if self._tests == 0:
            self._begin()
        else:
            self.tell_apart()
        self._tests += 1

        def leave() -> None:
            self._tests -= 1
            if self._tests == 0:
                self._leave()

        return leave

    def _begin(self) -> None:
        if not self._stays:
            self.start()
            return
        if self.recorder is not None:
            self.recorder = self._new_recorder(self._limit)
        self._handing.rests = False
        self._probe.resume(self.recorder.runner if self.recorder else None)
        if self._interception is not None and self._families:
            self._interception.wrap_late()

    def _leave(self) -> None:
        self._stays = self.is_as_new and self.kept_on() and self.watchdog.rest()
        if self._stays:
            self._rest()
        else:
            self.stop()

    def tell_apart(self) -> None:
        """Note of each step from now on whose it is."""
        if self.shared_since is None:
            self.shared_since = self.clock.now()
            self.known.begin_anew(self.shared_since)
            self.known.owner = self._owner

    @contextmanager
    def owning(self, owner: Owner) -> Iterator[None]:
        """Have what begins in this block, and in tasks started in it, be a test's."""
        with owning(owner):
            try:
                yield
            finally:
                # Of the step that is in progress the context tells no more.
                loop = running_loop()
                view = None if loop is None else self._probe.views.met.get(loop)
                self._ended = None if view is None else (view, view.last, owner)

    def _owner(self) -> Owner | None:
        return owner_here() or self.of_phase

    def _owner_of(self, view: LoopView, handle: names.Step) -> Owner | None:
        known = owner_of(handle)
        if known is None and self._ended is not None:
            other, step, owner = self._ended
            known = owner if (other, step) == (view, view.last) else None
        return known or self.of_phase

    @contextmanager
    def accepting(self, reason: str | None) -> Iterator[None]:
        """Accept blocking in this block; with no reason, do not even list it."""
        began = self.clock.now()
        index = len(self.accepted)
        span = self._span(began, _NEVER, reason)
        self.accepted.append(span)
        self.known.begin_anew(began)
        try:
            yield
        finally:
            ended = self.clock.now()
            self.accepted[index] = replace(span, ended=ended)
            self.known.begin_anew(ended)

    @contextmanager
    def only(self) -> Iterator[None]:
        """List what blocks in blocks like this one, and nothing else of the test."""
        # One that is entered within another is in the test's list already.
        if self._only_depth == 0:
            now, began = self.clock.now(), _ALWAYS
            if self._outside is not None:
                began = self.accepted[self._outside].began
            self._pause_outside(began, now)
            self.known.begin_anew(now)
        self._only_depth += 1
        try:
            yield
        finally:
            self._only_depth -= 1
            if self._only_depth == 0:
                self._outside = None
                now = self.clock.now()
                self._pause_outside(now, _NEVER)
                self.known.begin_anew(now)

    def _pause_outside(self, began: RealSeconds, ended: RealSeconds) -> None:
        span = self._span(began, ended, None)
        if self._outside is None:
            self._outside = len(self.accepted)
            self.accepted.append(span)
        else:
            self.accepted[self._outside] = span

    def _span(
        self, began: RealSeconds, ended: RealSeconds, reason: str | None
    ) -> AcceptedSpan:
        """Make a stretch of time that is accepted by whoever is at work now."""
        return AcceptedSpan(
            began=began, ended=ended, reason=reason, owner=self._owner()
        )

    def starvation(self) -> Starvation:
        """Count from now on for how long the calling thread is starved."""
        return Starvation(self.clock, self.watchdog, lambda: self._probe.views)

    def forget(self) -> None:
        """Drop what was seen so far, of the step that is in progress, too."""
        # The lists stay: who reads what was added since some moment has their length.
        now = self.clock.now()
        self.accepted.append(self._span(_ALWAYS, now, None))
        self.known.begin_anew(now)

    # ----------------------------------------------------------- problems

    def note(self, problem: Problem) -> None:
        """Take down what has gone wrong inside the plugin."""
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(problem)

    @property
    def problems(self) -> list[Problem]:
        """What has gone wrong inside the plugin so far, its watchdog included."""
        failures = self.watchdog.failures
        if self.recorder is not None:
            failures = [*failures, *self.recorder.tapes.failures]
        failed = [Problem(kind="failed", text=text) for text in failures]
        return [*self._problems, *failed]

    def _failed(self, text: str) -> None:
        self.note(Problem(kind="failed", text=text))

    # -------------------------------------------------------------- facts

    @property
    def seen_so_far(self) -> tuple[object, ...]:
        """Give what changes with each stall and known call, and with what is accepted.

        A stretch of time that ends in the list of those accepted is another one.
        """
        lists = len(self.stalls), len(self.late), len(self._keepers.kept)
        return lists, self.known.total, tuple(self.accepted)

    def turns_since(self, first: int) -> list[LateTurn]:
        """Tell of the stretches from this one on who kept the loop waiting."""
        if len(self.late) == first:
            return []
        self.watchdog.let_come(self.clock.now())
        return [
            turn for late in self.late[first:] for turn in self._keepers.turns(late)
        ]

    def crowds(self) -> list[Crowd]:
        """Tell which threads worked as a loop had to wait for its turn, so far."""
        crowds = self._keepers.crowds
        if not crowds.late:
            return []
        self.watchdog.let_come(self.clock.now())
        return [*crowds.told()]

    @property
    def steps(self) -> int:
        """How many steps have been measured."""
        return self._probe.steps

    @property
    def loops(self) -> tuple[str, ...]:
        """The kinds of loop that were met."""
        return tuple(sorted(self._probe.kinds))

    @property
    def not_followed(self) -> tuple[NotFollowed, ...]:
        """The kinds of loop that could not be followed, each once, and why."""
        found = {
            NotFollowed(kind=view.kind, missing=view.missing)
            for view in self._probe.views
            if view.missing is not None
        }
        return tuple(sorted(found, key=lambda each: each.kind))

    def loops_here(self) -> list[asyncio.AbstractEventLoop]:
        """Give the loops that were met in this thread, less those let go."""
        here = threading.get_ident()
        views = self._probe.views.met.values()
        return [view.loop for view in views if view.thread == here]

    def views(self) -> list[LoopView]:
        """Give what is known of each loop that was met, less those let go."""
        return [*self._probe.views.met.values()]

    def view(self, loop: asyncio.AbstractEventLoop) -> LoopView:
        """Give what is known of a loop, which is watched from now on."""
        return self._probe.views.of(loop)

    def _listen(self) -> None:
        # Only now: a test that runs no loop has no call that counts, and some hundred
        # wrappers need not be switched for it. What fails must not reach the loop.
        if self._interception is None or not self._families:
            return
        if self._interception.is_active:
            return  # since a test before
        try:
            with self.watchdog.own_cost.counted():
                self._interception.activate()
        except Exception as error:
            self._failed(f"known calls can't be seen: {error!r}")

    def _met(self, view: LoopView) -> None:
        # Runs within a step of the loop: nothing of ours may escape into it.
        try:
            if self.recorder or self.background or self.also_met is not _nothing:
                with self.watchdog.own_cost.counted():
                    self._introduce(view)
            self.watchdog.look_at(view, self._probe.codes)
        except Exception as error:
            self._failed(f"a loop could not be watched: {error_of_ours(error)}")

    def _introduce(self, view: LoopView) -> None:
        """Tell of a loop who else wants to know of each."""
        if self.recorder is not None:
            self.recorder.meet(view)
        if self.background is not None:
            self.background.meet(view)
        self.also_met(view)

    def _turned(self, view: LoopView, look: Look) -> None:
        # Between a poll and the steps that it lets run.
        if view.blind:
            return
        with self.watchdog.own_cost.counted():
            late = Late(
                view.last - look.late,
                view.last,
                look,
                self.watchdog.loops_threads(),
                view.held_up(0, look.late),
            )
            self._take_down(late)

    def _own_turn(self, view: LoopView) -> None:
        """Take down what a loop did between its last step and the poll to come."""
        ended = self.clock.now()
        if ended - view.last > self._limit:
            self._long_step(view, handle_of_turn(view), ended)
            ended = self.clock.now()
        view.last = ended

    def _kept_in(self, stall: LoopStall) -> None:
        """Take down that a loop was kept waiting in the midst of a step."""
        keepers = self.watchdog.keepers
        if keepers is not None and stall.kept_out >= keepers.least:
            late = Late(
                stall.began,
                stall.began + stall.seconds,
                None,
                self.watchdog.loops_threads(),
                {"held_up": stall.held_up, "held_up_for": stall.held_up_for},
                stall.kept_out,
                stall.owner,
            )
            self._take_down(late)

    def _take_down(self, late: Late) -> None:
        if len(self.late) < _MOST_LATE:
            self.late.append(late)

    def _long_step(
        self, view: LoopView, handle: names.Step, ended: RealSeconds
    ) -> None:
        # Runs between two steps of the loop: nothing of ours may escape into it.
        if view.blind or self._over:
            return
        try:
            with self.watchdog.own_cost.counted():
                self.known.seal(view)
                stall = self._of_steps.observe(view, handle, ended)
                if self.shared_since is not None:
                    stall = replace(stall, owner=self._owner_of(view, handle))
                self.stalls.append(stall)
                self._kept_in(stall)
            self.hand_over(view)
        except Exception as error:
            self._failed(f"a stall could not be recorded: {error_of_ours(error)}")


def _nothing(view: LoopView) -> None:
    """Do nothing: nobody else wants to know of the loop."""


def _never() -> bool:
    """Keep no instruments: nobody has another test for them."""
    return False
