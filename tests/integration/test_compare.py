"""``python -m pytest_asyncbench compare``: which tests come out differently."""

from __future__ import annotations

import json

import pytest

from pytest_asyncbench._outside.commands import main

SUITE = """
import asyncio, os, time
import pytest

async def test_same():
    await asyncio.sleep(0.01)

async def test_fails_in_both():
    assert False

def test_runs_no_loop():
    pass

async def test_looks_at_a_clock_that_is_never_frozen():
    began = os.times().elapsed
    await asyncio.sleep(0.2)
    assert os.times().elapsed - began > 0.1

async def test_takes_no_time():
    began = time.perf_counter()
    await asyncio.sleep(0)
    assert time.perf_counter() == began
"""
REAL_ALONE = "test_it.py::test_looks_at_a_clock_that_is_never_frozen"
VIRTUAL_ALONE = "test_it.py::test_takes_no_time"


@pytest.fixture
def report(pytester, play_once, _played):
    """Run the suite and write its report; give its name."""

    def report(name, *args, **how):
        _played.clear()
        (pytester.path / "reports.jsonl").unlink(missing_ok=True)
        options = (
            "--asyncbench-budget=1h",
            f"--asyncbench-report={name}",
        )
        play_once(SUITE, *options, *args, **how)
        return name

    yield report
    _played.clear()


@pytest.mark.parametrize("workers", [False, True])
def test_a_suite_that_was_run_both_ways_names_the_tests_that_differ(
    report, capsys, workers
):
    """With what each run took; and with another exit status."""
    real = report("real.json", workers=workers)
    virtual = report("virtual.json", "--asyncbench-virtual-time=on", workers=workers)
    capsys.readouterr()
    assert main(["compare", real, virtual]) == 1
    both, *took, first, one, second, other = capsys.readouterr().out.splitlines()
    assert both == "5 tests in both runs"
    assert [line.partition(":")[0] for line in took] == [real, virtual]
    assert [first, one] == [
        f"passed in {real}, and not in {virtual}:",
        f"  {REAL_ALONE}",
    ]
    assert [second, other] == [
        f"passed in {virtual}, and not in {real}:",
        f"  {VIRTUAL_ALONE}",
    ]


def test_what_one_run_alone_had_is_told(report, capsys):
    """And where nothing differs, that."""
    all_of_it, part = report("all.json"), report("part.json", "-k", "same or both")
    again = report("again.json")
    capsys.readouterr()
    assert main(["compare", all_of_it, again]) == 0
    assert capsys.readouterr().out.endswith("\nno test comes out differently\n")
    assert main(["compare", part, all_of_it]) == 1
    assert capsys.readouterr().out.splitlines()[3:] == [
        "ran in all.json alone:",
        f"  {REAL_ALONE}",
        "  test_it.py::test_runs_no_loop",
        f"  {VIRTUAL_ALONE}",
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["a.json", "a.json"], "asyncbench compare: a.json: is the same run as a.json"),
        (["a.json", "none.json"], "compare: none.json: No such file or directory"),
        (["a.json", "text.json"], "asyncbench compare: text.json: is no JSON"),
        (["a.json", ""], "argument OTHER.json: names no file"),
        (["a.json"], "the following arguments are required: OTHER.json"),
    ],
)
def test_what_can_not_be_compared_is_refused(report, pytester, capsys, given, told):
    """With the exit status that pytest has for a mistake in what was given."""
    report("a.json")
    (pytester.path / "text.json").write_text("{")
    capsys.readouterr()
    try:
        status = main(["compare", *given])
    except SystemExit as ended:
        status = ended.code
    assert status == 4
    assert told in capsys.readouterr().err


def test_what_was_run_again_and_passed_is_no_pass(report, pytester, capsys):
    """It passes by chance, as in the history."""
    report("a.json")
    told = json.loads((pytester.path / "a.json").read_text())
    told["run"]["part"]["id"] = "another"
    told["run"]["part"]["not_passed"].append("test_it.py::test_same@group")
    (pytester.path / "b.json").write_text(json.dumps(told))
    capsys.readouterr()
    assert main(["compare", "a.json", "b.json"]) == 1
    assert "  test_it.py::test_same" in capsys.readouterr().out.splitlines()
