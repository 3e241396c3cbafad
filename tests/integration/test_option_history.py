"""``asyncbench_history``: what is kept, and what ``budget = auto`` makes of it."""

from __future__ import annotations

import pytest

from pytest_asyncbench._outside.history import HistoryFile
from pytest_asyncbench._python import machine_class
from pytest_asyncbench._words.history import PassedRun

USE = "--asyncbench-history=h.db"
AUTO = "--asyncbench-budget=auto"


@pytest.fixture
def file(pytester):
    return HistoryFile(pytester.path / "h.db")


SUITE = """
import asyncio, time
import pytest

async def test_passes():
    await asyncio.gather(asyncio.sleep(0.01), asyncio.sleep(0.01))

@pytest.mark.xdist_group("together")
async def test_grouped():
    await asyncio.sleep(0)

@pytest.mark.virtual_time
async def test_lives_elsewhere():
    await asyncio.sleep(3600)

async def test_fails():
    assert False

@pytest.fixture
def broken():
    yield
    assert False

async def test_teardown_fails(broken):
    pass

@pytest.mark.budget("1us", starvation="strict")
async def test_is_over_its_budget():
    await asyncio.sleep(60)

@pytest.mark.xfail
async def test_is_expected_to_fail():
    assert True

attempts = []

async def test_is_run_again():
    attempts.append(1)
    assert len(attempts) > 1

def test_runs_no_loop():
    pass
"""
RERUN = """
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if item.name != "test_is_run_again":
        return None
    for _ in range(2):
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


@pytest.mark.parametrize("workers", [False, True])
def test_only_what_passed_is_kept(play_once, file, workers):
    """By the controller, of each worker's tests, under the name the test has."""
    args = ("--dist=loadgroup",) if workers else ()
    run = play_once(SUITE, USE, *args, conftest=RERUN, workers=workers)
    assert "history h.db: 3 tests added" in run.summary
    known = file.passed(machine_class())
    names = ("test_passes", "test_grouped", "test_lives_elsewhere")
    assert {*known} == {f"test_it.py::{name}" for name in names}
    (passed,) = known["test_it.py::test_passes"]
    record = run["test_passes"].record
    assert passed.wall == record["wall"]
    assert passed.starved == min(record["starved"] or 0, record["wall"])
    assert passed.speedup == record["speedup"]
    (virtual,) = known["test_it.py::test_lives_elsewhere"]
    assert virtual.took == pytest.approx(3600, rel=0.01)


STAYS = """
import asyncio

async def test_stays():
    await asyncio.sleep(0.001)
"""
GOES = """
async def test_goes():
    await asyncio.sleep(0.001)
"""


@pytest.mark.parametrize("workers", [False, True])
def test_what_three_full_runs_did_not_have_is_taken_out(
    play_once, _played, file, workers
):
    """A part of the suite tells nothing, and what only failed is there."""

    def names(source, *args):
        _played.clear()
        run = play_once(source, USE, *args, workers=workers)
        taken_out = [line for line in run.summary if "taken out" in line]
        return {
            each.rpartition("::")[2] for each in file.passed(machine_class())
        }, taken_out

    both = {"test_stays", "test_goes"}
    assert names(STAYS + GOES) == (both, [])
    for source in STAYS + GOES + "    assert False\n", STAYS, STAYS:
        assert names(source, "test_it.py") == (both, [])
        assert names(source) == (both, [])
    assert names(STAYS) == (
        {"test_stays"},
        ["history h.db: 1 test taken out, which the last 3 full runs did not have"],
    )


def learnt(file, wall, *names, **more):
    """Have each test passed ten times, in so many seconds."""
    for _ in range(10):
        passed = PassedRun(wall=wall, **more)
        file.add(machine_class(), {f"test_it.py::{name}": passed for name in names})


HELD = """
import asyncio
import pytest

async def test_hangs():
    await asyncio.sleep(60)

async def test_has_become_serial():
    await asyncio.sleep(0)
    await asyncio.sleep(0)

async def test_is_as_it_was():
    await asyncio.sleep(0)

async def test_is_new():
    await asyncio.sleep(0.05)

@pytest.mark.budget("1h")
async def test_says_more():
    await asyncio.sleep(0.05)

@pytest.mark.budget(speedup=None)
async def test_promises_no_speedup():
    await asyncio.sleep(0)

@pytest.mark.budget(speedup=1.5)
async def test_says_its_speedup():
    await asyncio.sleep(60)
"""


@pytest.mark.parametrize("workers", [False, True])
def test_auto_holds_each_test_to_its_own_history(play_once, file, workers):
    """A marker's promise goes before; who has no history is held to nothing."""
    short = ("test_hangs", "test_says_more", "test_says_its_speedup")
    learnt(file, 0.001, *short)
    serial = ("test_has_become_serial", "test_promises_no_speedup")
    learnt(file, 1000.0, *serial, speedup=3.0)
    learnt(file, 1000.0, "test_is_as_it_was")
    run = play_once(
        HELD,
        "--asyncbench-history-mode=read",
        "--asyncbench-budget-scale=2",
        ini="asyncbench_history = h.db\nasyncbench_budget = auto",
        workers=workers,
    )
    assert "budget=auto (ini)" in run.out
    assert run.outcomes == {
        "test_hangs": "failed",
        "test_has_become_serial": "failed",
        "test_is_as_it_was": "passed",
        "test_is_new": "passed",
        "test_says_more": "passed",
        "test_promises_no_speedup": "passed",
        "test_says_its_speedup": "failed",
    }
    auto = "(auto, from 10 passed runs)"
    assert run["test_hangs"].lines[0].endswith(f"budget 31.0 ms × 2 {auto}")
    before = "goes before what its history says"
    longer = f"if it may take longer from now on: @pytest.mark.budget(...) {before}"
    slower = f"if that is right from now on: @pytest.mark.budget(speedup=None) {before}"
    assert longer in run["test_hangs"].lines
    assert slower in run["test_has_become_serial"].lines
    assert longer not in run["test_has_become_serial"].lines
    assert longer in run["test_says_its_speedup"].lines
    assert slower not in run["test_says_its_speedup"].lines
    assert run["test_has_become_serial"].lines[0] == (
        f"speedup at least 1.2 {auto} was promised, but the test started no tasks"
    )
    assert run["test_is_new"].record["budget"] is None
    assert run["test_says_more"].record["budget"]["within"] == 7200
    assert run["test_says_its_speedup"].record["budget"]["speedup"] == 1.5
    assert (
        "budget auto: 1 test with fewer than 10 passed runs on this class of machine, "
        "not held to any"
    ) in run.summary
    assert not any("added" in line for line in run.summary)
    assert len(file.passed(machine_class())["test_it.py::test_is_as_it_was"]) == 10


def test_another_class_of_machine_says_nothing_of_this_one(play_once, file):
    """What took a millisecond there may take a minute here."""
    for _ in range(20):
        file.add("a faster one", {"test_it.py::test_one": PassedRun(wall=0.0001)})
    source = "import asyncio\nasync def test_one(): await asyncio.sleep(0.05)"
    run = play_once(source, USE, AUTO)
    assert run["test_one"].record["budget"] is None


ONE = "async def test_one(): raise AssertionError('it ran')"


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((AUTO,), "(command line): budget: auto: no file is given"),
        (
            ("--asyncbench-show-history",),
            "(command line): show_history: no file is given",
        ),
        ((USE, "--asyncbench-history-mode=write"), "history_mode: 'write' is not"),
        (("--asyncbench-history=folder",), "history: folder: it is a folder"),
        (("--asyncbench-history=no/h.db",), "no/h.db: there is no folder 'no'"),
        (("--asyncbench-history=text",), "history: text: file is not a database"),
        (
            (USE, "--asyncbench-history-mode=read"),
            "history: h.db: there is no such file; a run that records makes it",
        ),
        (
            (USE, "--asyncbench-show-history"),
            "history: h.db: there is no such file; a run that records makes it",
        ),
    ],
)
def test_what_cannot_be_used_ends_the_run_before_the_first_test(
    play_once, pytester, args, told
):
    """With the exit status of a usage error, and nothing is written."""
    (pytester.path / "folder").mkdir()
    (pytester.path / "text").write_text("no database, but long enough for one" * 9)
    run = play_once(ONE, *args)
    assert run.status == pytest.ExitCode.USAGE_ERROR
    assert told in run.err
    assert not (pytester.path / "h.db").exists()


GONE = """
import pathlib, shutil
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish():
    shutil.rmtree(pathlib.Path(__file__).parent / "kept")
"""


def test_a_file_that_is_gone_at_the_end_is_told_and_fails_nothing(play_once, pytester):
    """The run's own result stands."""
    (pytester.path / "kept").mkdir()
    run = play_once(
        "async def test_one(): pass",
        "--asyncbench-history=kept/h.db",
        conftest=GONE,
    )
    assert run.status == pytest.ExitCode.OK
    assert (
        "the history was not written, and is as it was: unable to open database file; "
        "the outcomes stand"
    ) in run.summary


def test_the_history_is_shown_in_the_place_of_a_run(play_once, pytester, file):
    """As `--cache-show` does: nothing is collected, nothing is written."""
    learnt(file, 1.0, "test_one", speedup=3.0)
    file.add("another", {"test_it.py::test_two": PassedRun(wall=1.0)})
    ini = "asyncbench_report = r.md\nasyncbench_baseline = gone.txt"
    show = "--asyncbench-show-history"
    file.add(machine_class(), {}, ran=["test_it.py::test_two"])
    run = play_once(ONE, USE, show, ini=ini, workers=True)
    assert run.status == pytest.ExitCode.OK
    run.result.stdout.fnmatch_lines(
        [
            f"history h.db: {machine_class()}",
            "1 test known from up to 10 runs",
            "slowest",
            "  1.000 s, budget 1.700 s: test_it.py::test_one",
            "least concurrent",
            "  speedup 3.00, at least 1.2: test_it.py::test_one",
            "on their way out, after 3 full runs without",
            "  not in the last full run: test_it.py::test_one",
            "not shown: another class of machine: another",
            "*no tests ran*",
        ]
    )
    assert not (pytester.path / "r.md").exists()
