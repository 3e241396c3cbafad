"""What does not count: paused and forgiven time, and why a finding is accepted."""

from __future__ import annotations

import dataclasses
import math

import pytest
from by_hand import stall, standard, user

from pytest_asyncbench._judging.acceptance import Acceptance, Acceptances, accept
from pytest_asyncbench._words.decided import Finding
from pytest_asyncbench._words.promised import Allowance, Policy
from pytest_asyncbench._words.seen import AcceptedSpan, Collection

FOUND = Finding(
    kind="call", call="time.sleep", file="a.py", line=1, function="f", seconds=0.1
)
JOIN = standard("BaseProcess.join", module="multiprocessing.process")
ROW = Allowance(caller="*", call="time.*", reason="a setting's", source="ini")


def pause(began, ended):
    """A block of ``blocking_calls.paused``."""
    return AcceptedSpan(began=began, ended=ended, reason=None)


def acceptances(*spans, allow=()):
    return Acceptances(Policy(allow=allow), spans)


@pytest.mark.parametrize(
    ("spans", "paused"),
    [
        ([], 0.0),
        ([pause(-math.inf, 0.25)], 0.25),
        ([pause(0.5, math.inf)], 0.5),
        ([pause(0.25, 0.5), pause(0.25, 0.75)], 0.5),
        ([pause(-2.0, -1.0), pause(2.0, 3.0)], 0.0),
        ([AcceptedSpan(began=0.0, ended=1.0, reason="why")], 0.0),
    ],
)
def test_a_step_is_paused_for_as_long_as_pauses_cover_it(spans, paused):
    """Each moment once, whichever began or ended outside of it."""
    assert acceptances(*spans).paused_in(stall(seconds=1.0)) == paused


def test_a_span_with_a_reason_goes_before_an_allowance():
    """The test's own words are nearer than a setting's."""
    span = AcceptedSpan(began=0.0, ended=1.0, reason="the test's")
    both = acceptances(span, allow=(ROW,))
    within, after = (
        both.of_moment(moment) or both.of_place((user(),), {"time.sleep"})
        for moment in (0.5, 1.5)
    )
    assert within == Acceptance("the test's")
    assert after == Acceptance("a setting's", ROW.text)
    assert both.of_moment(1.5) is None
    assert both.of_place((user(),), {"os.stat"}) is None


@pytest.mark.parametrize(
    ("seen", "call", "written"),
    [
        ((user(),), "builtins.open", "io.open"),
        ((user(),), "builtins.open", "builtins.open"),
        ((JOIN, user()), "select.poll.poll", "multiprocessing.Process.join"),
    ],
)
def test_an_allowance_holds_for_each_name_of_a_rows_function(seen, call, written):
    """Of what was called as of what called that: a stall has its frames only."""
    allowance = dataclasses.replace(ROW, call=written)
    why = acceptances(allow=(allowance,)).of_place(seen, {call})
    assert why == Acceptance("a setting's", allowance.text)


def test_the_first_reason_stays():
    """An allowance that accepts a finding has been used, whatever else would."""
    once = accept(FOUND, Acceptance("first", ROW.text))
    assert accept(once, Acceptance("second")) is once
    assert (once.allowed, once.allowance) == ("first", ROW.text)
    assert accept(FOUND, None) is FOUND


def test_starved_time_of_a_collection_is_forgiven_once():
    """It is part of what the step was starved of, and real work beside it counts."""
    collecting = Collection(began=0.0, seconds=0.92, stack=(user(),), starved=0.7)
    step = stall(seconds=3.145, starved=2.591, collections=(collecting,))
    left = step.seconds - acceptances().forgiven(step)
    assert left == pytest.approx(3.145 - 2.591 - (0.92 - 0.7))


@pytest.mark.parametrize(("starved", "left"), [(0.25, 1.0), (2.0, 0.0)])
def test_where_nobody_knows_what_a_collection_was_starved_of_all_may_be(starved, left):
    collecting = Collection(began=0.0, seconds=1.0, stack=(user(),), starved=None)
    step = stall(seconds=2.0, starved=starved, collections=(collecting,))
    assert step.seconds - acceptances().forgiven(step) == pytest.approx(left)
