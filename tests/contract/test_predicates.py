"""The predicates that a rule may name are listed for users, and say what they mean.

``python docs/draw_tables.py`` writes the list.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from pytest_asyncbench._interception import PREDICATES, predicates
from pytest_asyncbench._rules.table import RULES

DOCS = Path(__file__).parents[2] / "docs" / "known-calls.md"


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_the_list_for_users_is_drawn_from_the_code(name: str) -> None:
    """Who adds a rule finds each name, its meaning and a call that has it."""
    first = (inspect.getdoc(PREDICATES[name]) or "").partition("\n")[0]
    match = re.fullmatch(r"Tell whether (\S.*)\.", first)
    assert match is not None, f"{name} does not say when a call is harmless"
    example = next(rule.target for rule in RULES if rule.harmless == name)
    assert f"| `{name}` | {match[1]} | `{example}` |" in DOCS.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_each_is_known_by_its_own_name(name: str) -> None:
    """Who greps for what a rule names finds the function."""
    assert PREDICATES[name].__name__ == name


def test_no_module_of_predicates_is_forgotten() -> None:
    """One that nobody imports would add nothing to what rules can name."""
    modules = {info.name for info in pkgutil.iter_modules(predicates.__path__)}
    used = {inspect.getmodule(each).__name__ for each in PREDICATES.values()}
    assert {name.rpartition(".")[2] for name in used} == modules - {"registry"}
