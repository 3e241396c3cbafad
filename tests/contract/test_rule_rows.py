"""Every row of the rules table, called for real on the thread of a running loop.

A case prepares what it needs before the loop runs, and returns the call.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import getpass
import importlib.util
import io
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import queue
import select
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from by_hand import until_it_waits

from pytest_asyncbench._interception import PREDICATES, Interception
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from types import FrameType

    from pytest_asyncbench._words.promised import Rule

fcntl = pytest.importorskip("fcntl", reason="the cases are written for POSIX")

Case = Callable[[ExitStack, pathlib.Path], Callable[[], object]]

BLOCKS: dict[str, Case] = {}
HARMLESS: dict[str, Case] = {}
SPAWN = multiprocessing.get_context("spawn")
SHELL = ("/bin/sh", "-c", "exit 0")


def blocks(target: str) -> Callable[[Case], Case]:
    """Say which row this case makes a blocking call to."""
    return lambda case: BLOCKS.setdefault(target, case)


def harmless(target: str) -> Callable[[Case], Case]:
    """Say which row this case makes a call to that cannot wait."""
    return lambda case: HARMLESS.setdefault(target, case)


def on(make: Callable[[ExitStack], object], name: str, *args: object) -> Case:
    """Prepare an object; the call is one of its methods."""
    return lambda keep, tmp: functools.partial(getattr(make(keep), name), *args)


@pytest.fixture(scope="module")
def interception() -> Iterator[Interception]:
    interception = Interception(RULES, SYSTEM_CLOCK)
    undo = interception.install()
    yield interception
    undo()


@pytest.fixture
def reports(
    interception: Interception, tmp_path: pathlib.Path
) -> Iterator[Callable[[Case], list[str]]]:
    def reports_of(case: Case) -> list[str]:
        seen: list[str] = []

        def listener(
            rule: Rule, began: float, seconds: float, at: FrameType, place: object
        ) -> None:
            seen.append(rule.target)

        async def on_the_loop(call: Callable[[], object]) -> None:
            undo = interception.listen(listener, frozenset(FAMILIES))
            try:
                with contextlib.suppress(OSError):
                    keep.callback(getattr(call(), "close", int))
            finally:
                undo()

        with ExitStack() as keep:
            asyncio.run(on_the_loop(case(keep, tmp_path)))
        assert interception.failures == []
        return seen

    yield reports_of


def skip_what_is_not_here(target: str) -> None:
    package, _, rest = target.partition(".")
    if package not in sys.stdlib_module_names:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
        pytest.skip(f"{package} needs a server")
    owner: object = sys.modules[package]
    for name in rest.split("."):
        if not hasattr(owner, name):
            pytest.skip(f"{target} is not on this platform")
        owner = getattr(owner, name)


def test_nothing_of_the_standard_library_is_a_problem(interception: Interception):
    """Each row whose module is installed can be wrapped here."""
    assert interception.problems == ()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.target)
def test_row(rule: Rule, reports: Callable[[Case], list[str]]):
    """A call that can wait is reported once, a harmless one not at all."""
    skip_what_is_not_here(rule.target)
    assert rule.harmless is None or rule.harmless in PREDICATES
    assert reports(BLOCKS[rule.target]) == [rule.target]
    if rule.harmless is not None:
        assert reports(HARMLESS[rule.target]) == []


def soon(function: Callable[..., object], *args: object) -> None:
    """Have another thread call this once the calling thread waits."""
    caller, started = threading.current_thread(), threading.Event()

    def wait_and_call() -> None:
        started.wait()  # until then the caller waits for this thread
        until_it_waits(caller)
        function(*args)

    threading.Thread(target=wait_and_call, daemon=True).start()
    started.set()


# ------------------------------------------------------- sleep and network


@blocks("time.sleep")
def _(keep, tmp):
    return lambda: time.sleep(0.001)


@harmless("time.sleep")
def _(keep, tmp):
    return lambda: time.sleep(0)


def pair(keep: ExitStack) -> tuple[socket.socket, socket.socket]:
    near, far = socket.socketpair()
    near.settimeout(5)
    keep.callback(near.close)
    keep.callback(far.close)
    return near, far


def listening(keep: ExitStack) -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    keep.callback(server.close)
    return server


def client(keep: ExitStack, kind: int = socket.SOCK_STREAM) -> socket.socket:
    sock = socket.socket(socket.AF_INET, kind)
    sock.settimeout(5)
    keep.callback(sock.close)
    return sock


@blocks("socket.create_connection")
def _(keep, tmp):
    address = listening(keep).getsockname()
    return lambda: socket.create_connection(address, timeout=5)


def connecting(name: str) -> Case:
    def case(keep, tmp):
        address, sock = listening(keep).getsockname(), client(keep)
        return lambda: getattr(sock, name)(address)

    return case


def connecting_nonblocking(name: str) -> Case:
    def case(keep, tmp):
        address, sock = listening(keep).getsockname(), client(keep)
        datagram = client(keep, socket.SOCK_DGRAM)
        sock.setblocking(False)
        datagram.connect(address)

        def call() -> None:
            with contextlib.suppress(BlockingIOError):
                getattr(sock, name)(address)
            getattr(datagram, name)(address)

        return call

    return case


for name in ("connect", "connect_ex"):
    BLOCKS[f"socket.socket.{name}"] = connecting(name)
    HARMLESS[f"socket.socket.{name}"] = connecting_nonblocking(name)

OUT = {
    "send": (b"x",),
    "sendall": (b"x",),
    "sendmsg": ([b"x"],),
    "sendto": (b"x", None),
}
IN = {
    "recv": (1,),
    "recv_into": (bytearray(1),),
    "recvfrom": (1,),
    "recvfrom_into": (bytearray(1),),
    "recvmsg": (1,),
    "recvmsg_into": ([bytearray(1)],),
}


def transfer(name: str, args: tuple[object, ...], timeout: float) -> Case:
    def case(keep, tmp):
        near, far = pair(keep)
        near.settimeout(timeout)
        far.send(b"x")
        return lambda: getattr(near, name)(*args)

    return case


def sending_to(timeout: float) -> Case:
    def case(keep, tmp):
        near, _ = pair(keep)
        near.settimeout(timeout)

        def call() -> None:
            with contextlib.suppress(OSError):
                near.sendto(b"x", b"\0nobody")

        return call

    return case


for name, args in {**OUT, **IN}.items():
    BLOCKS[f"socket.socket.{name}"] = transfer(name, args, 5)
    HARMLESS[f"socket.socket.{name}"] = transfer(name, args, 0)
BLOCKS["socket.socket.sendto"] = sending_to(5)
HARMLESS["socket.socket.sendto"] = sending_to(0)


@pytest.mark.skipif(not hasattr(socket, "MSG_DONTWAIT"), reason="not on Windows")
@pytest.mark.parametrize(
    ("name", "args"),
    [
        *(("send", (b"x",)), ("sendall", (b"x",)), ("sendmsg", ([b"x"], []))),
        *(("recv", (1,)), ("recv_into", (bytearray(1), 0))),
        *(("recvfrom", (1,)), ("recvfrom_into", (bytearray(1), 0))),
        *(("recvmsg", (1, 0)), ("recvmsg_into", ([bytearray(1)], 0))),
    ],
)
def test_a_call_that_is_told_not_to_wait_is_harmless(reports, name, args):
    """The socket may block, and is asked whether somebody is still there."""
    flagged = (*args, socket.MSG_DONTWAIT)
    assert reports(transfer(name, args, 5)) == [f"socket.socket.{name}"]
    assert reports(transfer(name, flagged, 5)) == []


@blocks("socket.socket.sendfile")
def _(keep, tmp):
    near, _ = pair(keep)
    return lambda: near.sendfile(io.BytesIO(b"x"))


@harmless("socket.socket.sendfile")
def _(keep, tmp):
    near, _ = pair(keep)
    near.setblocking(False)

    def call() -> None:
        with contextlib.suppress(ValueError):
            near.sendfile(io.BytesIO(b"x"))

    return call


@blocks("socket.socket.accept")
def _(keep, tmp):
    server = listening(keep)
    client(keep).connect(server.getsockname())

    def call() -> None:
        server.accept()[0].close()

    return call


@harmless("socket.socket.accept")
def _(keep, tmp):
    server = listening(keep)
    server.setblocking(False)
    return server.accept


def tls(keep: ExitStack, *, handshake: bool = True) -> ssl.SSLSocket:
    """Give the client's end of a TLS connection that echoes."""
    near, far = pair(keep)
    ours, theirs = (
        anonymous(ssl.PROTOCOL_TLS_CLIENT),
        anonymous(ssl.PROTOCOL_TLS_SERVER),
    )

    def echo() -> None:
        with (
            contextlib.suppress(OSError),
            theirs.wrap_socket(far, server_side=True) as peer,
        ):
            peer.sendall(b"hello")
            while data := peer.recv(10):
                peer.sendall(data)

    thread = threading.Thread(target=echo)
    thread.start()
    keep.callback(thread.join)
    sock = ours.wrap_socket(near, do_handshake_on_connect=False)
    keep.callback(sock.close)
    if handshake:
        sock.do_handshake()
    return sock


def anonymous(protocol: int) -> ssl.SSLContext:
    # Ciphers without authentication need no certificate.
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    return context


TLS = {
    "read": (5,),
    "recv": (5,),
    "recv_into": (bytearray(5),),
    "write": (b"x",),
    "send": (b"x",),
    "sendall": (b"x",),
    "sendfile": (io.BytesIO(b"x"),),
    "unwrap": (),
}


def encrypted(name: str, args: tuple[object, ...], timeout: float) -> Case:
    def case(keep, tmp):
        sock = tls(keep, handshake=name != "do_handshake")
        sock.settimeout(timeout)

        def call() -> None:
            with contextlib.suppress(ValueError):  # sendfile on a non-blocking socket
                getattr(sock, name)(*args)

        return call

    return case


for name, args in {**TLS, "do_handshake": ()}.items():
    BLOCKS[f"ssl.SSLSocket.{name}"] = encrypted(name, args, 5)
    HARMLESS[f"ssl.SSLSocket.{name}"] = encrypted(name, args, 0)


def connecting_tls(name: str, timeout: float) -> Case:
    def case(keep, tmp):
        address = listening(keep).getsockname()
        context = anonymous(ssl.PROTOCOL_TLS_CLIENT)
        sock = context.wrap_socket(client(keep), do_handshake_on_connect=False)
        keep.callback(sock.close)
        sock.settimeout(timeout)
        return lambda: getattr(sock, name)(address)

    return case


for name in ("connect", "connect_ex"):
    BLOCKS[f"ssl.SSLSocket.{name}"] = connecting_tls(name, 5)
    HARMLESS[f"ssl.SSLSocket.{name}"] = connecting_tls(name, 0)


@blocks("ssl.create_default_context")
def _(keep, tmp):
    return ssl.create_default_context


for name, args in {
    "load_default_certs": (),
    "load_verify_locations": (__file__,),  # there, and no certificate
    "load_cert_chain": (__file__,),
}.items():
    BLOCKS[f"ssl.SSLContext.{name}"] = on(
        lambda keep: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), name, *args
    )


@blocks("socket.getaddrinfo")
def _(keep, tmp):
    return lambda: socket.getaddrinfo("localhost", 80)


@harmless("socket.getaddrinfo")
def _(keep, tmp):
    def call() -> None:
        for host in ("127.0.0.1", "::1", b"127.0.0.1", "", None):
            with contextlib.suppress(OSError):
                socket.getaddrinfo(host, 80)

    return call


@blocks("socket.gethostbyname")
def _(keep, tmp):
    return lambda: socket.gethostbyname("localhost")


@blocks("socket.gethostbyname_ex")
def _(keep, tmp):
    return lambda: socket.gethostbyname_ex("localhost")


@harmless("socket.gethostbyname")
def _(keep, tmp):
    return lambda: socket.gethostbyname("127.0.0.1")


@harmless("socket.gethostbyname_ex")
def _(keep, tmp):
    return lambda: socket.gethostbyname_ex("127.0.0.1")


@blocks("socket.getnameinfo")
def _(keep, tmp):
    return lambda: socket.getnameinfo(("127.0.0.1", 80), 0)


@harmless("socket.getnameinfo")
def _(keep, tmp):
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    return lambda: socket.getnameinfo(("127.0.0.1", 80), numeric)


@blocks("socket.gethostbyaddr")
def _(keep, tmp):
    return lambda: socket.gethostbyaddr("127.0.0.1")


@blocks("socket.getfqdn")
def _(keep, tmp):
    return lambda: socket.getfqdn("localhost")


@blocks("select.select")
def _(keep, tmp):
    return lambda: select.select([], [], [], 0.001)


@harmless("select.select")
def _(keep, tmp):
    return lambda: select.select([], [], [], 0)


def polling(name: str, timeout: float) -> Case:
    def case(keep, tmp):
        poller = getattr(select, name)()
        keep.callback(getattr(poller, "close", int))
        return lambda: poller.poll(timeout)

    return case


for name, timeout in {"poll": 1, "epoll": 0.001}.items():
    BLOCKS[f"select.{name}.poll"] = polling(name, timeout)
    HARMLESS[f"select.{name}.poll"] = polling(name, 0)


# -------------------------------------------------------------- subprocess


def process(keep: ExitStack, *command: str, **options: object) -> subprocess.Popen:
    started = subprocess.Popen(command or SHELL, **options)
    keep.enter_context(started)
    return started


@blocks("subprocess.Popen")
def _(keep, tmp):
    return lambda: process(keep)


for name in ("run", "call", "check_call", "check_output"):
    BLOCKS[f"subprocess.{name}"] = on(lambda keep: subprocess, name, SHELL)
for name in ("getoutput", "getstatusoutput"):
    BLOCKS[f"subprocess.{name}"] = on(lambda keep: subprocess, name, "exit 0")


@blocks("subprocess.Popen.wait")
def _(keep, tmp):
    return process(keep, "/bin/sh", "-c", "sleep 0.2").wait


@harmless("subprocess.Popen.wait")
def _(keep, tmp):
    started = process(keep)
    started.wait()
    return started.wait


@blocks("subprocess.Popen.communicate")
def _(keep, tmp):
    return process(keep, stdout=subprocess.PIPE).communicate


@harmless("subprocess.Popen.communicate")
def _(keep, tmp):
    started = process(keep)
    started.wait()
    return started.communicate


@blocks("os.system")
def _(keep, tmp):
    return lambda: os.system("exit 0")


@blocks("os.popen")
def _(keep, tmp):
    return lambda: os.popen("exit 0")


def spawning(name: str, mode: int) -> Case:
    def case(keep, tmp):
        keep.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", DeprecationWarning)  # fork beside threads
        env = [os.environ] if name.endswith("e") else []

        def call() -> None:
            pid = getattr(os, name)(mode, SHELL[0], SHELL, *env)
            if mode == os.P_NOWAIT:
                keep.callback(os.waitpid, pid, 0)

        return call

    return case


for name in ("spawnv", "spawnve", "spawnvp", "spawnvpe"):
    BLOCKS[f"os.{name}"] = spawning(name, os.P_WAIT)
    HARMLESS[f"os.{name}"] = spawning(name, os.P_NOWAIT)


def child() -> int:
    return os.posix_spawn(SHELL[0], SHELL, os.environ)


@blocks("os.posix_spawn")
def _(keep, tmp):
    return lambda: keep.callback(collect, child())


@blocks("os.posix_spawnp")
def _(keep, tmp):
    return lambda: keep.callback(collect, os.posix_spawnp(SHELL[0], SHELL, os.environ))


WAITS: dict[str, Callable[[int, int], object]] = {
    "waitpid": lambda pid, options: os.waitpid(pid, options),
    "wait3": lambda pid, options: os.wait3(options),
    "wait4": lambda pid, options: os.wait4(pid, options),
    "waitid": lambda pid, options: os.waitid(os.P_PID, pid, os.WEXITED | options),
}


def collecting(name: str, options: int) -> Case:
    def case(keep, tmp):
        pid = child()
        if options:
            # The child may or may not be over; it is collected in the end.
            keep.callback(collect, pid)
        return lambda: WAITS[name](pid, options)

    return case


def collect(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


for name in WAITS:
    BLOCKS[f"os.{name}"] = collecting(name, 0)
    HARMLESS[f"os.{name}"] = collecting(name, os.WNOHANG)


@blocks("os.wait")
def _(keep, tmp):
    child()
    return os.wait


# ------------------------------------------------------------------- locks


def contended(make: Callable[[], threading.Lock]) -> Case:
    def case(keep, tmp):
        lock, held, enough = make(), threading.Event(), threading.Event()

        def hold() -> None:
            with lock:
                held.set()
                enough.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        keep.callback(thread.join)
        held.wait()

        def call() -> None:
            soon(enough.set)
            lock.acquire()

        return call

    return case


def free(make: Callable[[], threading.Lock]) -> Case:
    def case(keep, tmp):
        lock = make()

        def call() -> None:
            with lock:
                lock.acquire(False)
            lock.acquire(timeout=1)

        return call

    return case


BLOCKS["threading.Lock.acquire"] = contended(lambda: threading.Lock())
BLOCKS["threading.RLock.acquire"] = contended(lambda: threading.RLock())
HARMLESS["threading.Lock.acquire"] = free(lambda: threading.Lock())
HARMLESS["threading.RLock.acquire"] = free(lambda: threading.RLock())


@blocks("threading.Condition.wait")
def _(keep, tmp):
    condition = threading.Condition()

    def call() -> None:
        with condition:
            condition.wait(0.01)

    return call


@harmless("threading.Condition.wait")
def _(keep, tmp):
    condition = threading.Condition()

    def call() -> None:
        with condition:
            condition.wait(timeout=0)

    return call


@blocks("threading.Event.wait")
def _(keep, tmp):
    event = threading.Event()

    def call() -> None:
        soon(event.set)
        event.wait()

    return call


@harmless("threading.Event.wait")
def _(keep, tmp):
    event = threading.Event()
    event.set()
    return event.wait


@blocks("threading.Semaphore.acquire")
def _(keep, tmp):
    semaphore = threading.Semaphore(0)

    def call() -> None:
        soon(semaphore.release)
        with semaphore:
            pass

    return call


@harmless("threading.Semaphore.acquire")
def _(keep, tmp):
    semaphore = threading.Semaphore(1)

    def call() -> None:
        semaphore.acquire()
        semaphore.acquire(blocking=False)
        semaphore.acquire(timeout=0)

    return call


@blocks("threading.Barrier.wait")
def _(keep, tmp):
    barrier = threading.Barrier(2)

    def call() -> None:
        soon(barrier.wait)
        barrier.wait()

    return call


@harmless("threading.Barrier.wait")
def _(keep, tmp):
    return threading.Barrier(1).wait


@blocks("threading.Thread.join")
def _(keep, tmp):
    enough = threading.Event()
    thread = threading.Thread(target=enough.wait)

    def call() -> None:
        thread.start()
        soon(enough.set)
        thread.join()

    return call


@harmless("threading.Thread.join")
def _(keep, tmp):
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
    return thread.join


@blocks("queue.Queue.get")
def _(keep, tmp):
    items: queue.Queue[int] = queue.Queue()

    def call() -> None:
        soon(items.put, 1)
        items.get()

    return call


@harmless("queue.Queue.get")
def _(keep, tmp):
    items: queue.Queue[int] = queue.Queue()

    def call() -> None:
        items.put(1)
        items.get()
        with contextlib.suppress(queue.Empty):
            items.get_nowait()

    return call


@blocks("queue.SimpleQueue.get")
def _(keep, tmp):
    items: queue.SimpleQueue[int] = queue.SimpleQueue()

    def call() -> None:
        soon(items.put, 1)
        items.get()

    return call


@harmless("queue.SimpleQueue.get")
def _(keep, tmp):
    items: queue.SimpleQueue[int] = queue.SimpleQueue()

    def call() -> None:
        items.put(1)
        items.get()
        with contextlib.suppress(queue.Empty):
            items.get_nowait()
        with contextlib.suppress(queue.Empty):
            items.get(timeout=0)

    return call


@blocks("queue.Queue.put")
def _(keep, tmp):
    items: queue.Queue[int] = queue.Queue(1)
    items.put(1)

    def call() -> None:
        soon(items.get)
        items.put(2)

    return call


@harmless("queue.Queue.put")
def _(keep, tmp):
    items: queue.Queue[int] = queue.Queue(1)

    def call() -> None:
        items.put(1)
        with contextlib.suppress(queue.Full):
            items.put_nowait(2)

    return call


@blocks("queue.Queue.join")
def _(keep, tmp):
    items: queue.Queue[int] = queue.Queue()
    items.put(1)

    def call() -> None:
        soon(items.task_done)
        items.join()

    return call


@harmless("queue.Queue.join")
def _(keep, tmp):
    return queue.Queue().join


def future_case(name: str) -> Case:
    def case(keep, tmp):
        future: concurrent.futures.Future[int] = concurrent.futures.Future()

        def call() -> None:
            soon(future.set_result, 1)
            getattr(future, name)()

        return call

    return case


def future_done(name: str) -> Case:
    def case(keep, tmp):
        future: concurrent.futures.Future[int] = concurrent.futures.Future()
        future.set_result(1)
        return lambda: getattr(future, name)()

    return case


for name in ("result", "exception"):
    BLOCKS[f"concurrent.futures.Future.{name}"] = future_case(name)
    HARMLESS[f"concurrent.futures.Future.{name}"] = future_done(name)


@blocks("concurrent.futures.wait")
def _(keep, tmp):
    future: concurrent.futures.Future[int] = concurrent.futures.Future()

    def call() -> None:
        soon(future.set_result, 1)
        concurrent.futures.wait([future])

    return call


@harmless("concurrent.futures.wait")
def _(keep, tmp):
    future: concurrent.futures.Future[int] = concurrent.futures.Future()
    future.set_result(1)
    return lambda: concurrent.futures.wait([future])


@blocks("concurrent.futures.ThreadPoolExecutor.shutdown")
def _(keep, tmp):
    executor = concurrent.futures.ThreadPoolExecutor(1)

    def call() -> None:
        enough = threading.Event()
        with executor:
            executor.submit(enough.wait)
            soon(enough.set)

    return call


@harmless("concurrent.futures.ThreadPoolExecutor.shutdown")
def _(keep, tmp):
    idle, left_alone = (concurrent.futures.ThreadPoolExecutor(1) for _ in range(2))
    idle.submit(int).result()
    left_alone.submit(time.sleep, 0.01)

    def call() -> None:
        idle.shutdown()
        left_alone.shutdown(wait=False)

    return call


@blocks("concurrent.futures.ProcessPoolExecutor.shutdown")
def _(keep, tmp):
    executor = concurrent.futures.ProcessPoolExecutor(1, mp_context=SPAWN)
    executor.submit(os.getpid).result()
    return executor.shutdown


@harmless("concurrent.futures.ProcessPoolExecutor.shutdown")
def _(keep, tmp):
    return concurrent.futures.ProcessPoolExecutor(1, mp_context=SPAWN).shutdown


@blocks("multiprocessing.process.BaseProcess.join")
def _(keep, tmp):
    # That time.sleep arrives there also shows that its wrapper can be pickled.
    started = SPAWN.Process(target=time.sleep, args=(0.5,))
    started.start()
    return started.join


@harmless("multiprocessing.process.BaseProcess.join")
def _(keep, tmp):
    started = SPAWN.Process(target=int)
    started.start()
    started.join()
    return started.join


@blocks("multiprocessing.queues.Queue.get")
def _(keep, tmp):
    items = SPAWN.Queue()
    keep.callback(items.join_thread)
    keep.callback(items.close)
    items.put(1)
    return items.get


@harmless("multiprocessing.queues.Queue.get")
def _(keep, tmp):
    items = SPAWN.Queue()
    keep.callback(items.close)

    def call() -> None:
        with contextlib.suppress(queue.Empty):
            items.get_nowait()

    return call


def processes_queue(keep: ExitStack, name: str, size: int) -> multiprocessing.Queue:
    items = getattr(SPAWN, name)(size)
    keep.callback(items.join_thread)
    keep.callback(items.close)
    return items


def putting(name: str) -> Case:
    def case(keep, tmp):
        items = processes_queue(keep, name, 1)
        items.put(1)

        def call() -> None:
            soon(items.get)
            items.put(2)

        return call

    return case


def putting_where_room_is(name: str) -> Case:
    def case(keep, tmp):
        items = processes_queue(keep, name, 1)

        def call() -> None:
            items.put(1)
            for args in ((False,), (True, 0)):
                with contextlib.suppress(queue.Full):
                    items.put(2, *args)

        return call

    return case


for name in ("Queue", "JoinableQueue"):
    BLOCKS[f"multiprocessing.queues.{name}.put"] = putting(name)
    HARMLESS[f"multiprocessing.queues.{name}.put"] = putting_where_room_is(name)


@blocks("multiprocessing.queues.SimpleQueue.get")
def _(keep, tmp):
    items = SPAWN.SimpleQueue()
    keep.callback(items.close)
    items.put(1)
    return items.get


def receiving(name: str, *args: object, here: bool) -> Case:
    def case(keep, tmp):
        near, far = SPAWN.Pipe()
        keep.callback(near.close)
        keep.callback(far.close)
        if here:
            far.send(1)

        def call() -> None:
            if not here:
                soon(far.send, 1)
            getattr(near, name)(*args)

        return call

    return case


RECEIVING: dict[str, tuple[object, ...]] = {
    "recv": (),
    "recv_bytes": (),
    "recv_bytes_into": (bytearray(100),),
    "poll": (None,),
}

for name, args in RECEIVING.items():
    BLOCKS[f"multiprocessing.connection.Connection.{name}"] = receiving(
        name, *args, here=False
    )
    HARMLESS[f"multiprocessing.connection.Connection.{name}"] = receiving(
        name, *args, here=True
    )


@blocks("multiprocessing.connection.wait")
def _(keep, tmp):
    near, far = map(keep.enter_context, SPAWN.Pipe())

    def call() -> None:
        soon(far.send, 1)
        multiprocessing.connection.wait([near])

    return call


@harmless("multiprocessing.connection.wait")
def _(keep, tmp):
    near, far = map(keep.enter_context, SPAWN.Pipe())

    def call() -> None:
        multiprocessing.connection.wait([near], 0)
        far.send(1)
        multiprocessing.connection.wait([near])

    return call


@blocks("multiprocessing.synchronize.Event.wait")
def _(keep, tmp):
    event = SPAWN.Event()

    def call() -> None:
        soon(event.set)
        event.wait()

    return call


@harmless("multiprocessing.synchronize.Event.wait")
def _(keep, tmp):
    event = SPAWN.Event()

    def call() -> None:
        event.wait(0)
        event.set()
        event.wait()

    return call


@blocks("multiprocessing.synchronize.Condition.wait")
def _(keep, tmp):
    condition = SPAWN.Condition()

    def call() -> None:
        with condition:
            condition.wait(0.001)

    return call


@harmless("multiprocessing.synchronize.Condition.wait")
def _(keep, tmp):
    condition = SPAWN.Condition()

    def call() -> None:
        with condition:
            condition.wait(0)

    return call


def locking_file(name: str, options: int) -> Case:
    def case(keep, tmp):
        file = keep.enter_context((tmp / "lock").open("w"))
        return lambda: getattr(fcntl, name)(file, fcntl.LOCK_EX | options)

    return case


for name in ("flock", "lockf"):
    BLOCKS[f"fcntl.{name}"] = locking_file(name, 0)
    HARMLESS[f"fcntl.{name}"] = locking_file(name, fcntl.LOCK_NB)


# ---------------------------------------------------------------- database


def database(keep: ExitStack) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    keep.callback(connection.close)
    connection.execute("create table t (x)")
    return connection


@blocks("sqlite3.connect")
def _(keep, tmp):
    return lambda: sqlite3.connect(tmp / "db")


QUERIES: dict[str, tuple[object, ...]] = {
    "execute": ("select 1",),
    "executemany": ("insert into t values (?)", [(1,), (2,)]),
    "executescript": ("select 1; select 2;",),
}

for name, args in {**QUERIES, "commit": (), "rollback": ()}.items():
    BLOCKS[f"sqlite3.Connection.{name}"] = on(database, name, *args)

for name, args in {**QUERIES, "fetchall": (), "fetchmany": (2,)}.items():
    BLOCKS[f"sqlite3.Cursor.{name}"] = on(
        lambda keep: database(keep).cursor(), name, *args
    )


@blocks("sqlite3.Connection.backup")
def _(keep, tmp):
    source, target = database(keep), database(keep)
    return lambda: source.backup(target)


# ------------------------------------------------------- input and signals


def typing_in(keep: ExitStack, text: str) -> None:
    patch = keep.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(sys, "stdin", io.StringIO(text))
    patch.setattr(sys, "stdout", io.StringIO())


@blocks("builtins.input")
def _(keep, tmp):
    typing_in(keep, "yes\n")
    return lambda: input("sure? ")


@blocks("getpass.getpass")
def _(keep, tmp):
    typing_in(keep, "secret\n")
    keep.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore", getpass.GetPassWarning)
    patch = keep.enter_context(pytest.MonkeyPatch.context())
    # Whoever runs the tests at a terminal is not to be asked.
    patch.setattr(os, "open", lambda *args: (_ for _ in ()).throw(OSError))
    return lambda: getpass.getpass(stream=io.StringIO())


def ringing(keep: ExitStack) -> None:
    """Send SIGALRM to this process again and again."""
    previous = signal.signal(signal.SIGALRM, lambda number, frame: None)
    keep.callback(signal.signal, signal.SIGALRM, previous)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    keep.callback(signal.setitimer, signal.ITIMER_REAL, 0)


def held_back(keep: ExitStack) -> set[int]:
    mask = {signal.SIGALRM}
    ringing(keep)
    signal.pthread_sigmask(signal.SIG_BLOCK, mask)
    keep.callback(signal.pthread_sigmask, signal.SIG_UNBLOCK, mask)
    return mask


@blocks("signal.pause")
def _(keep, tmp):
    ringing(keep)
    return signal.pause


@blocks("signal.sigwait")
def _(keep, tmp):
    mask = held_back(keep)
    return lambda: signal.sigwait(mask)


@blocks("signal.sigwaitinfo")
def _(keep, tmp):
    mask = held_back(keep)
    return lambda: signal.sigwaitinfo(mask)


@blocks("signal.sigtimedwait")
def _(keep, tmp):
    mask = held_back(keep)
    return lambda: signal.sigtimedwait(mask, 1)


@harmless("signal.sigtimedwait")
def _(keep, tmp):
    mask = held_back(keep)
    return lambda: signal.sigtimedwait(mask, 0)


# ------------------------------------------------------------------- files


@blocks("builtins.open")
def _(keep, tmp):
    return lambda: open(__file__)  # noqa: PTH123  # the row's own call


@harmless("builtins.open")
def _(keep, tmp):
    descriptor = os.open(__file__, os.O_RDONLY)
    return lambda: open(descriptor)  # noqa: PTH123  # the row's own call


@blocks("pathlib.Path.open")
def _(keep, tmp):
    return pathlib.Path(__file__).open


@blocks("os.open")
def _(keep, tmp):
    return lambda: keep.callback(os.close, os.open(__file__, os.O_RDONLY))


FILES: dict[str, tuple[object, ...]] = {
    "access": ("file", os.R_OK),
    "chmod": ("file", 0o600),
    "link": ("file", "new"),
    "readlink": ("link",),
    "statvfs": ("file",),
    "symlink": ("file", "new"),
    "truncate": ("file", 0),
    "utime": ("file",),
    "lstat": ("file",),
    "mkdir": ("new",),
    "remove": ("file",),
    "rename": ("file", "moved"),
    "replace": ("file", "moved"),
    "rmdir": ("folder",),
    "unlink": ("file",),
    "stat": ("file",),
    "listdir": ("folder",),
    "scandir": ("folder",),
}


def on_files(name: str) -> Case:
    def case(keep, tmp):
        (tmp / "folder").mkdir(exist_ok=True)
        (tmp / "file").touch()
        with contextlib.suppress(FileExistsError):
            (tmp / "link").symlink_to("file")
        args = [tmp / arg if isinstance(arg, str) else arg for arg in FILES[name]]
        return lambda: getattr(os, name)(*args)

    return case


def on_a_descriptor(name: str) -> Case:
    def case(keep, tmp):
        descriptor = os.open(tmp, os.O_RDONLY)
        keep.callback(os.close, descriptor)

        def call() -> object:
            # Most of them take none, and say so without waiting.
            with contextlib.suppress(TypeError, OSError):
                return getattr(os, name)(*[descriptor] * len(FILES[name]))
            return None

        return call

    return case


for name in FILES:
    BLOCKS[f"os.{name}"] = on_files(name)
    HARMLESS[f"os.{name}"] = on_a_descriptor(name)


def flushing(name: str) -> Case:
    def case(keep, tmp):
        file = keep.enter_context((tmp / "file").open("w"))
        return lambda: getattr(os, name)(file)

    return case


for name in ("fsync", "fdatasync"):
    BLOCKS[f"os.{name}"] = flushing(name)


def on_an_open_file(mode: str, buffering: int, name: str, *args: object) -> Case:
    """Open a file before the loop runs; the call is one of its methods."""

    def case(keep, tmp):
        (tmp / "file").write_text("a line")
        file = keep.enter_context((tmp / "file").open(mode, buffering))
        return lambda: getattr(file, name)(*args) and None

    return case


for kind, mode, buffering, text in (
    ("TextIOWrapper", "r+", -1, "text"),
    ("BufferedReader", "rb", -1, b"text"),
    ("BufferedWriter", "wb", -1, b"text"),
    ("BufferedRandom", "r+b", -1, b"text"),
    ("FileIO", "r+b", 0, b"text"),
):
    for name, args in {
        "read": (),
        "readline": (),
        "readall": (),
        "readinto": (bytearray(4),),
        "write": (text,),
        "flush": (),
    }.items():
        BLOCKS[f"io.{kind}.{name}"] = on_an_open_file(mode, buffering, name, *args)


@blocks("os.DirEntry.stat")
def _(keep, tmp):
    (tmp / "file").touch()
    with os.scandir(tmp) as entries:
        entry = next(entries)
    return lambda: entry.stat() and None
