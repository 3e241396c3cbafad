"""Globs over qualified names are matched together, and put together only once."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from pytest_asyncbench._words import globs
from pytest_asyncbench._words.globs import any_of


def test_a_name_matches_where_any_of_the_globs_does():
    """As a whole, and without globs no name does."""
    matches = any_of(["shop.*", "os.stat"]).match
    assert matches("shop.cart.price")
    assert matches("os.stat")
    assert not matches("os.stat_result")
    assert not any_of([]).match("")


@pytest.mark.parametrize(
    "glob",
    ["shop.*", "shop.c*", "shop.cart", "shop.*t", "s?op.cart", "sho[pq]*", "*", ""],
)
@pytest.mark.parametrize(
    "name", ["shop.cart", "shop.cart.price", "Shop.cart", "shop.*", "a\nb", ""]
)
def test_each_form_of_a_glob_means_what_it_means_everywhere(glob, name):
    """A name or the beginning of one, which need no pattern, as much as all others."""
    assert any_of([glob]).match(name) == fnmatchcase(name, glob)
    assert any_of(["os.stat", glob]).match(name) == fnmatchcase(name, glob)


def test_the_same_globs_are_put_together_once(monkeypatch):
    """However they are kept: hundreds of rules have a few sets of them."""
    any_of(["once.*"])
    monkeypatch.setattr(globs, "Globs", None)
    assert any_of({"once.*": "a reason"}).match("once.more")
