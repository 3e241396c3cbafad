"""What is asked of threads leaves no trace in `threading`."""

from __future__ import annotations

import _thread
import multiprocessing
import multiprocessing.pool
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

from pytest_asyncbench._python import processes_of_this


def test_a_thread_that_threading_does_not_know_is_not_made_known():
    """A test that counts its threads would find one more, for ever."""
    before, told, over = [*threading.enumerate()], [], _thread.allocate_lock()
    over.acquire()

    def run():
        told.append(processes_of_this())
        over.release()

    _thread.start_new_thread(run, ())
    assert over.acquire(timeout=10)
    assert (told, threading.enumerate()) == ([0], before)


def test_the_thread_of_a_pool_knows_its_processes():
    """It tells of what all of them have done, in the pool's callbacks."""
    told, over = [], threading.Event()

    def done(_):
        told.append(processes_of_this())
        over.set()

    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning) as pool:
        pool.submit(abs, -1).add_done_callback(done)
        assert over.wait(30)
    assert told == [1]
    assert processes_of_this() == 0


@pytest.mark.parametrize(
    "pool",
    [multiprocessing.get_context("spawn").Pool, multiprocessing.pool.ThreadPool],
)
def test_the_thread_of_a_pool_of_multiprocessing_knows_how_many_it_has(pool):
    """Of threads as well."""
    told, over = [], threading.Event()

    def done(_):
        told.append(processes_of_this())
        over.set()

    with pool(2) as working:
        working.apply_async(abs, (-1,), callback=done)
        assert over.wait(30)
    assert told == [2]
