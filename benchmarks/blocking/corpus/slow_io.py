"""Sockets and what is built on them, selectors, databases, and slow files."""
# What is written here is the case itself, and marks end the lines.
# ruff: noqa: E501, SIM105
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import asyncio
import fcntl
import ftplib
import http.client
import os
import poplib
import select
import selectors
import shutil
import smtplib
import socket
import sqlite3
import time
import urllib.request
import xmlrpc.client

import pytest
import requests
import urllib3

# ----------------------------------------------------------------- sockets


@pytest.fixture
def connection(slow_peer):
    """Give a connection to a server that thinks for 100 ms."""
    with socket.create_connection(slow_peer) as sock:
        yield sock


async def test_recv(connection):
    connection.sendall(b"x")
    connection.recv(1)  # <- blocks: socket.socket.recv


async def test_recv_into(connection):
    connection.sendall(b"x")
    connection.recv_into(bytearray(9))  # <- blocks: socket.socket.recv_into


async def test_makefile(connection):
    connection.sendall(b"x")
    connection.makefile("rb").readline()  # <- blocks: *readline


async def test_accept_times_out():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        try:
            server.accept()  # <- blocks: socket.socket.accept
        except TimeoutError:
            pass
        except socket.timeout:  # noqa: UP041  # another class on 3.9
            pass


async def test_connect_times_out():
    with socket.socket() as server, socket.socket() as first, socket.socket() as sock:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        others = [first]
        for _ in range(4):  # fill the backlog
            other = socket.socket()
            other.setblocking(False)
            other.connect_ex(server.getsockname())
            others.append(other)
        sock.settimeout(0.1)
        try:
            sock.connect(server.getsockname())  # <- blocks: socket.socket.connect
        except OSError:
            pass
        for other in others:
            other.close()


async def test_sendall_to_a_full_peer(after):
    ours, theirs = socket.socketpair()
    ours.settimeout(0.1)
    try:
        ours.sendall(bytes(50_000_000))  # <- blocks: socket.socket.sendall
    except OSError:
        pass
    theirs.close()
    ours.close()


async def test_name_server(after):
    with (
        socket.socket(type=socket.SOCK_DGRAM) as server,
        socket.socket(type=socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        client.bind(("127.0.0.1", 0))
        client.sendto(b"query", server.getsockname())
        after(server.sendto, b"answer", client.getsockname())
        client.recvfrom(512)  # <- blocks: socket.socket.recvfrom


async def test_name_looked_up_slowly(monkeypatch):
    def resolve(*args):
        time.sleep(0.1)  # <- blocks: time.sleep
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    socket.getaddrinfo("slow.example", 80)


# --------------------------------------------------------------- selectors


async def test_select():
    select.select([], [], [], 0.1)  # <- blocks: select.select


async def test_poll():
    poller = select.poll()
    poller.poll(100)  # <- blocks: select.poll.poll


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
async def test_epoll():
    poller = select.epoll()
    poller.poll(0.1)  # <- blocks: select.epoll.poll
    poller.close()


async def test_selector():
    with selectors.DefaultSelector() as selector:
        selector.select(0.1)  # <- blocks: selectors.*.select


async def test_select_in_a_library(slow_peer):
    with socket.create_connection(slow_peer) as sock:
        sock.sendall(b"x")
        select.select([sock], [], [])  # <- blocks: select.select


# -------------------------------------------------------------------- HTTP


async def test_requests(slow_http):
    requests.get(slow_http)  # <- blocks: requests.get


async def test_requests_session(slow_http):
    with requests.Session() as session:
        session.get(slow_http)  # <- blocks: requests.Session.get


async def test_urlopen(slow_http):
    urllib.request.urlopen(slow_http).read()  # <- blocks: urllib.request.urlopen


async def test_http_client(slow_http):
    connection = http.client.HTTPConnection(slow_http[7:-1])
    connection.request("GET", "/")
    connection.getresponse()  # <- blocks: http.client.HTTPConnection.getresponse
    connection.close()


async def test_urllib3(slow_http):
    urllib3.PoolManager().request("GET", slow_http)  # <- blocks: urllib3.*.request


async def test_xmlrpc(slow_http):
    proxy = xmlrpc.client.ServerProxy(slow_http)
    proxy.ping()  # <- blocks: xmlrpc.client.*|*proxy.ping


async def test_helper_of_ones_own_over_requests(slow_http):
    def fetch(url):
        return requests.get(url)  # <- blocks: requests.get

    fetch(slow_http)


async def test_mail(after):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def greet():
            peer, _ = server.accept()
            peer.sendall(b"221 closing\r\n")
            peer.close()

        after(greet)
        try:
            smtplib.SMTP(*server.getsockname())  # <- blocks: smtplib.SMTP*
        except smtplib.SMTPException:
            pass


async def test_post_office(after):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def greet():
            peer, _ = server.accept()
            peer.sendall(b"+OK\r\n")
            peer.close()

        after(greet)
        poplib.POP3(*server.getsockname())  # <- blocks: poplib.POP3*


async def test_ftp(after):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def greet():
            peer, _ = server.accept()
            peer.sendall(b"220 hello\r\n")
            peer.close()

        after(greet)
        host, port = server.getsockname()
        client = ftplib.FTP()
        client.connect(host, port)  # <- blocks: ftplib.FTP.connect


# --------------------------------------------------------------- databases

COUNT = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select sum(i) from n"


@pytest.fixture
def heavy(sized_before):
    """Give a query that SQLite works on for 100 ms."""
    database = sqlite3.connect(":memory:")
    return sized_before(lambda q: database.execute(q).fetchall(), make=COUNT.format)


async def test_sqlite_query(heavy):
    database = sqlite3.connect(":memory:")
    database.execute(heavy)  # <- blocks: sqlite3.Connection.execute


async def test_sqlite_cursor(heavy):
    cursor = sqlite3.connect(":memory:").cursor()
    cursor.execute(heavy)  # <- blocks: sqlite3.Cursor.execute


async def test_sqlite_script(heavy):
    database = sqlite3.connect(":memory:")
    database.executescript(f"create table t as {heavy};")  # <- blocks: sqlite3.Connection.executescript


async def test_sqlite_iteration(sized):
    query = COUNT.replace("sum(i)", "i")
    database = sqlite3.connect(":memory:", check_same_thread=False)
    text = await sized(lambda q: list(database.execute(q)), make=query.format)
    cursor = database.execute(text)
    for _ in cursor:  # <- blocks: *
        pass


async def test_sqlite_function():
    def wait():
        time.sleep(0.1)  # <- blocks: time.sleep
        return 1

    database = sqlite3.connect(":memory:")
    database.create_function("wait", 0, wait)
    database.execute("select wait()")


async def test_sqlite_locked(tmp_path, after):
    path = tmp_path / "db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("create table t (i)")
    holder.execute("begin exclusive")
    after(holder.rollback)
    database = sqlite3.connect(path)
    database.execute("select * from t")  # <- blocks: sqlite3.Connection.execute


async def test_sqlite_fetchall(sized):
    query = COUNT.replace("sum(i)", "i")
    database = sqlite3.connect(":memory:", check_same_thread=False)
    text = await sized(lambda q: database.execute(q).fetchall(), make=query.format)
    cursor = database.execute(text)
    cursor.fetchall()  # <- blocks: sqlite3.Cursor.fetchall


# ------------------------------------------------------------------- files


async def test_open_of_a_fifo(fifo, after):
    after(lambda: open(fifo, "w").close())
    open(fifo).close()  # <- blocks: builtins.open


async def test_path_read_text(fifo, after):
    after(lambda: fifo.write_text("late"))
    fifo.read_text()  # <- blocks: pathlib.Path.read_text


async def test_read_of_an_open_file(fifo, after):
    descriptor = os.open(fifo, os.O_RDWR)
    after(os.write, descriptor, b"x\n")
    with open(descriptor, closefd=True) as file:
        file.readline()  # <- blocks: *readline


async def test_lines_of_a_file(fifo, after):
    descriptor = os.open(fifo, os.O_RDWR)
    after(os.write, descriptor, b"x\n")
    with open(descriptor) as file:
        for _ in file:  # <- blocks: *
            break


async def test_os_read(after):
    read, write = os.pipe()
    after(os.write, write, b"x")
    os.read(read, 1)  # <- blocks: os.read
    os.close(read)
    os.close(write)


async def test_shutil_copy(fifo, tmp_path, after):
    descriptor = os.open(fifo, os.O_RDWR)
    after(os.close, descriptor)
    with open(fifo, "rb") as source, open(tmp_path / "copy", "wb") as target:
        shutil.copyfileobj(source, target)  # <- blocks: shutil.copyfileobj


async def test_flock(tmp_path, after):
    with open(tmp_path / "lock", "w") as holder, open(tmp_path / "lock") as file:
        fcntl.flock(holder, fcntl.LOCK_EX)
        after(fcntl.flock, holder, fcntl.LOCK_UN)
        fcntl.flock(file, fcntl.LOCK_EX)  # <- blocks: fcntl.flock


async def test_walk_of_many_files(sized, tmp_path):
    for number in range(200):
        (tmp_path / str(number)).touch()
    rounds = await sized(lambda n: [os.listdir(tmp_path) for _ in range(n)], 50)
    await asyncio.sleep(0)
    for _ in range(rounds):  # <- blocks one of: *
        os.listdir(tmp_path)  # <- blocks one of: *
