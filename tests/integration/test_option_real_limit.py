"""``asyncbench_real_limit``: how long virtual time waits for a silent real world."""

from __future__ import annotations

SUITE = """
import asyncio, socket
import pytest

async def silence():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        await asyncio.get_running_loop().sock_recv(ours, 1)

@pytest.mark.virtual_time
async def test_setting():
    await silence()

@pytest.mark.virtual_time(real_limit="110ms")
async def test_marker():
    await silence()

@pytest.mark.virtual_time(real_limit="120ms")
def test_sync():
    asyncio.run(silence())
"""


def limits(run):
    assert set(run.outcomes.values()) == {"failed"}
    told = {name: run[name].lines[0] for name in run.outcomes}
    for line in told.values():
        assert line.startswith("virtual time waited ")
        # How long it really waited, in seconds; no less than the shortest limit here.
        assert float(line.split()[3]) >= 0.11
    return {name: line.partition("real_limit=")[2][:4] for name, line in told.items()}


def test_ini_sets_it_and_the_marker_wins(play_once):
    """What nobody answers ends the test at the limit, and the message says so."""
    assert limits(play_once(SUITE, ini="asyncbench_real_limit = 130ms")) == {
        "test_setting": "0.13",
        "test_marker": "0.11",
        "test_sync": "0.12",
    }


def test_the_command_line_wins_over_ini(play):
    """Under the same name."""
    run = play(
        SUITE, "--asyncbench-real-limit=0.14", ini="asyncbench_real_limit = 130ms"
    )
    assert limits(run)["test_setting"] == "0.14"


def test_tests_that_share_a_loop_share_its_limit(play):
    """The second one's would hold for nothing."""
    run = play(
        "import pytest\n"
        "pytestmark = pytest.mark.asyncio(loop_scope='module')\n"
        "@pytest.mark.virtual_time(real_limit=1)\n"
        "async def test_one(): pass\n"
        "@pytest.mark.virtual_time(real_limit=2)\n"
        "async def test_two(): pass\n"
    )
    assert run.outcomes == {}
    told = " ".join((run.out + run.err).split())
    assert "test_two: shares its loop with test_it.py::test_one" in told
