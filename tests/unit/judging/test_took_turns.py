"""Threads that take turns at the interpreter: what is told of them, by hand."""

from __future__ import annotations

import dataclasses

import pytest
from by_hand import observations

from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._judging.turns import NONE, turns_of, worth_telling
from pytest_asyncbench._words.decided import TookTurns
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import AcceptedSpan, Crowd

REPORT = Policy(blocking="report")
TWELVE = Crowd(began=1.0, seconds=0.04, threads=12, share=0.95, most=0.1)


def told(*crowds, policy=REPORT, **seen):
    return judge(policy, observations(crowds=crowds, **seen)).took_turns


def thrice(**facts):
    """Late turns of 5, 20 and 40 ms."""
    return [
        dataclasses.replace(TWELVE, seconds=seconds, **facts)
        for seconds in (0.02, 0.005, 0.04)
    ]


def test_threads_that_take_turns_are_told_with_how_late_the_loop_was():
    """The least and the most, of how many threads, and how often."""
    expected = TookTurns(threads=12, least=0.005, most=0.04, count=3)
    assert told(*thrice()) == expected


def test_what_comes_bit_by_bit_adds_up_to_the_same():
    """As where somebody watches for days, and keeps no list."""
    turns = NONE
    for crowd in thrice():
        assert not worth_telling(turns)
        turns = turns_of([crowd], turns)
    assert worth_telling(turns)
    assert turns == turns_of(thrice()) == told(*thrice())


def test_they_break_no_promise():
    """Nobody among them keeps the interpreter for long."""
    verdict = judge(
        Policy(blocking="error", threshold=0.01), observations(crowds=tuple(thrice()))
    )
    assert (verdict.violations, verdict.findings) == ((), ())
    assert verdict.took_turns is not None


@pytest.mark.parametrize(
    "facts",
    [
        {"threads": 1, "most": 0.95},
        {"threads": 3, "most": 0.8},  # one that keeps it, and two that do little
        {"threads": 0, "share": 0.0, "most": 0.0},
        {"share": 0.6},  # some thread had it and lacked a processor
        {"share": 1.9},  # at once, so that some did without it
        {"unknown": 0.2},  # as may have had it, too
    ],
)
def test_what_may_be_something_else_is_not_told(facts):
    """One thread alone, the machine, threads at work without the interpreter."""
    assert told(*thrice(**facts)) is None


def test_what_happened_once_or_took_no_time_is_not_worth_a_line():
    """Two threads that meet by chance do so on every machine."""
    assert told(TWELVE, TWELVE) is None
    short = dataclasses.replace(TWELVE, seconds=0.006)
    assert told(short, short, short) is None


def test_nothing_is_told_where_nobody_asked_or_it_is_paused():
    """As of any blocking."""
    assert told(*thrice(), policy=Policy()) is None
    pause = AcceptedSpan(began=0.5, ended=1.5, reason=None)
    assert told(*thrice(), accepted=(pause,)) is None
