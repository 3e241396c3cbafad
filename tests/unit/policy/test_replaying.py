"""The text that names a schedule of one test."""

from __future__ import annotations

import re

import pytest

from pytest_asyncbench._policy.replaying import mark_of, replay_of, seed_of, text_of
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.schedules import OWN_ORDER, Hold, Schedule

SCHEDULES = [
    OWN_ORDER,
    Schedule(holds=(Hold(lane="1", wake=1),)),
    Schedule(holds=(Hold(lane="1.2", wake=3, steps=4),)),
    Schedule(holds=(Hold(lane="1.1", wake=2, until=("1.2c.1", 14)),)),
    Schedule(holds=(Hold(lane="1.1", wake=2),), picks=((0, "1.3"), (12, "0c"))),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_it_is_read_as_it_was_written(schedule):
    """And no shell reads anything in it."""
    text = text_of("tests/test_a.py::test_b[x y]", schedule)
    replay = replay_of(text)
    assert replay.schedule == schedule
    assert replay.mark == mark_of("tests/test_a.py::test_b[x y]")
    assert re.fullmatch(r"[0-9A-Za-z.:@+,/-]+", text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v1",
        "v2:00000000:own:0000",
        text_of("t", OWN_ORDER)[:-1],
        text_of("t", Schedule(holds=(Hold(lane="1", wake=1),))).replace("@1", "@2"),
    ],
)
def test_a_damaged_one_is_refused(text):
    """Rather than read as another schedule."""
    with pytest.raises(PolicyError, match="accepted: v1:TEST:DEVIATIONS:CHECK"):
        replay_of(text)


def test_a_deviation_that_means_nothing_is_named():
    """With what is accepted."""
    with pytest.raises(PolicyError, match="no deviation 'x@1'"):
        Schedule.from_text("1@1,x@1")


def test_a_test_has_its_own_mark_and_seed_in_every_process():
    """They are made from its name alone."""
    assert mark_of("a::b") == "78f0be89"
    assert seed_of("a::b") == 544667173448570751
    assert seed_of("a::b") != seed_of("a::c")
