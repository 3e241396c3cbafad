"""Other plugins of pytest's, each beside us and all at once: nobody spoils the other.

What is installed loads itself into every run. So these runs are processes of their own,
with the plugins that they name and no others, and the rest of the suite is spared them.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from itertools import pairwise

import pytest

SUITE = """
import asyncio, time
import pytest

@pytest.mark.budget("60s", speedup=1.1)
async def test_fast():
    await asyncio.gather(*(asyncio.sleep(0.2) for _ in range(5)))

@pytest.mark.no_blocking(threshold=60)
async def test_blocks():
    time.sleep(0.001)

@pytest.mark.no_blocking(threshold=60)
def test_blocks_in_its_own_loop():
    async def main():
        time.sleep(0.001)
    asyncio.run(main())

@pytest.mark.budget("150ms")
async def test_hung():
    await asyncio.sleep(60)

@pytest.mark.no_blocking(threshold=60)
async def test_fails_of_its_own():
    await asyncio.sleep(0)
    raise ValueError("of its own")

@pytest.mark.virtual_time
async def test_lives_in_virtual_time():
    await asyncio.sleep(3600)

async def test_unasked():
    time.sleep(0.001)
"""

OUTCOMES = {
    "test_fast": "passed",
    "test_blocks": "failed",
    "test_blocks_in_its_own_loop": "failed",
    "test_hung": "failed",
    "test_fails_of_its_own": "failed",
    "test_lives_in_virtual_time": "passed",
    "test_unasked": "passed",
}
UNWATCHED = "test_unasked"

# Ours come first of all, and so this is asked when they are undone.
WITNESS = """
import asyncio, os, socket, subprocess, sys, threading, time

def _as_it_is():
    return {
        "Handle._run": asyncio.Handle._run,
        "sleep": time.sleep,
        "Lock": threading.Lock,
        "Popen": subprocess.Popen,
        "getaddrinfo": socket.getaddrinfo,
        "recv": vars(socket.socket).get("recv"),
    }

_before = _as_it_is()

def _threads():
    ours = sys.modules.get("pytest_asyncbench._watching.thread")
    for frame in sys._current_frames().values() if ours else ():
        while frame.f_back is not None:
            frame = frame.f_back
        if frame.f_code is ours.OwnThread.code():
            yield "thread"

def _look(config):
    now = _as_it_is()
    left = [name for name in now if now[name] != _before[name]] + [*_threads()]
    text = "\\n".join(["residue", *left]) + "\\n"
    (_HERE / f"residue.{os.getpid()}").write_text(text)

class _Witness:
    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config):
        config.add_cleanup(lambda: _look(config))

def pytest_addoption(parser, pluginmanager):
    pluginmanager.register(_Witness())
"""

WORKERS = ("-p", "xdist", "-n2")


@pytest.fixture
def beside(play_once, pytester, monkeypatch):
    """Run a test file with us, pytest-asyncio and the plugins that are named."""

    def beside(source, *args, **settings):
        for name, value in pairwise(args):
            if name == "-p" and not value.startswith("no:"):
                insist_on_plugin(value)
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        for old in (*pytester.path.glob("residue.*"), pytester.path / "reports.jsonl"):
            old.unlink(missing_ok=True)
        ours = ("-p", "asyncbench", "-p", "asyncio", "--asyncbench-report=run.json")
        # No run that is remembered: what it has written lies in another folder.
        settings["ini"] = settings.get("ini", "") + f"\n# {pytester.path}"
        settings["conftest"] = WITNESS + settings.get("conftest", "")
        run = play_once(source, *ours, *args, subprocess=True, **settings)
        witnesses = [file.read_text() for file in pytester.path.glob("residue.*")]
        assert witnesses, run
        assert set(witnesses) == {"residue\n"}
        assert "pytest-asyncbench itself" not in run.out, run
        run.path = pytester.path
        run.told = json.loads((pytester.path / "run.json").read_text())
        return run

    return beside


def insist_on_plugin(name):
    """Skip this test, aloud, where a plugin is not installed."""
    if not any(each.name == name for each in entry_points(group="pytest11")):
        pytest.skip(f"plugin {name!r} is not installed; the extra `company` brings it")


def records_at(run, name, when="call"):
    """Give the records that a test's reports carry, a list for each such report."""
    return [
        [
            json.loads(value)
            for key, value in report["properties"]
            if key == "asyncbench"
        ]
        for report in run[name].reports
        if report["when"] == when
    ]


def told_once(run, name, times=1):
    """Tell whether each of so many attempts of a test has one record, and no more.

    A subtest has a report of its own, which has none.
    """
    counts = [len(each) for each in records_at(run, name)]
    return sum(counts) == times and max(counts) <= 1


def insist_on_the_same(run, outcomes=OUTCOMES):
    """Compare with what is told where nobody else is there."""
    assert run.outcomes == outcomes, run
    watched = [name for name in outcomes if name != UNWATCHED]
    assert all(told_once(run, name) for name in watched)
    assert not run[UNWATCHED].watched
    for name in "test_blocks", "test_blocks_in_its_own_loop":
        (found,) = run[name].record["blocking"]
        assert (found["call"], found["count"]) == ("time.sleep", 1)
    assert run["test_hung"].lines[0].startswith("wall clock ")
    assert "of its own" in run["test_fails_of_its_own"].text
    assert run["test_fast"].record["speedup"] > 1.1
    assert run["test_lives_in_virtual_time"].record["virtual"] >= 3600
    assert run.summary[0].startswith(f"{len(watched)} tests and ")
    assert sorted(told_of(run)) == sorted(watched)


def told_of(run):
    """Give the names of the tests in our report of the run."""
    return [each["nodeid"].rpartition("::")[2] for each in run.told["tests"]]


COMPANY = {
    "nobody": (),
    "xdist": (*WORKERS, "--dist=loadgroup"),
    "randomly": ("-p", "randomly"),
    "repeat": ("-p", "repeat", "--count=1"),
    "timeout": ("-p", "timeout", "--timeout=60"),
    "cov": ("-p", "pytest_cov", "--cov=.", "--cov-branch", "--cov-context=test"),
    "benchmark": ("-p", "benchmark"),
    "hypothesis": ("-p", "hypothesispytest"),
    "anyio": ("-p", "anyio"),
    "trio": ("-p", "trio"),
}


@pytest.mark.parametrize("name", COMPANY)
def test_the_same_is_told_whoever_is_there(beside, name):
    """Outcomes, verdicts, a record for each test, and nothing of ours left behind."""
    insist_on_the_same(beside(SUITE, *COMPANY[name]))


SEARCHED_LATER = """
import asyncio, time
import pytest

@pytest.mark.budget("60s", speedup=1.1)
async def test_first():
    await asyncio.gather(*(asyncio.sleep(0.2) for _ in range(3)))

@pytest.mark.no_blocking(threshold=60)
async def test_searched():
    time.sleep(0.001)
"""


def test_the_detector_is_tried_out_after_tests_that_were_not_searched(beside):
    """What stood around them is off by then, though nobody else loaded a thing."""
    run = beside(SEARCHED_LATER)
    assert run.outcomes == {"test_first": "passed", "test_searched": "failed"}
    assert run["test_searched"].record["problems"] == []


# ------------------------------------------------------------------ pytest-xdist


def test_what_each_of_several_workers_runs_has_a_record_from_each(beside):
    """And is one test, in the summary and in the report."""
    run = beside(SUITE, "-p", "xdist", "--dist=each", "--tx=2*popen")
    assert run.outcomes == OUTCOMES
    watched = [name for name in OUTCOMES if name != UNWATCHED]
    assert all(told_once(run, name, times=2) for name in watched)
    assert run.summary[0].startswith(f"{len(watched)} tests and ")
    assert sorted(told_of(run)) == sorted(watched)


DIES = (
    SUITE
    + """
@pytest.mark.no_blocking(threshold=60)
async def test_dies():
    import os, signal
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGKILL) if {killed} else os._exit(3)
"""
)


# Not "loadgroup": pytest-xdist 3.8 may wait for ever there once a worker has died, with
# us or without.
@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "worksteal"])
def test_a_worker_that_dies_loses_its_own_tests_record_alone(beside, dist):
    """However tests are shared out all others have theirs; that one lacks is told."""
    killed = dist == "load" and sys.platform != "win32"
    run = beside(DIES.format(killed=killed), *WORKERS, f"--dist={dist}")
    assert run["test_dies"].reports[-1]["outcome"] == "failed"
    assert "crashed" in run["test_dies"].text
    assert not run["test_dies"].watched
    outcomes = {name: run[name].outcome for name in run.outcomes if name != "test_dies"}
    assert outcomes == OUTCOMES
    watched = [name for name in OUTCOMES if name != UNWATCHED]
    assert all(told_once(run, name) for name in watched)
    assert sorted(told_of(run)) == sorted(watched)
    assert run.told["run"]["partial"] == "a worker died"


# ---------------------------------------------------------------- pytest-randomly

RANDOM = """
import asyncio, random
import pytest

{marks}
async def test_draws():
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
    print("drew", random.random())

@pytest.mark.schedules(50)
async def test_races():
    loop, seen = asyncio.get_running_loop(), []
    async def note(what):
        await asyncio.sleep(0)
        seen.append(what)
    await asyncio.gather(note(1), note(2), note(3))
    assert seen != [3, 1, 2]
"""
MARKS = """
@pytest.mark.no_blocking(threshold=60)
@pytest.mark.budget("60s")
@pytest.mark.virtual_time
"""


def test_randomly_draws_for_a_test_what_it_draws_without_us(beside):
    """We take no number out of a generator that is not our own."""

    def drawn(marks):
        run = beside(RANDOM.format(marks=marks), *SEEDED, "--randomly-seed=4")
        (line,) = {line for line in run.lines if line.startswith("drew ")}
        return line

    assert drawn(MARKS) == drawn("")


SEEDED = ("-p", "randomly")


def test_the_schedule_that_fails_is_the_same_in_every_order(beside):
    """It is tried by the test's own seed, whatever randomly shuffles and seeds."""
    source = RANDOM.format(marks=MARKS)
    runs = [beside(source, *SEEDED, f"--randomly-seed={seed}") for seed in (1, 2)]
    told = [run["test_races"] for run in runs]
    assert {each.outcome for each in told} == {"failed"}
    first, second = (each.record["schedules"] for each in told)
    assert first["found_at"] > 1
    assert first["replay"] == second["replay"]


# ----------------------------------------------------------- pytest-rerunfailures

RERUN = """
import asyncio, time
import pytest

attempts = []

def attempt(name):
    attempts.append(name)
    return attempts.count(name)

@pytest.mark.no_blocking(threshold=60)
async def test_blocks_at_first():
    if attempt("blocks") < 3:
        time.sleep(0.001)

@pytest.mark.budget("200ms")
async def test_hangs_at_first(concurrently):
    await concurrently(asyncio.sleep(60 if attempt("hangs") < 2 else 0))

@pytest.mark.budget("60s")
async def test_always_blocks(blocking_calls):
    time.sleep(0.001)
    assert not blocking_calls

@pytest.mark.virtual_time
async def test_lives_in_virtual_time():
    await asyncio.sleep(3600)
    assert attempt("virtual") == 2

@pytest.mark.budget("60s")
async def test_needs_no_other():
    await asyncio.sleep(0)
"""
ATTEMPTS = {
    "test_blocks_at_first": 3,
    "test_hangs_at_first": 2,
    "test_always_blocks": 3,
    "test_lives_in_virtual_time": 2,
    "test_needs_no_other": 1,
}


@pytest.mark.parametrize("workers", [(), WORKERS], ids=["plain", "workers"])
def test_each_attempt_is_judged_and_recorded_by_itself(beside, workers):
    """The last one counts, and what passed only when run again teaches no budget."""
    history = ("--asyncbench-history=history.db", "--asyncbench-blocking=report")
    rerun = ("-p", "rerunfailures", "--reruns=2")
    run = beside(RERUN, *rerun, *history, *workers)
    calls = {
        name: [each["outcome"] for each in run[name].reports if each["when"] == "call"]
        for name in ATTEMPTS
    }
    again = {name: ["rerun"] * (times - 1) for name, times in ATTEMPTS.items()}
    assert {name: outcomes[:-1] for name, outcomes in calls.items()} == again
    last = {name: outcomes[-1] for name, outcomes in calls.items()}
    assert last.pop("test_always_blocks") == "failed"
    assert set(last.values()) == {"passed"}
    assert all(told_once(run, name, times) for name, times in ATTEMPTS.items())
    blocked = [
        len(each["blocking"]) for (each,) in records_at(run, "test_blocks_at_first")
    ]
    assert blocked == [1, 1, 0]
    broken = [
        len(each["violations"]) for (each,) in records_at(run, "test_hangs_at_first")
    ]
    assert broken == [1, 0]
    assert sorted(told_of(run)) == sorted(ATTEMPTS)
    assert run.summary[0].startswith(f"{len(ATTEMPTS)} tests and ")
    assert "history history.db: 1 test added" in run.summary


# ------------------------------------------------------------------ pytest-repeat


def test_each_repetition_is_a_test(beside):
    """What blocks in all of them is one place."""
    run = beside(SUITE, "-p", "repeat", "--count=2", "--repeat-scope=session")
    outcomes = {
        f"{name}[{number}-2]": outcome
        for number in (1, 2)
        for name, outcome in OUTCOMES.items()
    }
    assert run.outcomes == outcomes
    watched = [name for name in outcomes if not name.startswith(UNWATCHED)]
    assert all(told_once(run, name) for name in watched)
    assert sorted(told_of(run)) == sorted(watched)
    found = [line for line in run.summary if "time.sleep" in line]
    assert len(found) == 2
    assert all(line.endswith("2 times in 2 tests") for line in found)


# ----------------------------------------------------------------- pytest-timeout

TIMEOUT = """
import asyncio, time
import pytest

pytestmark = pytest.mark.timeout(1)

@pytest.mark.budget("60s")
async def test_waits():
    await asyncio.sleep(60)

@pytest.mark.no_blocking
async def test_sleeps():
    await asyncio.sleep(0)
    time.sleep(60)

@pytest.mark.no_blocking
def test_waits_in_its_own_loop():
    asyncio.run(asyncio.sleep(60))

async def test_copies(concurrently):
    await concurrently(*(asyncio.sleep(60) for _ in range(3)), within=60)

@pytest.mark.schedules(50)
async def test_under_schedules():
    await asyncio.sleep(0)
    time.sleep(60)

@pytest.mark.virtual_time
async def test_waits_for_a_thread():
    import threading
    done = threading.Event()
    try:
        await asyncio.to_thread(done.wait, 60)
    finally:
        done.set()

@pytest.mark.budget("100ms")
async def test_can_not_be_cancelled():
    time.sleep(60)

@pytest.mark.budget("100ms")
async def test_has_a_budget():
    await asyncio.sleep(60)

@pytest.mark.virtual_time
@pytest.mark.budget("7200s")
async def test_is_quick_in_its_time():
    await asyncio.sleep(3600)
"""
OURS = {
    "test_has_a_budget": ["wall"],
    "test_is_quick_in_its_time": [],
}
THEIRS = {
    "test_waits": [],
    "test_sleeps": ["blocking"],
    "test_waits_in_its_own_loop": [],
    "test_copies": [],
    "test_under_schedules": [],
    "test_waits_for_a_thread": [],
    "test_can_not_be_cancelled": ["wall"],
}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGALRM")
def test_who_is_first_ends_a_test_and_both_tell(beside):
    """pytest-timeout ends what we can't cancel, and our verdict stands beside it."""
    run = beside(TIMEOUT, "-p", "timeout", "--timeout-method=signal")
    for name, broken in {**OURS, **THEIRS}.items():
        told = run[name]
        assert told_once(run, name)
        assert [each["kind"] for each in told.record["violations"]] == broken, name
        assert ("from pytest-timeout" in told.text) is (name in THEIRS)
    assert run["test_is_quick_in_its_time"].outcome == "passed"
    assert "time.sleep(60)" in run["test_sleeps"].text
    assert run["test_has_a_budget"].lines[0].startswith("wall clock ")


def test_a_timeout_that_ends_the_process_costs_that_test_alone(beside):
    """Its method "thread" does; under pytest-xdist the other tests go on."""
    timeout = ("-p", "timeout", "--timeout-method=thread")
    run = beside(TIMEOUT, *timeout, *WORKERS, "-k", "test_waits or test_has or quick")
    lost = {name for name in THEIRS if name.startswith("test_waits")}
    assert {name for name in run.outcomes if not run[name].watched} == lost
    assert sorted(told_of(run)) == sorted(OURS)
    assert run.told["run"]["partial"]


# --------------------------------------------------------------------- pytest-cov


COVERED = """
import asyncio, pathlib, time
import pytest
import shop

async def test_buys(concurrently):
    assert await shop.buys(3) == 3
    await concurrently(shop.buys(0), shop.buys(2))

@pytest.mark.concurrent(3)
async def test_copies():
    await shop.buys(1)

@pytest.mark.virtual_time
async def test_in_its_own_time():
    await shop.buys(5)

@pytest.mark.budget("100ms")
async def test_hung():
    await shop.waits()

@pytest.mark.schedules(5)
async def test_in_any_order():
    await asyncio.gather(shop.buys(1), shop.buys(2))

def test_in_its_own_loop():
    asyncio.run(shop.buys(4))
"""
PLAIN = """
import asyncio
import shop

async def test_all():
    for count in 1, 0, 2, 5:
        await shop.buys(count)
    try:
        await asyncio.wait_for(shop.waits(), 0.1)
    except asyncio.TimeoutError:
        pass
"""
SHOP = """
import asyncio

async def buys(count):
    bought = 0
    for _ in range(count):
        await asyncio.sleep(0.01)
        bought += 1
    if bought > 9:
        return await never()
    return bought

async def waits():
    try:
        await asyncio.sleep(60)
    finally:
        cleaned = True

async def never():
    return 0
"""


@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
@pytest.mark.parametrize("workers", [(), WORKERS], ids=["plain", "workers"])
def test_coverage_is_what_it_is_without_us(
    beside, pytester, monkeypatch, core, workers
):
    """Line for line, branches included; and coverage itself is never reported."""
    insist_on_plugin("pytest_cov")
    if core == "sysmon" and sys.version_info < (3, 14):
        pytest.skip("before 3.14 it can't measure branches")
    monkeypatch.setenv("COVERAGE_CORE", core)
    (pytester.path / "shop.py").write_text(SHOP)

    def covered(source, *args):
        cov = ("-p", "pytest_cov", "--cov=shop", "--cov-branch")
        run = beside(source, *cov, "--cov-report=json:cov.json", *args)
        told = json.loads((pytester.path / "cov.json").read_text())
        (shop,) = told["files"].values()
        return run, {
            name: shop[name] for name in ("executed_lines", "missing_branches")
        }

    without = covered(PLAIN)
    run, lines = covered(COVERED, *workers, "--asyncbench-blocking=error")
    assert run.outcomes.pop("test_hung") == "failed", run
    assert {name: run[name].outcome for name in run.outcomes} == {
        name: "failed" if name == "test_hung" else "passed" for name in run.outcomes
    }
    assert [
        entry for name in run.outcomes for entry in run[name].record["blocking"]
    ] == []
    assert lines == without[1]


# --------------------------------------------------------------- pytest-benchmark

BENCHMARK = """
import asyncio, time
import pytest

async def work():
    await asyncio.sleep(0)

async def blocks():
    time.sleep(0.001)

@pytest.mark.no_blocking(threshold=60)
@pytest.mark.budget("60s")
def test_clean(benchmark):
    benchmark.pedantic(lambda: asyncio.run(work()), rounds=3, iterations=2)

@pytest.mark.no_blocking(threshold=60)
def test_blocks(benchmark):
    benchmark.pedantic(lambda: asyncio.run(blocks()), rounds=3, iterations=2)

@pytest.mark.budget("150ms")
def test_hung(benchmark):
    benchmark(lambda: asyncio.run(asyncio.sleep(60)))

@pytest.mark.virtual_time
def test_in_virtual_time(benchmark):
    benchmark.pedantic(lambda: asyncio.run(asyncio.sleep(3600)), rounds=3)

@pytest.mark.budget("60s")
async def test_beside():
    await work()
"""


def test_what_is_benchmarked_is_judged_as_one_test(beside):
    """However often it is called; and the clock that benchmarks it is the real one."""
    args = ("-p", "benchmark", "--benchmark-json=bench.json", "--benchmark-disable-gc")
    run = beside(BENCHMARK, *args)
    assert run.outcomes == {
        "test_clean": "passed",
        "test_blocks": "failed",
        "test_hung": "failed",
        "test_in_virtual_time": "passed",
        "test_beside": "passed",
    }
    assert all(told_once(run, name) for name in run.outcomes)
    (found,) = run["test_blocks"].record["blocking"]
    assert found["call"] == "time.sleep"
    assert found["count"] >= 6
    assert run["test_hung"].lines[0].startswith("wall clock ")
    assert run["test_in_virtual_time"].record["virtual"] >= 3 * 3600
    told = json.loads((run.path / "bench.json").read_text())["benchmarks"]
    measured = {each["name"]: each["stats"]["mean"] for each in told}
    assert {"test_clean", "test_blocks", "test_in_virtual_time"} <= set(measured)
    assert measured["test_in_virtual_time"] < 3600


# -------------------------------------------------------------------- pytest-trio

TRIO = """
import asyncio, time
import pytest, trio

@pytest.fixture
async def trio_fixture():
    await trio.sleep(0)
    return 7

@pytest.mark.trio
async def test_unasked(trio_fixture, autojump_clock):
    await trio.sleep(3600)
    assert trio_fixture == 7

@pytest.mark.trio
@pytest.mark.no_blocking
async def test_asks_to_be_watched():
    await trio.sleep(0)

@pytest.mark.trio
@pytest.mark.budget("60s")
async def test_in_time(nursery):
    nursery.start_soon(trio.sleep, 0.01)

@pytest.mark.trio
@pytest.mark.budget("100ms")
async def test_late():
    await trio.sleep(0.2)

@pytest.mark.trio
@pytest.mark.budget(speedup=2)
async def test_fast():
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(trio.sleep, 0.01)

@pytest.mark.trio
async def test_starts_tasks_of_asyncios(concurrently):
    await concurrently(trio.sleep(0), trio.sleep(0))

@pytest.mark.asyncio
@pytest.mark.no_blocking
async def test_of_asyncio():
    time.sleep(0.001)
"""


@pytest.mark.parametrize("mode", ["strict", "trio"])
def test_what_trio_runs_is_never_judged_by_what_can_not_be_known(beside, mode):
    """Its time is; that its loop isn't followed is said, and is no finding."""
    source, ini = TRIO, ""
    if mode == "trio":
        source, ini = source.replace("@pytest.mark.trio", ""), "trio_mode = true"
        source = source.partition("@pytest.mark.asyncio")[0]
    run = beside(source, "-p", "trio", "--asyncio-mode=strict", ini=ini)
    assert run["test_unasked"].outcome == "passed"
    assert not run["test_unasked"].watched
    assert run["test_in_time"].outcome == "passed"
    assert run["test_late"].lines[0].startswith("wall clock ")
    not_followed = (
        "a host other than asyncio is not followed, "
        "since it has no event loop of asyncio's"
    )
    asked = run["test_asks_to_be_watched"]
    assert asked.lines[0].startswith("not measured")
    assert not_followed in asked.text
    assert run["test_fast"].lines[0] == (
        f"speedup at least 2 was promised, and can't be told: {not_followed}"
    )
    assert f"{not_followed} (5 tests)" in run.summary
    started = run["test_starts_tasks_of_asyncios"]
    assert "concurrently() starts tasks of asyncio's, and no loop" in started.text
    assert "never awaited" not in run.out
    if mode == "strict":
        assert run["test_of_asyncio"].outcome == "failed"


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        ("concurrent(3)", "concurrent: needs a loop of asyncio's, and trio runs this"),
        ("budget(1, repeat=3)", "budget: repeat= needs a loop of asyncio's, and trio"),
        ("virtual_time", "virtual_time: needs a loop of asyncio's, and trio runs this"),
        ("schedules(3)", "schedules: trio runs this test, and it needs a loop of"),
        ("cancellations", "cancellations: trio runs this test, and it needs a loop of"),
    ],
)
def test_a_marker_that_trio_can_not_serve_is_refused(play_once, marker, told):
    """Before the first test, by its name and place."""
    run = play_once(
        f"import pytest\n\n@pytest.mark.trio\n@pytest.mark.{marker}\n"
        "async def test_it(): pass\n",
        ini="markers = trio",
    )
    assert run.status == 4
    assert f"test_it.py::test_it: @pytest.mark.{told}" in run.err


def test_a_host_that_is_known_only_when_it_runs_is_told_alike(beside):
    """A hook may call an async test wherever it likes."""
    run = beside(
        "import pytest\n\n@pytest.mark.concurrent(3)\nasync def test_copies(): pass\n\n"
        "@pytest.mark.virtual_time\nasync def test_virtual(): pass\n",
        "--asyncio-mode=strict",
        conftest=NO_LOOP,
    )
    assert (
        "@pytest.mark.concurrent starts tasks of asyncio's" in run["test_copies"].text
    )
    assert "virtual_time needs a loop of asyncio's" in run["test_virtual"].text
    for name in run.outcomes:
        assert run[name].record["problems"] == []


NO_LOOP = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        pyfuncitem.obj().send(None)
    except StopIteration:
        return True
"""

# -------------------------------------------------------------------- all at once

TOGETHER = """
import asyncio, time
import anyio, pytest, trio
from hypothesis import given, settings, strategies

attempts = []
few = settings(max_examples=5, database=None, deadline=None)

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.asyncio
@pytest.mark.budget("60s", speedup=1.1)
async def test_fast():
    await asyncio.gather(*(asyncio.sleep(0.2) for _ in range(5)))

@pytest.mark.asyncio
@pytest.mark.no_blocking(threshold=60)
async def test_blocks_at_first(request):
    name = request.node.name
    attempts.append(name)
    if attempts.count(name) == 1:
        time.sleep(0.001)

@pytest.mark.asyncio
@pytest.mark.budget("150ms")
async def test_hung():
    await asyncio.sleep(60)

@pytest.mark.asyncio
@pytest.mark.timeout(1, func_only=True)  # else a rerun has none
@pytest.mark.no_blocking(threshold=60)
async def test_ended_by_a_timeout():
    time.sleep(60)

@pytest.mark.no_blocking(threshold=60)
def test_benchmarked(benchmark):
    benchmark.pedantic(lambda: asyncio.run(asyncio.sleep(0)), rounds=3)

@pytest.mark.asyncio
@pytest.mark.no_blocking(threshold=60)
@few
@given(strategies.integers())
async def test_examples(number):
    await asyncio.sleep(0)

@pytest.mark.anyio
@pytest.mark.no_blocking(threshold=60)
async def test_of_anyio():
    await anyio.sleep(0)
    time.sleep(0.001)

@pytest.mark.trio
@pytest.mark.budget("60s")
async def test_of_trio():
    await trio.sleep(0)

@pytest.mark.asyncio
@pytest.mark.schedules(3)
async def test_in_any_order():
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

@pytest.mark.asyncio
@pytest.mark.virtual_time
async def test_in_its_own_time():
    await asyncio.sleep(3600)

@pytest.mark.asyncio
async def test_unasked():
    time.sleep(0.001)
"""
OF_PYTEST_9 = """
@pytest.mark.asyncio
@pytest.mark.no_blocking(threshold=60)
async def test_subtests(subtests):
    with subtests.test("blocks"):
        time.sleep(0.001)
    with subtests.test("clean"):
        await asyncio.sleep(0)
"""
EVERYBODY = (
    *WORKERS,
    *("-p", "randomly", "--randomly-seed=7"),
    *("-p", "rerunfailures", "--reruns=1"),
    *("-p", "repeat", "--count=2"),
    *("-p", "timeout", "--timeout=300"),
    *("-p", "pytest_cov", "--cov=test_it", "--cov-branch"),
    *("-p", "benchmark"),
    *("-p", "hypothesispytest"),
    *("-p", "anyio"),
    *("-p", "trio"),
)


def test_all_at_once(beside):
    """Workers, in random order, twice, again where it failed, and all of the rest."""
    attempts = {
        "test_fast": 1,
        "test_blocks_at_first": 2,
        "test_hung": 2,
        "test_ended_by_a_timeout": 2,
        "test_benchmarked": 1,
        "test_examples": 1,
        "test_of_anyio": 2,
        "test_of_trio": 1,
        "test_in_any_order": 1,
        "test_in_its_own_time": 1,
    }
    failed = {"test_hung", "test_ended_by_a_timeout", "test_of_anyio"}
    source = TOGETHER
    if pytest.version_tuple >= (9, 0):
        source += OF_PYTEST_9
        attempts["test_subtests"] = 2
        failed.add("test_subtests")
    run = beside(source, *EVERYBODY, "--asyncio-mode=strict")
    names = [f"{name}[{number}-2]" for name in attempts for number in (1, 2)]
    assert {*run.outcomes} == {*names, "test_unasked[1-2]", "test_unasked[2-2]"}
    for name in names:
        base = name.partition("[")[0]
        calls = [each for each in run[name].reports if each["when"] == "call"]
        last = "failed" if base in failed else "passed"
        assert calls[-1]["outcome"] == last, name
        assert told_once(run, name, attempts[base]), name
    assert sorted(told_of(run)) == sorted(names)
    assert run.summary[0].startswith(f"{len(names)} tests and ")
    blocked = [line for line in run.summary if "time.sleep" in line]
    assert all(line.endswith(" in 2 tests") for line in blocked)
    assert run["test_hung[1-2]"].lines[0].startswith("wall clock ")
    assert "from pytest-timeout" in run["test_ended_by_a_timeout[1-2]"].text
