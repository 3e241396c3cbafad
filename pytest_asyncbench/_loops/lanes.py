"""A loop's queue that may let another go first than who has waited longest.

asyncio runs what is ready in the order in which it became ready. Here each entry of
its queue is of a *lane*: a task, or the plain callbacks that one task has registered.
Entries of one lane stay in order; which lane goes next is for somebody else to pick.

Lanes have the same names in each run: the first task is ``1``, the second task that it
starts ``1.2``, whatever ran in between.
"""

from __future__ import annotations

import _thread
import asyncio
import itertools
import math
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.tasks import TASKS, describe_callback
from pytest_asyncbench._words.errors import UnmeasuredError
from pytest_asyncbench._words.schedules import Hold, Wake
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    from contextvars import Context

__all__ = ["Entry", "Lane", "LaneQueue", "LaneTask", "ends_a_wait", "put_lanes"]

_WIDTH = 32
"""Who stands farther behind waits for a turn in which fewer are before."""


class Lane:
    """A task, or the plain callbacks that one task has registered."""

    __slots__ = (
        "callbacks",
        "is_task",
        "key",
        "number",
        "standing",
        "started",
        "task",
        "wakes",
    )

    def __init__(self, key: str, number: int, *, is_task: bool) -> None:
        self.key = key
        self.number = number
        """The how-many-th of the run it is."""
        self.is_task = is_task
        self.task: weakref.ref[names.AnyTask] | None = None
        self.started = 0
        """How many tasks it has started."""
        self.wakes = 0
        """How often it was put into the queue."""
        self.standing = 0
        """How many plain callbacks of it wait."""
        self.callbacks: Lane | None = None
        """The lane of the plain callbacks that it registers; of one, itself."""

    def __repr__(self) -> str:
        return f"<Lane {self.key}>"


Entry: TypeAlias = tuple[Lane, Wake, int, int]
"""What stands in the queue of a run, or has stood there.

Its lane, and which wake-up of it this is, the 0th for what only wakes a task; after how
many steps of the run it was put there, and the how-many-th entry of the queue it is.
It is made and looked at at each step, where a plain tuple takes a third of the time.
"""


class _Held(NamedTuple):
    """An entry that is kept back."""

    step: float
    """After which step it no longer is."""
    until: Wake | None
    handle: names.Handle
    entry: Entry
    timed: bool
    """Whether a timer has put it into the queue."""


Pick = Callable[[Sequence[Entry]], int]
"""Picks one of several entries, each of another lane, in the order in which they became
ready; gives its place among them."""


class LaneTask(asyncio.Task[Any]):
    """A task with a place for its lane, whose sets have the same order in each run."""

    lane: Lane | None = None

    def __hash__(self) -> int:
        lane = self.lane
        if lane is None:
            queue = names.READY.get(self.get_loop())
            if not isinstance(queue, LaneQueue):
                return super().__hash__()
            lane = queue.lane_of(self)
        return lane.number


# Who prints one sees asyncio's word for it.
LaneTask.__name__ = LaneTask.__qualname__ = asyncio.Task.__name__


class LaneQueue(deque[names.Handle]):
    """The queue of one loop for one run, in the place of its own.

    Who looks at it from outside finds handles. Each stands here with its entry: another
    thread may append, and what it appends must not come between the two.

    Args:
        pick: says who goes next, where several can; None as asyncio does.
        held: the wake-ups that are kept back, and for how long.
        stepped: told of each entry as its step begins, in its turn.
        longest: for how many steps a wake-up is kept back at most.
        made: told of each task and its lane, in the midst of the making of it.
    """

    __slots__ = (
        "_callbacks_stand",
        "_came",
        "_current",
        "_ends_a_sleep",
        "_longest",
        "_of_others",
        "_of_timers",
        "_outside",
        "_pick",
        "_ran",
        "_thread",
        "_to_hold",
        "_told_of_made",
        "_wakers",
        "called",
        "held",
        "kept",
        "lanes",
        "stepped",
        "steps",
        "timed",
    )

    def __init__(
        self,
        pick: Pick | None,
        held: Mapping[Wake, Hold],
        stepped: Callable[[Entry], object],
        longest: int,
        made: Callable[[Lane, names.AnyTask], object] | None = None,
    ) -> None:
        super().__init__()
        self._thread = _thread.get_ident()
        self.called = False
        """Whether another thread has called the loop."""
        self._pick = pick
        self._to_hold = held
        self.stepped = stepped
        self._longest = longest
        self._told_of_made = made
        self.held: list[_Held] = []
        """What is kept back."""
        self.kept: dict[Wake, str] = {}
        """What was ever kept back, and what that calls; it need not have gone on before
        the end."""
        self._ran: Entry | None = None
        """Whose step was the last that began."""
        self._wakers = 0
        """How many entries at the front do nothing but put a task here."""
        self._ends_a_sleep = False
        """Whether the last of these was the timer of a sleep."""
        self._of_others: weakref.WeakKeyDictionary[names.AnyTask, Lane] = (
            weakref.WeakKeyDictionary()
        )
        self._of_timers: dict[int, tuple[weakref.ref[object], Lane]] = {}
        """By their ids, the test's timers and of which lane they are. That of one which
        was cancelled stays here, and may become another's."""
        self.timed: set[Wake] = set()
        """The plain callbacks that a timer of the test's has put here."""
        self.lanes: list[Lane] = []
        """Those of its tasks and callbacks, in the order in which they came."""
        self.steps = 0
        self._came = 0
        self._callbacks_stand = 0
        """How many plain callbacks wait, those included that are kept back."""
        self._outside = Lane("0", 0, is_task=False)
        """The lane of what no step of this loop has registered."""
        self._current = self._outside

    # ------------------------------------------------------------- entering

    def append(self, handle: names.Handle) -> None:
        """Put an entry at the end, or keep it back."""
        callback = handle._callback  # noqa: SLF001 - see `names.Handle`
        owner = getattr(callback, "__self__", None)
        if type(owner) is LaneTask:
            lane = owner.lane or self.lane_of(owner)
        elif isinstance(owner, TASKS):
            lane = self.lane_of(owner)
        elif not _only_wakes(handle) or self._stands_behind():
            known = self.set_by(handle)
            lane = known or self._callbacks()
            if known is not None:
                del self._of_timers[id(handle)]
                self.timed.add((lane.key, lane.wakes + 1))
            lane.standing += 1
            self._callbacks_stand += 1
        else:
            entry = (self._outside, (self._outside.key, 0), self.steps, 0)
            if self._pick is None:
                _append(self, (handle, entry))
            else:
                _insert(self, self._wakers, (handle, entry))
                self._wakers += 1
            return
        lane.wakes = wake = lane.wakes + 1
        self._came = came = self._came + 1
        entry = (lane, (lane.key, wake), self.steps, came)
        if not self._to_hold or not self._holds(handle, entry):
            _append(self, (handle, entry))

    def _holds(self, handle: names.Handle, entry: Entry) -> bool:
        """Keep an entry back if it is to be, or if one of its lane before it is."""
        lane, wake, *_ = entry
        hold = self._to_hold.get(wake)
        if hold is not None:
            length = self._longest if hold.steps is None else hold.steps
            # What stands at the front has no step: it puts a task here in nobody's.
            timed = isinstance(handle, asyncio.TimerHandle) or (
                self._ends_a_sleep and self._current is self._outside
            )
            held = _Held(self.steps + length, hold.until, handle, entry, timed)
            self.held.append(held)
            self.kept[wake] = describe_callback(handle._callback)  # noqa: SLF001 - see `names.Handle`
            return True
        before = [each for each in self.held if each.entry[0] is lane]
        if before:
            held = before[-1]._replace(handle=handle, entry=entry)
            self.held.append(held)
        return bool(before)

    def note_timer(
        self, timer: asyncio.TimerHandle, callback: Callable[..., object]
    ) -> None:
        """Note whose step has set a timer."""
        if callback is not _ENDS_A_SLEEP:
            self._of_timers[id(timer)] = weakref.ref(timer), self._callbacks()

    def set_by(self, timer: object) -> Lane | None:
        """Give the lane of the plain callbacks that a timer which waits is of."""
        known = self._of_timers.get(id(timer))
        return None if known is None or known[0]() is not timer else known[1]

    def lane_of(self, task: names.AnyTask) -> Lane:
        """Give a task's lane; a new one is of whose step it is."""
        if type(task) is LaneTask:
            lane = task.lane
            if lane is None:
                lane = task.lane = self._made(task)
            return lane
        known = self._of_others.get(task)
        if known is None:
            known = self._of_others[task] = self._made(task)
        return known

    def _made(self, task: names.AnyTask) -> Lane:
        parent = self._current
        parent.started += 1
        above = "" if parent is self._outside else f"{parent.key}."
        lane = Lane(f"{above}{parent.started}", len(self.lanes) + 1, is_task=True)
        lane.task = weakref.ref(task)
        self.lanes.append(lane)
        if self._told_of_made is not None:
            self._told_of_made(lane, task)
        return lane

    def _stands_behind(self) -> bool:
        """Tell whether the step in progress has put a callback here that still waits.

        What it registers after that does not overtake it.
        """
        parent = self._current
        if _thread.get_ident() != self._thread:
            parent = self._outside
        return parent.callbacks is not None and parent.callbacks.standing > 0

    def _callbacks(self) -> Lane:
        """Give the lane of the plain callbacks that the step in progress registers."""
        parent = self._current
        if _thread.get_ident() != self._thread:
            parent, self.called = self._outside, True
        lane = parent.callbacks
        if lane is None:
            lane = Lane(f"{parent.key}c", len(self.lanes) + 1, is_task=False)
            self.lanes.append(lane)
            # What a callback registers goes on with it.
            parent.callbacks = lane.callbacks = lane
        return lane

    # -------------------------------------------------------------- leaving

    def popleft(self) -> names.Handle:
        """Take out whose turn it is."""
        if self._wakers:
            self._wakers -= 1
            self._current = self._outside
            handle, _ = _popleft(self)
            self._ends_a_sleep = handle._callback is _ENDS_A_SLEEP  # noqa: SLF001 - see `names.Handle`
            return handle
        if self.held:
            self._let_go(self.steps)
        place = self._picked(self._pick) if self._pick is not None else 0
        if place:
            handle, entry = _at(self, place)
            del self[place]
        else:
            handle, entry = _popleft(self)
        self._ran = entry
        self._current = lane = entry[0]
        if not lane.is_task and entry[1][1]:
            lane.standing -= 1
            self._callbacks_stand -= 1
        self.steps += 1
        self.stepped(entry)
        return handle

    def _picked(self, pick: Pick) -> int:
        """Give the place of who goes next."""
        stand = len(self)
        if stand < 2:
            return 0
        first = _each(self) if stand <= _WIDTH else islice(_each(self), _WIDTH)
        entries = [entry for _, entry in first]
        # Nobody waits for ever: one task that looks again and again is no reason to.
        if self.steps - entries[0][2] > self._longest:
            return 0
        if not self._callbacks_stand:
            return pick(entries)
        places = self._places(entries)
        if len(places) == 1:
            return places[0]
        return places[pick([entries[each] for each in places])]

    def _places(self, entries: Sequence[Entry]) -> list[int]:
        """Give the place of the first entry of each lane; or of a cancelled one.

        The callbacks of one future stay in order as well: a task that it wakes does not
        overtake a plain one that was to be called before.
        """
        places: list[int] = []
        seen: set[Lane] = set()
        futures: set[int] = set()
        for place, (lane, *_) in enumerate(entries):
            handle, _ = _at(self, place)
            if handle.cancelled():
                return [place]
            args = handle._args  # noqa: SLF001 - see `names.Handle`
            about = id(args[0]) if args else None
            if lane not in seen and about not in futures:
                places.append(place)
            seen.add(lane)
            if about is not None and not lane.is_task:
                futures.add(about)
        return places

    def rest(self) -> None:
        """Hear that no step is in progress: the loop polls."""
        self._current = self._outside
        self._ends_a_sleep = False
        if self.held:
            self._let_go(self.steps)

    def __iter__(self) -> Iterator[names.Handle]:
        """Give what stands here."""
        return (handle for handle, _ in _each(self))

    def known(self) -> set[int]:
        """Give what stands here or is kept back, each by its identity."""
        return {*map(id, self), *(id(each.handle) for each in self.held)}

    def let_all_go(self, *, but_timers: bool = False) -> None:
        """Put all into the queue that is kept back, or what no timer has woken."""
        self._let_go(math.inf, but_timers=but_timers)

    def _let_go(self, step: float, *, but_timers: bool = False) -> None:
        next_place, ran = self._wakers, self._ran
        last = None if ran is None else ran[1]
        for each in [*self.held]:
            if but_timers and each.timed:
                continue
            if each.until is not None and each.until == last:
                _insert(self, next_place, (each.handle, each.entry))
                next_place += 1
            elif each.step <= step:
                _append(self, (each.handle, each.entry))
            else:
                continue
            self.held.remove(each)

    def clear(self) -> None:
        """Let go of all entries."""
        super().clear()
        self.held.clear()
        self._wakers = 0


_Standing: TypeAlias = tuple[names.Handle, Entry]

# What a deque does, with what stands in this one. Used once for each step of each run,
# for which a `super` takes too long.
_append = cast("Callable[[LaneQueue, _Standing], None]", deque.append)
_insert = cast("Callable[[LaneQueue, int, _Standing], None]", deque.insert)
_popleft = cast("Callable[[LaneQueue], _Standing]", deque.popleft)
_each = cast("Callable[[LaneQueue], Iterator[_Standing]]", deque.__iter__)
_at = cast("Callable[[LaneQueue, int], _Standing]", deque.__getitem__)

_BY_OUTCOME = ("asyncio.tasks", "asyncio.taskgroups")
_ALWAYS_LATER = "asyncio.timeouts"


def _only_wakes(handle: names.Handle) -> bool:
    """Tell whether an entry does nothing but asyncio's own bookkeeping.

    So do the timer of `asyncio.sleep`, what a poll found, what a transport or a future
    has called, and what `gather` and its like have called when a task of theirs has
    ended well. A task that these wake waits for its own turn, so their order among
    others makes no schedule of its own; and asyncio relies on it. Where a task of a
    `gather` or a group has failed, others are cancelled; and so does a timeout.
    """
    callback, args = handle._callback, handle._args  # noqa: SLF001 - see `names.Handle`
    if callback is _ENDS_A_SLEEP:
        return True
    module = getattr(callback, "__module__", None)
    if module is None or not module.startswith("asyncio.") or module == _ALWAYS_LATER:
        return False
    if module not in _BY_OUTCOME:
        return True
    ended = args[0] if args else None
    return (
        isinstance(ended, asyncio.Future)
        and ended.done()
        and not ended.cancelled()
        and names.EXCEPTION.get(ended) is None
    )


_TIMEOUTS = ("asyncio.timeouts", "asyncio.tasks", "anyio.", "async_timeout", "aiohttp.")
"""Whose timers end what takes too long; in asyncio's tasks, `wait` and `wait_for`."""


def ends_a_wait(timer: asyncio.TimerHandle) -> bool:
    """Tell whether a timer is there for what takes too long, as a timeout's is."""
    handle = cast("names.Handle", timer)
    callback = handle._callback  # noqa: SLF001 - see `names.Handle`
    return (getattr(callback, "__module__", None) or "").startswith(_TIMEOUTS)


def put_lanes(loop: asyncio.AbstractEventLoop, queue: LaneQueue) -> Undo:
    """Give a loop that queue in the place of its own; the returned call gives it back.

    Its tasks are called by the order in which they were made in this loop.

    Raises:
        UnmeasuredError: the loop has no queue that can be taken.
    """
    if names.first_missing(loop, (names.READY, names.SELECTOR)) is not None:
        kind = f"{type(loop).__module__}.{type(loop).__qualname__}"
        raise UnmeasuredError(
            f"{kind} has no queue of asyncio's kind, so no schedule but its own can be "
            "tried: run this test on asyncio's loop, or mark it schedules(0)"
        )
    own, call_at, create_task = names.READY.of(loop), loop.call_at, loop.create_task
    made = itertools.count(1)

    def call_at_noted(
        when: float,
        callback: Callable[..., object],
        *args: object,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = call_at(when, callback, *args, context=context)
        queue.note_timer(timer, callback)
        return timer

    def create_lane_task(
        coro: names.AnyCoroutine, *, name: str | None = None, **options: Any
    ) -> names.AnyTask:
        if loop.get_task_factory() is not None or loop.is_closed():
            return create_task(coro, name=name, **options)
        name = f"Task-{next(made)}" if name is None else name
        return LaneTask(coro, loop=loop, name=name, **options)

    def give_back() -> None:
        queue.let_all_go()
        own.extend(queue)

    with ExitStack() as undo:
        undo.callback(give_back)
        undo.callback(names.READY.replace(loop, queue))
        undo.callback(replace(loop, "call_at", call_at_noted))
        undo.callback(replace(loop, "create_task", create_lane_task))
        for handle in own:
            queue.append(handle)
        own.clear()
        return undo.pop_all().close


_ENDS_A_SLEEP = names.ENDS_A_SLEEP.of(asyncio.futures)
