"""Calls that look as if they blocked, and do not: free locks, zero timeouts, memory."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: PTH100, PTH109, PTH118, PTH119

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import gzip
import io
import json
import mmap
import os
import pathlib
import queue
import select
import selectors
import socket
import tarfile
import threading
import time
import zipfile

import pytest

# ------------------------------------------------------------------- locks


async def test_free_lock():
    lock = threading.Lock()
    for _ in range(1000):
        lock.acquire()
        lock.release()


async def test_with_free_lock():
    lock = threading.Lock()
    for _ in range(1000):
        with lock:
            pass


async def test_lock_shared_with_busy_threads():
    lock, stop = threading.Lock(), threading.Event()

    def use():
        while not stop.is_set():
            with lock:
                pass
            time.sleep(0.0001)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        with lock:
            pass
        await asyncio.sleep(0)
    stop.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)


async def test_reentrant_lock():
    lock = threading.RLock()
    with lock, lock:
        pass


async def test_held_lock_tried():
    lock = threading.Lock()
    lock.acquire()
    assert not lock.acquire(blocking=False)
    assert not lock.acquire(timeout=0)
    assert not lock.acquire(False)


async def test_condition_notified():
    condition = threading.Condition()
    with condition:
        condition.notify_all()
        condition.wait_for(lambda: True)


async def test_free_semaphore():
    semaphore = threading.BoundedSemaphore(2)
    with semaphore:
        assert semaphore.acquire(blocking=False)
        semaphore.release()


async def test_set_event():
    event = threading.Event()
    event.set()
    event.wait()
    event.wait(5)
    threading.Event().wait(0)


async def test_barrier_of_one():
    threading.Barrier(1).wait()


async def test_joined_thread():
    thread = threading.Thread(target=int)
    thread.start()
    await asyncio.to_thread(thread.join)
    thread.join()


async def test_thread_started():
    threads = [threading.Thread(target=int) for _ in range(20)]
    for thread in threads:
        thread.start()
    await asyncio.sleep(0.05)
    for thread in threads:
        thread.join()


async def test_filled_queue():
    items = queue.Queue()
    for _ in range(100):
        items.put(1)
        assert items.get() == 1
        items.task_done()
    items.join()


async def test_bounded_queue_with_room():
    items = queue.Queue(2)
    items.put(1)
    items.put(1, timeout=1)


async def test_queue_without_waiting():
    with pytest.raises(queue.Empty):
        queue.Queue().get_nowait()
    with pytest.raises(queue.Empty):
        queue.Queue().get(block=False)
    with pytest.raises(queue.Empty):
        queue.SimpleQueue().get(timeout=0)


async def test_filled_simple_queue():
    items = queue.SimpleQueue()
    items.put(1)
    assert items.get() == 1


# ----------------------------------------------------------------- futures


async def test_done_future():
    future = concurrent.futures.Future()
    future.set_result(1)
    assert future.result() == 1
    assert future.result(timeout=5) == 1
    assert future.exception() is None


async def test_done_futures():
    future = concurrent.futures.Future()
    future.set_result(1)
    concurrent.futures.wait([future])
    assert list(concurrent.futures.as_completed([future])) == [future]


async def test_done_asyncio_future():
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    assert task.result() is None


async def test_idle_executor():
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, int) for _ in range(8)))


async def test_executor_nobody_used():
    with concurrent.futures.ThreadPoolExecutor():
        pass


async def test_executor_not_waited_for():
    pool = concurrent.futures.ThreadPoolExecutor()
    job = pool.submit(time.sleep, 0.1)
    pool.shutdown(wait=False)
    await asyncio.wrap_future(job)


async def test_zero_sleep():
    for _ in range(100):
        time.sleep(0)


# ----------------------------------------------------------------- sockets


async def test_nonblocking_recv():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    theirs.close()
    ours.close()


async def test_zero_timeout_recv():
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with pytest.raises(BlockingIOError):
        ours.recv(1)
    theirs.close()
    ours.close()


async def test_nonblocking_accept_and_connect():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        server.setblocking(False)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
        client.connect_ex(server.getsockname())


async def test_datagram_sent():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"metric:1|c", ("127.0.0.1", 8125))
        sock.connect(("127.0.0.1", 8125))


async def test_sockets_made():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
    for each in socket.socketpair():
        each.close()


async def test_numeric_lookup():
    socket.getaddrinfo("127.0.0.1", 80)
    socket.getaddrinfo("::1", 80)
    socket.inet_aton("127.0.0.1")
    socket.gethostname()


async def test_select_with_zero_timeout():
    ours, theirs = socket.socketpair()
    for _ in range(100):
        select.select([ours], [], [], 0)
    ours.close()
    theirs.close()


async def test_poll_with_zero_timeout():
    poller = select.poll()
    for _ in range(100):
        poller.poll(0)


async def test_selector_with_zero_timeout():
    with selectors.DefaultSelector() as selector:
        for _ in range(100):
            selector.select(0)


# ------------------------------------------------------------------ memory


async def test_memory_files():
    with io.BytesIO(b"hello\n") as file:
        assert file.readline() == b"hello\n"
    with io.StringIO("hello") as text:
        assert text.read() == "hello"


async def test_zip_in_memory():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("name", "text")
    with zipfile.ZipFile(file) as archive, archive.open("name") as member:
        assert member.read() == b"text"


async def test_tar_in_memory():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("name"), io.BytesIO())
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        assert archive.getnames() == ["name"]


async def test_gzip_in_memory():
    assert gzip.decompress(gzip.compress(b"hello")) == b"hello"
    with gzip.GzipFile(fileobj=io.BytesIO(), mode="wb") as file:
        file.write(b"hello")


async def test_anonymous_map():
    with mmap.mmap(-1, 4096) as memory:
        memory.write(b"hello")


async def test_json_in_memory():
    file = io.StringIO()
    json.dump({"a": 1}, file)
    file.seek(0)
    assert json.load(file) == {"a": 1}


async def test_paths_by_name():
    pathlib.PurePath("/a/b").with_suffix(".txt")
    os.path.join("a", "b")
    os.path.abspath("a")
    os.path.basename("/a/b")
    os.getcwd()
    pathlib.Path.cwd()
    pathlib.Path("a").absolute()


async def test_environment():
    os.environ["CORPUS_EXAMPLE"] = "1"
    os.getenv("HOME")
    os.getpid()
    os.urandom(8)
    os.cpu_count()


async def test_pipe_with_room():
    read, write = os.pipe()
    os.set_blocking(read, False)
    with contextlib.suppress(BlockingIOError):
        os.read(read, 1)
    os.write(write, b"x")
    assert os.read(read, 1) == b"x"
    os.close(read)
    os.close(write)
