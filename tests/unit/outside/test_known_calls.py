"""Calls that an allowance names: refused where they are misspelt, and only there."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from pytest_asyncbench._outside.known_calls import insist_on_calls
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Allowance


def insist_on(call):
    insist_on_calls([Allowance(caller="*", call=call, reason="x", source="marker")])


@pytest.fixture(autouse=True)
def shop(monkeypatch):
    """A module of the user's, which is there."""
    module = ModuleType("shop_of_calls")

    class Prices:
        def fetch_all(self):
            """Read them."""

    module.Prices = Prices
    monkeypatch.setitem(sys.modules, "shop_of_calls", module)
    return module


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        ("time.slep", "time.sleep"),
        ("tiem.sleep", "time.sleep"),
        ("threading.Lock.aquire", "threading.Lock.acquire"),
        ("shop_of_calls.Pricse.fetch_all", "shop_of_calls.Prices.fetch_all"),
        ("shop_of_calls.Prices.fetchall", "shop_of_calls.Prices.fetch_all"),
        ("getaddrinfo", "socket.getaddrinfo"),
    ],
)
def test_a_misspelt_call_is_refused_with_the_nearest(call, nearest):
    """Of a rule, a module, a class; one that lacks its module."""
    with pytest.raises(PolicyError) as caught:
        insist_on(call)
    begin = f"no rule and no code has the call {call!r}; the nearest: "
    assert str(caught.value).startswith(begin)
    assert nearest in str(caught.value).removeprefix(begin).split(", ")


@pytest.mark.parametrize(
    "call",
    [
        "*",
        "time.sl*",
        "time.sleep",
        "builtins.open",
        "io.open",
        "the garbage collector",
        "lazy import",
        "get(...).json",
        "client.get",
        "session.fetch",
        "trio.sleep",
        "psycopg2.connect",
        "json.loads",
        "xml.etree.ElementTree.parse",
        "shop_of_calls.Prices",
        "shop_of_calls.Prices.session.get",
        "shop_of_calls.Prices.fetch_all",
    ],
)
def test_a_call_that_may_be_right_is_accepted(call):
    """By its source, of a module that is not there, of what an instance has."""
    insist_on(call)


def test_a_module_that_makes_names_when_asked_may_have_any(shop):
    """And it is not asked, since that may run anything."""
    shop.__getattr__ = lambda name: pytest.fail("it was asked")
    insist_on("shop_of_calls.Pricse")
