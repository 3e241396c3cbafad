"""The predicates that a rule may name are listed for users, and say what they mean.

``UPDATE_README=1 python -m pytest tests/contract/test_predicates.py`` writes the list.
"""

from __future__ import annotations

import inspect
import os
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_asyncbench._interception import PREDICATES, predicates
from pytest_asyncbench._rules.table import RULES

DOCS = Path(__file__).parents[2] / "docs" / "blocking.md"
BEGIN, END = "<!-- generated: predicates -->", "<!-- end -->"


def _meaning(name: str) -> str:
    """Give what stands after *Tell whether* in the first line of the docstring."""
    first = (inspect.getdoc(PREDICATES[name]) or "").partition("\n")[0]
    match = re.fullmatch(r"Tell whether (\S.*)\.", first)
    assert match is not None, f"{name} does not say when a call is harmless"
    return match[1]


def _table() -> Iterator[str]:
    yield "| `harmless` | the call cannot wait if | as in |"
    yield "| --- | --- | --- |"
    for name in sorted(PREDICATES):
        example = next(rule.target for rule in RULES if rule.harmless == name)
        yield f"| `{name}` | {_meaning(name)} | `{example}` |"


def test_the_list_for_users_is_drawn_from_the_code() -> None:
    """Who adds a rule finds each name, its meaning and a call that has it."""
    text = DOCS.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    shown, end, after = rest.partition(END)
    assert begin and end, f"{DOCS.name} lacks the list"
    drawn = "\n\n" + "\n".join(_table()) + "\n\n"
    if shown != drawn and os.environ.get("UPDATE_README"):
        DOCS.write_text(before + begin + drawn + end + after, encoding="utf-8")
    else:
        assert shown.splitlines() == drawn.splitlines()


@pytest.mark.parametrize("name", sorted(PREDICATES))
def test_each_is_known_by_its_own_name(name: str) -> None:
    """Who greps for what a rule names finds the function."""
    assert PREDICATES[name].__name__ == name


def test_no_module_of_predicates_is_forgotten() -> None:
    """One that nobody imports would add nothing to what rules can name."""
    modules = {info.name for info in pkgutil.iter_modules(predicates.__path__)}
    used = {inspect.getmodule(each).__name__ for each in PREDICATES.values()}
    assert {name.rpartition(".")[2] for name in used} == modules - {"registry"}
