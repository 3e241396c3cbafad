"""``@pytest.mark.cancellations``: each task cancelled at each of its awaits in turn."""

from __future__ import annotations

import sys

import pytest

SUITE = """
import asyncio, sys, threading
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

@pytest.mark.cancellations
async def test_place_kept():
    places = asyncio.Semaphore(2)
    async def use():
        await places.acquire()
        await asyncio.sleep(0)
        places.release()
    await asyncio.gather(use())

@pytest.mark.cancellations
async def test_item_never_done():
    queue = asyncio.Queue()
    queue.put_nowait(1)
    async def consume():
        await queue.get()
        await asyncio.sleep(0)
        queue.task_done()
    await asyncio.gather(consume())

@pytest.mark.cancellations
async def test_event_never_set():
    event = asyncio.Event()
    async def tell():
        await asyncio.sleep(0)
        event.set()
    async def listen():
        await event.wait()
    await asyncio.wait([asyncio.create_task(each()) for each in (tell, listen)])

@pytest.mark.cancellations
@pytest.mark.real_time
async def test_event_never_set_in_real_time():
    event = asyncio.Event()
    async def tell():
        await asyncio.sleep(0)
        event.set()
    telling = asyncio.create_task(tell())
    await event.wait()

@pytest.mark.cancellations
async def test_file_left_open(tmp_path):
    file = (tmp_path / "a").open("w")
    await asyncio.sleep(0)
    file.close()

@pytest.mark.cancellations
async def test_generator_left_open():
    lock = asyncio.Lock()
    async def numbers():
        async with lock:
            yield 1
    async for _ in numbers():
        await asyncio.sleep(0)

@pytest.mark.cancellations
async def test_others_go_on_to_their_end():
    lock, places = asyncio.Lock(), asyncio.Semaphore(2)
    async def use():
        async with places, lock:
            await asyncio.sleep(0.1)
    await asyncio.gather(use(), use(), use())

@pytest.mark.cancellations(check=lambda pool: len(pool) == 2)
async def test_pool_is_whole_once_others_are_over(pool):
    pool.append(2)
    async def use():
        taken = pool.pop()
        try:
            await asyncio.sleep(0.1)
        finally:
            pool.append(taken)
    await asyncio.gather(use(), use())

@pytest.mark.cancellations
async def test_a_peer_waits_for_an_item():
    queue, lock = asyncio.Queue(), asyncio.Lock()
    async def produce():
        await asyncio.sleep(0)
        queue.put_nowait(1)
    async def consume():
        async with lock:
            await queue.get()
            queue.task_done()
    await asyncio.gather(produce(), consume())

@pytest.mark.cancellations
async def test_waits_for_one_it_has_cancelled():
    async def beat():
        try:
            await asyncio.sleep(5)
        finally:
            await asyncio.sleep(0)
    beating = asyncio.create_task(beat())
    try:
        await asyncio.sleep(0)
    finally:
        beating.cancel()
        try:
            await beating
        except asyncio.CancelledError:
            pass

@pytest.mark.cancellations
async def test_server_of_the_test_own():
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with server:
        await asyncio.sleep(0)

@pytest.mark.cancellations
async def test_server_closed_as_its_client_connects():
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    try:
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        writer.close()
        await writer.wait_closed()
    finally:
        try:
            await asyncio.sleep(0)
        finally:
            server.close()

@pytest.mark.cancellations
async def test_subprocess_is_ended():
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-S", "-c", "print(input())",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )
    try:
        await process.communicate(b"x\\n")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

@pytest.mark.cancellations
async def test_peer_fails_as_it_goes_away(address):
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(b"x" * 1000)
        await reader.readexactly(1)
    finally:
        writer.transport.abort()

SHARED = asyncio.Lock()

@pytest.mark.cancellations
async def test_shared_lock_kept():
    async def use():
        await SHARED.acquire()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        SHARED.release()
    await use()
    await asyncio.sleep(0)

MADE = []

@pytest_asyncio.fixture
async def twice():
    MADE.append(1)
    assert len(MADE) == 1, "there is one already"

@pytest.mark.cancellations
async def test_can_not_be_set_up_again(twice):
    await asyncio.sleep(0)
"""

FAULTS = {
    "test_lock_kept": "1 asyncio.Lock left held",
    "test_swallowed": "the cancellation was swallowed",
    "test_task_left": "left behind: task 'beat'",
    "test_pool_leaks": "check: <lambda> gave False",
    "test_told_by_a_finalizer": "the loop was told: Unclosed session",
    "test_thread_left": "left running: thread threading.Event.wait",
    "test_connection_left": "left open",
    "test_place_kept": "1 place of an asyncio.Semaphore not given back",
    "test_item_never_done": "1 item of an asyncio.Queue taken, and no task_done()",
    "test_event_never_set": "task 'listen' waits for ever for what it was to tell",
    "test_event_never_set_in_real_time": "waits for ever for what it was to tell",
    "test_file_left_open": "left to the garbage collector: unclosed file",
    "test_generator_left_open": "1 asyncio.Lock left held",
    "test_shared_lock_kept": "1 asyncio.Lock left held",
}
TWINS = [
    "test_lock_given_back",
    "test_let_through",
    "test_task_ended",
    "test_pool_is_whole",
    "test_tear_down_asks_for_a_whole_run",
    "test_thread_ended",
    "test_connection_closed",
    "test_others_go_on_to_their_end",
    "test_pool_is_whole_once_others_are_over",
    "test_a_peer_waits_for_an_item",
    "test_waits_for_one_it_has_cancelled",
    "test_server_of_the_test_own",
    "test_server_closed_as_its_client_connects",
    "test_peer_fails_as_it_goes_away",
    "test_subprocess_is_ended",
]
ANSWERED = {"test_subprocess_is_ended", "test_peer_fails_as_it_goes_away"}


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
    assert 0 < record["tried"] <= record["points"]
    # In how many pieces a process or a peer answers is its own affair.
    if name not in ANSWERED:
        assert record["tried"] == record["points"]


def test_what_fails_undisturbed_is_the_test_own_failure(suite):
    """Nothing is cancelled then."""
    assert suite["test_fails_by_itself"].outcome == "failed"
    assert suite["test_fails_by_itself"].record["cancellations"] is None


def test_what_one_run_keeps_is_given_back_before_the_next(suite):
    """Else each later one would be blamed for what an earlier one has left."""
    text = suite["test_shared_lock_kept"].text
    assert "cancelled at 3 awaits in turn: 2 left something wrong" in text
    assert "hangs" not in text


MISNAMED = """
import asyncio
import pytest

@pytest.mark.cancellations("wroker")
async def test_nobody():
    async def worker():
        await asyncio.sleep(0)
    await asyncio.gather(worker())
"""


def test_names_that_no_task_has_are_told_and_not_passed_in_silence(play_once):
    """With those that there are: what was asked for has not been looked at."""
    told = play_once(MISNAMED)["test_nobody"]
    assert told.outcome == "failed"
    said = "no task that awaits is named 'wroker'; those that do are: "
    known = told.text.partition(said)[2]
    assert "worker" in known, told.text
    assert "use: one of these names" in told.text


WITH_A_LIBRARY = """
import asyncio, sysconfig
import pytest

POOL = '''
import asyncio

class Pool:
    def __init__(self):
        self.lock = asyncio.Lock()

    async def tidy(self):
        await self.lock.acquire()
        await asyncio.sleep(0)
        self.lock.release()

    async def use(self, work):
        await work()
        await asyncio.shield(asyncio.create_task(self.tidy()))

    async def call(self, work):
        await asyncio.create_task(self.called(work))

    async def called(self, work):
        await work()
'''
installed = {"__name__": "pool"}
file = sysconfig.get_paths()["purelib"] + "/pool.py"
exec(compile(POOL, file, "exec"), installed)
Pool = installed["Pool"]

async def work():
    await asyncio.sleep(0)

async def test_started_by_the_pool():
    await Pool().use(work)

async def test_started_by_the_test():
    await asyncio.gather(Pool().tidy())

LOCK = asyncio.Lock()

async def test_started_with_code_of_its_own():
    async def keeps():
        await LOCK.acquire()
        await asyncio.sleep(0)
        LOCK.release()
    await Pool().call(keeps)
"""


@pytest.mark.parametrize(
    ("tasks", "names"),
    [
        ("", ["by_the_test", "with_code_of_its_own"]),
        ("'Pool.tidy'", ["by_the_pool", "by_the_test"]),
    ],
)
def test_what_a_library_does_for_itself_is_cancelled_where_it_is_named(
    play_once, tasks, names
):
    """No code of the user's can do that, though it may cancel whoever awaits it."""
    marker = f"\npytestmark = pytest.mark.cancellations({tasks})\n"
    run = play_once(WITH_A_LIBRARY + marker)
    for name in ("by_the_pool", "by_the_test", "with_code_of_its_own"):
        is_told = "1 asyncio.Lock left held" in run[f"test_started_{name}"].text
        assert is_told is (name in names), run[f"test_started_{name}"].text


GROUPS = """
import asyncio, contextlib
import anyio, pytest

async def bad():
    await asyncio.sleep(0)
    raise ValueError

@pytest.mark.cancellations("test_*")
async def test_one_of_a_group_fails():
    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(bad())
            group.create_task(asyncio.sleep(10))

@pytest.mark.cancellations("test_*")
async def test_a_scope_ends_its_group():
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 10)
        await asyncio.sleep(0)
        group.cancel_scope.cancel()

@pytest.mark.cancellations("test_*")
async def test_swallowed_around_a_group():
    with contextlib.suppress(asyncio.CancelledError):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(10))
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio has no groups there")
def test_what_ends_a_group_takes_the_place_of_a_cancellation(play):
    """A task of it that fails, or its scope; asyncio and anyio keep no other word."""
    suite = play(GROUPS)
    assert suite["test_one_of_a_group_fails"].outcome == "passed"
    assert suite["test_a_scope_ends_its_group"].outcome == "passed"
    assert "was swallowed" in suite["test_swallowed_around_a_group"].text


SILENT = """
import asyncio, socket
import pytest

@pytest.mark.cancellations("ask")
async def test_a_peer_waits_for_what_is_real():
    here, there = socket.socketpair()
    async def ask(writer):
        await asyncio.sleep(0)
        writer.write(b"x")
    async def answer(reader):
        assert await reader.read(1) == b"x"
    _, writer = await asyncio.open_connection(sock=here)
    reader, other = await asyncio.open_connection(sock=there)
    try:
        await asyncio.gather(ask(writer), answer(reader), return_exceptions=True)
    finally:
        writer.close()
        other.close()

@pytest.mark.cancellations("test_*")
async def test_waits_for_what_nobody_will_send():
    here, there = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=here)
    there.send(b"x")
    got = b""
    try:
        got = await reader.read(1)
    finally:
        there.send(got * 2)
        await reader.readexactly(2)
        writer.close()
        there.close()
"""


def test_who_is_cut_short_as_it_waits_for_what_is_real_has_left_nothing(play_once):
    """Only of the test itself it is told that it then waits for what does not come."""
    suite = play_once(SILENT, ini="asyncbench_real_limit = 500ms")
    assert suite["test_a_peer_waits_for_what_is_real"].outcome == "passed"
    lines = suite["test_waits_for_what_nobody_will_send"].lines
    told = [line for line in lines if line.endswith("kept silent for real_limit")]
    assert len(told) == 1
    assert "cancelled at" in lines[lines.index(told[0]) + 1]


def test_who_can_not_be_run_again_is_not_measured(suite):
    """And does not pass by silence."""
    told = suite["test_can_not_be_set_up_again"]
    assert told.outcome == "failed"
    assert "not cancelled at its awaits: it can't be run twice" in told.text
    assert "AssertionError: there is one already" in told.text


HOSTS = """
import asyncio, unittest
import pytest

pytestmark = pytest.mark.cancellations

async def keeps(lock):
    await lock.acquire()
    await asyncio.sleep(0)
    lock.release()

async def gives_back(lock):
    async with lock:
        await asyncio.sleep(0)

async def swallows(lock):
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        pass

each = pytest.mark.parametrize("body", [keeps, gives_back, swallows])

@each
def test_sync(body):
    async def main():
        await body(asyncio.Lock())
    asyncio.run(main())

@each
@pytest.mark.anyio
async def test_anyio(body):
    await body(asyncio.Lock())

@pytest.fixture
def anyio_backend():
    return "asyncio"

@each
@pytest.mark.asyncio(loop_scope="module")
async def test_wide(body):
    await body(asyncio.Lock())

@each
@pytest.mark.asyncio
@pytest.mark.real_time
async def test_real_time(body):
    await body(asyncio.Lock())

@each
@pytest.mark.asyncio
@pytest.mark.concurrent(2)
async def test_copies(body):
    await body(asyncio.Lock())

class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.lock = asyncio.Lock()
        await asyncio.sleep(0)
    async def asyncTearDown(self):
        await asyncio.sleep(0)
    async def test_keeps(self):
        await keeps(self.lock)
    async def test_gives_back(self):
        await gives_back(self.lock)
    async def test_swallows(self):
        await swallows(self.lock)
"""

SAID = {
    "keeps": "1 asyncio.Lock left held",
    "swallows": "the cancellation was swallowed",
    "gives_back": None,
}


@pytest.mark.parametrize("body", SAID)
@pytest.mark.parametrize(
    "name",
    ["test_sync", "test_anyio", "test_wide", "test_real_time", "test_copies", ""],
)
def test_whoever_runs_the_loop_its_tests_are_looked_at(play_once, name, body):
    """The body of the test is cancelled, and not what its host does around it."""
    run = play_once(HOSTS, "--asyncio-mode=strict")
    told = run[f"{name}[{body}]" if name else f"test_{body}"]
    assert told.record["cancellations"]["points"] == (3 if name == "test_copies" else 1)
    if SAID[body] is None:
        assert told.outcome == "passed"
    else:
        assert SAID[body] in told.text
        assert told.outcome == "failed"


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
