"""Whether anybody looks for the call that an allowance names."""

from __future__ import annotations

import pytest

from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._rules.table import RULES


@pytest.mark.parametrize(
    ("call", "looked_for"),
    [
        ("time.sleep", True),
        ("builtins.open", False),
        ("io.open", False),
        ("*", True),
        ("io.*", True),
        ("shop.pricing.price_of", True),
    ],
)
def test_only_the_name_of_a_rule_that_is_off_is_not(call, looked_for):
    """A glob, or a function of the user's, may be what a stall calls."""
    assert is_looked_for(call, RULES, DEFAULT_FAMILIES) is looked_for
    assert is_looked_for(call, RULES, frozenset(FAMILIES))
