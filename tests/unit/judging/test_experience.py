"""The rule of budgets from experience: what a test took before, what it may take."""

from __future__ import annotations

import pytest

from pytest_asyncbench._judging.experience import (
    ENOUGH,
    FIRST,
    budget_from,
    least_speedup,
    longest_time,
    usual_time,
)
from pytest_asyncbench._words.history import PassedRun


def runs(*took, speedup=None, starved=0.0):
    return [
        PassedRun(wall=each + starved, starved=starved, speedup=speedup)
        for each in took
    ]


def test_of_too_few_runs_nothing_is_derived():
    """One more, and something is."""
    assert budget_from(runs(*[1.0] * (ENOUGH - 1))) is None
    assert budget_from(runs(*[1.0] * ENOUGH)) is not None


@pytest.mark.parametrize(
    ("took", "longest"),
    [
        ([0.020] * 10, 0.050),
        ([0.050] * 10, 0.085),
        ([1.0] * 10, 1.7),
        # The median of these is 1, and their median deviation 0.2.
        ([0.6, 0.7, 0.8, 0.8, 1.0, 1.0, 1.2, 1.2, 1.3, 1.4], 1 + 6 * 1.4826 * 0.2),
        # In two heaps: the deviation sees one of them only.
        ([0.1] * 8 + [0.3] * 2, 0.3 * 1.25),
        # One odd run is none.
        ([0.1] * 9 + [30.0], 0.17),
    ],
)
def test_the_room_is_the_most_that_one_of_the_floors_asks_for(took, longest):
    """A deviation, a part of the median, some time, and what nine tenths kept."""
    assert longest_time(took) == pytest.approx(longest)


def test_twice_as_slow_is_over_it_from_50_ms_on():
    """Where the noise is small beside that."""
    for milliseconds in range(50, 1001, 10):
        took = milliseconds / 1000
        assert longest_time([took * each for each in (0.95, 1.0, 1.05)] * 4) < 2 * took


@pytest.mark.parametrize(
    ("speedups", "least"),
    [
        ([4.0] * 10, 1.3),
        ([2.0] * 10, 1.1),
        # With a median deviation of 0.32.
        ([3.3, 3.68, 3.68, 4.0, 4.0, 4.0, 4.0, 4.32, 4.32, 4.6], 1.15),
        ([4.0] * 8 + [1.5] * 2, 1.2),
        ([1.5] * 10, 1.05),
        ([1.2] * 10, None),
        ([1.0] * 10, None),
    ],
)
def test_a_speedup_must_keep_a_part_of_what_it_gains(speedups, least):
    """Less where it is noisy, and nothing where it has little to lose."""
    assert least_speedup(speedups) == least


def test_only_the_first_runs_are_asked():
    """A test that becomes slower bit by bit is held to what it was."""
    first = [1.0] * FIRST
    slower = [1.0 + n / 100 for n in range(200)]
    assert budget_from(runs(*first, *slower)) == budget_from(runs(*first))


UNEVEN = [*[0.1] * 17, *[0.18] * 3]
"""Of these one in seven is slow, so that twice the usual time is allowed."""


@pytest.mark.parametrize(
    ("later", "within"),
    [
        ([], 0.225),
        ([0.2] * 2, 0.225),
        ([0.1, 0.2, 0.2, 0.1], 0.225),
        ([0.2] * 3, 0.18),
        ([0.2, 0.2, 0.1, 0.2], 0.18),
        # It was mended.
        ([*[0.2] * 9, 0.1, 0.1], 0.225),
    ],
)
def test_an_uneven_test_has_less_room_once_most_of_its_last_runs_were_long(
    later, within
):
    """One long run of it says nothing; and its budget says what is known."""
    assert (longest_time(UNEVEN), usual_time(UNEVEN)) == pytest.approx((0.225, 0.18))
    budget = budget_from(runs(*UNEVEN, *later))
    assert budget.within == pytest.approx(within)
    told = "auto, from 20 passed runs; 3 of the last 4 took longer"
    assert (budget.source == told) == (within == 0.18)


def test_an_even_test_has_never_less_room():
    """Its first runs leave it none to lose."""
    even = [1.0, 1.01] * 10
    assert budget_from(runs(*even, *[1.69] * 9)) == budget_from(runs(*even))


def test_starved_time_is_no_part_of_it_but_where_it_counts():
    """As in the verdict."""
    passed = runs(*[1.0] * 10, starved=1.0)
    assert budget_from(passed).within == pytest.approx(1.7)
    assert budget_from(passed, strict=True).within == pytest.approx(3.4)


def test_the_budget_says_where_it_is_from():
    """And that nobody wrote the speedup."""
    budget = budget_from(runs(*[0.1] * 12, speedup=3.0))
    assert (budget.speedup, budget.learned_speedup) == (1.2, True)
    assert budget.source == "auto, from 12 passed runs"


def test_a_short_test_learns_no_speedup():
    """Of so little time it is mostly noise."""
    budget = budget_from(runs(*[0.049] * 20, speedup=3.0))
    assert (budget.speedup, budget.learned_speedup) == (None, False)
