"""The places of a run, ranked by what they cost, and what to do next."""

from __future__ import annotations

import pytest
from by_hand import SITE, STDLIB

from pytest_asyncbench._reports.next_step import next_step
from pytest_asyncbench._reports.ranking import Ranking, whose
from pytest_asyncbench._words.decided import Finding, Verdict
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seen import Elapsed

TEST = "tests/test_shop.py::test_buys"


def entry(seconds, function="price", file="/home/user/shop/pricing.py", advice="x"):
    """Give what a record says of one place."""
    finding = Finding(
        kind="call",
        call="time.sleep",
        file=file,
        line=7,
        function=function,
        seconds=seconds,
        advice=advice,
    )
    verdict = Verdict(
        policy=Policy(blocking="report"),
        elapsed=Elapsed(wall=1.0),
        steps=1,
        findings=(finding,),
    )
    return record_of(verdict).blocking[0]


@pytest.mark.parametrize(
    ("file", "owner"),
    [
        ("/home/user/shop/pricing.py", "yours"),
        ("/home/user/tests/test_shop.py", "test"),
        ("/home/user/tests/conftest.py", "test"),
        ("/home/user/tests/helpers.py", "yours"),
        ("/home/user/more/test_shop.py", "yours"),
        (f"{SITE}/httpx/_config.py", "library"),
        (f"{STDLIB}/asyncio/base_events.py", "library"),
    ],
)
def test_it_is_told_whose_code_a_place_is_in(file, owner):
    """A test's own is to be mended elsewhere than what it tests."""
    assert whose(file, TEST) == owner


def test_places_are_ranked_by_what_all_tests_lost_there():
    """Many short waits cost more than a long one; each is told in how many tests."""
    ranking = Ranking()
    ranking.add("t.py::one", entry(0.5, "slow_once"))
    for number in range(4):
        ranking.add(f"t.py::{number}", entry(0.2, "often"))
    ranking.add("t.py::3", entry(0.1, "often"))
    place = "yours    /home/user/shop/pricing.py:7 in"
    assert [*ranking.lines()] == [
        "the event loop was blocked at 2 places for 1.400 s",
        f"    0.900 s  {place} often: time.sleep, 5 times in 4 tests",
        f"{'':22}use: x",
        f"    0.500 s  {place} slow_once: time.sleep, 1 time in 1 test",
        f"{'':22}use: x",
    ]


def test_the_headline_says_how_much_of_it_is_whose():
    """Where it is all of one kind, that need not be said."""
    ranking = Ranking()
    ranking.add(TEST, entry(0.5))
    ranking.add(TEST, entry(0.25, file="/home/user/tests/test_shop.py"))
    ranking.add(TEST, entry(0.125, file=f"{SITE}/httpx/_config.py"))
    assert next(ranking.lines()).endswith(
        "for 0.875 s (0.500 s in your code, 0.250 s in the tests' own, "
        "0.125 s in libraries)"
    )


@pytest.mark.parametrize("advice", ["", "x"])
@pytest.mark.parametrize("room", range(4, 30))
def test_it_keeps_to_the_room_that_it_has(room, advice):
    """With the line that says how many places are not told."""
    ranking = Ranking()
    for number in range(50):
        ranking.add(TEST, entry(1.0 + number, f"f{number}", advice=advice))
    lines = [*ranking.lines(room)]
    told = sum("yours" in line for line in lines)
    assert len(lines) <= room
    assert lines[-1] == f"  … and {50 - told} more (--asyncbench-summary=all)"
    assert len([*ranking.lines()]) == 1 + 50 * (2 if advice else 1)


def test_what_fits_is_told_whole():
    """No line says that there is one more where that one has room itself."""
    ranking = Ranking()
    for number in range(3):
        ranking.add(TEST, entry(1.0, f"f{number}"))
    assert len([*ranking.lines(7)]) == 7
    assert "more" not in [*ranking.lines(7)][-1]


ONE = "next: mend it, or accept it with a line of asyncbench_allow"
SEVERAL = "next: mend them, or accept each with a line of asyncbench_allow"
THEN = "; then asyncbench_blocking = error refuses new ones"


@pytest.mark.parametrize(
    ("mode", "places", "told"),
    [
        ("off", 0, None),
        ("off", 9, None),
        ("error", 0, None),
        ("report", 0, "next: nothing blocks: asyncbench_blocking = error keeps it so"),
        ("warn", 1, ONE + THEN),
        ("error", 1, ONE),
        ("error", 3, SEVERAL),
    ],
)
def test_the_next_step_is_told_in_one_line(mode, places, told):
    """Towards a suite that refuses new blocking; nothing where it does already."""
    assert next_step(Policy(blocking=mode), places, steps=9) == told


@pytest.mark.parametrize("mode", ["report", "warn"])
def test_where_no_loop_took_a_step_it_is_not_said_that_nothing_blocks(mode):
    """Nothing was searched: a run of sync tests, or of loops that nobody can watch."""
    told = "next: run tests that run a loop: none took a step"
    assert next_step(Policy(blocking=mode), places=0, steps=0) == told
    assert next_step(Policy(blocking="error"), places=0, steps=0) is None
