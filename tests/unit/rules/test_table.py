"""The rules table: words that mean something, and families that are read strictly."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest

from pytest_asyncbench._interception import PREDICATES
from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES, FAMILY_HELP
from pytest_asyncbench._rules.table import ABSENT_SOMEWHERE, RULES


def test_each_target_has_one_row():
    """No target is written down twice."""
    assert [t for t, n in Counter(r.target for r in RULES).items() if n > 1] == []


def test_each_family_has_rows_and_a_sentence():
    """A family that can be named does something, and says what."""
    assert {rule.family for rule in RULES} == set(FAMILIES) == set(FAMILY_HELP)
    assert all(re.fullmatch(r"[A-Z][^.]*\.", text) for text in FAMILY_HELP.values())


def test_only_files_are_off_by_default():
    """Whatever waits for somebody else counts unasked."""
    assert set(FAMILIES) - DEFAULT_FAMILIES == {"files"}


def test_loading_authorities_counts_by_default():
    """All that a system trusts takes tens of milliseconds; one's own key is a file."""
    families = {row.target: row.family for row in RULES if "SSLContext" in row.target}
    assert families.pop("ssl.SSLContext.load_cert_chain") == "files"
    assert len(families) == 2
    assert {*families.values()} <= DEFAULT_FAMILIES


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.target)
def test_each_row_is_whole(rule):
    """A row says what to write instead, and names only what exists."""
    assert rule.advice
    assert rule.harmless is None or rule.harmless in PREDICATES
    assert all(rule.allowed.values()), "an allowance has a reason"
    assert rule.ruff is None or re.fullmatch(r"ASYNC\d{3}", rule.ruff)


def test_every_predicate_is_used():
    """The table of predicates has no leftovers."""
    assert {rule.harmless for rule in RULES} - {None} == set(PREDICATES)


def test_what_may_be_absent_are_rows():
    """The list of names that a platform may lack holds rows only."""
    assert {rule.target for rule in RULES} >= ABSENT_SOMEWHERE


def test_nothing_is_imported_to_build_the_table():
    """The table names sockets and databases and loads none of them."""
    code = (
        "import importlib.util, sys, types\n"
        "package = types.ModuleType('pytest_asyncbench')\n"
        f"package.__path__ = [{str(sys.modules['pytest_asyncbench'].__path__[0])!r}]\n"
        "sys.modules['pytest_asyncbench'] = package\n"
        "import pytest_asyncbench._rules.table\n"
        "assert not {'asyncio', 'socket', 'sqlite3', 'subprocess'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
