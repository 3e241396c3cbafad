"""What is handed to threads: which function, at which line, and until when."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from unittest import mock

import pytest
from by_hand import until

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import future_of, running_threads, work_queue
from pytest_asyncbench._watching.handing import Handing
from pytest_asyncbench.testing import ManualClock


@pytest.fixture
def handing():
    one = Handing(ManualClock(10.0), {})
    undo = one.install()
    yield one
    undo()


def test_a_job_of_a_pool_is_known_while_it_lasts_and_after(handing):
    """By its future, and at the line that gave it to the pool."""
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(goes_on.wait)
        told = handing.of_future(id(future), 0.0).told()
        assert told.function == "threading.Event.wait"
        function = "test_a_job_of_a_pool_is_known_while_it_lasts_and_after"
        assert told.stack[0].function == function
        (thread,) = pool._threads
        goes_on.set()
        future.result()
    assert handing.of_future(id(future), 0.0).told() == told
    assert handing.ended_in(thread.ident, 0.0).told() == told
    assert handing.ended_in(thread.ident, 11.0) is None


def test_while_it_rests_nothing_is_known(handing):
    handing.rests = True
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(goes_on.wait)
        assert handing.of_future(id(future), 0.0) is None
        goes_on.set()
    thread = threading.Thread(target=goes_on.wait)
    thread.start()
    assert handing.of_thread(thread.ident) is None
    thread.join()


def test_a_thread_is_known_by_what_it_was_started_for(handing):
    """A pool's own are not: they are started for whatever comes."""
    goes_on = threading.Event()
    thread = threading.Thread(target=goes_on.wait)
    thread.start()
    try:
        assert handing.of_thread(thread.ident).function == "threading.Event.wait"
    finally:
        goes_on.set()
        thread.join()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        (thread,) = pool._threads
        assert handing.of_thread(thread.ident) is None


def test_what_runs_a_job_in_a_context_is_not_the_job(handing):
    """asyncio gives its pool a call of ``Context.run`` with the user's function."""
    call = functools.partial(contextvars.copy_context().run, sorted, [2, 1])
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        assert future.result() == [1, 2]
    assert handing.of_future(id(future), 0.0).function == "builtins.sorted"


def test_nothing_is_left_of_it():
    """Both methods are what they were, and a job that ends later is nobody's."""
    submit, start = ThreadPoolExecutor.submit, threading.Thread.start
    one = Handing(ManualClock(10.0), {})
    undo = one.install()
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(goes_on.wait)
        undo()
        goes_on.set()
        future.result()
    assert (ThreadPoolExecutor.submit, threading.Thread.start) == (submit, start)
    assert one.of_future(id(future), 0.0) is None


def test_what_somebody_kept_of_it_notes_nothing_any_more():
    """A module that was imported meanwhile, say, calls ours for ever."""
    one = Handing(ManualClock(10.0), {})
    undo = one.install()
    goes_on, to_thread = threading.Event(), asyncio.to_thread
    thread = threading.Thread(target=goes_on.wait)
    with ThreadPoolExecutor(1) as pool:
        submit, start = pool.submit, thread.start
        undo()
        future = submit(goes_on.wait)
        start()
        called = to_thread(int)
        noted = [one.of_future(id(future), 0.0), one.of_thread(thread.ident)]
        frames = {*one._called}
        goes_on.set()
    thread.join()
    called.close()
    assert noted == [None, None]
    assert frames == set()


def test_a_call_of_to_thread_is_not_noted_while_it_rests(handing):
    """As no other is."""
    handing.rests = True
    called = asyncio.to_thread(int)
    frames = {*handing._called}
    called.close()
    assert frames == set()


class Worker(threading.Thread):
    """A thread that is told from others as a worker of anyio's is."""

    __module__ = "anyio._backends._asyncio"

    def __init__(self):
        super().__init__()
        self.queue = Queue()

    def run(self):
        self.queue.get()

    def is_listened_to(self):
        return "put_nowait" in vars(self.queue)


def test_a_worker_of_anyios_is_listened_to_that_starts_while_it_rests(handing):
    """It lives on when the next test begins, and is given jobs by that."""
    handing.rests = True
    worker = Worker()
    worker.start()
    worker.queue.put(None)
    worker.join()
    assert worker.is_listened_to()


def test_a_worker_of_anyios_that_is_started_by_what_somebody_kept_is_left_alone():
    """Nobody would give its queue back."""
    undo = Handing(ManualClock(), {}).install()
    worker = Worker()
    start = worker.start
    undo()
    start()
    worker.queue.put(None)
    worker.join()
    assert not worker.is_listened_to()


def test_the_job_that_a_pools_thread_is_at_is_known_by_its_frames():
    """From 3.14 on more than one call named ``run`` stands there."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(lambda: id(future_of(sys._getframe())))
        assert future.result() == id(future)


class Shy:
    """Works, but raises when it is looked at, as a proxy with nothing behind it."""

    def __call__(self):
        return 7

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_what_can_not_be_looked_at_runs_all_the_same(handing):
    """In a pool and in a thread of its own: nothing of ours reaches the user."""
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(Shy()).result() == 7
    thread = threading.Thread(target=Shy(), name="shy")
    thread.start()
    thread.join()


def test_a_thread_that_is_not_made_whole_fails_as_it_does_without_us(handing):
    """And keeps nobody from finding the others afterwards."""

    class Half(threading.Thread):
        def __init__(self):
            pass

    goes_on = threading.Event()
    thread = threading.Thread(target=goes_on.wait)
    thread.start()
    half = Half()
    with pytest.raises(RuntimeError, match="__init__"):
        half.start()
    try:
        assert handing.of_thread(thread.ident) is not None
    finally:
        goes_on.set()
        thread.join()


def test_a_task_that_runs_to_thread_alone_is_told_where_that_was_called(handing):
    """No line of the user's stands in such a task; nor is anything kept of it."""
    found = []

    def job():
        future = future_of(sys._getframe())
        until(lambda: handing.of_future(id(future), 0.0))  # the thread may be first
        found.append(handing.of_future(id(future), 0.0).told())

    async def user():
        await asyncio.gather(asyncio.to_thread(job), asyncio.to_thread(int))
        asyncio.to_thread(int).close()

    asyncio.run(user())
    (told,) = found
    assert told.function.endswith("job")
    assert told.stack[0].function.endswith("user")
    assert handing._called == {}


def test_asyncios_own_to_thread_is_back_in_the_end():
    """And is a function of coroutines meanwhile, for who asks."""
    before = asyncio.to_thread
    undo = Handing(ManualClock(), {}).install()
    if sys.version_info >= (3, 12):
        assert inspect.iscoroutinefunction(asyncio.to_thread)
    with mock.patch("asyncio.to_thread") as stands_in:  # it asks asyncio
        assert isinstance(stands_in, mock.AsyncMock)
    undo()
    assert asyncio.to_thread is asyncio.threads.to_thread is before


def test_each_job_of_anyios_thread_is_known_by_what_awaits_it(handing):
    """A function in C as well, of which no frame would tell."""
    to_thread = pytest.importorskip("anyio").to_thread
    found = []

    def job():
        future = future_of(sys._getframe())
        found.append(handing.of_future(id(future), 0.0).function)

    async def main():
        await to_thread.run_sync(int)
        await to_thread.run_sync(job)

    asyncio.run(main())
    (told,) = found
    assert told.endswith("job")


def test_nothing_stays_on_anyios_threads():
    """Where one outlives the watching, its queue is its own again."""
    to_thread = pytest.importorskip("anyio").to_thread
    made = Handing(ManualClock(), {})

    async def main():
        undo = made.install()
        await to_thread.run_sync(int)
        (queue,) = filter(None, map(work_queue, running_threads()))
        noted = "put_nowait" in vars(queue)
        undo()
        return noted, "put_nowait" in vars(queue)

    assert asyncio.run(main()) == (True, False)


def test_a_later_job_of_anyios_thread_is_not_told_as_the_first(handing):
    """The line that made it start the thread has handed over the first job alone."""
    to_thread = pytest.importorskip("anyio").to_thread

    def job():
        return handing.of_thread(threading.get_ident())

    async def main():
        return [await to_thread.run_sync(job), await to_thread.run_sync(job)]

    first, later = asyncio.run(main())
    assert first is not None
    assert later is None


class Ticking(ManualClock):
    """A clock that goes on by itself whenever it is read."""

    def now(self):
        self.wait(0.00001)
        return super().now()


def test_what_it_takes_to_note_a_job_is_booked_to_us():
    """Of a step of a loop that is watched, and nothing of what the pool takes."""
    goes_on = threading.Event()

    async def hand_over(pool):
        pool.submit(goes_on.wait)  # whose thread reads no clock from here on
        loop = asyncio.get_running_loop()
        view = LoopView(loop, 10.0)
        undo = Handing(Ticking(10.0), {loop: view}).install()
        try:
            pool.submit(int)
            return view.ours
        finally:
            undo()
            goes_on.set()

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(hand_over(pool)) == pytest.approx(0.00001)


def test_a_job_is_told_with_all_that_stands_around_the_line_that_hands_it_over(handing):
    """But not with what runs the step, nor with what is ours."""

    def outer(pool):
        return inner(pool)

    def inner(pool):
        return pool.submit(int)

    async def main(pool):
        handing.codes = frozenset({inspect.currentframe().f_back.f_code})
        future = outer(pool)
        future.result()
        return handing.of_future(id(future), 0.0).told()

    with ThreadPoolExecutor(1) as pool:
        told = asyncio.run(main(pool))
    names = [frame.function.rpartition(".")[2] for frame in told.stack]
    assert names == ["inner", "outer", "main"]
    assert told.stack[0].line == inner.__code__.co_firstlineno + 1
