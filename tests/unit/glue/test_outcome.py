"""What a phase ends with, as a table of what it raised and what was decided."""

from __future__ import annotations

import unittest
from dataclasses import replace

import pytest

from pytest_asyncbench import (
    BlockingCallError,
    BlockingCallWarning,
    BudgetExceeded,
    NotConcurrent,
    UnmeasuredError,
    VirtualTimeError,
)
from pytest_asyncbench._glue.outcome import Outcome, broken_promise, outcome
from pytest_asyncbench._reports.message import message
from pytest_asyncbench._words.decided import Verdict, Violation
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Elapsed


def decided(*kinds):
    broken = tuple(Violation(kind=kind, limit=1.0, actual=2.0) for kind in kinds)
    return Verdict(
        policy=Policy(), elapsed=Elapsed(wall=2.0), steps=1, violations=broken
    )


KEPT, LATE = decided(), decided("wall")
TEXT = message(LATE)
OWN = ValueError("its own")
CANCELLED = BudgetExceeded("cancelled")
RULING = VirtualTimeError("keeps real time")
SKIPPED = pytest.skip.Exception("not today")
BRIEF = pytest.fail.Exception("in a word", pytrace=False)
INTERRUPT = KeyboardInterrupt()
LEFT = pytest.exit.Exception("enough")
UNTAKEN = replace(KEPT, untaken=True)

TABLE = [
    # what was decided, what it raised → what it ends with
    (KEPT, None, {}),
    (KEPT, OWN, {"error": OWN}),
    (LATE, OWN, {"error": OWN, "note": TEXT}),
    (LATE, SKIPPED, {"error": SKIPPED, "section": TEXT}),
    (LATE, BRIEF, {"error": BRIEF, "section": TEXT}),
    (KEPT, SKIPPED, {"error": SKIPPED}),
    (LATE, INTERRUPT, {"error": INTERRUPT}),
    (LATE, LEFT, {"error": LEFT}),
    (UNTAKEN, BRIEF, {"error": BRIEF, "section": message(UNTAKEN)}),
    (UNTAKEN, SKIPPED, {"error": SKIPPED}),
    (LATE, CANCELLED, {"error": CANCELLED, "ours": True, "text": TEXT}),
]


@pytest.mark.parametrize(("verdict", "own", "expected"), TABLE)
def test_its_own_failure_is_added_to_and_never_replaced(verdict, own, expected):
    """Only the cancellation that we asked for gets other words."""
    assert outcome(verdict, own, cancelled=CANCELLED) == Outcome(**expected)


@pytest.mark.parametrize(
    "skip", [SKIPPED, unittest.SkipTest("not today")], ids=["pytest", "unittest"]
)
def test_a_skip_hides_no_budget_at_which_it_was_cancelled(skip):
    """It skipped because of us; one that has broken nothing may skip."""
    ended = outcome(LATE, skip, was_cut=True)
    assert (type(ended.error), ended.ours) == (BudgetExceeded, True)
    told = "it skipped when it was cancelled: not today"
    assert str(ended.error) == f"{TEXT}\n{told}"
    assert outcome(KEPT, skip, was_cut=True) == Outcome(error=skip)
    assert outcome(LATE, skip) == Outcome(error=skip, section=TEXT)
    assert outcome(LATE, OWN, was_cut=True) == Outcome(error=OWN, note=TEXT)


@pytest.mark.parametrize(
    ("kinds", "error"),
    [
        (["wall"], BudgetExceeded),
        (["speedup", "blocking"], NotConcurrent),
        (["blocking"], BlockingCallError),
        (["unmeasured"], UnmeasuredError),
    ],
)
def test_a_broken_promise_fails_what_had_no_failure(kinds, error):
    """By the first violation's kind, in the words for all of them."""
    ended = outcome(decided(*kinds), None)
    assert (type(ended.error), ended.ours) == (error, True)
    assert str(ended.error) == str(broken_promise(decided(*kinds)))
    assert (ended.text, ended.note, ended.section) == (None, "", "")


@pytest.mark.parametrize("verdict", [KEPT, LATE])
def test_a_test_in_the_wrong_time_ends_with_that(verdict):
    """What it took in another time tells nothing; but its own failure comes first."""
    expected = Outcome(error=RULING, ours=True)
    assert outcome(verdict, None, ruling=RULING) == expected
    assert outcome(KEPT, RULING, ruling=RULING) == expected
    assert outcome(KEPT, OWN, ruling=RULING) == Outcome(error=OWN)


WARNING = BlockingCallWarning("it blocks")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Outcome(), Outcome(error=WARNING, ours=True)),
        (Outcome(error=OWN), Outcome(error=OWN, note="it blocks")),
        (Outcome(error=SKIPPED), Outcome(error=SKIPPED, section="it blocks")),
        (Outcome(error=OWN, note=TEXT), Outcome(error=OWN, note=TEXT)),
        (Outcome(error=RULING, ours=True), Outcome(error=RULING, ours=True)),
    ],
)
def test_a_warning_that_is_an_error_fails_or_is_added(before, after):
    """It is not lost where the test failed by itself."""
    assert before.with_warning(WARNING) == after
    assert before.with_warning(None) == before


@pytest.mark.parametrize("interrupt", [INTERRUPT, LEFT])
def test_who_ends_the_run_is_told_of_no_promise(interrupt):
    """It was of a whole test; and pytest shows all the words in a banner."""
    ended = outcome(LATE, interrupt).with_warning(WARNING)
    assert ended == Outcome(error=interrupt)
