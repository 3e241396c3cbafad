"""Who asks for nothing pays for nothing: what a run loads, and when it loads more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_asyncbench import plugin
from pytest_asyncbench._glue.asking import FIXTURES, MARKERS
from pytest_asyncbench._glue.markers import FUNCTIONS
from pytest_asyncbench._glue.reports import Reporter

NAMES = {
    "pytest_asyncbench",
    "pytest_asyncbench._as_written",
    "pytest_asyncbench._glue",
    "pytest_asyncbench._glue.asking",
    "pytest_asyncbench._glue.fixtures",
    "pytest_asyncbench._glue.hookspecs",
    "pytest_asyncbench._glue.host",
    "pytest_asyncbench._words.uncollected",
    "pytest_asyncbench._glue.options",
    "pytest_asyncbench._glue.properties",
    "pytest_asyncbench._glue.refusals",
    "pytest_asyncbench._words",
    "pytest_asyncbench._words.real_time",
    "pytest_asyncbench._words.undo",
    "pytest_asyncbench.plugin",
}
"""What knows names only; all the rest knows what they mean.

The readers of time are loaded as well, before any test can freeze it; and the few lines
that replace an attribute and put it back, by which the host suits Hypothesis.
"""

LOADED = """
import sys

def pytest_unconfigure():
    with open("loaded", "w") as file:
        file.write("\\n".join(sys.modules))
"""

ALONE = ("-p", "no:asyncio", "-p", "no:anyio", "-p", "no:xdist")
"""Others load asyncio on accounts of their own."""


@pytest.fixture
def loaded(pytester):
    """Run a test file in a process of its own; give the modules loaded at its end."""

    def loaded(source, *args):
        pytester.makeconftest(LOADED)
        pytester.makepyfile(source)
        command = ("-p", "no:cacheprovider", *ALONE, *args)
        assert pytester.runpytest_subprocess(*command).ret == 0
        return set((pytester.path / "loaded").read_text().splitlines())

    return loaded


def test_a_run_that_asks_for_nothing_loads_names_only(loaded):
    """No asyncio, no engine, no decision, and none of the words for them."""
    # Not what others load: from 3.14 on, pdb brings in asyncio.
    source = "def test_one(tmp_path): pass"
    assert loaded(source) - loaded(source, "-p", "no:asyncbench") == NAMES


ENGINES = {"pytest_asyncbench._watching", "pytest_asyncbench._glue.trials"}


def test_a_run_whose_tests_have_no_loop_loads_the_wrappers_alone(loaded):
    """Where all is watched for what blocks a loop, and no test runs one."""
    modules = loaded("def test_one(): pass", "--asyncbench-blocking=report")
    assert "pytest_asyncbench._interception" in modules
    assert not modules & ENGINES


@pytest.mark.parametrize(
    ("source", "args"),
    [
        (
            "import asyncio\ndef test_one(): asyncio.run(asyncio.sleep(0))",
            ("--asyncbench-blocking=report",),
        ),
        ("def test_one(blocking_calls): pass", ()),
        ("import pytest\n@pytest.mark.budget(9)\ndef test_one(): pass", ()),
    ],
    ids=["setting", "fixture", "marker"],
)
def test_who_asks_gets_the_engines(loaded, source, args):
    """Whichever way somebody asks."""
    assert loaded(source, *args) >= ENGINES


def test_a_setting_that_watches_nobody_needs_no_engine(loaded):
    """It is read, and that is all."""
    modules = loaded("def test_one(): pass", "--asyncbench-threshold=1s")
    assert "pytest_asyncbench._policy" in modules
    assert "pytest_asyncbench._watching" not in modules


def test_virtual_time_is_loaded_where_a_test_lives_in_it(loaded):
    """Other runs that watch do without."""
    watched = "import asyncio\ndef test_one(): asyncio.run(asyncio.sleep(0))"
    budget = ("--asyncbench-blocking=report", "--asyncbench-budget=9s")
    virtual = "pytest_asyncbench.virtual_time"
    assert virtual not in loaded(watched, *budget)
    marked = watched.replace("def", "import pytest\n@pytest.mark.virtual_time\ndef")
    assert virtual in loaded(marked)


FOLLOWING = {"pytest_asyncbench._tracing", "pytest_asyncbench._running"}


@pytest.mark.parametrize(
    ("source", "follows"),
    [
        ("import asyncio\ndef test_one(): asyncio.run(asyncio.sleep(0))", False),
        ("import pytest\n@pytest.mark.budget(9)\ndef test_one(): pass", True),
        ("def test_one(concurrently): pass", True),
    ],
    ids=["watched", "budget", "concurrently"],
)
def test_what_follows_tasks_is_loaded_where_a_test_asks_for_that(
    loaded, source, follows
):
    """To look for what blocks a loop nobody needs to know its tasks."""
    modules = loaded(source, "--asyncbench-blocking=report")
    assert bool(modules & FOLLOWING) is follows


def test_a_run_that_watches_has_the_collector_as_it_was(pytester):
    """Also where somebody has switched it off."""
    pytester.makeconftest("import gc; gc.disable()")
    pytester.makepyfile("import gc\ndef test_one(): assert not gc.isenabled()")
    off = pytester.runpytest_subprocess("--asyncbench-blocking=report")
    off.assert_outcomes(passed=1)
    pytester.makeconftest("")
    pytester.makepyfile("import gc\ndef test_one(): assert gc.isenabled()")
    on = pytester.runpytest_subprocess("--asyncbench-blocking=report")
    on.assert_outcomes(passed=1)


def test_who_wants_a_report_needs_no_database():
    """Only a history does, and not every Python was built with SQLite."""
    code = "import sys; sys.modules['sqlite3'] = None; import " + Reporter.__module__
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_names_are_those_of_the_markers_and_fixtures():
    """A marker or fixture that is missing there would be without effect alone."""
    assert list(FUNCTIONS) == [*MARKERS]
    assert sorted(FIXTURES) == plugin.__all__
