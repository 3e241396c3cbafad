"""``python -m pytest_asyncbench combine``: one report of what several machines ran."""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from pytest_asyncbench._outside.commands import main
from pytest_asyncbench._outside.history import HistoryFile
from pytest_asyncbench._python import machine_class
from pytest_asyncbench._words.history import PassedRun

DOCS = Path(__file__).parents[2] / "docs"

SUITE = """
import time

async def test_blocks():
    time.sleep(0.001)

async def test_blocks_otherwise():
    time.sleep(0.001)

async def test_innocent():
    pass
"""
BASELINE = """\
# asyncbench baseline, version 1
# Places that block the event loop and are accepted: caller > call  # reason
# --asyncbench-update-baseline writes them anew, and keeps what stands behind #.
test_it.test_blocks > time.sleep  # the till
test_it.test_gone > time.sleep
"""


@pytest.fixture
def part(pytester, play_once, _played):
    """Run some tests of the suite as one machine does; give the name of its report."""
    (pytester.path / "b.txt").write_text(BASELINE)

    def part(name, *args, source=SUITE):
        _played.clear()
        (pytester.path / "reports.jsonl").unlink(missing_ok=True)
        options = (
            "--asyncbench-blocking=report",
            "--asyncbench-threshold=30s",
            "--asyncbench-baseline=b.txt",
            f"--asyncbench-report={name}",
        )
        assert play_once(source, *options, *args).status < 2
        return name

    yield part
    _played.clear()


def test_a_history_is_told_of_a_part_once(part, capsys):
    """However often it is given, and where its own run has told of it as well."""
    one, other = part("1.json", "-k", "otherwise"), part("2.json", "-k", "innocent")
    own = part("3.json", "--asyncbench-history=h.db")
    capsys.readouterr()
    assert main(["combine", one, "--history=h.db"]) == 0
    assert main(["combine", one, other, "--history=h.db"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"history h.db: 1 test of {machine_class()}",
        "history h.db: nothing of 1.json was added again",
    ]
    assert main(["combine", own, "--history=h.db"]) == 0
    assert "history h.db: nothing of 3.json was added again" in capsys.readouterr().out
    known = HistoryFile(Path("h.db")).passed(machine_class())
    assert {name.rpartition("::")[2]: len(runs) for name, runs in known.items()} == {
        "test_blocks": 1,
        "test_blocks_otherwise": 2,
        "test_innocent": 2,
    }


def test_what_three_full_runs_of_all_parts_did_not_have_is_taken_out(part, capsys):
    """One that fails, or that nobody watches, is there; and a run is counted once."""
    file, names = HistoryFile(Path("h.db")), ["blocks", "fails", "gone", "sync"]
    known = {f"test_it.py::test_{name}": PassedRun(wall=0.1) for name in names}
    file.add(machine_class(), known)
    fails = "\n\nasync def test_fails(): assert False\n\ndef test_sync(): pass\n"

    def halves(name):
        return [
            part(f"{name}1.json", "-k", "otherwise", source=SUITE + fails),
            part(f"{name}2.json", "-k", "not otherwise", source=SUITE + fails),
        ]

    # A full run of which a part was added before tells nothing of what is gone.
    one, other = halves("x")
    assert main(["combine", one, "--history=h.db"]) == 0
    assert main(["combine", one, other, "--history=h.db"]) == 0
    for number in range(3):
        assert {*known} - {*file.passed(machine_class())} == set()
        both = halves(number)
        capsys.readouterr()
        for _ in range(2):
            assert main(["combine", *both, "--history=h.db"]) == 0
    assert {*known} - {*file.passed(machine_class())} == {"test_it.py::test_gone"}
    told = (
        "history h.db: 1 test taken out, which the last 3 full runs did not have "
        f"({machine_class()})"
    )
    assert told in capsys.readouterr().out.splitlines()


def test_two_halves_are_one_full_run(part, pytester, capsys):
    """Reports and baseline are those of a run of all; and what is gone is taken out."""
    halves = [part("1.json", "-k", "otherwise"), part("2.json", "-k", "not otherwise")]
    capsys.readouterr()
    arguments = ["combine", *halves, "--report=whole.json", "--report=whole.md"]
    arguments += ["--report=whole.sarif", "--update-baseline=b.txt", "--history=h.db"]
    assert main(arguments) == 0
    *lines, of_history = capsys.readouterr().out.splitlines()
    assert of_history == f"history h.db: 3 tests of {machine_class()}"
    assert HistoryFile(Path("h.db")).passed(machine_class()).keys() == {
        f"test_it.py::test_{name}"
        for name in ("blocks", "blocks_otherwise", "innocent")
    }
    assert lines == [
        "2 parts, 3 tests: a full run",
        "report: whole.json",
        "report: whole.md",
        "report: whole.sarif",
        "baseline b.txt: 1 added, 1 removed, 1 kept",
        "  + test_it.test_blocks_otherwise > time.sleep",
        "  - test_it.test_gone > time.sleep",
    ]
    assert (pytester.path / "b.txt").read_text().splitlines()[3:] == [
        "test_it.test_blocks > time.sleep  # the till",
        "test_it.test_blocks_otherwise > time.sleep",
    ]
    told = json.loads((pytester.path / "whole.json").read_text())
    schema, record = (
        json.loads((DOCS / f"{name}.schema.json").read_text())
        for name in ("report", "record")
    )
    registry = Registry().with_resource(
        "record.schema.json", Resource.from_contents(record)
    )
    jsonschema.Draft202012Validator(schema, registry=registry).validate(told)
    assert told["run"]["partial"] is None
    assert [part["part"]["left_out"] for part in told["run"]["parts"]] == [
        ["test_it.py::test_blocks", "test_it.py::test_innocent"],
        ["test_it.py::test_blocks_otherwise"],
    ]
    assert {test["nodeid"] for test in told["tests"]} == {
        f"test_it.py::test_{name}"
        for name in ("blocks", "blocks_otherwise", "innocent")
    }
    assert "3 tests and" in (pytester.path / "whole.md").read_text()


def test_what_no_part_ran_keeps_the_baselines_entries(part, pytester, capsys):
    """Only what all tests together no longer do is known to be gone."""
    half = part("1.json", "-k", "otherwise")
    capsys.readouterr()
    assert main(["combine", half, "--update-baseline=b.txt"]) == 0
    out = capsys.readouterr().out
    partial = "test_it.py::test_blocks was left out by every part, and 1 more"
    assert f"1 part, 1 test: partial: {partial}" in out
    assert f"nothing was removed, since the parts are partial: {partial}" in out
    assert "test_it.test_gone" in (pytester.path / "b.txt").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["1.json", "1.json"], "1.json: is the same run as 1.json"),
        (["none.json"], "none.json: No such file or directory"),
        (["1.json", "b.txt"], "b.txt: is no JSON"),
        (["1.json", "--report=it.txt"], "'it.txt' has no suffix of a report"),
        (["1.json", "--report=no/it.md"], "no/it.md: there is no folder 'no'"),
        (["1.json", "--update-baseline=b.json"], "b.json: is no baseline"),
        (["1.json", "--history=b.txt"], "b.txt: file is not a database"),
        (
            ["1.json", "--report=a.json", "--update-baseline=a.json"],
            "a.json: can't be both report and baseline",
        ),
        (["1.json", "--report=./1.json"], "./1.json: is one of the parts"),
        (["1.json", "--history="], "argument --history: names no file"),
        (["1.json", "--update-baseline="], "--update-baseline: names no file"),
        (["1.json", "--reprot=it.md"], "unrecognized arguments: --reprot=it.md"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_written(
    pytester, capsys, arguments, told
):
    """With the exit status that pytest has for a mistake in what was given."""
    (pytester.path / "1.json").write_text(PART)
    (pytester.path / "b.txt").write_text(BASELINE)
    (pytester.path / "b.json").write_text("{}")
    before = {each.name: each.read_bytes() for each in pytester.path.iterdir()}
    command = ["combine", *arguments, "--report=whole.md"]
    try:
        status = main(command)
    except SystemExit as ended:
        status = ended.code
    assert status == 4
    assert told in capsys.readouterr().err
    assert before == {each.name: each.read_bytes() for each in pytester.path.iterdir()}


PART = json.dumps(
    {
        "version": 1,
        "run": {
            "asyncbench": "0.1.0",
            "pytest": "9.0",
            "python": "3.12.1",
            "system": "Linux",
            "exitstatus": 0,
            "partial": None,
            "part": {
                "id": "a",
                "number": None,
                "of": None,
                "root": "/ci",
                "paths": ["."],
                "testpaths": ["."],
                "left_out": [],
                "cut_short": [],
                "machine": "a fast one",
                "not_passed": [],
                "unwatched": [],
                "blocking": "report",
                "rules": [],
                "calls": {},
                "baseline": False,
            },
        },
        "tests": [],
    }
)


def test_what_fails_at_the_end_is_told(pytester, capsys, monkeypatch):
    """With the file, which the system names for no full disk; it is as it was."""

    def full(path, change):
        raise OSError(28, "No space left on device")

    (pytester.path / "1.json").write_text(PART)
    for writer in ("files", "baseline"):
        monkeypatch.setattr(f"pytest_asyncbench._outside.{writer}.change_file", full)
    assert main(["combine", "1.json", "--report=it.md"]) == 1
    told = "not written: it.md: No space left on device"
    assert told in capsys.readouterr().err
    assert not (pytester.path / "it.md").exists()
    assert main(["combine", "1.json", "--update-baseline=b.txt"]) == 1
    assert "not written: b.txt: No space" in capsys.readouterr().err


def test_a_history_that_can_not_be_written_at_the_end_is_told(
    part, capsys, monkeypatch
):
    """With its name, as every file."""

    def full(*args, **how):
        raise sqlite3.OperationalError("database or disk is full")

    one = part("1.json")
    monkeypatch.setattr(HistoryFile, "add", full)
    assert main(["combine", one, "--history=h.db"]) == 1
    told = "asyncbench combine: not written: h.db: database or disk is full"
    assert told in capsys.readouterr().err


def test_what_a_terminal_can_not_show_ends_nothing(pytester, monkeypatch):
    """It is told with what stands for those characters there."""
    cut_short = PART.replace('"cut_short": []', '"cut_short": ["caf\\u00e9"]')
    (pytester.path / "1.json").write_text(cut_short)
    shown = io.BytesIO()
    with io.TextIOWrapper(shown, "ascii", write_through=True) as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(["combine", "1.json", "--report=it.md"]) == 0
        monkeypatch.undo()
        assert b"partial: 1.json: caf\\xe9" in shown.getvalue()


def test_the_help_says_what_there_is(tmp_path):
    """And the command line needs no pytest to be loaded."""
    code = (
        "import runpy, sys\n"
        "try: runpy.run_module('pytest_asyncbench', run_name='__main__')\n"
        "finally: print('loaded', 'pytest' in sys.modules or '_pytest' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "combine" in ran.stdout
    assert "make one report, baseline and history of the" in ran.stdout
    assert ran.stdout.splitlines()[-1] == "loaded False"
