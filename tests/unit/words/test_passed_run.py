"""What of a record a history keeps."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words.decided import Verdict, Violation
from pytest_asyncbench._words.history import PassedRun
from pytest_asyncbench._words.passed_run import passed_run
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed


def kept(*, steps=7, **facts):
    elapsed = Elapsed(wall=1.5, starved=0.5)
    verdict = Verdict(policy=Policy(), elapsed=elapsed, steps=steps, **facts)
    return passed_run(record_of(verdict))


def test_a_test_that_passed_is_kept_with_what_it_took():
    """Starved time apart, and nothing said of blocking where nobody looked."""
    assert kept() == PassedRun(wall=1.5, starved=0.5)


@pytest.mark.parametrize(
    "facts",
    [
        {"steps": 0},
        {"violations": (Violation(kind="wall"),)},
        {"accepted": (Violation(kind="wall"),), "debugged": True},
        {"debugged": True},
    ],
)
def test_what_says_nothing_of_the_next_run_is_not_kept(facts):
    """It ran no loop, broke a promise, or a person looked at it meanwhile."""
    assert kept(**facts) is None
