"""Globs over qualified names become one pattern, and the same ones only once."""

from __future__ import annotations

from pytest_asyncbench._words import globs
from pytest_asyncbench._words.globs import one_pattern


def test_a_name_matches_where_any_of_the_globs_does():
    """As a whole, and without globs no name does."""
    matches = one_pattern(["shop.*", "os.stat"]).match
    assert matches("shop.cart.price")
    assert matches("os.stat")
    assert not matches("os.stat_result")
    assert not one_pattern([]).match("")


def test_the_same_globs_are_put_into_a_pattern_once(monkeypatch):
    """However they are kept: hundreds of rules have a few sets of them."""
    one_pattern(["once.*"])
    monkeypatch.setattr(globs, "translate", None)
    assert one_pattern({"once.*": "a reason"}).match("once.more")
