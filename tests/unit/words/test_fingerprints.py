"""The baseline as a value: fingerprints, and which entry accepts what."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words import baseline as words
from pytest_asyncbench._words.baseline import BaselineEntry, in_order
from pytest_asyncbench._words.fingerprints import fingerprint


def accepted(caller, call, *entries, stall=False):
    """Tell whether a place is accepted by entries, a stall's where they end so."""
    made = in_order(
        BaselineEntry(
            fingerprint=each.removesuffix(" [stall]"), stall=each.endswith("[stall]")
        )
        for each in entries
    )
    return made.accepting(caller, call, stall=stall) is not None


@pytest.mark.parametrize(
    ("caller", "call", "text"),
    [
        ("shop.Cart.total", "time.sleep", "shop.Cart.total > time.sleep"),
        ("t.<lambda>", "get(...).json", "t.<lambda> > get(...).json"),
        ("t.f", "Task-12", "t.f > Task"),
        ("t.f", "a\nb  c", "t.f > a b c"),
        ("t.f", "odd #1", "t.f > odd#1"),
        ("t.\udcff", "g", "t.? > g"),
    ],
)
def test_a_fingerprint_is_one_line_that_each_run_writes_alike(caller, call, text):
    """No number of a task, and nothing that a file can't hold."""
    assert fingerprint(caller, call) == text


def test_a_known_call_is_accepted_by_its_own_entry_only():
    """Another call of the same function, and the same of another, are news."""
    entry = "shop.total > time.sleep"
    assert accepted("shop.total", "time.sleep", entry)
    assert not accepted("shop.total", "requests.get", entry)
    assert not accepted("shop.price", "time.sleep", entry)


def test_a_stall_that_shows_its_call_today_and_not_tomorrow_is_one_place():
    """Samples differ from run to run: a flaky stall is no false alarm."""
    busy = "shop.total > shop.total [stall]"
    assert accepted("shop.total", "json.loads", busy, stall=True)
    loads = "shop.total > json.loads [stall]"
    assert accepted("shop.total", "shop.total", loads, stall=True)
    assert not accepted("shop.total", "zlib.compress", loads, stall=True)


def test_a_known_call_and_a_stall_do_not_stand_for_each_other():
    """A rule names the one in each run, whatever a sample shows."""
    assert not accepted("f.f", "f.f", "f.f > time.sleep", stall=True)
    assert not accepted("f.f", "time.sleep", "f.f > f.f [stall]")


def test_before_3_11_a_function_may_lack_what_it_is_within(monkeypatch):
    """One file serves all Pythons of a suite."""
    entry = "shop.Cart.total > time.sleep"
    monkeypatch.setattr(words, "_QUALIFIES", False)
    assert accepted("shop.total", "time.sleep", entry)
    assert accepted("t.inner", "g", "t.test_it.<locals>.inner > g")
    assert not accepted("other.total", "time.sleep", entry)
    monkeypatch.setattr(words, "_QUALIFIES", True)
    assert not accepted("shop.total", "time.sleep", entry)


def test_the_functions_of_stalls_are_known_apart():
    """Of these alone it is asked how long their steps were."""
    made = in_order(
        [
            BaselineEntry(fingerprint="a.f > a.f", stall=True),
            BaselineEntry(fingerprint="b.f > time.sleep"),
        ]
    )
    assert "a.f" in made.stalls
    assert "b.f" not in made.stalls
