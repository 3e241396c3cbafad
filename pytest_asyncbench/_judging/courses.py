"""Which steps of a failing run are told, and of the passing one beside it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from pytest_asyncbench._words.courses import OVER, UNKNOWN, Course, Courses
from pytest_asyncbench._words.explored import Explored, Passage
from pytest_asyncbench._words.schedules import Wake
from pytest_asyncbench._words.seen import Frame

__all__ = ["courses"]

_LONGEST_NAME = 160
"""So many characters of a task's name are kept."""

_TICK = 1e6
"""So many of a moment's ticks are a second."""


def courses(found: Explored, most: int) -> Courses | None:
    """Put the failing run of a test beside that in asyncio's own order.

    Args:
        found: what the further runs have found.
        most: how many steps of each are told; see `Courses` for which.

    Returns:
        None where the failing run had no step of a task.
    """
    if not found.passages:
        return None
    holds = found.schedule.holds if found.schedule is not None else ()
    held = {(hold.lane, hold.wake) for hold in holds}
    same = _alike(found.own, found.passages)
    own = _window(found.own, held, same, most)
    failing = _window(found.passages, held, same, most)
    told = [*found.own[own], *found.passages[failing]]
    lanes = {lane: at for at, lane in enumerate(dict.fromkeys(p.lane for p in told))}
    # A task's number may be another one in another order: the failing run's is told.
    names = {passage.lane: passage.task[:_LONGEST_NAME] for passage in told}
    lines = [_line(frame) for p in told for frame in (p.resumed, p.suspended) if frame]
    places = {line: at for at, line in enumerate(dict.fromkeys(lines))}
    passing = _course(found.own, own, held, lanes, places) if found.own else None
    return Courses(
        lanes=tuple(names[lane] for lane in lanes),
        places=tuple(places),
        same=same,
        passing=passing,
        failing=_course(found.passages, failing, held, lanes, places),
    )


def _wake(passage: Passage) -> Wake:
    return passage.lane, passage.wake


def _alike(own: Sequence[Passage], failing: Sequence[Passage]) -> int:
    """Tell with how many steps two runs begin alike."""
    pairs = zip(own, failing, strict=False)
    differ = (at for at, (one, other) in enumerate(pairs) if _wake(one) != _wake(other))
    return next(differ, min(len(own), len(failing)))


def _window(run: Sequence[Passage], held: set[Wake], same: int, most: int) -> slice:
    """Tell which steps of a run are told."""
    late = [at for at, passage in enumerate(run) if _wake(passage) in held]
    about = late[-1] if late else same
    first = max(0, min(about - most * 2 // 3, len(run) - most))
    return slice(first, first + most)


def _course(
    run: Sequence[Passage],
    window: slice,
    held: set[Wake],
    lanes: Mapping[str, int],
    places: Mapping[Frame, int],
) -> Course:
    steps, told, origin = [p.step for p in run], run[window], run[0].moment

    def place(frame: Frame | None) -> int:
        return UNKNOWN if frame is None else places[_line(frame)]

    return Course(
        steps=len(run),
        first=window.start + 1,
        lanes=tuple(lanes[p.lane] for p in told),
        wakes=tuple(p.wake for p in told),
        # It counts the steps of callbacks, too; these are not told.
        ready=tuple(bisect_right(steps, p.since) for p in told),
        began=tuple(round((p.moment - origin) * _TICK) for p in told),
        resumed=tuple(place(p.resumed) for p in told),
        suspended=tuple(OVER if p.over else place(p.suspended) for p in told),
        held=tuple(at for at, p in enumerate(told) if _wake(p) in held),
    )


def _line(frame: Frame) -> Frame:
    """Give a line less what was called at it."""
    return Frame(file=frame.file, line=frame.line, function=frame.function)
