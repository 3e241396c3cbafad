"""``asyncbench_report``: reports of a run, by their suffix."""

from __future__ import annotations

import json

import pytest

SUITE = """
import time

async def test_blocks():
    time.sleep(0.001)

async def test_innocent():
    pass

def test_sync():
    pass
"""
REPORT = "--asyncbench-blocking=report"
NO_STALLS = "--asyncbench-threshold=30s"
"""What a busy machine does to a step is no question here."""


@pytest.fixture
def anew(pytester, play_once, _played):
    """Run a test file now, whatever was run before: the files are looked at."""

    def anew(*args, suite=SUITE, **how):
        (pytester.path / "reports.jsonl").unlink(missing_ok=True)
        remembered = {**_played}
        _played.clear()
        try:
            return play_once(suite, NO_STALLS, *args, **how)
        finally:
            _played.clear()
            _played.update(remembered)

    return anew


@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_each_report_is_written_by_its_suffix(anew, pytester, workers):
    """As often as wanted, and under workers by the controller."""
    names = ("one.json", "two.json", "it.md", "it.sarif")
    asked = [f"--asyncbench-report={name}" for name in names]
    run = anew(REPORT, *asked, workers=workers)
    assert run.status == 0
    assert [line for line in run.summary if line.startswith("report: ")] == [
        f"report: {name}" for name in names
    ]
    report = json.loads((pytester.path / "one.json").read_text())
    assert report["run"]["exitstatus"] == 0
    assert report["run"]["partial"] is None
    told = {test["nodeid"]: test["record"] for test in report["tests"]}
    assert told.keys() == {
        "test_it.py::test_blocks",
        "test_it.py::test_innocent",
        "test_it.py::test_sync",
    }
    assert told["test_it.py::test_blocks"] == run["test_blocks"].record
    sarif = json.loads((pytester.path / "it.sarif").read_text())
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in sarif["runs"][0]["results"]
        if result["ruleId"] == "blocking-call"
    ]
    assert uris == ["test_it.py"]
    assert "test\\_it.py:4 in test\\_blocks" in (pytester.path / "it.md").read_text()


def test_the_ini_file_names_reports_a_line_each(anew, pytester):
    """From its own folder; the command line's replace them."""
    ini = "asyncbench_report =\n    a.json\n    b.md\nasyncbench_blocking = report"
    anew(ini=ini)
    assert (pytester.path / "a.json").exists()
    assert (pytester.path / "b.md").exists()
    (pytester.path / "b.md").unlink()
    anew("--asyncbench-report=c.md", ini=ini)
    assert (pytester.path / "c.md").exists()
    assert not (pytester.path / "b.md").exists()


def test_a_run_that_is_partial_says_so(anew, pytester):
    """Who makes a whole of several parts must know."""
    anew(REPORT, "--asyncbench-report=a.json", "-k", "blocks")
    report = json.loads((pytester.path / "a.json").read_text())
    assert report["run"]["partial"] == "tests were deselected"


def test_a_report_switches_nothing_on(anew, pytester):
    """It says what was watched: here, nothing."""
    run = anew("--asyncbench-report=a.json")
    assert not run["test_blocks"].watched
    assert json.loads((pytester.path / "a.json").read_text())["tests"] == []


def test_what_can_not_be_written_ends_the_run_before_the_first_test(anew, pytester):
    """With the option and what is wrong with it."""
    (pytester.path / "a.json").mkdir()
    suffixes = (
        "has no suffix of a report; accepted: .html, .json, .md, .sarif, .trace.json"
    )
    for name, told in {
        "a.txt": f"'a.txt' {suffixes}",
        "json": f"'json' {suffixes}",
        "a.json": "a.json: it is a folder",
        "no/dir/a.md": "no/dir/a.md: there is no folder 'no/dir' in ",
    }.items():
        run = anew(f"--asyncbench-report={name}")
        assert (run.status, run.outcomes) == (4, {})
        assert f"asyncbench (command line): report: {told}" in run.err


INTERRUPTS = """
import os
import pytest_asyncbench._outside.history as history

def interrupted(nth, function):
    calls = []
    def call(*args, **named):
        calls.append(args)
        if len(calls) == nth:
            raise KeyboardInterrupt
        return function(*args, **named)
    return call

if {when} == 0:
    history.HistoryFile.add = interrupted(1, history.HistoryFile.add)
else:
    os.fsync = interrupted({when}, os.fsync)
"""


@pytest.mark.parametrize("when", [0, 1, 2])
def test_an_interrupt_of_what_is_written_at_the_end_harms_no_outcome(
    anew, pytester, when
):
    """What would be written after it is not, and what is there is as it was."""
    (pytester.path / "base.txt").write_text(BASELINE)
    (pytester.path / "a.md").write_text("old")
    run = anew(
        REPORT,
        "--asyncbench-baseline=base.txt",
        "--asyncbench-update-baseline",
        "--asyncbench-report=a.md",
        "--asyncbench-report=b.html",
        "--asyncbench-history=h.db",
        conftest=INTERRUPTS.format(when=when),
        subprocess=True,
    )
    assert run.status == 0
    interrupted = {
        line.partition(" was not written")[0]
        for line in run.summary
        if line.endswith(": interrupted; the outcomes stand")
    }
    at_the_end = ["the history", "the baseline", "the report a.md", "the report b.html"]
    assert interrupted == {*at_the_end[when:]}
    assert any("commit the baseline" in line for line in run.summary) == (when == 2)
    assert ((pytester.path / "base.txt").read_text() == BASELINE) == (when < 2)
    assert (pytester.path / "a.md").read_text() == "old"
    left = {each.name for each in pytester.path.iterdir()}
    assert not left & {"a.md.lock", "b.html.lock", "base.txt.lock", "b.html"}


BASELINE = "# asyncbench baseline, version 1\na.b > time.sleep  # why\n"


@pytest.mark.parametrize(
    ("args", "both"),
    [
        (["--asyncbench-baseline=it.json"], "baseline and report"),
        (["--asyncbench-history=./it.json"], "history and report"),
        (
            ["--asyncbench-baseline=it.json", "--asyncbench-update-baseline"],
            "baseline and report",
        ),
    ],
)
def test_no_report_takes_the_place_of_another_file(anew, pytester, args, both):
    """What a person has written into a baseline would be lost."""
    (pytester.path / "it.json").write_text(BASELINE)
    run = anew("--asyncbench-report=it.json", *args)
    assert (run.status, run.outcomes) == (4, {})
    told = f"asyncbench: it.json: can't be both {both}; name another file for one of"
    assert told in run.err
    assert (pytester.path / "it.json").read_text() == BASELINE


def test_gitlabs_report_is_no_other_one(anew):
    """Both are JSON, and GitLab reads but its own."""
    name = "gl-code-quality-report.json"
    run = anew(f"--asyncbench-report={name}", "--asyncbench-annotations=gitlab")
    assert f"{name}: can't be both report and annotations" in run.err


CONCURRENT = """
import asyncio
import pytest

@pytest.fixture(params=[0, 1])
async def again(request):
    return request.param

async def one():
    await asyncio.sleep(0.01)

@pytest.mark.budget(30)
async def test_budgeted(again):
    await asyncio.gather(one(), one())

async def test_unasked():
    await asyncio.gather(one(), one())

def test_sync():
    pass
"""


@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_a_report_that_draws_timelines_has_each_async_test(anew, pytester, workers):
    """Whatever else was asked of it; from workers as well, and never in JUnit XML."""
    asked = [f"--asyncbench-report={name}" for name in ("a.trace.json", "a.json")]
    run = anew(*asked, "--junit-xml=junit.xml", suite=CONCURRENT, workers=workers)
    assert run.status == 0
    trace = json.loads((pytester.path / "a.trace.json").read_text())["traceEvents"]
    drawn = {
        event["args"]["name"] for event in trace if event["name"] == "process_name"
    }
    assert drawn == {
        "test_it.py::test_budgeted[0]",
        "test_it.py::test_budgeted[1]",
        "test_it.py::test_unasked",
    }
    report = json.loads((pytester.path / "a.json").read_text())
    for test in report["tests"]:
        names = [track["name"] for track in test["record"]["timeline"]["tracks"]]
        assert len([name for name in names if name.startswith("one")]) == 2
    assert "tracks" not in (pytester.path / "junit.xml").read_text()
    assert run["test_unasked"].record["timeline"] is None


def test_no_report_that_draws_timelines_none_that_are_drawn(anew, pytester):
    """What nobody reads is not worked out."""
    anew("--asyncbench-report=a.json", suite=CONCURRENT)
    report = json.loads((pytester.path / "a.json").read_text())
    assert len(report["tests"]) == 2
    assert all(test["record"]["timeline"] is None for test in report["tests"])


BLOCKS = """
import asyncio, time
import pytest

@pytest.mark.virtual_time
async def test_blocks():
    await asyncio.sleep(30)
    time.sleep(0.2)
    await asyncio.sleep(30)
"""


def test_in_virtual_time_too_a_timeline_marks_what_blocked(anew, pytester):
    """The step that blocked took its time there as well, and lies where it did."""
    asked = [f"--asyncbench-report={name}" for name in ("a.html", "a.json")]
    how = ("--asyncbench-blocking=report", "--asyncbench-threshold=50ms")
    anew(*how, *asked, suite=BLOCKS)
    told = record_in(pytester.path / "a.json")["timeline"]
    assert told["clock"] == "virtual"
    for track in told["tracks"]:
        at = track["did"].index("b")
        assert track["lasted"][at] >= 200_000
        assert sum(track["lasted"][:at]) == pytest.approx(30_000_000, rel=0.01)
        note = track["did"][:at].count("w")
        text = told["texts"][track["notes"][note]]
        assert text.startswith("time.sleep, test_it.py:7 in")


RACE = """
import asyncio
import pytest

@pytest.mark.schedules(100)
async def test_race():
    value = 0
    async def add(before):
        nonlocal value
        for _ in range(before):
            await asyncio.sleep(0)
        seen = value
        await asyncio.sleep(0)
        value = seen + 1
    await asyncio.gather(add(1), add(3))
    assert value == 2
"""


def record_in(file):
    (test,) = json.loads(file.read_text())["tests"]
    return test["record"]


@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_a_report_that_draws_timelines_has_both_runs_of_a_race(anew, pytester, workers):
    """From workers as well, and never in JUnit XML; of a replay, the one there was."""
    asked = ("--asyncbench-report=a.html", "--asyncbench-report=a.json")
    run = anew(*asked, "--junit-xml=junit.xml", suite=RACE, workers=workers)
    record = record_in(pytester.path / "a.json")
    told, replay = record["courses"], record["schedules"]["replay"]
    passing, failing = told["passing"], told["failing"]
    assert passing["steps"] == failing["steps"] == len(passing["lanes"])
    assert passing["lanes"] != failing["lanes"]
    assert len(failing["held"]) == len(passing["held"]) == 1
    assert told["lanes"][0] == "test_race (Task-1)"
    assert run["test_race"].record["courses"] is None
    assert "resumed" not in (pytester.path / "junit.xml").read_text()
    anew(*asked, f"--asyncbench-schedule={replay}", suite=RACE, workers=workers)
    again = record_in(pytester.path / "a.json")["courses"]
    assert again["passing"] is None
    assert again["failing"]["lanes"] == failing["lanes"]
    anew("--asyncbench-report=a.json", suite=RACE, workers=workers)
    assert record_in(pytester.path / "a.json")["courses"] is None


VANISHES = """
import pathlib
def pytest_sessionfinish():
    pathlib.Path("sub").rmdir()
"""


def test_what_fails_at_the_end_is_told_and_harms_no_outcome(anew, pytester):
    """The folder was there when the run began."""
    (pytester.path / "sub").mkdir()
    run = anew(REPORT, "--asyncbench-report=sub/a.md", conftest=VANISHES)
    assert run.status == 0
    (line,) = [line for line in run.summary if line.startswith("the report sub/a.md")]
    assert "was not written: " in line
    assert line.endswith("; the outcomes stand")
