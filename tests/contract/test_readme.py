"""The README and the reference say what the code's tables say; the README's example
really prints what it shows.

``UPDATE_README=1 python -m pytest tests/contract/test_readme.py`` writes them anew, as
``python docs/draw_tables.py`` does.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from pathlib import Path
from types import ModuleType

import pytest

README = Path(__file__).parents[2] / "README.md"
GENERATED = re.compile(r"<!-- generated: (.*?) -->")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = _load(README.parent / "docs" / "draw_tables.py")


def _between(begin: str, end: str, text: str) -> str:
    match = re.search(f"{re.escape(begin)}\n(.*?){re.escape(end)}", text, re.DOTALL)
    assert match is not None, f"the README lacks {begin}"
    return match[1]


@pytest.mark.parametrize("page", tables.PAGES, ids=lambda page: page.name)
def test_tables_are_drawn_from_the_code(page: Path) -> None:
    """Else run docs/draw_tables.py."""
    old = page.read_text(encoding="utf-8")
    new = tables.redrawn(old)
    if old != new and os.environ.get("UPDATE_README"):
        page.write_text(new, encoding="utf-8")
    elif old != new:
        pytest.fail(
            "\n".join(
                difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="")
            )
        )


def test_each_table_stands_on_a_page() -> None:
    """That of a new marker is missed; where users look for each is told in the docs."""
    drawn = {
        page.name: set(GENERATED.findall(page.read_text(encoding="utf-8")))
        for page in tables.PAGES
    }
    assert drawn["README.md"] == {"first settings"}
    assert drawn["settings.md"] >= {"settings"}
    assert drawn["known-calls.md"] >= {"families", "rules", "predicates"}
    assert set().union(*drawn.values()) == set(tables.TABLES)


def test_a_table_that_differs_is_drawn_anew() -> None:
    """Whatever stood there, and nothing else of the page."""
    page = "a\n<!-- generated: families -->\nold\n<!-- end -->\nb\n"
    new = tables.redrawn(page)
    assert new.startswith("a\n<!-- generated: families -->\n\n| family |")
    assert new.endswith("|\n\n<!-- end -->\nb\n")
    assert "old" not in new
    with pytest.raises(KeyError, match="gone"):
        tables.redrawn(page.replace("families", "gone"))


def test_the_readme_is_read_in_one_go() -> None:
    """It points to the docs for the rest."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_opening_example_fails_as_shown(pytester: pytest.Pytester) -> None:
    text = README.read_text(encoding="utf-8")
    source = _between("<!-- readme-test: test_prices.py -->\n```python", "```", text)
    shown = _between("<!-- readme-output: test_prices.py -->\n```text", "```", text)
    pytester.makepyfile(test_prices=source)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    printed = [
        line
        for line in result.outlines
        if line.startswith(("E  ", "____"))
        and line.strip("_ ") != ""
        # What the machine took is told besides, and not of a machine that is quiet.
        and "spent waiting for a processor" not in line
        and "of that the whole process stood still" not in line
    ]
    assert list(map(_shape, printed)) == list(map(_shape, shown.splitlines()))


def _shape(line: str) -> str:
    """Take out what differs from run to run and from machine to machine."""
    line = re.sub(r"[\d.]+ (s|ms|µs)\b", "<time>", line)
    line = re.sub(r", (starved|queued) <time>", "", line)
    line = re.sub(r"\|[━ ]+\|", "|<bar>|", line)
    line = re.sub(r"Task-\d+", "Task-<n>", line)
    return re.sub(r"speedup \d\.\d+", "speedup <n>", re.sub(r"_+", "__", line))
