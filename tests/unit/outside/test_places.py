"""What is kept of each place for hours: what adds up, and never a list that grows."""

from __future__ import annotations

from pytest_asyncbench._outside.places import Places
from pytest_asyncbench._reports.watched import watched_lines
from pytest_asyncbench._words.decided import Finding, Verdict
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import Elapsed, Wait

FOR_TWO_SECONDS = "(watched for 2.000 s, 3 steps)"


def found(**more):
    given = {
        "kind": "call",
        "call": "time.sleep",
        "file": "shop.py",
        "line": 8,
        "function": "price_of",
        "seconds": 0.25,
    }
    return Finding(**{**given, **more})


def told(places, **more):
    given = {
        "policy": Policy(blocking="report"),
        "elapsed": Elapsed(wall=2.0),
        "steps": 3,
        "findings": tuple(places.all()),
    }
    beyond = places.beyond_count, places.beyond_seconds
    return [*watched_lines(Verdict(**{**given, **more}), *beyond)]


def test_of_a_place_count_total_and_longest_are_kept():
    """However often it blocks, there is one entry, and none of its steps in it."""
    places = Places()
    for step in range(500):
        places.add([found(steps=frozenset({step}))])
    places.add([found(seconds=1.0, count=2, longest=0.75, steps=frozenset({500}))])
    (one,) = places.all()
    assert (one.count, one.seconds, one.longest) == (502, 126.0, 0.75)
    assert one.steps == frozenset()


def test_of_what_was_waited_for_the_first_ten_are_kept():
    """A client may have another port each time."""
    places = Places()
    for port in range(100):
        places.add([found(waits=((Wait(call="recvfrom", on=f"[::1]:{port}"), 1),))])
    (one,) = places.all()
    assert len(one.waits) == 10


def test_of_too_many_places_the_rest_is_only_added_up():
    """What is known goes on to count, and the text says of the rest how much it is."""
    places = Places(most=2)
    for line in (1, 2, 3, 4, 1):
        places.add([found(line=line)])
    assert [(one.line, one.count) for one in places.all()] == [(1, 2), (2, 1)]
    assert (places.beyond_count, places.beyond_seconds) == (2, 0.5)
    assert told(places)[-1] == (
        "  … and 2 times for 0.500 s at places that are not told apart, since there "
        "are too many"
    )


def test_file_line_call_and_advice_are_told():
    """The dearest place first; what is accepted is summed up, and problems are told."""
    places = Places()
    places.add([found(), found(seconds=0.5)])
    places.add([found(line=9, seconds=2.0, advice="await asyncio.sleep(...)")])
    places.add([found(line=10, allowed="once", seconds=0.1)])
    problem = Problem(kind="failed", text="watchdog: no luck")
    assert told(places, problems=(problem,)) == [
        f"the event loop was blocked at 2 places for 2.750 s {FOR_TWO_SECONDS}:",
        "    2.000 s  shop.py:9 in price_of: time.sleep, 1 time",
        "             use: await asyncio.sleep(...)",
        "    0.750 s  shop.py:8 in price_of: time.sleep, 2 times, 0.500 s at most",
        "blocking that is accepted: 1 place, 1 time, for 0.100 s",
        "asyncbench itself: watchdog: no luck",
    ]


def test_who_saw_no_loop_says_so():
    """To have seen nothing is no proof of anything."""
    (line,) = told(Places(), steps=0)
    assert line.endswith("(watched for 2.000 s, no step of an event loop was seen)")
