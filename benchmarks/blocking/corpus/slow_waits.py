"""Waits for other threads and processes: locks, queues, futures, children, signals."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: E501, SIM105

from __future__ import annotations

import asyncio
import concurrent.futures
import multiprocessing
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
SLEEPER = [sys.executable, "-S", "-c", "import time; time.sleep(0.1)"]


# ------------------------------------------------------------------- locks


async def test_lock(after):
    lock = threading.Lock()
    lock.acquire()
    after(lock.release)
    lock.acquire()  # <- blocks: threading.Lock.acquire


async def test_lock_with_timeout():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=0.1)  # <- blocks: threading.Lock.acquire


async def test_with_lock(after):
    lock = threading.Lock()
    lock.acquire()
    after(lock.release)
    with lock:  # <- blocks: threading.Lock.acquire|threading.Lock.__enter__
        pass


async def test_with_rlock():
    lock, taken = threading.RLock(), threading.Event()

    def hold():
        with lock:
            taken.set()
            time.sleep(0.1)

    threading.Thread(target=hold).start()
    await asyncio.to_thread(taken.wait)
    with lock:  # <- blocks: threading.RLock.acquire|threading.RLock.__enter__
        pass


async def test_condition():
    condition = threading.Condition()
    with condition:
        condition.wait(0.1)  # <- blocks: threading.Condition.wait


async def test_condition_wait_for():
    condition = threading.Condition()
    with condition:
        condition.wait_for(lambda: False, 0.1)  # <- blocks: threading.Condition.wait_for


async def test_event():
    threading.Event().wait(0.1)  # <- blocks: threading.Event.wait


async def test_semaphore():
    threading.Semaphore(0).acquire(timeout=0.1)  # <- blocks: threading.Semaphore.acquire


async def test_with_semaphore(after):
    semaphore = threading.Semaphore(0)
    after(semaphore.release)
    with semaphore:  # <- blocks: threading.Semaphore.acquire|threading.Semaphore.__enter__
        pass


async def test_barrier(after):
    barrier = threading.Barrier(2)
    after(barrier.wait)
    barrier.wait()  # <- blocks: threading.Barrier.wait


async def test_thread_join():
    thread = threading.Thread(target=time.sleep, args=(0.1,))
    thread.start()
    thread.join()  # <- blocks: threading.Thread.join


async def test_queue_get(after):
    items = queue.Queue()
    after(items.put, 1)
    items.get()  # <- blocks: queue.Queue.get


async def test_queue_get_times_out():
    try:
        queue.Queue().get(timeout=0.1)  # <- blocks: queue.Queue.get
    except queue.Empty:
        pass


async def test_queue_put(after):
    items = queue.Queue(1)
    items.put(1)
    after(items.get)
    items.put(2)  # <- blocks: queue.Queue.put


async def test_queue_join(after):
    items = queue.Queue()
    items.put(1)
    after(items.task_done)
    items.join()  # <- blocks: queue.Queue.join


async def test_simple_queue(after):
    items = queue.SimpleQueue()
    after(items.put, 1)
    items.get()  # <- blocks: queue.SimpleQueue.get


async def test_priority_queue(after):
    items = queue.PriorityQueue()
    after(items.put, 1)
    items.get()  # <- blocks: queue.Queue.get|queue.PriorityQueue.get


# ----------------------------------------------------------------- futures


async def test_future_result():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        job = pool.submit(time.sleep, 0.1)
        job.result()  # <- blocks: concurrent.futures.Future.result


async def test_future_exception():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        job = pool.submit(time.sleep, 0.1)
        job.exception()  # <- blocks: concurrent.futures.Future.exception


async def test_futures_wait():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = [pool.submit(time.sleep, 0.1)]
        concurrent.futures.wait(jobs)  # <- blocks: concurrent.futures.wait


async def test_as_completed():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        jobs = [pool.submit(time.sleep, 0.1)]
        for _ in concurrent.futures.as_completed(jobs):  # <- blocks: concurrent.futures.as_completed
            pass


async def test_executor_map():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = pool.map(time.sleep, [0.1])
        list(results)  # <- blocks: *


async def test_executor_shutdown():
    pool = concurrent.futures.ThreadPoolExecutor()
    pool.submit(time.sleep, 0.1)
    pool.shutdown()  # <- blocks: concurrent.futures.ThreadPoolExecutor.shutdown


async def test_executor_at_the_end_of_with():
    with concurrent.futures.ThreadPoolExecutor() as pool:  # <- blocks: concurrent.futures.*
        pool.submit(time.sleep, 0.1)


async def test_other_loops_future():
    ready, loops = threading.Event(), []

    def other():
        loop = asyncio.new_event_loop()
        loops.append(loop)
        ready.set()
        loop.run_forever()
        loop.close()

    thread = threading.Thread(target=other)
    thread.start()
    await asyncio.to_thread(ready.wait)
    job = asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), loops[0])
    job.result()  # <- blocks: concurrent.futures.Future.result
    loops[0].call_soon_threadsafe(loops[0].stop)
    await asyncio.to_thread(thread.join)


# --------------------------------------------------------------- processes


async def test_subprocess_run():
    subprocess.run(SLEEPER, check=True)  # <- blocks: subprocess.run


async def test_subprocess_call():
    subprocess.call(SLEEPER)  # <- blocks: subprocess.call


async def test_subprocess_check_output():
    subprocess.check_output(SLEEPER)  # <- blocks: subprocess.check_output


async def test_subprocess_getoutput():
    subprocess.getoutput("sleep 0.1")  # <- blocks: subprocess.getoutput


@pytest.fixture
def child():
    """Give a process that ends after 100 ms."""
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        yield process


async def test_popen_wait(child):
    child.wait()  # <- blocks: subprocess.Popen.wait


async def test_popen_communicate(child):
    child.communicate()  # <- blocks: subprocess.Popen.communicate


async def test_read_of_a_childs_output(child):
    child.stdout.read()  # <- blocks: *.read


async def test_poll_loop(child):
    while child.poll() is None:
        time.sleep(0.01)  # <- blocks: time.sleep


async def test_os_system():
    os.system("sleep 0.1")  # <- blocks: os.system


async def test_os_popen():
    os.popen("sleep 0.1").read()  # <- blocks: os.*


@posix
async def test_os_waitpid():
    pid = os.posix_spawn("/bin/sleep", ["sleep", "0.1"], {})
    os.waitpid(pid, 0)  # <- blocks: os.waitpid


@posix
async def test_os_spawn():
    os.spawnv(os.P_WAIT, "/bin/sleep", ["sleep", "0.1"])  # <- blocks: os.spawnv


@posix
async def test_process_join():
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.1,))
    process.start()
    process.join()  # <- blocks: multiprocessing.*.join|multiprocessing.*


@posix
async def test_pipe_between_processes(after):
    ours, theirs = multiprocessing.Pipe()
    after(theirs.send, 1)
    ours.recv()  # <- blocks: multiprocessing.connection.*.recv


@posix
async def test_queue_between_processes(after):
    items = multiprocessing.get_context("fork").SimpleQueue()
    after(items.put, 1)
    items.get()  # <- blocks: multiprocessing.queues.SimpleQueue.get


@posix
async def test_multiprocessing_event():
    event = multiprocessing.get_context("fork").Event()
    event.wait(0.1)  # <- blocks: multiprocessing.synchronize.Event.wait


# ----------------------------------------------------------------- signals


@posix
async def test_sigtimedwait():
    signal.sigtimedwait([signal.SIGUSR2], 0.1)  # <- blocks: signal.sigtimedwait


@posix
async def test_pause():
    before = signal.signal(signal.SIGALRM, lambda number, frame: None)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.pause()  # <- blocks: signal.pause
    signal.signal(signal.SIGALRM, before)


async def test_input(after, monkeypatch):
    read, write = os.pipe()
    monkeypatch.setattr("sys.stdin", os.fdopen(read))
    after(os.write, write, b"yes\n")
    input()  # <- blocks: builtins.input
    os.close(write)
