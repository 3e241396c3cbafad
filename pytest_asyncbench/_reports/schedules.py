"""What is said of a test that was run under many schedules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pytest_asyncbench._words.schedules import Scheduled
from pytest_asyncbench._words.units import many

__all__ = ["failing_lines", "scheduled_line", "unrepeatable_lines"]


def failing_lines(
    scheduled: Scheduled, asked: int | None, lines: Sequence[str]
) -> Iterator[str]:
    """Say under which schedule a test fails, what is different in it, and what to do.

    Args:
        scheduled: what came of the test.
        asked: under how many it was to be run; None for one by a given schedule.
        lines: what the engine tells of the schedule.
    """
    if asked is None:
        yield "fails under the schedule that was asked for"
    else:
        yield (
            f"fails under schedule {scheduled.found_at} of {asked:,}, and passes in "
            "asyncio's own order"
        )
    yield from (f"  {line}" for line in lines)
    if asked is not None and scheduled.replay is not None:
        yield f"  replay: pytest --asyncbench-schedule={scheduled.replay}"


def scheduled_line(all_of: Iterable[Scheduled]) -> str:
    """Say how many tests were run under how many schedules, and how many seen whole."""
    tests = [*all_of]
    runs = sum(each.runs for each in tests)
    whole = [each for each in tests if each.seen_all]
    failed = sum(1 for each in tests if each.found_at is not None)
    parts = [f"{many(len(tests), 'test')} under {many(runs, 'schedule')}"]
    if len(whole) == len(tests) == 1:
        parts.append(f"all {whole[0].runs:,} seen")
    elif whole:
        parts.append(f"all schedules seen of {len(whole):,}")
    if failed:
        parts.append(f"{failed:,} failed")
    return "; ".join(parts)


def unrepeatable_lines(problem: str, runs: int) -> Iterator[str]:
    """Say why a test can't be run under schedules."""
    yield f"not run under schedules: {problem}"
    yield (
        "  use: fixtures that are made for each test, or @pytest.mark.schedules(0) on "
        f"this one; found in {many(runs, 'run')}"
    )
