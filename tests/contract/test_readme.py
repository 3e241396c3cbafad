"""The README says what the tables say, and shows what really is printed.

``UPDATE_README=1 python -m pytest tests/contract/test_readme.py`` writes it anew.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_asyncbench._glue.options import OPTIONS
from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES, FAMILY_HELP

README = Path(__file__).parents[2] / "README.md"


def _settings() -> Iterator[str]:
    yield "| name | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for option in OPTIONS:
        yield f"| `{option.name}` | {option.value} | {option.default} | {option.help} |"


def _families() -> Iterator[str]:
    yield "| family | | on by default |"
    yield "| --- | --- | --- |"
    for family in FAMILIES:
        on = "yes" if family in DEFAULT_FAMILIES else "no"
        yield f"| `{family}` | {FAMILY_HELP[family]} | {on} |"


def _between(begin: str, end: str, text: str) -> str:
    match = re.search(f"{re.escape(begin)}\n(.*?){re.escape(end)}", text, re.DOTALL)
    assert match is not None, f"the README lacks {begin}"
    return match[1]


def _updated(text: str, old: str, new: str) -> None:
    if old != new and os.environ.get("UPDATE_README"):
        README.write_text(text.replace(old, new, 1), encoding="utf-8")
    elif old != new:
        pytest.fail(
            "\n".join(
                difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="")
            )
        )


@pytest.mark.parametrize(
    ("name", "table"), [("settings", _settings), ("families", _families)]
)
def test_tables_are_drawn_from_the_code(
    name: str, table: Callable[[], Iterator[str]]
) -> None:
    text = README.read_text(encoding="utf-8")
    shown = _between(f"<!-- generated: {name} -->", "<!-- end -->", text)
    _updated(text, shown, "\n" + "\n".join(table()) + "\n\n")


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
