"""System calls that block, and came back at once this time; every family is on."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: E501, SIM105
# ruff: noqa: PTH107, PTH110, PTH116, PTH123, PTH208

from __future__ import annotations

import asyncio
import concurrent.futures
import fcntl
import http.client
import logging
import os
import queue
import select
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from time import sleep

import pytest
import requests

# ------------------------------------------------------------------- sleep


async def test_sleep():
    time.sleep(0.001)  # <- blocks: time.sleep


async def test_sleep_bound_at_import():
    sleep(0.001)  # <- blocks: time.sleep


async def test_sleep_swallowed():
    try:
        time.sleep(0.001)  # <- blocks: time.sleep
    except Exception:  # noqa: BLE001, S110, RUF100
        pass


async def test_sleep_in_a_task_nobody_awaits():
    async def work():
        time.sleep(0.001)  # <- blocks: time.sleep

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert task


# ----------------------------------------------------------------- network


async def test_create_connection(quick_peer):
    socket.create_connection(quick_peer).close()  # <- blocks: socket.create_connection


async def test_connect(quick_peer):
    with socket.socket() as sock:
        sock.connect(quick_peer)  # <- blocks: socket.socket.connect


@pytest.fixture
def connection(quick_peer):
    """Give a connection to a server that answers at once."""
    with socket.create_connection(quick_peer) as sock:
        yield sock


async def test_send(connection):
    connection.send(b"x")  # <- blocks: socket.socket.send


async def test_sendall(connection):
    connection.sendall(b"x")  # <- blocks: socket.socket.sendall


@pytest.fixture
def answered(connection):
    """Give a connection on which an answer waits."""
    connection.sendall(b"x")
    select.select([connection], [], [], 5)
    return connection


async def test_recv(answered):
    answered.recv(1)  # <- blocks: socket.socket.recv


async def test_recv_into(answered):
    answered.recv_into(bytearray(1))  # <- blocks: socket.socket.recv_into


async def test_makefile(answered):
    answered.makefile("rb").readline()  # <- blocks: *readline


async def test_accept():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.setblocking(False)
        client.connect_ex(server.getsockname())
        server.accept()[0].close()  # <- blocks: socket.socket.accept


async def test_select():
    select.select([], [], [], 0.001)  # <- blocks: select.select


async def test_poll():
    select.poll().poll(1)  # <- blocks: select.poll.poll


async def test_name_lookup():
    socket.getaddrinfo("localhost", 80)  # <- blocks: socket.getaddrinfo


async def test_gethostbyname():
    socket.gethostbyname("localhost")  # <- blocks: socket.gethostbyname


async def test_getfqdn():
    socket.getfqdn("localhost")  # <- blocks: socket.getfqdn


async def test_requests(quick_http):
    requests.get(quick_http)  # <- blocks: requests.get


async def test_urlopen(quick_http):
    urllib.request.urlopen(quick_http).read()  # <- blocks: urllib.request.urlopen


async def test_http_client(quick_http):
    connection = http.client.HTTPConnection(quick_http[7:-1])
    connection.request("GET", "/")  # <- blocks: http.client.HTTPConnection.request
    connection.getresponse()  # <- blocks: http.client.HTTPConnection.getresponse
    connection.close()


async def test_tls_context():
    ssl.create_default_context()  # <- blocks: ssl.create_default_context


# -------------------------------------------------------------- subprocess


async def test_subprocess_run():
    subprocess.run(["true"], check=True)  # <- blocks: subprocess.run


async def test_popen():
    process = subprocess.Popen(["true"])  # <- blocks: subprocess.Popen
    await asyncio.to_thread(process.wait)


async def test_os_system():
    os.system("true")  # <- blocks: os.system


async def test_os_popen():
    os.popen("true").close()  # <- blocks: os.popen


# ------------------------------------------------------------------- locks


async def test_lock():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire(timeout=0.01)  # <- blocks: threading.Lock.acquire


async def test_with_lock(after):
    lock = threading.Lock()
    lock.acquire()
    after(lock.release, seconds=0.015)
    with lock:  # <- blocks: threading.Lock.acquire|threading.Lock.__enter__
        pass


async def test_event():
    threading.Event().wait(0.001)  # <- blocks: threading.Event.wait


async def test_condition():
    condition = threading.Condition()
    with condition:
        condition.wait(0.001)  # <- blocks: threading.Condition.wait


async def test_queue():
    try:
        queue.Queue().get(timeout=0.001)  # <- blocks: queue.Queue.get
    except queue.Empty:
        pass


async def test_future():
    with concurrent.futures.ThreadPoolExecutor() as pool:
        job = pool.submit(time.sleep, 0.01)
        job.result()  # <- blocks: concurrent.futures.Future.result


async def test_thread_join():
    thread = threading.Thread(target=time.sleep, args=(0.03,))
    thread.start()
    thread.join()  # <- blocks: threading.Thread.join


async def test_semaphore():
    threading.Semaphore(0).acquire(timeout=0.001)  # <- blocks: threading.Semaphore.acquire


# ---------------------------------------------------------------- database


@pytest.fixture
def database(tmp_path):
    """Give a path of a small database."""
    path = tmp_path / "db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (i)")
    return path


async def test_sqlite_connect(database):
    sqlite3.connect(database).close()  # <- blocks: sqlite3.connect


@pytest.fixture
def session(database):
    """Give a connection that was opened outside of any loop."""
    connection = sqlite3.connect(database)
    yield connection
    connection.close()


async def test_sqlite_execute(session):
    session.execute("select * from t")  # <- blocks: sqlite3.Connection.execute


async def test_sqlite_cursor(session):
    cursor = session.cursor()
    cursor.execute("select * from t")  # <- blocks: sqlite3.Cursor.execute


async def test_sqlite_commit(session):
    await asyncio.sleep(0)
    session.commit()  # <- blocks: sqlite3.Connection.commit


# ------------------------------------------------------------------- files


@pytest.fixture
def text(tmp_path):
    """Give a small file."""
    path = tmp_path / "small.txt"
    path.write_text("hello\n")
    return path


async def test_open(text):
    with open(text):  # <- blocks: builtins.open
        pass


async def test_path_open(text):
    with text.open():  # <- blocks: pathlib.Path.open
        pass


async def test_read_text(text):
    text.read_text()  # <- blocks: pathlib.Path.read_text


async def test_os_open(text):
    os.close(os.open(text, os.O_RDONLY))  # <- blocks: os.open


async def test_stat(text):
    os.stat(text)  # <- blocks: os.stat


async def test_exists(text):
    os.path.exists(text)  # <- blocks: os.path.exists|genericpath.exists


async def test_path_exists(text):
    text.exists()  # <- blocks: pathlib.Path.exists


async def test_listdir(tmp_path):
    os.listdir(tmp_path)  # <- blocks: os.listdir


async def test_glob(tmp_path):
    list(tmp_path.glob("*"))  # <- blocks: pathlib.Path.glob|os.scandir|*


async def test_walk(tmp_path):
    list(os.walk(tmp_path))  # <- blocks: os.walk|os.scandir


async def test_mkdir(tmp_path):
    (tmp_path / "made").mkdir()  # <- blocks: pathlib.Path.mkdir


async def test_remove(text):
    os.remove(text)  # <- blocks: os.remove


async def test_rename(text):
    text.rename(text.with_suffix(".old"))  # <- blocks: pathlib.Path.rename


async def test_rmtree(tmp_path):
    shutil.rmtree(tmp_path)  # <- blocks: shutil.rmtree


async def test_copy(text):
    shutil.copyfile(text, text.with_suffix(".copy"))  # <- blocks: shutil.copyfile


async def test_temporary_file():
    with tempfile.NamedTemporaryFile():  # <- blocks: tempfile.NamedTemporaryFile
        pass


@pytest.fixture
def opened(text):
    """Give a file that was opened outside of any loop."""
    with text.open("r+") as file:
        yield file


async def test_read(opened):
    opened.read()  # <- blocks: io.TextIOWrapper.read


async def test_lines_of_an_open_file(opened):
    for _ in opened:  # <- blocks: io.*.read*
        pass


async def test_write_and_flush(opened):
    opened.write("hello")  # <- blocks: io.TextIOWrapper.write
    opened.flush()  # <- blocks: io.TextIOWrapper.flush


async def test_stat_of_an_entry(text):
    entries = await asyncio.to_thread(lambda: [*os.scandir(text.parent)])
    entries[0].stat()  # <- blocks: os.DirEntry.stat


async def test_logging_to_a_file(text):
    handler = await asyncio.to_thread(logging.FileHandler, text)
    logger = logging.getLogger("corpus.file")
    logger.addHandler(handler)
    logger.error("hello")  # <- blocks: logging.Logger.error
    logger.removeHandler(handler)
    await asyncio.to_thread(handler.close)


async def test_fsync(tmp_path):
    descriptor = await asyncio.to_thread(os.open, tmp_path / "new", os.O_CREAT | os.O_WRONLY)
    os.fsync(descriptor)  # <- blocks: os.fsync
    os.close(descriptor)


async def test_flock(text):
    descriptor = await asyncio.to_thread(os.open, text, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)  # <- blocks: fcntl.flock
    os.close(descriptor)


async def test_path_bound_at_import(text):
    Path(text).write_bytes(b"x")  # <- blocks: pathlib.Path.write_bytes


# ----------------------------------------------------------- input, signals


async def test_input(monkeypatch):
    read, write = os.pipe()
    os.write(write, b"yes\n")
    monkeypatch.setattr(sys, "stdin", os.fdopen(read))
    input()  # <- blocks: builtins.input
    os.close(write)


async def test_sigtimedwait():
    signal.sigtimedwait([signal.SIGUSR2], 0.001)  # <- blocks: signal.sigtimedwait
