"""What runs of a test leave, though it passes: told, and no failure."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, socket, unittest
import pytest, pytest_asyncio

async def beat():
    while True:
        await asyncio.sleep(1)

def later():
    pass

async def two():
    await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

@pytest.mark.schedules(6)
async def test_task():
    task = asyncio.create_task(beat())
    await two()

@pytest.mark.schedules(6)
async def test_task_beside_a_fixture(tmp_path):
    task = asyncio.create_task(beat())
    await two()

@pytest.mark.cancellations(tasks="idle")
async def test_task_undisturbed():
    await asyncio.wait([asyncio.create_task(asyncio.sleep(0), name="idle")])
    task = asyncio.create_task(beat())
    await two()

@pytest.mark.schedules(6)
def test_task_of_a_sync_test():
    async def main():
        task = asyncio.create_task(beat())
        await two()
    asyncio.run(main())

@pytest.mark.schedules(6)
@pytest.mark.anyio
async def test_task_of_anyio():
    task = asyncio.create_task(beat())
    await two()

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.schedules(6)
class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.beating = asyncio.create_task(beat())
    async def asyncTearDown(self):
        self.beating.cancel()
    async def test_task_of_a_test_case(self):
        task = asyncio.create_task(beat())
        await two()
    async def test_task_of_its_set_up(self):
        await two()

@pytest.mark.schedules(6)
async def test_callback(tmp_path):
    asyncio.get_running_loop().call_later(5, later)
    await two()

@pytest.mark.schedules(6)
async def test_callback_alone():
    asyncio.get_running_loop().call_later(5, later)
    await two()

@pytest.mark.schedules(6)
async def test_lock():
    await asyncio.Lock().acquire()
    await two()

@pytest_asyncio.fixture
async def address():
    async def echo(reader, writer):
        writer.write(await reader.read(1))
        await reader.read()
        writer.close()
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()

KEPT = []

@pytest.mark.schedules(3)
async def test_connection():
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    KEPT.extend([writer, there])
    there.send(b"x")
    await reader.read(1)

@pytest_asyncio.fixture
async def connection(address):
    reader, writer = await asyncio.open_connection(*address)
    yield reader, writer
    writer.close()
    await writer.wait_closed()

@pytest.mark.schedules(3)
async def test_connection_of_a_fixture(connection):
    reader, writer = connection
    writer.write(b"x")
    await reader.read(1)
    asyncio.create_task(two())

@pytest.mark.schedules(60)
async def test_sometimes():
    came = []
    async def come(name):
        await asyncio.sleep(0)
        came.append(name)
    await asyncio.gather(come("a"), come("b"))
    if came == ["b", "a"]:
        task = asyncio.create_task(beat())
        await asyncio.sleep(0)

@pytest.mark.schedules(6)
async def test_nothing():
    queue = asyncio.Queue()
    queue.put_nowait("nobody asks whether it is done")
    await queue.get()
    task = asyncio.create_task(beat())
    await two()
    task.cancel()
    await asyncio.wait([task])

async def test_unmarked():
    task = asyncio.create_task(beat())
    await two()
"""

ALWAYS = {
    "test_task": "task 'beat'",
    "test_task_beside_a_fixture": "task 'beat'",
    "test_task_undisturbed": "task 'beat'",
    "test_task_of_a_sync_test": "task 'beat'",
    "test_task_of_anyio": "task 'beat'",
    "test_task_of_a_test_case": "task 'beat'",
    "test_callback": "callback test_it.later",
    "test_callback_alone": "callback test_it.later",
    "test_lock": "1 asyncio.Lock left held",
    "test_connection": "a socket or pipe of the loop's, open",
}
NOTHING = ["test_task_of_its_set_up", "test_connection_of_a_fixture", "test_nothing"]


@pytest.fixture
def suite(play):
    # In a process of its own, since what some of them leave open is the point.
    return play(SUITE, subprocess=True)


@pytest.mark.parametrize("name", ALWAYS)
def test_what_each_run_leaves_is_told(suite, name):
    """In a section and in the record, with how often it was seen."""
    told = suite[name]
    assert told.outcome == "passed"
    (leak,) = told.record["leaks"]
    assert ALWAYS[name] in leak["what"]
    assert leak["runs"] == leak["of"] > 0
    assert "left when a run was over" in told.sections
    assert f"in {leak['runs']} of {leak['of']} run" in told.sections


def test_a_task_is_told_with_the_line_at_which_it_waits(suite):
    """In the summary, too."""
    (leak,) = suite["test_task"].record["leaks"]
    assert (leak["place"]["line"], leak["place"]["function"]) == (6, "beat")
    assert (
        "left by test_it.py::test_task: task 'beat' at test_it.py:6, in " in suite.out
    )


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_given_back_in_tear_down_is_no_leak(suite, name):
    """Nor is what was set up for a test, and is torn down after it."""
    assert suite[name].outcome == "passed"
    assert suite[name].record["leaks"] == []
    assert suite[name].sections == ""


def test_what_some_schedules_leave_is_told_with_how_many(suite):
    """asyncio's own order among those that leave nothing."""
    (leak,) = suite["test_sometimes"].record["leaks"]
    assert leak["what"] == "task 'beat'"
    assert 0 < leak["runs"] < leak["of"]


def test_a_test_that_is_run_once_is_not_looked_at(suite):
    """Nobody asked for it."""
    assert not suite["test_unmarked"].watched
