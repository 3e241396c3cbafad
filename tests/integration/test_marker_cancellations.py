"""``@pytest.mark.cancellations``: each task cancelled at each of its awaits in turn."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, threading
import pytest, pytest_asyncio

@pytest.mark.cancellations
async def test_lock_kept():
    lock = asyncio.Lock()
    async def use():
        await lock.acquire()
        await asyncio.sleep(0)
        lock.release()
    await asyncio.gather(use(), use())

@pytest.mark.cancellations
async def test_lock_given_back():
    lock = asyncio.Lock()
    async def use():
        async with lock:
            await asyncio.sleep(0)
    await asyncio.gather(use(), use())

@pytest.mark.cancellations("worker")
async def test_swallowed():
    async def worker():
        for _ in range(2):
            try:
                await asyncio.sleep(0)
            except BaseException:
                pass
    async def other():
        await asyncio.sleep(0)
    await asyncio.gather(worker(), other())

@pytest.mark.cancellations(["worker"])
async def test_let_through():
    async def worker():
        for _ in range(2):
            try:
                await asyncio.sleep(0)
            except Exception:
                pass
    await asyncio.gather(worker())

@pytest.mark.cancellations
async def test_task_left():
    async def beat():
        await asyncio.sleep(5)
    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    beating.cancel()

@pytest.mark.cancellations
async def test_task_ended():
    async def beat():
        await asyncio.sleep(5)
    beating = asyncio.create_task(beat())
    try:
        await asyncio.sleep(0)
    finally:
        beating.cancel()
        await asyncio.wait([beating])

@pytest_asyncio.fixture
async def pool():
    return [1]

@pytest.mark.cancellations(check=lambda pool: len(pool) == 1)
async def test_pool_leaks(pool):
    async def use():
        taken = pool.pop()
        await asyncio.sleep(0)
        pool.append(taken)
    await asyncio.gather(use())

@pytest.mark.cancellations(check=lambda pool: len(pool) == 1)
async def test_pool_is_whole(pool):
    async def use():
        taken = pool.pop()
        try:
            await asyncio.sleep(0)
        finally:
            pool.append(taken)
    await asyncio.gather(use())

@pytest_asyncio.fixture
async def done():
    steps = []
    yield steps
    assert steps == ["all"], "only a whole run brings this about"

@pytest.mark.cancellations
async def test_tear_down_asks_for_a_whole_run(done):
    await asyncio.sleep(0)
    done.append("all")

@pytest.mark.cancellations
async def test_told_by_a_finalizer():
    class Session:
        open = True
        def __init__(self, loop):
            self.loop = loop
        def __del__(self):
            if self.open:
                self.loop.call_exception_handler({"message": "Unclosed session"})
    session = Session(asyncio.get_running_loop())
    await asyncio.sleep(0)
    session.open = False

@pytest.mark.cancellations
async def test_thread_left():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, args=(2,))
    thread.start()
    await asyncio.sleep(0)
    stop.set()
    thread.join()

@pytest.mark.cancellations
async def test_thread_ended():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, args=(2,))
    thread.start()
    try:
        await asyncio.sleep(0)
    finally:
        stop.set()
        thread.join()

async def _echo(reader, writer):
    while data := await reader.read(1):
        writer.write(data)
    writer.close()

@pytest_asyncio.fixture
async def address():
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()

@pytest.mark.cancellations
async def test_connection_left(address):
    reader, writer = await asyncio.open_connection(*address)
    KEPT.append(writer)
    writer.write(b"x")
    await reader.read(1)
    writer.close()
    await writer.wait_closed()

@pytest.mark.cancellations
async def test_connection_closed(address):
    reader, writer = await asyncio.open_connection(*address)
    KEPT.append(writer)
    try:
        writer.write(b"x")
        await reader.read(1)
    finally:
        writer.close()
    await writer.wait_closed()

KEPT = []

@pytest.mark.cancellations
async def test_fails_by_itself():
    assert False
"""

FAULTS = {
    "test_lock_kept": "1 asyncio.Lock left held",
    "test_swallowed": "the cancellation was swallowed",
    "test_task_left": "left behind: task 'beat'",
    "test_pool_leaks": "check: <lambda> gave False",
    "test_told_by_a_finalizer": "the loop was told: Unclosed session",
    "test_thread_left": "left running: thread threading.Event.wait",
    "test_connection_left": "left open",
}
TWINS = [
    "test_lock_given_back",
    "test_let_through",
    "test_task_ended",
    "test_pool_is_whole",
    "test_tear_down_asks_for_a_whole_run",
    "test_thread_ended",
    "test_connection_closed",
]


@pytest.fixture
def suite(play):
    # In a process of its own, since what some of them leave open is the point.
    return play(SUITE, ini="asyncbench_real_limit = 60s", subprocess=True)


@pytest.mark.parametrize("name", FAULTS)
def test_what_a_cancellation_leaves_wrong_is_named_with_its_await(suite, name):
    """And counted in the record."""
    told = suite[name]
    assert told.outcome == "failed"
    text = "\n".join(told.lines)
    assert FAULTS[name] in text, text
    assert "cancelled at test_it.py:" in text
    record = told.record["cancellations"]
    assert 1 <= record["failed"] <= record["tried"] <= record["points"]


@pytest.mark.parametrize("name", TWINS)
def test_who_gives_back_what_it_took_passes(suite, name):
    """At each await; that the test ends in a cancellation is no fault."""
    assert suite[name].outcome == "passed"
    record = suite[name].record["cancellations"]
    assert record["failed"] == 0
    assert record["tried"] == record["points"] > 0


def test_what_fails_undisturbed_is_the_test_own_failure(suite):
    """Nothing is cancelled then."""
    assert suite["test_fails_by_itself"].outcome == "failed"
    assert suite["test_fails_by_itself"].record["cancellations"] is None


WRONG = [
    ("cancellations(5)", "is neither text nor a list of words"),
    ("cancellations(check=5)", "check=5 can't be called"),
    ("cancellations(task='x')", "no argument 'task' (did you mean 'tasks'?)"),
]


@pytest.mark.parametrize(("marker", "text"), WRONG, ids=[marker for marker, _ in WRONG])
def test_a_marker_that_means_nothing_is_a_usage_error(play_once, marker, text):
    """It says what is accepted."""
    run = play_once(
        f"import pytest\n@pytest.mark.{marker}\nasync def test_it(): pass\n"
    )
    assert run.status == 4
    assert text in run.err
