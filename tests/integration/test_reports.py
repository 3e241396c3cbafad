"""What a person and a machine read: header, failure, section, summary, JUnit XML."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from pytest_asyncbench._glue.options import OPTIONS

SUITE = """
import asyncio, time
import pytest

async def nap(seconds=0.001):
    time.sleep(seconds)

@pytest.mark.parametrize("number", range(3))
async def test_same_place(number):
    await nap()

async def test_stall():
    await nap(0.15)

@pytest.mark.allow_blocking("on purpose")
async def test_allowed():
    time.sleep(0.001)

@pytest.mark.budget(30)
async def test_clean():
    await asyncio.sleep(0.01)

@pytest.mark.no_blocking
def test_unmeasured():
    pass

def test_unwatched():
    pass
"""

INI = "asyncbench_blocking = report\nasyncbench_threshold = 120ms"


@pytest.fixture
def suite(play):
    return play(SUITE, ini=INI)


def test_the_header_says_what_is_on_and_who_said_so(suite):
    """Only what differs from the defaults."""
    line = next(line for line in suite.lines if line.startswith("asyncbench: "))
    assert line == "asyncbench: blocking=report (ini), threshold=0.12s (ini)"


def test_unasked_there_is_neither_header_nor_summary(play_once):
    """Installed and silent."""
    run = play_once("def test_one(): pass")
    assert not [line for line in run.lines if line.startswith("asyncbench: ")]
    assert run.summary == []


def test_the_summary_is_whole(suite):
    """Whoever ran the tests: how many were measured, where it blocked, what to do."""
    summary = suite.summary
    assert summary[0].endswith(" steps measured")
    tests = int(summary[0].split()[0])
    steps = int(summary[0].split()[-3].replace(",", ""))
    assert tests == 7  # of the eight that were watched one is not measured
    assert steps > 10
    assert summary[1].startswith("the event loop was blocked at 1 place for ")
    assert float(summary[1].split()[-2]) > 0.1
    assert summary[2].endswith("test_it.py:5 in nap: time.sleep, 4 times in 4 tests")
    assert summary[3].strip() == "use: await asyncio.sleep(...) (ruff ASYNC251)"
    assert summary[4] == "allowed 1 time: on purpose"


def test_the_summary_names_who_was_not_measured(suite):
    """Never by silence."""
    (line,) = [line for line in suite.summary if line.startswith("not measured: ")]
    assert "test_it.py::test_unmeasured" in line


def test_the_short_summary_carries_the_headline(suite):
    """One line that says what happened."""
    (line,) = [line for line in suite.lines if line.startswith("FAILED ")]
    assert "test_unmeasured - not measured" in line


def test_each_watched_test_carries_one_record_as_a_json_text(suite):
    """Of the documented version; who was not watched carries none."""
    for name in ("test_same_place[1]", "test_stall", "test_allowed", "test_clean"):
        record = json.loads(suite[name].written)
        assert record["version"] == 1
        assert record["wall"] > 0
        assert record["mode"] == "report"
    assert suite["test_clean"].record["budget"]["met"] is True
    assert suite["test_clean"].record["steps"] > 0


def test_junit_xml_has_the_record(play_once, pytester):
    """As a property of the test case."""
    path = pytester.path / "junit.xml"
    play_once(SUITE, f"--junit-xml={path}", ini=INI)
    root = ElementTree.parse(path).getroot()
    case = next(c for c in root.iter("testcase") if c.get("name") == "test_stall")
    (value,) = [
        prop.get("value")
        for prop in case.iter("property")
        if prop.get("name") == "asyncbench"
    ]
    (entry,) = json.loads(value)["blocking"]
    assert (entry["call"], entry["function"]) == ("time.sleep", "nap")


def test_the_record_is_reported_once(suite):
    """Not once for each phase of the test."""
    for name in ("test_stall", "test_clean"):
        final = suite[name].reports[-1]["properties"]
        assert [key for key, _ in final].count("asyncbench") == 1


FIXTURES = """
import pytest

@pytest.fixture
async def broken():
    raise RuntimeError("in set-up")

@pytest.fixture
def breaks():
    yield
    raise RuntimeError("in teardown")
"""
BROKEN = """
async def test_set_up(broken): pass

def test_teardown(breaks): pass
"""


def test_tracebacks_do_not_lead_through_us(play_once):
    """Those that begin in a file other than the test's, which pytest shows in full."""
    ini = "asyncbench_blocking = report"
    run = play_once(BROKEN, ini=ini, conftest=FIXTURES)
    for name in ("test_set_up", "test_teardown"):
        assert "RuntimeError: in " in run[name].text
        assert "_glue" not in run[name].text


PHASES = """
import time
import pytest_asyncio

@pytest_asyncio.fixture
async def breaks():
    time.sleep(0.001)
    raise RuntimeError("in set-up")

@pytest_asyncio.fixture
async def naps():
    yield
    time.sleep(0.001)

async def test_setup(breaks): pass

async def test_call(): time.sleep(0.001)

async def test_teardown(naps): pass
"""


@pytest.mark.parametrize("phase", ["setup", "call", "teardown"])
def test_a_section_is_called_after_the_phase_that_blocked(play, phase):
    """A set-up that fails is no call, nor is what a fixture does in the end."""
    run = play(PHASES, ini="asyncbench_blocking = report")
    sections = [s for r in run[f"test_{phase}"].reports for s in r["sections"]]
    titles = {title for title, _ in sections if "asyncbench" in title}
    assert titles == {f"Captured asyncbench {phase}"}


RERUNS = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for _ in range(3):
        item._initrequest()
        runtestprotocol(item, nextitem=nextitem)
    return True
"""
TWICE = """
import time

async def test_twice(attempts=[]):
    attempts.append(1)
    if len(attempts) < 3:
        time.sleep(0.001)

def test_no_loop(): pass
"""


def test_a_rerun_has_a_record_of_its_own(play):
    """As pytest-rerunfailures makes it: of the same item, and so of the same test."""
    run = play(TWICE, ini="asyncbench_blocking = report", conftest=RERUNS)
    records = [
        [json.loads(value) for name, value in report["properties"]]
        for report in run["test_twice"].reports
        if report["when"] == "call"
    ]
    assert [len(each) for each in records] == [1, 1, 1]
    assert [len(each[0]["blocking"]) for each in records] == [1, 1, 0]
    assert run.summary[0].startswith("2 tests and ")
    assert run.summary[2].endswith("time.sleep, 2 times in 1 test")


def test_markers_are_documented(play_once):
    """`pytest --markers` shows the signature and a sentence."""
    run = play_once("", "--markers")
    for name in (
        "budget(within",
        "concurrent(copies",
        "no_blocking(*",
        "allow_blocking(",
    ):
        assert f"@pytest.mark.{name}" in run.out
    assert "Fail the test for any call that blocks its event loop." in run.out


def test_options_are_documented(play_once):
    """`pytest --help` shows each with its values, as ini and on the command line."""
    run = play_once("", "--help")
    for name in ("blocking", "threshold", "rules", "scope", "allow", "budget"):
        assert f"--asyncbench-{name}=" in run.out
        assert f"asyncbench_{name} " in run.out
    # Apart from what it is for, and not as if that went on.
    told = " ".join(run.out.split())
    for option in OPTIONS:
        if option.kind != "flag":
            values = f"[{option.value}; default: {option.default}]"
            assert " ".join(f"{option.help} {values}".split()) in told


def test_fixtures_are_documented(play_once):
    """`pytest --fixtures` shows a sentence for each."""
    out = play_once("", "--fixtures").out
    assert "holds them to a budget" in out
    assert "blocking calls so far" in out


COLOURED = """
import asyncio
import pytest

@pytest.mark.budget("100ms")
async def test_hangs():
    await asyncio.sleep(60)
"""


def test_a_verdict_is_coloured_as_pytests_failures_are(play_once):
    """Its lines as those that begin with E, the path as pytest's own."""
    run = play_once(COLOURED, "--color=yes")
    red = [line for line in run.lines if re.match(r"(\x1b\[(1|31)m){2}E   ", line)]
    assert any("budget 0.100 s (marker)" in line for line in red)
    assert any("await asyncio.sleep(60)" in line for line in red)
    place = re.compile(r"(\x1b\[(1|31)m){2}test_it\.py\x1b\[0m:\d+: BudgetExceeded")
    assert any(map(place.match, run.lines))
