"""Where each predicate puts itself; knows none of them."""

from __future__ import annotations

from pytest_asyncbench._interception.signatures import Predicate

__all__ = ["PREDICATES", "predicate"]

PREDICATES: dict[str, Predicate] = {}
"""Every predicate by its name, complete once their modules have been imported."""


def predicate(function: Predicate) -> Predicate:
    """Let rules name this function."""
    PREDICATES[function.__name__] = function
    return function
