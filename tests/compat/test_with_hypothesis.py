"""Hypothesis calls a test once for each example: they share its budget and fixtures."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")

SUITE = """
import asyncio, time
import pytest
from hypothesis import given, settings, strategies

few = settings(max_examples=5, database=None)
begun = []

@pytest.mark.budget("200ms")
@few
@given(strategies.integers())
async def test_hung(number):
    begun.append(number)
    await asyncio.sleep(60)

@pytest.mark.budget("200ms")
@few
@given(strategies.integers())
def test_hung_in_a_loop_of_its_own(number):
    begun.append(number)
    asyncio.run(asyncio.sleep(60))

@pytest.mark.budget("200ms")
@settings(few, deadline=None)
@given(strategies.integers())
async def test_never_waits(number):
    begun.append(number)
    ends = time.thread_time() + 0.3  # whatever else runs on the machine
    while time.thread_time() < ends:
        pass

def test_begun():
    assert len(begun) == 3

@few
@given(number=strategies.integers())
async def test_fixtures(concurrently, blocking_calls, number):
    run = await concurrently(*(asyncio.sleep(0, number) for _ in range(2)))
    assert list(run) == [number, number]

@pytest.fixture
def other():
    pass

@few
@given(number=strategies.integers())
async def test_other_fixture(concurrently, other, number):
    await concurrently(asyncio.sleep(0))

@pytest.mark.virtual_time
@few
@given(strategies.integers())
async def test_virtual(number):
    await asyncio.sleep(5)

@few
@given(strategies.integers())
async def test_its_own_failure(number):
    assert number < 0
"""


@pytest.fixture
def suite(play_once):
    return play_once(SUITE, ini="asyncbench_budget = 60s")


@pytest.mark.parametrize("name", ["test_hung", "test_hung_in_a_loop_of_its_own"])
def test_a_broken_budget_is_told_in_the_words_of_the_budget(suite, name):
    """It is no flaky example, nor one to be simplified."""
    told = suite[name]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")
    assert "1 task still alive when the budget ended" in told.lines
    assert "Flaky" not in told.text


def test_examples_that_can_not_be_cancelled_end_as_well(suite):
    """The next one is not begun."""
    told = suite["test_never_waits"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")


def test_no_further_example_runs_once_the_budget_is_broken(suite):
    """One of each test was begun."""
    assert suite["test_begun"].outcome == "passed", suite["test_begun"].text


@pytest.mark.parametrize("name", ["test_fixtures", "test_virtual"])
def test_fixtures_and_virtual_time_serve_every_example(suite, name):
    """Neither a health check of Hypothesis's nor its deadline stands against them."""
    assert suite[name].outcome == "passed", suite[name].text


def test_a_fixture_of_others_is_still_refused(suite):
    """That is between it and Hypothesis."""
    told = suite["test_other_fixture"]
    assert told.outcome == "failed"
    assert "function-scoped fixture" in told.text


def test_a_failure_of_its_own_is_simplified_as_ever(suite):
    """Down to the least example."""
    told = suite["test_its_own_failure"]
    assert told.outcome == "failed"
    assert "number=0" in told.text
