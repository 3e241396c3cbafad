"""Who is let off: each with a reason, and by a glob over qualified names."""

from __future__ import annotations

import re

import pytest

from pytest_asyncbench._rules.callers import (
    DEBUGGERS,
    NEVER_FROM,
    ONCE,
    TOOLS,
    never_from,
)


@pytest.mark.parametrize("table", [NEVER_FROM, ONCE, TOOLS], ids=["from", "once", "at"])
def test_each_glob_has_a_reason(table):
    """Nobody is let off without one, and a glob begins with a module's name."""
    assert all(reason.strip() for reason in table.values())
    assert [glob for glob in table if not re.match(r"[a-z_]\w*[.*]", glob)] == []


def test_debuggers_are_tools():
    """What holds for a tool at work holds for them, too."""
    assert DEBUGGERS.items() <= TOOLS.items()


def test_logging_is_let_off_but_for_the_files_that_it_writes_to():
    """Nobody but a test with `files` on asks for these."""
    assert {*NEVER_FROM} - {*never_from("io.TextIOWrapper.write")} == {"logging.*"}
    assert never_from("os.open") == NEVER_FROM
