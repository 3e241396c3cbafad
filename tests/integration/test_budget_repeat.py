"""``budget(repeat=n)``: the body several times in turn, the promises for the median."""

from __future__ import annotations

import pytest

# In virtual time, where the figures are exact on any machine.
SUITE = """
import asyncio, time
import pytest

async def take(*delays):
    await asyncio.gather(*(asyncio.sleep(delay) for delay in delays))

@pytest.fixture
def delays():
    return iter([5, 1, 1, 2, 1])

@pytest.mark.virtual_time
@pytest.mark.budget("1500ms", repeat=5)
async def test_one_is_slow(delays):
    await asyncio.sleep(next(delays))

@pytest.mark.virtual_time
@pytest.mark.budget("1500ms", repeat=4)
async def test_most_are_slow():
    test_most_are_slow.runs = getattr(test_most_are_slow, "runs", 0) + 1
    await asyncio.sleep(test_most_are_slow.runs)

@pytest.mark.virtual_time
@pytest.mark.budget("2s", repeat=3)
async def test_hangs():
    test_hangs.runs = getattr(test_hangs, "runs", 0) + 1
    await asyncio.sleep(1 if test_hangs.runs < 3 else 100)

@pytest.mark.virtual_time
@pytest.mark.budget(speedup=2, repeat=3)
async def test_speedup(delays):
    wide = next(delays) < 5
    await take(*([1] * (4 if wide else 1)))

@pytest.mark.virtual_time
@pytest.mark.budget(speedup=2.5, repeat=3)
async def test_too_slow(delays):
    wide = next(delays) == 5
    await take(*([1] * (4 if wide else 2)))

@pytest.mark.virtual_time
@pytest.mark.concurrent(3)
@pytest.mark.budget("60s", repeat=2)
async def test_copies():
    await asyncio.sleep(1)

@pytest.mark.budget("60s", repeat=3)
async def test_fails_in_the_second():
    test_fails_in_the_second.runs = getattr(test_fails_in_the_second, "runs", 0) + 1
    assert test_fails_in_the_second.runs < 2, "my own"

@pytest.mark.budget("60s", repeat=3)
async def test_in_real_time():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_the_promises_hold_for_the_median(suite):
    """One slow run moves nothing; where most are slow the test fails."""
    failed = {name for name, out in suite.outcomes.items() if out == "failed"}
    assert failed == {
        "test_most_are_slow",
        "test_hangs",
        "test_too_slow",
        "test_fails_in_the_second",
    }


def test_the_failure_names_the_median_and_the_spread(suite):
    """Of an even number it is the lower one, which has happened."""
    lines = suite["test_most_are_slow"].lines
    assert lines[0] == "virtual clock 2.000 s, budget 1.500 s (marker)"
    assert lines[1] == "in the median of 4 runs that took 1.000 s to 4.000 s"
    lines = suite["test_too_slow"].lines
    assert lines[0].startswith("speedup 2.00, promised at least 2.5: ")
    assert lines[1] == "in the median of 3 runs, 2.00 to 4.00"


def test_a_run_that_hangs_has_the_time_of_all(suite):
    """It is ended when it has taken as much as all of them may."""
    lines = suite["test_hangs"].lines
    assert lines[0] == "virtual clock 6.000 s, budget 2.000 s (marker)"
    assert lines[1] == (
        "that was run 3 of 3, which was ended after the time that all of them have"
    )
    assert "await asyncio.sleep(1 if test_hangs.runs < 3 else 100)" in lines


def test_the_record_has_least_median_and_most(suite):
    """Of wall, and of speedup where the body starts tasks."""
    assert suite["test_one_is_slow"].record["repeated"] == {
        "runs": 5,
        "wall": {"least": 1.0, "median": 1.0, "most": 5.0},
        "speedup": None,
    }
    repeated = suite["test_speedup"].record["repeated"]
    assert repeated["speedup"] == {"least": 1.0, "median": 4.0, "most": 4.0}
    assert suite["test_speedup"].record["speedup"] == 4.0
    assert suite["test_copies"].record["repeated"]["speedup"]["median"] == 3.0
    assert suite["test_in_real_time"].record["repeated"]["runs"] == 3


def test_a_failure_of_its_own_ends_it(suite):
    """The run that failed is the last one."""
    told = suite["test_fails_in_the_second"]
    assert "my own" in told.text
    assert told.record["repeated"]["runs"] == 2


@pytest.mark.parametrize(
    ("function", "wrong", "told"),
    [
        ("async def", "0", "repeat: 1 to 10,000 runs are accepted, not 0"),
        ("async def", "10**9", "repeat: 1 to 10,000 runs are accepted, not 1000000000"),
        ("async def", "True", "True is no number of runs; an int is accepted"),
        ("async def", "'3'", "'3' is no number of runs; an int is accepted"),
        ("def", "3", "repeat= is for a test that is `async def`"),
    ],
)
def test_what_can_not_be_repeated_is_refused(play_once, function, wrong, told):
    """At collection, with the test's name."""
    run = play_once(
        f"""
import pytest

@pytest.mark.budget("1s", repeat={wrong})
{function} test_wrong():
    pass
"""
    )
    assert run.status == 4
    assert "test_wrong: @pytest.mark.budget: " in run.err
    assert told in run.err
