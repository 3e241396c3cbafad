"""Interception: which calls are told of, and that nothing of it stays behind."""

from __future__ import annotations

import asyncio
import builtins
import concurrent.futures
import contextlib
import copy
import gettext
import importlib
import importlib.metadata
import inspect
import logging
import mimetypes
import multiprocessing.pool
import os
import pathlib
import pickle
import pkgutil
import queue
import select
import selectors
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import types
import warnings
import weakref
import zoneinfo
from contextlib import ExitStack

import freezegun
import pytest
from by_hand import until, until_it_waits

from pytest_asyncbench._interception import PREDICATES, Interception
from pytest_asyncbench._interception.predicates import threads
from pytest_asyncbench._python.frames import current_frames
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.promised import Rule

ALL = frozenset(FAMILIES)
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Ticks:
    """A clock that advances by one second each time it is read."""

    def __init__(self):
        self.reads = 0

    def now(self):
        self.reads += 1
        return float(self.reads)


class Ear:
    """A listener that remembers."""

    def __init__(self):
        self.heard = []

    def __call__(self, rule, began, seconds, frame, place):
        self.heard.append((rule.target, began, seconds, frame.f_code.co_name))

    @property
    def targets(self):
        return [target for target, *_ in self.heard]


@pytest.fixture
def patches():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def interception(patches):
    interception = Interception(RULES, SYSTEM_CLOCK)
    patches.callback(interception.install())
    yield interception
    assert interception.failures == []


@pytest.fixture
def ear(interception, patches):
    ear = Ear()
    patches.callback(interception.listen(ear, ALL - {"files"}))
    return ear


def on_loop(function, *args):
    """Call a function on the thread of a running loop."""

    async def main():
        return function(*args)

    return asyncio.run(main())


def rule(target, **fields):
    return Rule(target=target, family="sleep", advice="wait", **fields)


def module(name, source, patches):
    """Make a module of this source that others can import."""
    made = types.ModuleType(name)
    sys.modules[name] = made
    patches.callback(sys.modules.pop, name)
    exec(source, vars(made))
    return made


# --------------------------------------------------------- what is reported


def test_a_call_on_the_loop_is_told_with_its_caller_and_time(patches):
    """A report has the rule, the clock's figures and the caller's frame."""
    interception, ear = Interception([rule("time.sleep")], Ticks()), Ear()
    patches.callback(interception.install())
    patches.callback(interception.listen(ear, ALL))

    def price_of():
        time.sleep(0.001)

    on_loop(price_of)
    # The clock is also read as we begin to work for the call, which is not the call's.
    assert ear.heard == [("time.sleep", 2.0, 1.0, "price_of")]


def test_nothing_is_told_without_a_running_loop(ear):
    """The same call in plain code is nobody's business."""
    time.sleep(0.001)
    assert ear.targets == []


def test_nothing_is_told_of_other_threads(ear):
    """Code that offloads its blocking calls is never reported."""

    async def main():
        await asyncio.to_thread(time.sleep, 0.001)
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", ""])
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)

    asyncio.run(main())
    assert ear.targets == []


def test_loops_in_several_threads_are_watched_alike(ear):
    """Whose thread runs a loop is reported, each on its own."""
    threads = [
        threading.Thread(target=on_loop, args=(time.sleep, 0.001)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ear.targets == ["time.sleep"] * 3


def test_only_families_that_are_listened_to_count(interception, patches):
    """A family that was not asked for stays silent, and what is in it counts itself."""
    ear = Ear()
    patches.callback(interception.listen(ear, frozenset({"sleep"})))

    def work():
        time.sleep(0.001)
        subprocess.run([sys.executable, "-c", ""], check=True)

    on_loop(work)
    assert ear.targets == ["time.sleep"]


def test_only_the_outermost_known_call_is_told(ear):
    """subprocess.run is one report, and not one for each thing that it does."""
    on_loop(lambda: subprocess.run([sys.executable, "-c", ""], timeout=30))
    assert ear.targets == ["subprocess.run"]


def test_a_call_that_raises_is_told(ear):
    """An exception passes unchanged and the call counts."""
    with pytest.raises(subprocess.CalledProcessError):
        on_loop(subprocess.check_call, [sys.executable, "-c", "exit(1)"])
    assert ear.targets == ["subprocess.check_call"]
    on_loop(time.sleep, 0.001)
    assert ear.targets[1:] == ["time.sleep"]


@pytest.mark.parametrize(
    ("error", "owner", "name", "args"),
    [
        (FileNotFoundError, os, "stat", ["not here"]),
        (FileNotFoundError, builtins, "open", ["not here"]),
        (FileNotFoundError, ssl.SSLContext, "load_cert_chain", [CONTEXT, "not here"]),
        (FileNotFoundError, pathlib.Path, "open", [pathlib.Path("not here")]),
        (FileNotFoundError, subprocess, "run", [["/not/here"]]),
        (FileNotFoundError, subprocess, "check_output", [["/not/here"]]),
        (ValueError, socket, "create_connection", [("localhost",)]),
        (TypeError, subprocess, "run", [7]),
        (TypeError, socket, "getaddrinfo", ["localhost"]),
        (ValueError, time, "sleep", [float("nan")]),
    ],
)
def test_a_call_that_fails_before_it_waits_for_anybody_is_not_told(
    interception, patches, error, owner, name, args
):
    """A file that is not there and a wrong argument are answered at once."""
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    with pytest.raises(error):
        on_loop(getattr(owner, name), *args)
    assert ear.targets == []


def test_a_call_that_somebody_refused_is_told(ear):
    """Whoever refuses a connection was asked first, and could have been slow."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    with pytest.raises(ConnectionRefusedError):
        on_loop(socket.create_connection, address)
    assert ear.targets == ["socket.create_connection"]


def test_an_answer_that_can_not_be_read_is_told(ear):
    """It is a wrong value, but it has been waited for."""
    program = [sys.executable, "-c", "import os; os.write(1, b'\\xff')"]
    with pytest.raises(UnicodeDecodeError):
        on_loop(lambda: subprocess.run(program, stdout=-1, encoding="utf-8"))
    assert ear.targets == ["subprocess.run"]


def test_an_error_of_the_job_that_was_waited_for_is_told(ear, patches):
    """It passes through the call, which had to wait for it."""
    pool = patches.enter_context(concurrent.futures.ThreadPoolExecutor(1))

    caller = threading.current_thread()

    def job():
        until_it_waits(caller)
        return int("no number")

    with pytest.raises(ValueError, match="no number"):
        on_loop(lambda: pool.submit(job).result())
    assert ear.targets == ["concurrent.futures.Future.result"]


def test_an_error_that_a_callback_of_the_users_raised_is_told(
    interception, patches, tmp_path
):
    """What its code waited for before is not known to us."""
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))

    def opener(path, flags):
        raise FileNotFoundError

    with pytest.raises(FileNotFoundError):
        on_loop(lambda: open(tmp_path / "log", opener=opener))  # noqa: SIM115
    assert ear.targets == ["builtins.open"]


def test_http_libraries_are_seen_by_their_sockets(ear):
    """A synchronous HTTP request is reported, whatever library makes it."""
    http_server, urllib_request = (
        pytest.importorskip(name) for name in ("http.server", "urllib.request")
    )

    class Quiet(http_server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802  # the name that http.server looks for
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with http_server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        on_loop(lambda: urllib_request.urlopen(url).close())
        server.shutdown()
    assert ear.targets[0] == "socket.create_connection"
    assert set(ear.targets[1:]) <= {"socket.socket.sendall", "socket.socket.recv_into"}


def test_waiting_generators_are_told_where_they_wait(ear):
    """wait_for and as_completed count only if they wait."""
    done = concurrent.futures.Future()
    done.set_result(1)

    def nothing_to_wait_for():
        list(concurrent.futures.as_completed([done]))
        condition = threading.Condition()
        with condition:
            condition.wait_for(lambda: True)

    def something_to_wait_for():
        condition = threading.Condition()
        with condition:
            condition.wait_for(lambda: False, timeout=0.001)

    on_loop(nothing_to_wait_for)
    assert ear.targets == []
    on_loop(something_to_wait_for)
    assert set(ear.targets) == {"threading.Condition.wait"}


def test_a_pool_is_told_by_what_it_waits_with(ear, patches):
    """The results and the workers of multiprocessing's pools need no rows."""
    pool = patches.enter_context(multiprocessing.pool.ThreadPool(1))
    caller = threading.current_thread()
    on_loop(pool.map, until_it_waits, [caller])
    on_loop(pool.apply_async(until_it_waits, [caller]).get)
    assert ear.targets == ["threading.Event.wait"] * 2
    result = pool.apply_async(int)
    result.wait()
    on_loop(result.get)
    assert ear.targets[2:] == []


def test_uvloop_is_a_loop(ear):
    """Whatever runs the loop, its thread is known."""
    uvloop = pytest.importorskip("uvloop")

    async def main():
        time.sleep(0.001)
        await asyncio.to_thread(time.sleep, 0.001)

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(main())
        assert ear.targets == ["time.sleep"]
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def ends_its_executor():
    """uvloop waits in C for a thread that has told it of its end."""
    uvloop = pytest.importorskip("uvloop")
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.to_thread(int))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


JOIN = threading.Thread.join.__code__


def is_waited_for(thread):
    """Tell whether somebody waits for its end, for as long as it takes."""
    for frame in current_frames().values():
        while frame is not None:
            if frame.f_code is JOIN and frame.f_locals.get("self") is thread:
                return frame.f_locals["timeout"] is None
            frame = frame.f_back
    return False


@pytest.fixture
def late_threads(monkeypatch):
    """Let each thread end when it is waited for, and no sooner."""
    run = threading.Thread.run

    def run_and_rest(self):
        run(self)
        until(lambda: is_waited_for(self))

    monkeypatch.setattr(threading.Thread, "run", run_and_rest)


def calls_at_its_end(interception):
    """Tell of uvloop's end of its executor."""
    watch = Watch(SYSTEM_CLOCK, threshold=10.0, interception=interception, families=ALL)
    watch.start()
    try:
        ends_its_executor()
    finally:
        watch.stop()
    return watch.known.since(0)


def test_uvloop_may_end_its_executor(interception, late_threads):
    """An allowance holds for a caller that has no frame, as it is written in C."""
    assert calls_at_its_end(interception) == []


def test_a_call_from_a_coroutine_in_c_is_told_by_that(patches, late_threads):
    """There is no frame of it on any stack."""
    interception = Interception([rule("threading.Thread.join")], SYSTEM_CLOCK)
    patches.callback(interception.install())
    ((frame,),) = (call.stack for call in calls_at_its_end(interception))
    assert frame.qualified == "uvloop.loop.Loop.shutdown_default_executor"


# ------------------------------------------------------- what is not reported


def test_asyncio_itself_is_never_told(ear):
    """Subprocesses, servers, executors and signals of asyncio's own go unreported."""

    async def echo(reader, writer):
        writer.write(await reader.read(10))
        await writer.drain()
        writer.close()

    async def main():
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        await process.wait()
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"hello")
            assert await reader.read(10) == b"hello"
            writer.close()
        await asyncio.to_thread(int)
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(main(), debug=True)
    assert ear.targets == []


def test_handing_work_to_threads_is_never_told(ear):
    """Starting threads, filling queues and ending idle executors is no wait."""

    async def main():
        loop = asyncio.get_running_loop()
        threading.Thread(target=int).start()
        queue.Queue().put(1)
        for _ in range(20):
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                await asyncio.gather(
                    *(loop.run_in_executor(pool, time.sleep, 0.001) for _ in range(3))
                )

    asyncio.run(main())
    assert ear.targets == []


def test_an_import_is_never_told(ear, tmp_path, patches):
    """What a module does when it is imported is not the test's blocking."""
    (tmp_path / "slow_to_import.py").write_text("import time; time.sleep(0.001)")
    patch = patches.enter_context(pytest.MonkeyPatch.context())
    patch.syspath_prepend(str(tmp_path))
    on_loop(__import__, "slow_to_import")
    assert ear.targets == []


@pytest.mark.parametrize(
    "name", ["logging", "linecache", "_pytest.tmpdir", "traceback"]
)
def test_the_workshop_is_never_told(name, ear, patches):
    """Logging, tracebacks and pytest's own work count for nobody, when near."""
    source = "import time\ndef wait(): time.sleep(0.001)"
    made = types.ModuleType(name)
    exec(source, vars(made))
    on_loop(made.wait)
    assert ear.targets == []


def test_another_detectors_wrapper_calls_for_whom_it_was_called_by(ear):
    """So what linecache looks up through it counts no more than without."""
    detector = types.ModuleType("blockbuster.blockbuster")
    exec("def wrapper(function, *args): return function(*args)", vars(detector))
    look = "def look(wrapper, wait): wrapper(wait, 0.001)"
    for name in ("linecache", "shop"):
        caller = types.ModuleType(name)
        exec(look, vars(caller))
        on_loop(caller.look, detector.wrapper, time.sleep)
    assert ear.targets == ["time.sleep"], "only the shop's"


LOOKING_UP = {
    "inspect.getsource": lambda: inspect.getsource(Ear),
    "inspect.stack": inspect.stack,
    "pkgutil.iter_modules": lambda: list(pkgutil.iter_modules()),
    "importlib.metadata": lambda: importlib.metadata.version("pytest"),
    "mimetypes.init": mimetypes.init,
    "gettext.gettext": lambda: gettext.gettext("usage: "),
    "zoneinfo": zoneinfo.available_timezones,
    "warnings": lambda: warnings.formatwarning("!", UserWarning, __file__, 1),
}


@pytest.mark.parametrize("look_up", LOOKING_UP.values(), ids=LOOKING_UP)
def test_what_the_standard_library_looks_up_is_never_told(
    look_up, interception, patches
):
    """Source, modules, types and time zones are tables and not the caller's files."""
    patch = patches.enter_context(pytest.MonkeyPatch.context())
    patch.setenv("LANGUAGE", "de_DE")
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    on_loop(look_up)
    assert ear.targets == []


@pytest.mark.parametrize("name", ["pdb", "bdb", "_pydevd_bundle.x", "debugpy.server"])
def test_what_a_debugger_does_is_never_told(name, ear):
    """A debugger's helpers count no more than itself."""
    debugger = types.ModuleType(name)
    exec("def interaction(helper): helper()", vars(debugger))
    on_loop(debugger.interaction, lambda: time.sleep(0.001))
    assert ear.targets == []


def test_a_log_record_to_a_slow_file_is_never_told(ear, tmp_path, patches):
    """A handler that opens its file late is logging's own work."""
    handler = logging.FileHandler(tmp_path / "log", delay=True)
    patches.callback(handler.close)
    on_loop(handler.handle, logging.makeLogRecord({"msg": "hello"}))
    assert ear.targets == []


def test_callers_of_a_row_may_be_allowed(patches):
    """A glob is matched with the nearest callers, up to the first foreign one."""
    allowed = {"shop.licence": "is read once"}
    interception = Interception([rule("time.sleep", allowed=allowed)], SYSTEM_CLOCK)
    patches.callback(interception.install())
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    shop = module(
        "shop",
        "import time\n"
        "def licence(): time.sleep(0.001)\n"
        "def price(): time.sleep(0.001)\n"
        "def further(helper): helper()",
        patches,
    )
    on_loop(shop.licence)
    assert ear.targets == []
    on_loop(shop.price)
    on_loop(shop.further, lambda: time.sleep(0.001))
    assert ear.targets == ["time.sleep"] * 2


class Late:
    """A thread that ends at its third moment, if it is given so many."""

    native_id = 7

    def __init__(self):
        self.moments = 0

    def is_alive(self):
        return self.moments < 3

    def join(self, timeout):
        assert timeout == 2 * sys.getswitchinterval()
        self.moments += 1


@pytest.fixture
def late(monkeypatch):
    """A thread that does nothing but wait for a processor."""
    thread = Late()
    monkeypatch.setattr(threads, "is_ready", lambda native: True)
    monkeypatch.setattr(type(SYSTEM_CLOCK), "working", lambda self, native: 1.0)
    return thread


@pytest.mark.parametrize("args", [(), (None,), (300,)])
def test_a_thread_that_only_lacks_a_processor_to_end_is_not_told(late, args):
    """Whoever asks for its end waits for nobody, and has patience enough for it."""
    assert PREDICATES["thread_over"]((late, *args), {})


def test_a_thread_that_works_or_waits_before_its_end_is_told(late, monkeypatch):
    """That is what takes the time."""
    clock = iter((1.0, 1.001, 5.0))
    monkeypatch.setattr(type(SYSTEM_CLOCK), "working", lambda *of: next(clock))
    assert not PREDICATES["thread_over"]((late,), {})
    assert late.moments == 2
    monkeypatch.setattr(threads, "is_ready", lambda native: False)
    late.moments = 0
    monkeypatch.setattr(type(SYSTEM_CLOCK), "working", lambda *of: 1.0)
    assert not PREDICATES["thread_over"]((late,), {})
    assert late.moments == 1


def test_a_thread_that_a_library_ends_by_itself_is_not_told(late, monkeypatch):
    """grpc.aio joins its poller from C, at whatever line its last object goes."""
    monkeypatch.setattr(threads, "is_ready", lambda native: False)

    def poll():
        """Stand for what grpc's thread runs."""

    late._target = poll
    assert not PREDICATES["thread_over"]((late,), {})
    poll.__module__ = "grpc._cython.cygrpc"
    assert PREDICATES["thread_over"]((late,), {})


def test_a_short_wait_for_a_thread_is_made_no_longer(late):
    """Its moment would double that."""
    assert not PREDICATES["thread_over"]((late, 0.01), {})
    assert late.moments == 0


def test_a_line_is_allowed_for_some_of_its_callers_and_not_for_others(patches):
    """What is remembered of a place is of its whole stack."""
    allowed = {"shop.licence": "is read once"}
    interception = Interception([rule("time.sleep", allowed=allowed)], SYSTEM_CLOCK)
    patches.callback(interception.install())
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    scope = {"__name__": "json", "time": time}
    exec("def read(): time.sleep(0.001)", scope)  # passes for the standard library's
    shop = module(
        "shop",
        "def licence(): read()\n"
        "def price(): read()\n"
        "def all_of_them():\n"
        "    for each in (licence, price, licence, price, licence):\n"
        "        each()",
        patches,
    )
    shop.read = scope["read"]
    on_loop(shop.all_of_them)
    assert ear.targets == ["time.sleep"] * 2


def test_a_lock_that_is_free_in_a_moment_is_not_told():
    """To catch another thread in the act is no wait worth a report."""

    class Busy:
        """A lock that another thread holds for a few instructions more."""

        asked, held = (), False

        def _acquire(self, blocking, timeout=-1):
            self.asked += ((blocking, timeout),)
            self.held = blocking
            return blocking

        def release(self):
            self.held = False

    lock = Busy()
    assert PREDICATES["free_lock"]((lock, True, -1), {})
    assert not lock.held
    assert lock.asked == ((False, -1), (True, 2 * sys.getswitchinterval()))
    assert not PREDICATES["free_lock"]((lock, True, 5), {}), "its time is its own"


def test_aiosqlite_is_never_told(ear):
    """A database in a worker thread is the cure and not the disease."""
    aiosqlite = pytest.importorskip("aiosqlite")

    async def main():
        async with aiosqlite.connect(":memory:") as db:
            await (await db.execute("select 1")).fetchall()

    asyncio.run(main())
    assert ear.targets == []


# ------------------------------------------------------------ our own faults


def test_a_failing_listener_is_remembered_and_the_call_stands(patches):
    """Nothing of ours is raised into the user's code."""
    interception = Interception([rule("time.sleep")], SYSTEM_CLOCK)
    patches.callback(interception.install())
    patches.callback(interception.listen(lambda *args: 1 / 0, ALL))
    assert on_loop(time.sleep, 0.001) is None
    assert len(interception.failures) == 1
    assert "time.sleep could not be recorded: ZeroDiv" in interception.failures[0].text


def test_a_failing_predicate_is_remembered_and_the_call_goes_unwatched(patches):
    """What cannot be asked is not guessed at."""
    patches.enter_context(pytest.MonkeyPatch.context()).setitem(
        PREDICATES, "broken", lambda args, kwargs: 1 / 0
    )
    interception = Interception([rule("time.sleep", harmless="broken")], SYSTEM_CLOCK)
    patches.callback(interception.install())
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    on_loop(time.sleep, 0.001)
    on_loop(time.sleep, 0.001)
    assert ear.targets == []
    assert len(interception.failures) == 1
    assert "'time.sleep' could not be asked: ZeroDiv" in interception.failures[0].text


@pytest.mark.parametrize("seconds", [0, 1e-9], ids=["harmless", "told"])
def test_at_the_limit_of_recursion_we_stand_aside(interception, patches, seconds):
    """There is no room for us beside such a call: nothing of ours failed for it."""
    told = []

    def listener(rule, began, seconds, frame, place):
        told.append((lambda: (lambda: rule.target)())())

    patches.callback(interception.listen(listener, ALL))

    def deeper():
        time.sleep(seconds)
        deeper()

    with pytest.raises(RecursionError):
        on_loop(deeper)
    assert interception.failures == []
    told.clear()
    on_loop(time.sleep, 0.001)
    assert told == ["time.sleep"], "none of those calls is still in progress"


@pytest.mark.parametrize("seconds", [0, 1e-9], ids=["harmless", "told"])
def test_at_the_limit_of_recursion_the_call_is_made(interception, patches, seconds):
    """We need room for the wrapper and what it calls; without more we only pass on."""

    def depth():
        reached = 0

        def deeper():
            nonlocal reached
            time.sleep(seconds)
            reached += 1
            deeper()

        with contextlib.suppress(RecursionError):
            on_loop(deeper)
        return reached

    alone = depth()
    patches.callback(interception.listen(lambda *told: None, ALL))
    room = 3 if sys.version_info < (3, 11) else 2  # 3.10 counts C's own call, too
    assert alone - room <= depth() <= alone


def test_wrong_arguments_are_the_callers_own_fault(interception, ear):
    """A TypeError that the call raises itself is no failure of ours."""
    for args in [(), ("soon",)]:
        with pytest.raises(TypeError):
            on_loop(time.sleep, *args)
    assert interception.failures == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("time.slep", "no such name in module time"),
        ("socket.socket.recieve", "no such name in class socket.socket"),
        ("socket.sockett.recv", "there is no socket.sockett here"),
        # There to be found, and not to be imported here.
        ("asyncio.windows_events.IocpProactor.select", "there is no asyncio.windows"),
        ("asyncio.sleep", "a coroutine function does not block"),
        ("os.sep", "this is not callable"),
        ("collections.deque.append", "its type is written in C"),
    ],
)
def test_a_target_that_cannot_be_wrapped_is_a_problem(target, reason, patches):
    """One clear sentence for each, and the rest works."""
    interception = Interception([rule(target), rule("time.sleep")], SYSTEM_CLOCK)
    patches.callback(interception.install())
    (problem,) = interception.problems
    assert problem.text.startswith(f"rule {target!r}: ")
    assert reason in problem.text
    ear = Ear()
    patches.callback(interception.listen(ear, ALL))
    on_loop(time.sleep, 0.001)
    assert ear.targets == ["time.sleep"]


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("time.slep", "absent"),
        ("socket.sockett.recv", "absent"),
        ("asyncio.sleep", "unwrappable"),
        ("collections.deque.append", "unwrappable"),
    ],
)
def test_what_is_not_there_at_all_is_told_apart(target, kind, patches):
    """That is a mistake in the row; the rest may be so on this interpreter only."""
    interception = Interception([rule(target)], SYSTEM_CLOCK)
    patches.callback(interception.install())
    (problem,) = interception.problems
    assert (problem.kind, problem.target) == (kind, target)


def test_a_module_that_this_python_was_built_without_is_no_mistake(
    monkeypatch, patches
):
    """A row names it for those who have it."""
    monkeypatch.setattr(sys, "stdlib_module_names", {*sys.stdlib_module_names, "wnreg"})
    interception = Interception([rule("wnreg.query")], SYSTEM_CLOCK)
    patches.callback(interception.install())
    (problem,) = interception.problems
    assert problem.kind == "unwrappable"
    assert problem.text == "rule 'wnreg.query': no module named wnreg"


def test_one_listens_at_a_time(interception, ear):
    """A second listener is refused, and may come when the first has gone."""
    with pytest.raises(RuntimeError, match="listening already"):
        interception.listen(Ear(), ALL)


def test_it_is_installed_once(interception):
    """To install twice is a mistake of the caller's."""
    with pytest.raises(RuntimeError, match="already installed"):
        interception.install()


# ------------------------------------------------------------------ aliases


def test_a_name_that_a_module_took_is_watched(patches):
    """``from time import sleep`` is seen, and is given back."""
    user = module("user_before", "from time import sleep", patches)
    original = time.sleep
    interception, ear = Interception(RULES, SYSTEM_CLOCK), Ear()
    undo = interception.install()
    patches.callback(undo)
    with contextlib.closing(ExitStack()) as listening:
        listening.callback(interception.listen(ear, ALL))
        on_loop(user.sleep, 0.001)
    assert ear.targets == ["time.sleep"]
    undo()
    assert user.sleep is original


def test_a_name_that_was_taken_while_installed_is_given_back(patches):
    """A module that is imported meanwhile keeps nothing of ours."""
    original = time.sleep
    undo = Interception(RULES, SYSTEM_CLOCK).install()
    patches.callback(undo)
    user = module("user_after", "from time import sleep", patches)
    assert user.sleep is not original
    undo()
    assert user.sleep is original


def test_our_own_names_and_hidden_modules_are_left_alone(interception):
    """The modules that the import system works with keep their functions."""
    import posix

    assert isinstance(posix.stat, types.BuiltinFunctionType)


def test_a_lazy_module_is_not_loaded(patches):
    """Looking for aliases runs no foreign code."""

    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise AssertionError("looked at")

    sys.modules["lazy_one"] = Lazy("lazy_one")
    patches.callback(sys.modules.pop, "lazy_one")
    Interception(RULES, SYSTEM_CLOCK).install()()


def test_what_only_claims_to_be_a_module_is_passed_over(patches):
    """As cffi's libraries do, which have no namespace."""

    class Claims:
        __slots__ = ()
        __class__ = types.ModuleType

    sys.modules["claims_one"] = Claims()
    patches.callback(sys.modules.pop, "claims_one")
    Interception(RULES, SYSTEM_CLOCK).install()()


def test_a_foreign_module_is_wrapped_once_it_is_imported(patches):
    """A row for a package that comes later is waiting for it."""
    interception, ear = Interception([rule("later_db.connect")], SYSTEM_CLOCK), Ear()
    undo = interception.install()
    patches.callback(undo)
    assert interception.problems == ()
    made = module("later_db", "def connect(): return 'connected'", patches)
    original = made.connect
    patches.callback(interception.listen(ear, ALL))
    assert on_loop(made.connect) == "connected"
    assert ear.targets == ["later_db.connect"]
    undo()
    assert made.connect is original


@pytest.fixture
def later_shop(tmp_path, patches):
    """A package that is imported, with a module that is not."""
    (tmp_path / "later_shop").mkdir()
    (tmp_path / "later_shop" / "__init__.py").touch()
    (tmp_path / "later_shop" / "db.py").write_text("def query(): return 'rows'\n")
    sys.path.insert(0, str(tmp_path))
    patches.callback(sys.path.remove, str(tmp_path))
    for name in ("later_shop", "later_shop.db"):
        patches.callback(sys.modules.pop, name, None)
    importlib.invalidate_caches()
    return importlib.import_module("later_shop")


def test_a_module_that_comes_later_than_its_package_is_waited_for(later_shop, patches):
    """Nobody imports it for the row's sake; it is watched when it is there."""
    row = rule("later_shop.db.query")
    interception, ear = Interception([row], SYSTEM_CLOCK), Ear()
    patches.callback(interception.install())
    interception.listen(ear, ALL)()
    assert interception.problems == ()
    assert "later_shop.db" not in sys.modules
    made = importlib.import_module("later_shop.db")
    patches.callback(interception.listen(ear, ALL))
    assert on_loop(made.query) == "rows"
    assert ear.targets == ["later_shop.db.query"]


def test_a_module_that_its_package_does_not_have_is_a_problem(later_shop, patches):
    """Nothing would ever come; so it is for a class that is not there."""
    rows = [rule("later_shop.bd.query"), rule("later_shop.Client.query")]
    interception = Interception(rows, SYSTEM_CLOCK)
    patches.callback(interception.install())
    assert [problem.text for problem in interception.problems] == [
        "rule 'later_shop.bd.query': there is no later_shop.bd here",
        "rule 'later_shop.Client.query': there is no later_shop.Client here",
    ]


def test_while_a_row_waits_no_module_is_gone_through(later_shop, patches):
    """That takes milliseconds, and each watched test would pay them."""
    rows = [rule("time.sleep"), rule("later_shop.db.query")]
    original = time.sleep
    interception = Interception(rows, SYSTEM_CLOCK)
    patches.callback(interception.install())
    user = module("user_of_the_raw_one", "", patches)
    user.sleep = original
    patches.callback(interception.listen(Ear(), ALL))
    assert user.sleep is original


# -------------------------------------------------- wrappers that don't show


def test_a_builtin_does_not_begin_to_bind(ear):
    """``class Backoff: sleep = time.sleep`` works as before."""

    class Backoff:
        sleep = time.sleep

    on_loop(lambda: Backoff().sleep(0.001))
    assert ear.targets == ["time.sleep"]


def test_a_builtin_nobody_listens_to_is_called_past_the_wrapper(interception):
    """No frame stands between caller and callee, be it for the family or for all."""
    between = []

    class Path:
        def __fspath__(self):
            between.append(sys._getframe(1).f_code is not use.__code__)
            return __file__

    def use():
        os.stat(Path())  # noqa: PTH116  # the wrapper that is asked about

    def listening_to(families):
        undo = interception.listen(Ear(), families)
        use()
        undo()

    use()
    listening_to(ALL - {"files"})
    listening_to(ALL)
    use()
    assert between == [False, False, True, False]


@pytest.mark.parametrize("name", ["time.sleep", "os.stat", "subprocess.run"])
def test_what_is_wrapped_can_be_pickled(name, interception):
    """A wrapper arrives in another process as the original."""
    module_name, _, attribute = name.rpartition(".")
    wrapper = getattr(sys.modules[module_name], attribute)
    assert hasattr(wrapper, "__wrapped__")
    assert pickle.loads(pickle.dumps(wrapper)) is wrapper
    assert copy.deepcopy(wrapper) is wrapper
    assert weakref.ref(wrapper)() is wrapper


@pytest.mark.parametrize("name", ["Lock", "RLock", "Event"])
def test_a_kind_of_lock_arrives_in_another_process_as_it_is_there(name, interception):
    """multiprocessing's managers are started with such a kind."""
    pickled = pickle.dumps(getattr(threading, name))
    script = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    there = subprocess.run(
        [sys.executable, "-c", script], input=pickled, capture_output=True, check=True
    )
    assert name.lower() in there.stdout.decode().lower()


def test_wrappers_look_like_what_they_wrap(interception):
    """Name, documentation and signature stay."""
    assert time.sleep.__name__ == "sleep"
    assert time.sleep.__module__ == "time"
    assert "Delay execution" in time.sleep.__doc__ or "seconds" in time.sleep.__doc__
    assert repr(time.sleep) == "<built-in function sleep>"
    assert str(inspect.signature(open)).startswith("(file, mode='r'")
    wrapped = inspect.unwrap(subprocess.run)
    assert inspect.signature(subprocess.run) == inspect.signature(wrapped)
    assert socket.socket.recv.__name__ == "recv"
    assert socket.socket.recv.__module__ == "socket"


def test_static_and_class_methods_stay_what_they_are(patches):
    """A user's row may name any kind of method."""
    made = module(
        "user_client",
        "class Client:\n"
        "    @staticmethod\n"
        "    def ping(x): return x\n"
        "    @classmethod\n"
        "    def make(cls): return cls\n"
        "    def __init__(self, x=1): self.x = x\n"
        "class Special(Client): pass",
        patches,
    )
    targets = [
        f"user_client.{name}" for name in ("Client.ping", "Client.make", "Client")
    ]
    interception, ear = Interception(map(rule, targets), SYSTEM_CLOCK), Ear()
    patches.callback(interception.install())
    patches.callback(interception.listen(ear, ALL))

    def use():
        return made.Client.ping(2), made.Special.make(), made.Special(x=3).x

    assert on_loop(use) == (2, made.Special, 3)
    assert ear.targets == targets


# -------------------------------------------------------------------- locks


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_lock_passes_for_a_raw_one(kind, interception):
    """isinstance, repr, weak references and the refusal to be pickled are as before."""
    import _thread

    lock = getattr(threading, kind)()
    raw = {"Lock": _thread.allocate_lock, "RLock": _thread.RLock}[kind]()
    assert isinstance(lock, type(raw))
    assert isinstance(lock, type(lock))
    assert isinstance(raw, type(lock))
    assert weakref.ref(lock)() is lock
    assert kind.lower() in repr(lock).lower()
    with lock:
        assert repr(lock).startswith("<locked")
    for refused in (pickle.dumps, copy.copy):
        with pytest.raises(TypeError, match="pickle"):
            refused(lock)


@pytest.mark.parametrize("listening", [False, True])
@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_lock_does_what_a_raw_one_does(kind, listening, interception, patches):
    """Every way to take and to give back works, watched or not."""
    if listening:
        patches.callback(interception.listen(Ear(), ALL))

    def use():
        lock = getattr(threading, kind)()
        assert lock.acquire() is True
        lock.release()
        with lock as entered:
            assert entered is True
        assert lock.acquire(timeout=0.001)
        lock.release()
        for wrong in ({"blocking": False, "timeout": 1}, {"timeout": -3}):
            with pytest.raises(ValueError, match="timeout"):
                lock.acquire(**wrong)
        with pytest.raises(RuntimeError):
            lock.release()
        condition = threading.Condition(lock)
        with condition:
            assert not condition.wait(0.001)
            condition.notify_all()

    use()
    on_loop(use)
    # The failures of a lock that was asked wrongly are the caller's.
    assert interception.failures == []


def test_the_standard_library_has_raw_locks(interception):
    """What the standard library guards for a few instructions is left to it."""
    import _thread

    assert type(queue.Queue().mutex) is type(_thread.allocate_lock())
    assert type(threading.Condition()._lock) is _thread.RLock


def test_a_timed_acquire_that_fails_is_told(ear):
    """To wait in vain is to wait."""
    lock = threading.Lock()
    lock.acquire()

    def wait():
        assert lock.acquire(timeout=0.001) is False
        assert lock.acquire(blocking=False) is False

    on_loop(wait)
    assert ear.targets == ["threading.Lock.acquire"]


def test_a_lock_outlives_the_interception(patches):
    """Locks that were made meanwhile go on working after undo."""
    undo = Interception(RULES, SYSTEM_CLOCK).install()
    lock, rlock = threading.Lock(), threading.RLock()
    undo()
    for each in (lock, rlock):
        with each:
            pass
        assert each.acquire(timeout=1)


# ----------------------------------------------------- pollers, simple queues


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
def test_pollers_and_simple_queues_pass_for_raw_ones(interception):
    """isinstance holds both ways, and what the types offer is there."""
    simple = type(concurrent.futures.ThreadPoolExecutor()._work_queue)
    assert simple is not queue.SimpleQueue
    assert isinstance(simple(), queue.SimpleQueue)
    assert isinstance(queue.SimpleQueue(), simple)
    with (
        select.epoll() as poller,
        # A descriptor of its own, since each closes the one that it has.
        select.epoll.fromfd(os.dup(poller.fileno())) as other,
    ):
        assert not poller.closed
        raw = poller.__class__
        assert raw is not select.epoll
        assert isinstance(other, raw)
        assert isinstance(poller, select.epoll)
        assert {n for n in dir(raw) if n[0] != "_"} <= set(dir(select.epoll))
    near, far = socket.socketpair()
    with near, far:
        poller = select.poll()
        poller.register(near, select.POLLIN)
        far.send(b"x")
        assert poller.poll(0) == [(near.fileno(), select.POLLIN)]
        poller.unregister(near)
        assert poller.poll(0) == []


def test_what_is_derived_from_a_simple_queue_is_a_type_of_its_own(interception):
    """Only the standard library is handed raw ones, and only of our own types."""

    class Mine(queue.SimpleQueue):
        pass

    standard = types.ModuleType("json")
    exec("def make(kind): return kind()", vars(standard))
    assert type(standard.make(Mine)) is Mine
    assert not isinstance(queue.SimpleQueue(), Mine)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="Linux only")
def test_the_loops_own_selector_is_raw(interception):
    """What the standard library polls with costs no more than before."""
    with selectors.EpollSelector() as selector:
        assert type(selector._selector).__name__ == "epoll"
        assert type(selector._selector) is not select.epoll


# ------------------------------------------------------------------- sqlite


def test_a_factory_of_the_callers_own_is_respected(interception):
    """Whoever asks for a connection type gets exactly that."""

    class Mine(sqlite3.Connection):
        pass

    for connection in (
        sqlite3.connect(":memory:", factory=Mine),
        sqlite3.connect(":memory:", 5.0, 0, None, True, Mine)
        if sys.version_info < (3, 12)
        else Mine(":memory:"),
    ):
        assert type(connection) is Mine
        connection.close()


def test_a_connection_made_before_the_loop_is_watched_on_it(ear):
    """Shortcut, cursor and context manager are seen; each once."""
    connection = sqlite3.connect(":memory:")

    def use():
        connection.execute("create table t (x)")
        cursor = connection.cursor()
        cursor.execute("select * from t")
        return list(cursor)

    assert on_loop(use) == []
    assert ear.targets == ["sqlite3.Connection.execute", "sqlite3.Cursor.execute"]
    assert isinstance(connection, sqlite3.Connection)
    connection.close()


def test_what_stands_in_for_sqlites_types_has_no_more_than_they(interception):
    """Neither takes an attribute that sqlite3's own would refuse."""
    connection = sqlite3.connect(":memory:")
    with contextlib.closing(connection):
        for each in (connection, connection.cursor(), connection.execute("select 1")):
            with pytest.raises(AttributeError):
                each.note = "mine"


def test_a_users_function_that_a_query_calls_is_told_itself(patches):
    """The wait is charged to its own line, and not to the query around it."""
    interception, ear = Interception(RULES, Ticks()), Ear()
    patches.callback(interception.install())
    patches.callback(interception.listen(ear, ALL))
    connection = sqlite3.connect(":memory:")
    patches.callback(connection.close)

    def nap():
        time.sleep(0.001)

    def query():
        connection.execute("select nap()")

    connection.create_function("nap", 0, nap)
    on_loop(query)
    # Each reading of the clock takes a second: the query is of four, less one.
    assert ear.heard == [
        ("time.sleep", 4.0, 1.0, "nap"),
        ("sqlite3.Connection.execute", 2.0, 3.0, "query"),
    ]


def test_what_a_users_own_row_does_inside_is_not_told_again(patches):
    """A row on the user's own function stands for all that it does."""
    module("shop_rows", "", patches).order = order = lambda: time.sleep(0.001)
    rows = [rule("shop_rows.order"), rule("time.sleep")]
    interception, ear = Interception(rows, SYSTEM_CLOCK), Ear()
    patches.callback(interception.install())
    patches.callback(interception.listen(ear, ALL))
    assert order is not sys.modules["shop_rows"].order
    on_loop(sys.modules["shop_rows"].order)
    assert ear.targets == ["shop_rows.order"]


# --------------------------------------------------------------- no residue


def everything_replaced():
    """Collect what an installation can change, by identity."""
    owners = {
        id(owner): (name, owner)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        for owner in (module, *vars(module).values())
        if isinstance(owner, (type, types.ModuleType))
        and hasattr(owner, "__dict__")
        and not name.startswith(("pytest_asyncbench", "_pytest", __name__))
    }
    names = {part for r in RULES for part in r.target.split(".")} | {"__init__"}
    return {
        (owner_id, key): id(value)
        for owner_id, (_, owner) in owners.items()
        if isinstance(owner, types.ModuleType)
        or str(owner.__module__).split(".")[0] in sys.stdlib_module_names
        for key, value in list(vars(owner).items())
        if key in names or key.startswith(("__enter", "__exit"))
    }


def test_undo_restores_everything():
    """No module and no class of the standard library differs afterwards."""
    Interception(RULES, SYSTEM_CLOCK).install()()  # imports what there is to import
    before = everything_replaced()
    interception = Interception(RULES, SYSTEM_CLOCK)
    undo = interception.install()
    assert everything_replaced() != before
    interception.listen(Ear(), ALL)()
    undo()
    assert everything_replaced() == before


def test_it_can_be_undone_while_somebody_listens(patches):
    """The order of the two undos does not matter."""
    original = time.sleep
    interception, ear = Interception(RULES, SYSTEM_CLOCK), Ear()
    undo = interception.install()
    silence = interception.listen(ear, ALL)
    undo()
    on_loop(time.sleep, 0.001)
    silence()
    assert time.sleep is original
    assert ear.targets == []
    interception.install()()


def test_a_half_finished_install_is_rolled_back(patches):
    """A failure on the way leaves nothing replaced, and another try works."""
    original, lock, recv = time.sleep, threading.Lock, vars(socket.socket).get("recv")
    interception = Interception(RULES, SYSTEM_CLOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "pytest_asyncbench._interception.installation.find",
            lambda *args: 1 / 0,
        )
        with pytest.raises(ZeroDivisionError):
            interception.install()
    assert (time.sleep, threading.Lock, vars(socket.socket).get("recv")) == (
        original,
        lock,
        recv,
    )
    patches.callback(interception.install())
    assert time.sleep is not original


@pytest.mark.parametrize("target", ["threading.Lock.acquire", "queue.SimpleQueue.get"])
def test_a_type_that_somebody_else_replaced_is_told_once(target, patches):
    """Its rule is a problem with its reason, and what stands there is left alone."""
    where = target.rpartition(".")[0]
    theirs = type("Theirs", (), {"acquire": print, "get": print})
    patches.enter_context(pytest.MonkeyPatch.context()).setattr(where, theirs)
    before = dict(vars(theirs))
    interception = Interception(RULES, SYSTEM_CLOCK)
    patches.callback(interception.install())
    told = [each.text for each in interception.problems if each.target == target]
    assert told == [f"rule {target!r}: somebody else has replaced {where}"]
    assert dict(vars(theirs)) == before


def test_a_patch_of_somebody_elses_is_left_standing():
    """Undo takes back what is ours, and nothing else."""
    original = time.sleep
    undo = Interception(RULES, SYSTEM_CLOCK).install()
    theirs = time.sleep = lambda seconds: None
    try:
        undo()
        assert time.sleep is theirs
    finally:
        time.sleep = original


def test_two_interceptions_nest():
    """A test run inside a test run has its own, and leaves the outer one whole."""
    outer, inner = (Interception(RULES, SYSTEM_CLOCK) for _ in range(2))
    heard_outside, heard_inside = Ear(), Ear()
    original = time.sleep
    with ExitStack() as patches:
        patches.callback(outer.install())
        patches.callback(outer.listen(heard_outside, ALL))
        with ExitStack() as further:
            further.callback(inner.install())
            further.callback(inner.listen(heard_inside, ALL))
            on_loop(time.sleep, 0.001)
        on_loop(time.sleep, 0.002)
    assert heard_inside.targets == ["time.sleep"]
    assert heard_outside.targets == ["time.sleep"] * 2
    assert time.sleep is original


# ------------------------------------------------------------- frozen clocks


def test_figures_stay_true_in_frozen_time(ear):
    """A call made under freeze_time has its real duration."""
    with freezegun.freeze_time("2024-01-01"):
        on_loop(time.sleep, 0.02)
    ((_, _, seconds, _),) = ear.heard
    assert 0.02 <= seconds < 5


@pytest.mark.parametrize("freeze_first", [True, False])
def test_freezing_and_installing_in_any_order_leaves_no_residue(freeze_first):
    """Whoever comes first and goes last, the clocks and calls are the real ones."""
    before = (time.sleep, time.time, time.perf_counter)
    freezer = freezegun.freeze_time("2024-01-01")
    interception = Interception(RULES, SYSTEM_CLOCK)
    if freeze_first:
        freezer.start()
        undo = interception.install()
        freezer.stop()
        undo()
    else:
        undo = interception.install()
        freezer.start()
        undo()
        freezer.stop()
    assert (time.sleep, time.time, time.perf_counter) == before


def test_calls_from_one_place_are_counted_together(interception):
    """A hundred thousand of them took four kilobytes each."""
    watch = Watch(
        SYSTEM_CLOCK,
        threshold=10.0,
        interception=interception,
        families=frozenset({"sleep"}),
    )

    async def main():
        await asyncio.sleep(0)
        for _ in range(3):
            time.sleep(0.0001)
        time.sleep(0.0001)

    watch.start()
    try:
        asyncio.run(main())
    finally:
        watch.stop()
    assert [call.count for call in watch.known.since(0)] == [3, 1]
    first, second = (call.stack[0] for call in watch.known.since(0))
    assert first.line + 1 == second.line
