"""``asyncbench_schedules`` and its kin, and ``--asyncbench-schedule``."""

from __future__ import annotations

import pytest

from pytest_asyncbench._policy.replaying import text_of
from pytest_asyncbench._words.schedules import OWN_ORDER

SUITE = """
import asyncio
import pytest

async def race():
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

async def test_unmarked():
    await race()

@pytest.mark.schedules(0)
async def test_exempt():
    await race()

@pytest.mark.real_time
async def test_in_real_time():
    await race()

def test_sync():
    pass
"""


@pytest.mark.parametrize("by", ["ini", "command line"])
def test_every_async_test_is_run_under_them_but_who_is_exempt(play, by):
    """And a sync test is left alone."""
    args = ["--asyncbench-schedules=100"] if by == "command line" else []
    ini = "asyncbench_schedules = 100" if by == "ini" else ""
    run = play(SUITE, *args, ini=ini)
    assert run.outcomes == {
        "test_unmarked": "failed",
        "test_exempt": "passed",
        "test_in_real_time": "failed",
        "test_sync": "passed",
    }
    assert run["test_in_real_time"].record["virtual"] is None
    assert "of 100" in "\n".join(run["test_unmarked"].lines)


SEEDS = f"""{SUITE}
@pytest.mark.schedules(100, seed=7)
async def test_by_marker():
    await race()

@pytest.mark.schedules(100)
async def test_by_setting():
    await race()

@pytest.mark.schedules(100, seed="random")
async def test_random():
    await race()
"""


@pytest.mark.parametrize("by", ["ini", "command line"])
def test_the_seed_says_which(play, by):
    """The same one the same, wherever it is written."""
    args = ["--asyncbench-schedules-seed=7"] if by == "command line" else []
    ini = "asyncbench_schedules_seed = 7" if by == "ini" else ""
    run = play(SEEDS, *args, ini=ini)
    marked, unmarked, other = (
        run[name].record["schedules"]
        for name in ("test_by_marker", "test_by_setting", "test_random")
    )
    assert marked["found_at"] == unmarked["found_at"]
    told, again = (each["replay"].split(":")[2] for each in (marked, unmarked))
    assert told == again
    assert other["found_at"] is not None


def test_a_schedule_is_run_again_by_its_text(play):
    """That test alone, once, and it fails in the same way."""
    first = play(SUITE, "--asyncbench-schedules=100")["test_unmarked"]
    text = first.record["schedules"]["replay"]
    again = play(SUITE, f"--asyncbench-schedule={text}")
    assert again.outcomes == {"test_unmarked": "failed"}
    told = "\n".join(again["test_unmarked"].lines)
    assert "fails under the schedule that was asked for" in told
    assert again["test_unmarked"].record["schedules"]["runs"] == 1


TIMERS = """
import asyncio
import pytest

async def race():
    log = []
    async def warm_up():
        await asyncio.sleep(1)
        log.append("warm")
    async def read():
        await asyncio.sleep(2)
        assert log, "cold"
    await asyncio.gather(warm_up(), read())

@pytest.mark.schedules(100)
async def test_unmarked():
    await race()

@pytest.mark.schedules(100, timers="free")
async def test_free():
    await race()

@pytest.mark.schedules(100, timers="together")
async def test_together():
    await race()

@pytest.mark.real_time
async def test_in_real_time():
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
"""


@pytest.mark.parametrize("by", ["nobody", "ini", "command line"])
def test_timers_are_free_where_that_is_asked_for(play, by):
    """The nearest place holds; real time's timers fall due when they do."""
    args = ["--asyncbench-schedules=100"]
    args += ["--asyncbench-schedules-timers=free"] if by == "command line" else []
    ini = "asyncbench_schedules_timers = free" if by == "ini" else ""
    run = play(TIMERS, *args, ini=ini)
    assert run.outcomes == {
        "test_unmarked": "passed" if by == "nobody" else "failed",
        "test_free": "failed",
        "test_together": "passed",
        "test_in_real_time": "passed",
    }
    told = "\n".join(run["test_free"].lines)
    assert "its timer was late: others went before it that were due later" in told
    assert ":free," in run["test_free"].record["schedules"]["replay"]
    assert run["test_in_real_time"].record["schedules"]["seen_all"]


def test_the_text_of_a_schedule_says_whether_timers_are_free(play_once):
    """So that it needs no other option; and it can stand at the marker."""
    asked = "--asyncbench-schedules-timers=free"
    text = play_once(TIMERS, asked)["test_unmarked"].record["schedules"]["replay"]
    again = play_once(TIMERS, f"--asyncbench-schedule={text}")
    assert "1 failed, 3 deselected" in again.out
    assert "AssertionError: cold" in again.out
    kept = TIMERS.replace("schedules(100)", f"schedules(replay='{text}')")
    assert "FAILED test_it.py::test_unmarked" in play_once(kept).out


WIDE = """
import asyncio
import pytest

@pytest.mark.schedules({arguments})
async def test_wide():
    async def one():
        for _ in range(9):
            await asyncio.sleep(0)
    await asyncio.gather(*(one() for _ in range(9)))
"""


@pytest.mark.parametrize("by", ["marker", "ini", "command line"])
def test_the_search_ends_with_its_time(play, by):
    """And the record says so, since fewer orders were seen than were asked for."""
    arguments = "10**6, within='200ms'" if by == "marker" else "10**6"
    args = ["--asyncbench-schedules-within=200ms"] if by == "command line" else []
    ini = "asyncbench_schedules_within = 200ms" if by == "ini" else ""
    run = play(WIDE.format(arguments=arguments), *args, ini=ini)
    record = run["test_wide"].record["schedules"]
    assert record["out_of_time"]
    assert record["runs"] < 1_000_000
    assert any("1 ended by time" in line for line in run.summary)


def test_one_run_is_told_to_be_of_asyncio_own_order(play):
    """It is no mistake, as the number may come from elsewhere; nor is it a search."""
    run = play(WIDE.format(arguments="1"))
    record = run["test_wide"].record["schedules"]
    assert (record["runs"], record["out_of_time"]) == (1, False)
    told = "asyncio's own order alone in 1, since one run is just that"
    assert any(told in line for line in run.summary)
    more = play(WIDE.format(arguments="2"))
    assert not any("own order alone" in line for line in more.summary)


WRONG = [
    (
        ["--asyncbench-schedules-timers=fre"],
        "'fre' is not known (did you mean 'free'?); accepted: together, free",
    ),
    (["--asyncbench-schedule=nonsense"], "accepted: v1:TEST:DEVIATIONS:CHECK"),
    (["--asyncbench-schedule=v1:00000000:own:2af3"], "last four digits"),
    (["--asyncbench-schedules=many"], "'many' is no number of runs"),
    (["--asyncbench-schedules-seed=some"], "'some' is no seed"),
    (["--asyncbench-schedules-within=0s"], "must be more than zero"),
]


@pytest.mark.parametrize(("args", "text"), WRONG, ids=lambda each: str(each)[:30])
def test_what_means_nothing_is_a_usage_error(play_once, args, text):
    """Before the first test."""
    run = play_once(SUITE, *args)
    assert run.status == 4
    assert text in run.err


MARKERS = [
    ("schedules()", "schedules without runs or replay= tries none"),
    ("schedules(5, sed=1)", "no argument 'sed' (did you mean 'seed'?)"),
    ("schedules(5, timers='freely')", "accepted: together, free"),
    ("real_time\n@pytest.mark.schedules(5, timers='free')", "is for virtual time"),
    ("schedules(-1)", "0 to 1,000,000 runs are accepted"),
    ("schedules(replay='v1:00000000:own:ea5b')", "the schedule of another test"),
]


@pytest.mark.parametrize(("marker", "text"), MARKERS, ids=[m for m, _ in MARKERS])
def test_a_marker_that_means_nothing_is_a_usage_error(play_once, marker, text):
    """It names the test, the wrong word and what is accepted."""
    source = f"import pytest\n@pytest.mark.{marker}\nasync def test_it(): pass\n"
    run = play_once(source)
    assert run.status == 4
    assert text in run.err


def test_a_schedule_of_no_test_that_is_there_is_a_usage_error(play):
    """It may be of a test that was renamed; under workers it is told once."""
    text = text_of("test_gone.py::test_it", OWN_ORDER)
    run = play("def test_other(): pass", f"--asyncbench-schedule={text}")
    assert run.status == 4
    assert run.err.count("none of the 1 tests that were collected") == 1
