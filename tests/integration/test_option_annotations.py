"""``asyncbench_annotations``: what CI shows beside the blocking line."""

from __future__ import annotations

import json

import pytest

SUITE = """
import time
import pytest

async def test_blocks():
    time.sleep(0.001)

@pytest.mark.no_blocking
async def test_fails():
    time.sleep(0.001)
"""
REPORT = "--asyncbench-blocking=report"
NO_STALLS = "--asyncbench-threshold=30s"
"""What a busy machine does to a step is no question here."""


@pytest.fixture
def run_suite(pytester, play_once, _played, monkeypatch):
    """Run the suite now, whatever was run before, and with workers where asked."""

    def run_suite(*args, environ=(), **how):
        for name, value in dict(environ).items():
            monkeypatch.setenv(name, value)
        (pytester.path / "reports.jsonl").unlink(missing_ok=True)
        remembered = {**_played}
        _played.clear()
        try:
            return play_once(SUITE, REPORT, NO_STALLS, *args, **how)
        finally:
            _played.clear()
            _played.update(remembered)

    return run_suite


def commands(run):
    """Give the lines that GitHub reads."""
    return [line for line in run.lines if line.startswith("::")]


@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_on_github_actions_the_line_is_annotated(run_suite, pytester, workers):
    """Unasked; and the job's summary is added to."""
    summary = pytester.path / "summary.md"
    summary.write_text("# of another step\n")
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(pytester.path.parent),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    run = run_suite(environ=environ, workers=workers)
    folder = pytester.path.name
    told = [line.partition(",title=")[0] for line in commands(run)]
    assert sorted(told) == [
        f"::error file={folder}/test_it.py,line=9",
        f"::warning file={folder}/test_it.py,line=5",
    ]
    text = summary.read_text()
    assert text.startswith("# of another step\n## asyncbench\n")
    assert text.count("| time.sleep |") == 2


def test_elsewhere_nothing_is_annotated_unless_it_is_asked_for(run_suite):
    """By the command line or the ini file; paths are from the root folder then."""
    assert commands(run_suite()) == []
    for run in (
        run_suite("--asyncbench-annotations=github"),
        run_suite(ini="asyncbench_annotations = github"),
    ):
        assert len(commands(run)) == 2
        assert any("file=test_it.py,line=9," in line for line in commands(run))


def test_none_switches_it_off(run_suite):
    """On Actions, too."""
    environ = {"GITHUB_ACTIONS": "true"}
    assert commands(run_suite("--asyncbench-annotations=none", environ=environ)) == []


def test_a_summary_that_can_not_be_written_harms_no_outcome(run_suite, pytester):
    """It is told."""
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(pytester.path / "none" / "summary.md"),
    }
    run = run_suite(environ=environ)
    assert run.outcomes == {"test_blocks": "passed", "test_fails": "failed"}
    assert any(line.startswith("annotations were not written: ") for line in run.lines)


@pytest.mark.parametrize("workers", [False, True], ids=["plain", "workers"])
def test_gitlab_reads_a_file_in_the_root_folder(run_suite, pytester, workers):
    """With a severity by whether a test failed for it."""
    run = run_suite("--asyncbench-annotations=gitlab", workers=workers)
    assert commands(run) == []
    report = json.loads((pytester.path / "gl-code-quality-report.json").read_text())
    assert {each["severity"]: each["location"] for each in report} == {
        "minor": {"path": "test_it.py", "lines": {"begin": 5}},
        "major": {"path": "test_it.py", "lines": {"begin": 9}},
    }


def test_what_is_wrong_ends_the_run_before_the_first_test(run_suite, pytester):
    """A word that nobody knows, and a folder in the place of the file."""
    run = run_suite("--asyncbench-annotations=gitlap")
    assert (run.status, run.outcomes) == (4, {})
    assert "annotations: 'gitlap' is not known (did you mean 'gitlab'?)" in run.err
    (pytester.path / "gl-code-quality-report.json").mkdir()
    run = run_suite("--asyncbench-annotations=gitlab")
    assert (run.status, run.outcomes) == (4, {})
    assert "annotations: gl-code-quality-report.json: it is a folder" in run.err


INTERRUPTS = """
import os

def interrupted(descriptor):
    raise KeyboardInterrupt

os.fsync = interrupted
"""


def test_an_interrupt_of_what_is_written_harms_no_outcome(run_suite, pytester):
    """It is told, and pytest goes on to the short summary."""
    gitlab = "--asyncbench-annotations=gitlab"
    run = run_suite(gitlab, conftest=INTERRUPTS, subprocess=True)
    assert run.status == 1
    told = "annotations were not written: interrupted; the outcomes stand"
    assert told in run.lines
    run.result.assert_outcomes(passed=1, failed=1)
    left = {each.name for each in pytester.path.iterdir()}
    assert not any(name.startswith("gl-code-quality") for name in left)
