"""What is said of a test that was run under many schedules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.explored import Cancelled, Explored, Passage
from pytest_asyncbench._words.record import LeakEntry
from pytest_asyncbench._words.schedules import Scheduled, Wake
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.units import many, shown

__all__ = [
    "cancelled_lines",
    "failing_lines",
    "leak_line",
    "leak_lines",
    "scheduled_line",
    "unrepeatable_lines",
    "unswept_lines",
    "unused_lines",
]


def failing_lines(
    scheduled: Scheduled, asked: int | None, found: Explored
) -> Iterator[str]:
    """Say under which schedule a test fails, what is different in it, and what to do.

    Args:
        scheduled: what came of the test.
        asked: under how many it was to be run; None for one by a given schedule.
        found: the failing run.
    """
    if asked is None:
        yield "fails under the schedule that was asked for"
    else:
        yield (
            f"fails under schedule {scheduled.found_at} of {asked:,}, and passes in "
            "asyncio's own order"
        )
    lines = [*_held_lines(found), *_lane_lines(found), *unused_lines(found)]
    yield from (f"  {line}" for line in lines)
    if asked is not None and scheduled.replay is not None:
        yield f"  replay: pytest --asyncbench-schedule={scheduled.replay}"


def unused_lines(found: Explored) -> Iterator[str]:
    """Say what of a given schedule did not come about."""
    if found.unused:
        yield (
            f"the schedule did not come about: {', '.join(found.unused)} was never "
            "reached, since the test has gone another way before"
        )


def _held_lines(found: Explored) -> Iterator[str]:
    """Say who was kept back, where, and until when."""
    holds = found.schedule.holds if found.schedule is not None else ()
    names = {each.lane: each.task for each in found.passages}
    for hold in holds:
        if hold.lane.endswith("c"):
            owner = names.get(hold.lane[:-1], "a task")
            called = found.called.get((hold.lane, hold.wake))
            what = "a callback" if called is None else f"{called}, a callback"
            before = next((p for p in found.passages if _wake(p) == hold.until), None)
            yield f"with {what} of {owner}, held{_until(before)}"
        for at, passage in enumerate(found.passages):
            if _wake(passage) == (hold.lane, hold.wake):
                before = found.passages[at - 1] if at else None
                yield _held_line(passage, before)
    if found.schedule is not None and found.schedule.free:
        yield "its timer was late: others went before it that were due later"
    if found.schedule is not None and found.schedule.picks:
        yield f"with {found.schedule.deviations} turns that are not asyncio's own"


def _held_line(held: Passage, before: Passage | None) -> str:
    where_it_was = "" if held.resumed is None else f" at {_line(held.resumed)}"
    return f"with {held.task} held{where_it_was}{_until(before)}"


def _until(before: Passage | None) -> str:
    if before is None:
        return ""
    if before.suspended is None:
        return f" until {before.task} was over"
    return f" until {before.task} had come to {_line(before.suspended)}"


def _wake(passage: Passage) -> Wake:
    return passage.lane, passage.wake


_MOST_ROWS = 16
"""So many steps are shown at most."""

_MOST_LANES = 3

_AFTER = 5
"""So many steps are shown from the last on that was kept back."""


def _lane_lines(found: Explored) -> Iterator[str]:
    """Draw the tasks beside each other, step by step, around what was kept back."""
    rows, lanes = _rows(found)
    if len(lanes) < _TWO:
        return
    names = {each.lane: each.task for each in found.passages}
    widths = {
        lane: max(len(text) for text in (names[lane], *_steps(rows, lane)))
        for lane in lanes
    }
    yield "  ".join(names[lane].ljust(widths[lane]) for lane in lanes).rstrip()
    for row in rows:
        cells = (
            (_step(row) if lane == row.lane else "").ljust(widths[lane])
            for lane in lanes
        )
        yield "  ".join(cells).rstrip()


_TWO = 2


def _rows(found: Explored) -> tuple[list[Passage], list[str]]:
    """Give the steps that are shown, and of which lanes they are."""
    holds = found.schedule.holds if found.schedule is not None else ()
    # A callback has no step of its own here: it comes after that of a task.
    held = {
        hold.until if hold.lane.endswith("c") else (hold.lane, hold.wake)
        for hold in holds
    }
    at = [i for i, p in enumerate(found.passages) if _wake(p) in held]
    if not at:
        return [], []
    # The step that is late, those that went before it meanwhile, and the last before.
    lanes = list(dict.fromkeys(found.passages[i].lane for i in at))
    for i in at:
        lanes += [p.lane for p in reversed(found.passages[:i])]
    lanes = list(dict.fromkeys(lanes))[:_MOST_LANES]
    steps = [p for p in found.passages[: max(at) + _AFTER] if p.lane in lanes]
    return steps[-_MOST_ROWS:], lanes


def _steps(rows: Sequence[Passage], lane: str) -> Iterator[str]:
    return (_step(row) for row in rows if row.lane == lane)


def _step(passage: Passage) -> str:
    began = "…" if passage.resumed is None else f"{passage.resumed.line}"
    ended = "over" if passage.suspended is None else f"{passage.suspended.line}"
    return f"{began} → {ended}"


def _line(frame: Frame) -> str:
    return f"{shown(frame.file)}:{frame.line}"


_MOST_CANCELLED = 5


def cancelled_lines(swept: Swept, found: Sequence[Cancelled]) -> Iterator[str]:
    """Say at which awaits a cancellation leaves something wrong, and what."""
    awaits = many(swept.tried, "await")
    yield f"cancelled at {awaits} in turn: {swept.failed:,} left something wrong"
    # One line may be many awaits: a loop's, or those of a library that it calls.
    alike = Counter(found)
    for each, times in [*alike.items()][:_MOST_CANCELLED]:
        at = "" if each.place is None else f" at {_line(each.place)}"
        often = "" if times == 1 else f", at {many(times, 'await')} of it"
        yield f"  {each.task} cancelled{at}{often}:"
        yield from (f"    {fault}" for fault in each.faults)
    if len(alike) > _MOST_CANCELLED:
        yield f"  and {len(alike) - _MOST_CANCELLED:,} more"
    yield (
        "  use: try ... finally, or async with, around what must be given back; let "
        "CancelledError through"
    )


_MOST_LEAKS = 10


def leak_lines(leaks: Sequence[LeakEntry]) -> Iterator[str]:
    """Say what is left when runs are over, and in how many of them it was seen."""
    if not leaks:
        return
    yield "left when a run was over, and all that was set up for it torn down:"
    yield from (f"  {leak_line(each)}" for each in leaks[:_MOST_LEAKS])
    if len(leaks) > _MOST_LEAKS:
        yield f"  and {len(leaks) - _MOST_LEAKS:,} more"
    yield (
        "  use: cancel and await tasks, and close what was opened, in the test or in a "
        "fixture's tear-down"
    )


def leak_line(leak: LeakEntry) -> str:
    """Say of one leak what it is, where, and how often it was seen."""
    place = leak.place
    at = "" if place is None else f" at {shown(place.file)}:{place.line}"
    return f"{leak.what}{at}, in {leak.runs:,} of {many(leak.of, 'run')}"


def scheduled_line(all_of: Iterable[Scheduled], own_alone: int = 0) -> str:
    """Say how many tests were run under how many schedules, and how many seen whole.

    Args:
        all_of: what came of each test.
        own_alone: how many of them have passed in asyncio's own order, and no other was
            asked for.
    """
    tests = [*all_of]
    runs = sum(each.runs for each in tests)
    whole = [each for each in tests if each.seen_all]
    failed = sum(1 for each in tests if each.found_at is not None)
    parts = [f"{many(len(tests), 'test')} under {many(runs, 'schedule')}"]
    if len(whole) == len(tests) == 1:
        parts.append(f"all {whole[0].runs:,} seen")
    elif whole:
        parts.append(f"all schedules seen of {len(whole):,}")
    ended = sum(1 for each in tests if each.out_of_time)
    if ended:
        parts.append(f"{ended:,} ended by time")
    if own_alone:
        parts.append(
            f"asyncio's own order alone in {own_alone:,}, since one run is just that"
        )
    if failed:
        parts.append(f"{failed:,} failed")
    return "; ".join(parts)


def unswept_lines(problem: str, *, misnamed: bool) -> Iterator[str]:
    """Say why a test's tasks can't be cancelled at each of their awaits.

    Args:
        problem: what stood in the way.
        misnamed: whether that is the names at the marker.
    """
    yield f"not cancelled at its awaits: {problem}"
    mend = "one of these names, or a glob; without names it is all of them"
    yield f"  use: {mend if misnamed else 'fixtures that are made for each test'}"


def unrepeatable_lines(problem: str, runs: int) -> Iterator[str]:
    """Say why a test can't be run under schedules."""
    yield f"not run under schedules: {problem}"
    yield (
        "  use: fixtures that are made for each test, or @pytest.mark.schedules(0) on "
        f"this one; found in {many(runs, 'run')}"
    )
