"""Every exception and warning: public name, a sentence, and what catches it."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words import errors
from pytest_asyncbench._words.errors import ConcurrencyError, PolicyError

KINDS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_has_a_sentence_and_the_public_module(kind):
    """A traceback and a ``-W`` filter show the name that users import."""
    assert kind.__doc__.strip().endswith(".")
    assert kind.__module__ == "pytest_asyncbench"


@pytest.mark.parametrize(
    "name", ["BudgetExceeded", "NotConcurrent", "BlockingCallError", "UnmeasuredError"]
)
def test_broken_promises_are_failed_assertions(name):
    """One ``except ConcurrencyError`` catches all, and pytest calls them failures."""
    assert issubclass(getattr(errors, name), ConcurrencyError)
    assert issubclass(ConcurrencyError, AssertionError)


def test_bad_input_is_a_value_error_and_no_broken_promise():
    """Whoever guards against broken promises does not hide a misspelt word."""
    assert issubclass(PolicyError, ValueError)
    assert not issubclass(PolicyError, ConcurrencyError)
