"""What was watched outside a test, in lines: for how long, and who blocked in it."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_asyncbench._reports.turns import turns_line
from pytest_asyncbench._words.decided import Finding, Verdict
from pytest_asyncbench._words.units import many, seconds, where

__all__ = ["watched_lines"]

_MOST_PLACES = 50


def watched_lines(
    verdict: Verdict, beyond_count: int = 0, beyond_seconds: float = 0.0
) -> Iterator[str]:
    """Write down what was seen.

    Args:
        verdict: the findings, those that cost most first, and what went wrong.
        beyond_count: how often it blocked at places that are not told apart.
        beyond_seconds: for how long.
    """
    blamed = [found for found in verdict.findings if found.allowed is None]
    accepted = [found for found in verdict.findings if found.allowed is not None]
    watched = f"watched for {seconds(verdict.elapsed.wall)}, {_steps(verdict.steps)}"
    if blamed:
        lost = sum(found.seconds for found in blamed) + beyond_seconds
        places = many(len(blamed), "place")
        yield (
            f"the event loop was blocked at {places} for {seconds(lost)} ({watched}):"
        )
    else:
        yield f"nothing blocked the event loop ({watched})"
    for found in blamed[:_MOST_PLACES]:
        yield from _lines(found)
    if len(blamed) > _MOST_PLACES:
        yield f"  … and {len(blamed) - _MOST_PLACES:,} more places"
    if beyond_count:
        yield (
            f"  … and {many(beyond_count, 'time')} for {seconds(beyond_seconds)} at "
            "places that are not told apart, since there are too many"
        )
    if accepted:
        times = many(sum(found.count for found in accepted), "time")
        yield (
            f"blocking that is accepted: {many(len(accepted), 'place')}, {times}, "
            f"for {seconds(sum(found.seconds for found in accepted))}"
        )
    if verdict.took_turns is not None:
        yield turns_line(verdict.took_turns)
    for problem in verdict.problems:
        yield f"asyncbench itself: {problem.sentence}"


def _steps(count: int) -> str:
    return many(count, "step") if count else "no step of an event loop was seen"


def _lines(found: Finding) -> Iterator[str]:
    at = where(found.file, found.line, found.function)
    times = many(found.count, "time")
    if found.count > 1 and found.longest is not None:
        times = f"{times}, {seconds(found.longest)} at most"
    yield f"  {seconds(found.seconds):>9}  {at}: {found.call}, {times}"
    if found.advice:
        yield f"{'':13}use: {found.advice}"
