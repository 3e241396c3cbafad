"""``asyncbench_virtual_time``: a whole suite in virtual time, but for who is exempt."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio
import pytest

HOURS = 3 * 3600

async def test_hours():
    await asyncio.sleep(HOURS)

async def test_its_clock(virtual_clock):
    await asyncio.sleep(HOURS)
    assert virtual_clock.elapsed >= HOURS

@pytest.mark.virtual_time("2026-01-01")
async def test_its_own_start(virtual_clock):
    assert virtual_clock.start.isoformat() == "2026-01-01T00:00:00+00:00"

@pytest.mark.real_time
async def test_real():
    await asyncio.sleep(0)

@pytest.mark.real_time
class TestReal:
    async def test_inherits(self):
        await asyncio.sleep(0)

    @pytest.mark.virtual_time
    async def test_nearest(self):
        await asyncio.sleep(1)

@pytest.mark.virtual_time
class TestVirtual:
    @pytest.mark.real_time
    async def test_exempt(self):
        await asyncio.sleep(0)

def test_sync():
    pass
"""

VIRTUAL = {"test_hours", "test_its_clock", "test_its_own_start", "test_nearest"}
REAL = {"test_real", "test_inherits", "test_exempt"}


@pytest.mark.parametrize("by", ["ini", "command line"])
def test_every_async_test_lives_in_it_but_those_that_are_exempt(play, by):
    """The nearest marker holds; six hours and more pass in no time."""
    args = [] if by == "ini" else ["--asyncbench-virtual-time=on"]
    ini = "asyncbench_virtual_time = on" if by == "ini" else ""
    run = play(SUITE, "--asyncbench-blocking=report", *args, ini=ini)
    assert set(run.outcomes.values()) == {"passed"}, run
    assert len(run.outcomes) == 8
    lived = {name: run[name].record["virtual"] for name in (*VIRTUAL, *REAL)}
    assert {name for name, virtual in lived.items() if virtual is not None} == VIRTUAL


def test_the_summary_says_how_much_real_time_was_saved(play):
    """Virtual less wall, of those tests alone that lived in it."""
    run = play(SUITE, "--asyncbench-virtual-time=on")
    (line,) = [each for each in run.summary if each.startswith("virtual time saved ")]
    saved, rest = line.removeprefix("virtual time saved ").split(" s ")
    assert rest == "of real time in 4 tests"
    # Less what the machine took, which may be anything; two tests sleep for six.
    assert float(saved.replace(",", "")) > 5 * 3600


OF_TRIO = """
import pytest

@pytest.mark.trio
async def test_marked(): pass

@pytest.mark.parametrize("anyio_backend", ["trio", ("trio", {}), "asyncio"])
async def test_by_anyio(anyio_backend): pass
"""


def test_what_trio_runs_stays_in_its_own_time(play_once):
    """A setting for all tests refuses none; asyncio runs these, as it happens."""
    run = play_once(
        OF_TRIO,
        "--asyncbench-virtual-time=on",
        "--asyncbench-blocking=report",
        ini="markers = trio",
    )
    assert set(run.outcomes.values()) == {"passed"}, run
    assert len(run.outcomes) == 4
    virtual = [run[name].record["virtual"] is not None for name in run.outcomes]
    assert sum(virtual) == 1


WAITING = """
import asyncio, threading, time

async def test_known_call():
    await asyncio.to_thread(time.sleep, 0.05)

async def test_thread():
    heard = threading.Event()
    asyncio.get_running_loop().call_later(1, heard.set)
    await asyncio.to_thread(heard.wait, 60)
"""


def test_the_summary_names_what_waited_for_something_real(play):
    """A job in a thread is real, also one that makes a known call."""
    run = play(WAITING, "--asyncbench-virtual-time=on")
    assert set(run.outcomes.values()) == {"passed"}, run
    assert "waited for something real: test_it.py::test_thread" in run.summary
    assert run["test_thread"].record["waited"] > 0


def test_off_is_the_default_and_takes_it_back(play_once):
    """The command line wins over the ini file; an exempt test asks for nothing."""
    suite = (
        "import pytest\n@pytest.mark.real_time\nasync def test_it(): pass\n"
        "async def test_other(): pass\n"
    )
    for args, ini in (
        ((), ""),
        (("--asyncbench-virtual-time=off",), "asyncbench_virtual_time = on"),
    ):
        run = play_once(suite, *args, ini=ini)
        assert run.outcomes == {"test_it": "passed", "test_other": "passed"}
        assert "virtual time" not in "".join(run.summary)


def test_a_value_that_means_nothing_ends_the_run(play_once):
    """And is told with what is accepted."""
    run = play_once(SUITE, ini="asyncbench_virtual_time = yes")
    assert run.status == 4
    assert "asyncbench (ini): virtual_time: 'yes'" in run.err
    assert "off, on" in run.err


BOTH = """
import pytest

@pytest.mark.real_time
@pytest.mark.virtual_time
async def test_both(): pass

@pytest.mark.real_time("slow")
async def test_argument(): pass
"""


def test_a_test_that_asks_for_both_times_ends_the_run(play):
    """As does an argument, of which `real_time` has none."""
    run = play(BOTH)
    assert run.status == 4
    assert run.outcomes == {}
    told = run.out + run.err
    assert (
        "test_both: @pytest.mark.real_time: @pytest.mark.virtual_time stands there, too"
    ) in told
    assert "test_argument: @pytest.mark.real_time: too many positional" in told
