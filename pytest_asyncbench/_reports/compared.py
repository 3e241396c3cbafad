"""Two runs of one suite → the tests that come out differently.

They are run in real time and in virtual time, say, or on two Pythons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_asyncbench._reports.parts import Part
from pytest_asyncbench._words.units import many, seconds

__all__ = ["compared", "differs"]


def differs(one: Part, other: Part) -> bool:
    """Tell whether any test comes out differently."""
    return any(tests for _, tests in _kinds(one, other))


def compared(one: Part, other: Part) -> Iterator[str]:
    """Say what two runs took, and name the tests that come out differently."""
    both = one.all_that_ran & other.all_that_ran
    yield f"{many(len(both), 'test')} in both runs"
    for part in (one, other):
        wall = sum(record.wall for record in part.records.values())
        yield f"{part.name}: {seconds(wall)} in {many(len(part.records), 'test')}"
    for title, tests in _kinds(one, other):
        if tests:
            yield f"{title}:"
            yield from (f"  {nodeid}" for nodeid in sorted(tests))
    if not differs(one, other):
        yield "no test comes out differently"


def _kinds(one: Part, other: Part) -> Iterator[tuple[str, Iterable[str]]]:
    """Give each kind of difference, and its tests."""
    ran, ran_too = one.all_that_ran, other.all_that_ran
    passed, passed_too = one.all_that_passed, other.all_that_passed
    here, there = one.name, other.name
    yield f"passed in {here}, and not in {there}", (passed - passed_too) & ran_too
    yield f"passed in {there}, and not in {here}", (passed_too - passed) & ran
    yield f"ran in {here} alone", ran - ran_too
    yield f"ran in {there} alone", ran_too - ran
