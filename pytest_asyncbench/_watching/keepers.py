"""Which thread had the interpreter while the watchdog and a loop waited for it.

*Problem*: who keeps the interpreter in one call keeps out whoever could look. *What
does not work*: to look more often. *What we do*: each thread's processor time is read
as the watchdog goes to sleep and when it wakes, which gives up nothing, so that the one
that worked all the time is known; and at the end of the call the interpreter goes to
somebody who waits for it, while the thread stands at the very call. The watchdog may be
that one, or the loop's thread: both look. *What still fails*: where a third thread is
the one, and the thread has gone on by the time that we look. Then what it was given to
do is all that is known, see `handing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator
from types import CodeType

from pytest_asyncbench._loops import HeldUp
from pytest_asyncbench._python import (
    COLLECT,
    Collector,
    Kernel,
    RawStack,
    capture_all,
    current_frames,
    future_of,
    known_threads,
    to_stack,
)
from pytest_asyncbench._watching.crowds import Crowds, Round
from pytest_asyncbench._watching.handing import Handing, Job
from pytest_asyncbench._watching.lateness import KeptOut
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.seen import IN_VAIN, Collection, Keeper, LateTurn
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Keepers", "Kept", "Late", "Look", "Standing"]

_MOST = 64
_MOST_THREADS = 64
"""Of more threads than these none is asked what it worked: that would take as long as
a turn. Nor are more of them looked at."""

_TURNS = 4
"""So many switch intervals a thread may work while we ask for the interpreter, though
it gives it up each time that it is asked: somebody else may be given it."""

_OFTEN = 20
"""Who asked for the interpreter so often in vain did not lack a processor alone."""
_LONGEST = 5
"""The longest wait in the run queue is taken to be no longer than so many times the
mean of them."""

_WORKS_ON = 0.5
"""Who works for this part of the time for which we have the interpreter needs none."""

_MOMENT, _MOST_READINGS = 0.0003, 10_000
"""For how many seconds we keep it to find that out, and for how many readings of the
clock at the most."""

_MOMENTS = 4
"""Who is given no processor in so many of them may need the interpreter or not."""

_Accounts = dict[tuple[int, int], float]
"""For how long threads have worked, by ident and native id: an ident comes again."""

_Position = tuple[int, int]
"""The id of a thread's frame, and where in its code that is."""


class Standing(NamedTuple):
    """Where a thread stood when somebody looked."""

    stack: RawStack
    future: int | None
    """The id of that of the job that it was at."""
    started: Job | None
    """What it was started for; None for a pool's."""


class Kept(NamedTuple):
    """A sleep of the watchdog's after which it was kept from the interpreter."""

    began: float
    """When it went to sleep."""
    ended: float
    thread: int
    """The thread that worked most."""
    worked: float
    """The processor time of that thread meanwhile."""
    others: float
    """That of all others together."""
    standing: Standing


class _Doubted(NamedTuple):
    """One who was named while it was given no processor to tell what it needs."""

    kept: Kept
    native: int
    position: _Position


class Look(NamedTuple):
    """Where the threads stood when a loop had its turn at last."""

    at: float
    late: float
    """By how many seconds it came too late."""
    standing: dict[int, Standing]


class Late(NamedTuple):
    """A stretch in which a loop waited for its turn."""

    began: float
    ended: float
    look: Look | None
    """What its thread has seen at the end; None where it had its turn in a step."""
    loops: Container[int]
    """The threads that ran loops then. What one of these does is its own turn, or a
    step, of which is told by itself."""
    held_up: HeldUp
    most: float = math.inf
    """For how many seconds it waited at most."""
    owner: object = None


class Keepers:
    """Find out who kept the interpreter.

    Args:
        least: how long a stretch must be to be of interest, in seconds.
        kernel: what the system tells of threads; nothing is known without it.
    """

    def __init__(
        self,
        clock: Clock,
        least: float,
        kernel: Kernel | None,
        handing: Handing,
        collector: Collector,
    ) -> None:
        self._clock = clock
        self._kernel = kernel
        self._handing = handing
        self._collector = collector
        interval = kernel.switch_interval() if kernel is not None else 0.0
        self._in_turn = _TURNS * interval
        self.least = max(least, self._in_turn)
        """For how long a loop must have waited to be told of."""
        self.codes: frozenset[CodeType] = frozenset()
        """Whose frame stands under every step. Written when a loop is met."""
        self.loops: Callable[[], set[int]] = set
        """Names the threads that run a loop now.

        Written when the keepers are given to a watchdog.
        """
        self.look_if_due: Callable[[], None] = lambda: None
        """Looks at the loops where that is due; in the watchdog's thread.

        Written as `loops`.
        """
        self.crowds = Crowds(interval / 2)
        """Who took turns; a thread of which somebody waits has one of an interval."""
        self.interval = interval
        """For how long a thread may keep the interpreter though another one waits."""
        self._rested = 0.0
        self._before: _Accounts = {}
        self._process = 0.0
        """For how long the whole process had worked then."""
        self.kept: list[Kept] = []
        """The list itself is never another; the watchdog's thread adds to it."""
        self._doubted: _Doubted | None = None
        """Written by the watchdog's thread."""

    @property
    def told(self) -> float:
        """Up to when it is known who kept the watchdog out."""
        return self._rested

    # ------------------------------------------------ in the watchdog's thread

    def rests(self) -> None:
        """Read the accounts as the watchdog goes to sleep."""
        if self._kernel is not None:
            self._read(self._kernel)

    def woke(self, kept_out: KeptOut) -> None:
        """Find out who kept the watchdog out, where that was for long enough."""
        if self._kernel is None:
            return
        self._doubt(self._kernel)
        if kept_out.seconds < self.interval:
            return
        before, began, process = self._before, self._rested, self._process
        now = self._clock.now()
        unasked = self._unasked(now - kept_out.since, kept_out.asked)
        if unasked is None:
            return  # it lacked a processor, and whoever worked meanwhile kept nobody
        after = self._read(self._kernel)
        if not before or not after:
            return
        spent = {each: after[each] - before.get(each, 0.0) for each in after}
        unknown = max(0.0, self._process - process - sum(spent.values()))
        worked = {ident: seconds for (ident, _), seconds in spent.items()}
        if not unasked:
            self.crowds.kept_out(Round(began, now, worked, unknown))
        if kept_out.seconds < self.least / 2:
            return
        longest = max(spent, key=spent.__getitem__)
        thread, most = longest[0], spent.pop(longest)
        if thread in self.loops():
            # Its step tells of that by itself. To find out where it stands would give
            # up the interpreter, and the step may be over before anybody has looked.
            return
        # Who lacks a processor while it has the interpreter keeps us out as well. It
        # gives it up as soon as it works again.
        asking = most - max(0.0, kept_out.since - began) - unasked
        standing, in_doubt = self._standing_without(self._kernel, longest)
        if standing is not None and asking >= self._in_turn:
            others = sum(spent.values()) + unknown
            one = Kept(began, now, thread, most, others, standing)
            self.kept.append(one)
            del self.kept[:-_MOST]
            if in_doubt is not None:
                self._doubted = _Doubted(one, longest[1], in_doubt)

    def _unasked(self, late: float, asked: float) -> float | None:
        """Tell for how long the watchdog may not have asked yet; None if for all of it.

        After each asking it may stand in the run queue, on a busy machine for most of
        the time, and so before the first one, too. In that stretch a thread may have
        worked in a call that lets go. After it, who gives the interpreter up is not
        asked once more.
        """
        if asked >= IN_VAIN * late:
            return 0.0
        if not asked or asked < _OFTEN * self.interval:
            return None
        return _LONGEST * (late - asked) / (asked / self.interval + 1)

    def _read(self, kernel: Kernel) -> _Accounts:
        """Read the accounts of all threads; give them, and keep them for next time."""
        self._rested = self._clock.now()
        self._process = kernel.working() or 0.0
        self._before = self._accounts(kernel)
        return self._before

    def _accounts(self, kernel: Kernel) -> _Accounts:
        threads = known_threads()
        if len(threads) > _MOST_THREADS:
            return {}
        found = {}
        for each in threads:
            worked = kernel.working(each[1])
            if worked is not None:
                found[each] = worked
        return found

    def _standing_without(
        self, kernel: Kernel, thread: tuple[int, int]
    ) -> tuple[Standing | None, _Position | None]:
        """Tell where a thread stands that we keep from the interpreter.

        None where it works on meanwhile: it was at work in a call that let the
        interpreter go, and somebody else had that, at work or not. None also where it
        may be such a one, since it lacks a processor, and there is somebody else. Where
        there is nobody else it is in doubt, and its position is given, too.
        """
        ident, native = thread
        standing, positions = self._standing(ident, self.look_if_due), _positions()
        self._keeps_others_out()  # who has given it up works for some microseconds yet
        for _ in range(_MOMENTS):
            if self._works_without_it(kernel, native):
                return None, None
            # To read this may lose us the interpreter, and then who needs it does run;
            # in the next moment we have it again.
            if not self._is_running(kernel, native):
                return standing, None
        if self._may_be_anothers(kernel, thread, positions):
            return None, None
        return standing, positions.get(ident)

    def _works_without_it(self, kernel: Kernel, native: int) -> bool:
        began, before = self._clock.now(), kernel.working(native) or 0.0
        self._keeps_others_out()
        worked = (kernel.working(native) or 0.0) - before
        return worked > _WORKS_ON * (self._clock.now() - began)

    def _doubt(self, kernel: Kernel) -> None:
        """Take back who was named, where its call turns out to let go.

        That is, where the thread works at the very same place while we have the
        interpreter. It was kept by what came before that call on its line, or by
        somebody else.
        """
        if self._doubted is None:
            return
        kept, native, position = self._doubted
        if _positions().get(kept.thread) != position:
            self._doubted = None
        elif self._works_without_it(kernel, native):
            self._doubted = None
            if kept in self.kept:
                self.kept.remove(kept)
        elif not self._is_running(kernel, native):
            self._doubted = None

    def _is_running(self, kernel: Kernel, native: int) -> bool:
        """Tell whether a thread works, and miss nothing that a loop does meanwhile.

        To read that gives up the interpreter. Who stands in a call that has kept it
        goes on then, and who takes it may keep it until we have it again.
        """
        self.look_if_due()
        return kernel.is_running(native, self.look_if_due)

    def _may_be_anothers(
        self,
        kernel: Kernel,
        thread: tuple[int, int],
        before: dict[int, _Position],
    ) -> bool:
        """Tell whether one more thread may have had the interpreter up to now.

        It has gone on since from where it stood `before`, or would if it could. Loops
        tell that by themselves.
        """
        ours = current_thread_ids()
        out = {thread[0], ours[0], *self.loops()}
        if any(ident not in out for ident, _ in before.items() - _positions().items()):
            return True
        natives = {native for ident, native in known_threads() if ident in out}
        self.look_if_due()  # as there; after it the watchdog's next one is due at once
        return kernel.others_are_ready({*natives, thread[1], ours[1]})

    def _keeps_others_out(self) -> None:
        """Keep the interpreter for a moment; to sleep would give it up."""
        began = self._clock.now()
        for _ in range(_MOST_READINGS):
            if self._clock.now() - began >= _MOMENT:
                break

    # ---------------------------------------------------- in a loop's thread

    def look(self, own: int, late: float) -> Look:
        """Look at all other threads, in a loop's thread that comes so much too late."""
        found = {}
        for ident, _ in known_threads()[:_MOST_THREADS]:
            standing = self._standing(ident) if ident != own else None
            if standing is not None:
                found[ident] = standing
        return Look(self._clock.now(), late, found)

    def turns(self, late: Late) -> Iterator[LateTurn]:
        """Tell who kept a loop waiting, as far as is known by now; in any thread."""
        left = late.most
        for one in [*self.kept]:
            overlap = min(one.ended, late.ended) - max(one.began, late.began)
            seconds = min(overlap, left)
            if seconds < self.least or one.thread in late.loops:
                continue
            left -= seconds
            standing = one.standing
            if late.look is not None and late.look.at < one.ended:
                standing = late.look.standing.get(one.thread, standing)
            job = self._job(one, standing)
            yield LateTurn(
                began=max(one.began, late.began),
                seconds=seconds,
                in_step=late.look is None,
                keeper=self._keeper(one, standing, job),
                **late.held_up,
                owner=late.owner or (None if job is None else job.owner),
            )

    # ------------------------------------------------------------- in either

    def _standing(
        self, ident: int, between: Callable[[], None] | None = None
    ) -> Standing | None:
        frame = current_frames().get(ident)
        if frame is None:
            return None
        future = future_of(frame)
        at = None if future is None else id(future)
        started = self._handing.of_thread(ident)
        stack = capture_all(frame, self.codes, between)
        return Standing(stack, at, started)

    def _job(self, one: Kept, standing: Standing) -> Job | None:
        handing = self._handing
        if standing.future is not None:
            return handing.of_future(standing.future, one.began, one.ended)
        # It has gone on to another or to none; or it is no pool's.
        ended = handing.ended_in(one.thread, one.began)
        return ended or standing.started

    def _keeper(self, one: Kept, standing: Standing, job: Job | None) -> Keeper:
        lasted = one.ended - one.began
        # A function in C has no frame that would show who asked for it.
        asked_for = job is not None and job.function == COLLECT
        found = () if asked_for else [*self._collector.elsewhere]
        # As one begins it may give up the interpreter, and the watchdog goes to sleep
        # in the midst of it.
        met = [
            (
                each,
                min(each.began + each.seconds, one.ended) - max(each.began, one.began),
            )
            for each in found
            if each.thread == one.thread
        ]
        return Keeper(
            stack=to_stack(standing.stack),
            share=one.worked / lasted,
            others=one.others / lasted,
            collections=tuple(
                Collection(
                    began=max(each.began, one.began),
                    seconds=seconds,
                    stack=to_stack(each.stack),
                    starved=each.starved,
                )
                for each, seconds in met
                if seconds > 0
            ),
            handed=None if job is None else job.told(),
        )


def _positions() -> dict[int, _Position]:
    """Tell where each thread stands, which changes when it goes on."""
    # Who kept a frame would be the one to let go of what its function held.
    return {
        ident: (id(frame), frame.f_lasti) for ident, frame in current_frames().items()
    }
