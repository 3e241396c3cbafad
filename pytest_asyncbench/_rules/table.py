"""The table of calls that are known to block: when they are harmless, what to use.

Rows, not code. Nothing is imported to build it; the engine looks the targets up,
and knows the predicates that `harmless` names. A target that is a class stands for
making one of it.

`allowed` says who may make a call unreported. Its globs are matched with the
qualified names (``module.function``) of the nearest callers: from the one that
made the call outwards, through the first that is not the standard library's, and
never beyond the frame that runs the step. Python 3.10 knows ``threading.start``
only, later ones ``threading.Thread.start``, so globs say ``threading.*start``.
"""

from __future__ import annotations

from collections.abc import Mapping

from pytest_asyncbench._rules.callers import STARTS
from pytest_asyncbench._words.promised import Rule

__all__ = ["ABSENT_SOMEWHERE", "RULES"]


def _rows(
    family: str,
    targets: str,
    advice: str,
    *,
    harmless: str | None = None,
    allowed: Mapping[str, str] | None = None,
    ruff: str | None = None,
) -> tuple[Rule, ...]:
    """Write several rows that differ in their target only."""
    return tuple(
        Rule(
            target=target,
            family=family,
            advice=advice,
            harmless=harmless,
            allowed=allowed or {},
            ruff=ruff,
        )
        for target in targets.split()
    )


_OFFLOAD = "await asyncio.to_thread(...)"
_HTTP = "httpx.AsyncClient or aiohttp for HTTP, else await asyncio.open_connection(...)"
_EXEC = "await asyncio.create_subprocess_exec(...)"
_SQLITE = "aiosqlite, or await asyncio.to_thread(...)"
_FILE = "await asyncio.to_thread(...), or aiofiles"

_ASYNCIO_STARTS = {
    "asyncio.unix_events.*": "asyncio starts its own subprocess",
    "asyncio.windows_*": "asyncio starts its own subprocess",
    "asyncio.base_subprocess.*": "asyncio starts its own subprocess",
}
_SOCKET_PAIR = {"socket.*socketpair": "both ends are here, so nobody is waited for"}

_SLEEP = _rows(
    "sleep",
    "time.sleep",
    "await asyncio.sleep(...)",
    harmless="zero_sleep",
    ruff="ASYNC251",
)

# urllib, http.client, requests, smtplib and pure-Python database drivers are not
# rows: they come through these. A row on `requests.Session.request` would also
# report calls that a test has mocked, which reach no network.
_NETWORK = (
    *_rows(
        "network",
        "socket.create_connection",
        _HTTP,
    ),
    *_rows(
        "network",
        "socket.socket.connect socket.socket.connect_ex "
        "socket.socket.send socket.socket.sendto socket.socket.sendmsg",
        _HTTP,
        harmless="nonblocking_or_datagram",
        allowed=_SOCKET_PAIR,
    ),
    *_rows(
        "network",
        "socket.socket.sendfile",
        _HTTP,
        harmless="nonblocking",
    ),
    *_rows(
        "network",
        "socket.socket.sendall socket.socket.recv socket.socket.recvfrom",
        _HTTP,
        harmless="nonblocking_or_flagged_second",
    ),
    *_rows(
        "network",
        "socket.socket.recv_into socket.socket.recvfrom_into "
        "socket.socket.recvmsg socket.socket.recvmsg_into",
        _HTTP,
        harmless="nonblocking_or_flagged_third",
    ),
    *_rows(
        "network",
        "socket.socket.accept",
        "await asyncio.start_server(...)",
        harmless="nonblocking",
        allowed=_SOCKET_PAIR,
    ),
    *_rows(
        "network",
        "ssl.SSLSocket.connect ssl.SSLSocket.connect_ex ssl.SSLSocket.do_handshake "
        "ssl.SSLSocket.read ssl.SSLSocket.recv ssl.SSLSocket.recv_into "
        "ssl.SSLSocket.write ssl.SSLSocket.send ssl.SSLSocket.sendall "
        "ssl.SSLSocket.sendfile ssl.SSLSocket.unwrap",
        _HTTP,
        harmless="nonblocking",
    ),
    # No peer is waited for here, but neither is this like opening a small file: to
    # parse all the authorities that a system trusts takes tens of milliseconds each
    # time. The constructor of a popular HTTP client does it (28 to 77 ms, so one made
    # per request pays that per request), and so does asyncio for ``ssl=True``. How
    # much will be loaded is not known before the call; a quick load counts as well.
    *_rows(
        "network",
        "ssl.create_default_context ssl.SSLContext.load_default_certs "
        "ssl.SSLContext.load_verify_locations",
        "make the context (or the client that makes it) once, before the loop runs",
        allowed={
            "urllib.request.urlopen": "its first call makes one even for plain HTTP, "
            "and the request itself is what to report"
        },
    ),
    *_rows(
        "network",
        "socket.getaddrinfo",
        "await loop.getaddrinfo(...)",
        harmless="numeric_host",
    ),
    *_rows(
        "network",
        "socket.gethostbyname socket.gethostbyname_ex",
        "await loop.getaddrinfo(...)",
        harmless="numeric_host",
    ),
    *_rows(
        "network",
        "socket.getnameinfo",
        "await loop.getnameinfo(...)",
        harmless="numeric_name",
    ),
    *_rows(
        "network",
        "socket.gethostbyaddr socket.getfqdn",
        "await loop.getnameinfo(...)",
    ),
    *_rows(
        "network",
        "select.select",
        "loop.add_reader(...), or await asyncio.sleep(...)",
        harmless="zero_select",
        allowed={"asyncio.base_events.*_run_once": "the loop's own wait for events"},
    ),
    *_rows(
        "network",
        "select.poll.poll select.epoll.poll",
        "loop.add_reader(...), or await asyncio.sleep(...)",
        harmless="zero_poll",
    ),
)

# A stub's call waits in C, for a queue that has no name. grpc loads this module for its
# first channel, so that the test which makes that is not told of quick calls.
_GRPC = _rows(
    "network",
    "grpc._channel._UnaryUnaryMultiCallable.__call__ "
    "grpc._channel._UnaryUnaryMultiCallable.with_call "
    "grpc._channel._StreamUnaryMultiCallable.__call__ "
    "grpc._channel._StreamUnaryMultiCallable.with_call",
    "grpc.aio",
)

_SUBPROCESS = (
    *_rows(
        "subprocess",
        "subprocess.Popen",
        _EXEC,
        allowed=_ASYNCIO_STARTS,
        ruff="ASYNC220",
    ),
    *_rows(
        "subprocess",
        "subprocess.run subprocess.call subprocess.check_call subprocess.check_output "
        "subprocess.getoutput subprocess.getstatusoutput",
        _EXEC,
        ruff="ASYNC221",
    ),
    *_rows(
        "subprocess",
        "subprocess.Popen.wait",
        f"{_EXEC}, then await process.wait()",
        harmless="process_over",
        ruff="ASYNC222",
    ),
    *_rows(
        "subprocess",
        "subprocess.Popen.communicate",
        f"{_EXEC}, then await process.communicate()",
        harmless="process_read_out",
        ruff="ASYNC222",
    ),
    *_rows(
        "subprocess",
        "os.system",
        "await asyncio.create_subprocess_shell(...)",
        ruff="ASYNC221",
    ),
    *_rows(
        "subprocess",
        "os.popen",
        "await asyncio.create_subprocess_shell(...)",
        ruff="ASYNC220",
    ),
    *_rows(
        "subprocess",
        "os.posix_spawn os.posix_spawnp",
        _EXEC,
        allowed=_ASYNCIO_STARTS,
        ruff="ASYNC221",
    ),
    *_rows(
        "subprocess",
        "os.spawnv os.spawnve os.spawnvp os.spawnvpe",
        _EXEC,
        harmless="spawn_without_wait",
        ruff="ASYNC221",
    ),
    *_rows("subprocess", "os.wait", "await process.wait()", ruff="ASYNC222"),
    *_rows(
        "subprocess",
        "os.waitpid os.wait3 os.wait4 os.waitid",
        "await process.wait()",
        harmless="no_hang",
        allowed={"asyncio.unix_events.*": "asyncio collects a child that has ended"},
        ruff="ASYNC222",
    ),
)

# Not rows: `Condition.wait_for` and `concurrent.futures.as_completed` are Python
# code that calls `Condition.wait` and `Event.wait` only if it has to wait, so those
# are the more precise place. So are `Event.wait`, `Condition.wait` and `Thread.join`
# for a `multiprocessing.Pool`, whose results and workers are waited for with these.
# The locks and semaphores of multiprocessing give each object its own `acquire`,
# straight from C; they are seen where they become a stall.
_LOCKS = (
    *_rows(
        "locks",
        "threading.Lock.acquire threading.RLock.acquire",
        f"asyncio.Lock, or {_OFFLOAD}",
        harmless="free_lock",
    ),
    *_rows(
        "locks",
        "threading.Condition.wait",
        "asyncio.Condition",
        harmless="zero_timeout",
    ),
    *_rows(
        "locks",
        "threading.Event.wait",
        "asyncio.Event, set by loop.call_soon_threadsafe(...)",
        harmless="event_set",
        allowed=STARTS,
    ),
    *_rows(
        "locks",
        "threading.Semaphore.acquire",
        "asyncio.Semaphore",
        harmless="semaphore_free",
    ),
    *_rows(
        "locks",
        "threading.Barrier.wait",
        "asyncio.Event or asyncio.gather(...)",
        harmless="last_at_barrier",
    ),
    *_rows(
        "locks",
        "threading.Thread.join",
        "await asyncio.to_thread(...) instead of a thread of your own",
        harmless="thread_over",
        allowed={
            "asyncio.base_events.*shutdown_default_executor": "asyncio ends its own",
            "uvloop.*shutdown_default_executor": "uvloop ends its own",
        },
    ),
    *_rows(
        "locks",
        "queue.Queue.get",
        "asyncio.Queue, fed by loop.call_soon_threadsafe(...)",
        harmless="queue_has_item",
    ),
    *_rows(
        "locks",
        "queue.SimpleQueue.get",
        "asyncio.Queue, fed by loop.call_soon_threadsafe(...)",
        harmless="queue_has_item",
    ),
    *_rows("locks", "queue.Queue.put", "asyncio.Queue", harmless="queue_has_room"),
    *_rows("locks", "queue.Queue.join", "asyncio.Queue", harmless="queue_done"),
    *_rows(
        "locks",
        "concurrent.futures.Future.result concurrent.futures.Future.exception",
        "await asyncio.wrap_future(...)",
        harmless="future_done",
    ),
    *_rows(
        "locks",
        "concurrent.futures.wait",
        "await asyncio.wait(...) on asyncio.wrap_future(...)",
        harmless="futures_done",
    ),
    *_rows(
        "locks",
        "concurrent.futures.ThreadPoolExecutor.shutdown",
        "await asyncio.to_thread(executor.shutdown)",
        harmless="executor_at_rest",
    ),
    *_rows(
        "locks",
        "concurrent.futures.ProcessPoolExecutor.shutdown",
        "await asyncio.to_thread(executor.shutdown)",
        harmless="executor_without_processes",
    ),
    *_rows(
        "locks",
        "multiprocessing.process.BaseProcess.join",
        _OFFLOAD,
        harmless="thread_over",
    ),
    *_rows("locks", "multiprocessing.queues.Queue.get", _OFFLOAD, harmless="zero_get"),
    *_rows(
        "locks",
        "multiprocessing.queues.Queue.put multiprocessing.queues.JoinableQueue.put",
        _OFFLOAD,
        harmless="process_queue_has_room",
    ),
    *_rows("locks", "multiprocessing.queues.SimpleQueue.get", _OFFLOAD),
    *_rows(
        "locks",
        "multiprocessing.connection.Connection.recv "
        "multiprocessing.connection.Connection.recv_bytes "
        "multiprocessing.connection.Connection.recv_bytes_into",
        _OFFLOAD,
        harmless="message_here",
    ),
    *_rows(
        "locks",
        "multiprocessing.connection.Connection.poll",
        _OFFLOAD,
        harmless="message_here_or_zero_timeout",
    ),
    *_rows(
        "locks",
        "multiprocessing.connection.wait",
        _OFFLOAD,
        harmless="one_is_ready",
    ),
    *_rows(
        "locks",
        "multiprocessing.synchronize.Event.wait",
        _OFFLOAD,
        harmless="event_set",
    ),
    *_rows(
        "locks",
        "multiprocessing.synchronize.Condition.wait",
        _OFFLOAD,
        harmless="zero_timeout",
    ),
    *_rows("locks", "fcntl.flock fcntl.lockf", _OFFLOAD, harmless="file_lock_tried"),
)

# The drivers in C are seen when they connect; a query of theirs where it becomes a
# stall. Pure-Python drivers are seen at every query, by their sockets.
_DATABASE = (
    *_rows("database", "sqlite3.connect", "await aiosqlite.connect(...)"),
    *_rows(
        "database",
        "sqlite3.Connection.execute sqlite3.Connection.executemany "
        "sqlite3.Connection.executescript sqlite3.Connection.commit "
        "sqlite3.Connection.rollback sqlite3.Connection.backup "
        "sqlite3.Cursor.execute sqlite3.Cursor.executemany "
        "sqlite3.Cursor.executescript sqlite3.Cursor.fetchall sqlite3.Cursor.fetchmany",
        _SQLITE,
    ),
    *_rows("database", "psycopg2.connect", "asyncpg, or psycopg.AsyncConnection"),
    *_rows(
        "database",
        "psycopg.connect psycopg.Cursor.execute psycopg.Cursor.executemany "
        "psycopg.Connection.commit",
        "await psycopg.AsyncConnection.connect(...)",
    ),
    *_rows(
        "database",
        "pymysql.connect MySQLdb.connect "
        "MySQLdb.cursors.BaseCursor.execute MySQLdb.cursors.BaseCursor.executemany",
        "aiomysql or asyncmy",
    ),
    *_rows(
        "database",
        "oracledb.connect oracledb.Cursor.execute oracledb.Cursor.executemany "
        "oracledb.Connection.commit oracledb.Connection.rollback",
        "await oracledb.connect_async(...)",
    ),
)

_INPUT = (
    *_rows(
        "input",
        "builtins.input",
        "await asyncio.to_thread(input, ...)",
        ruff="ASYNC250",
    ),
    *_rows("input", "getpass.getpass", "await asyncio.to_thread(getpass.getpass, ...)"),
)

_SIGNALS = (
    *_rows("signals", "signal.pause", "loop.add_signal_handler(...)"),
    *_rows(
        "signals",
        "signal.sigwait signal.sigwaitinfo",
        "loop.add_signal_handler(...)",
    ),
    *_rows(
        "signals",
        "signal.sigtimedwait",
        "loop.add_signal_handler(...)",
        harmless="zero_timeout",
    ),
)

# A file that was opened on the loop is told of by its `open` alone. What reads and
# writes one that was opened elsewhere are methods of types in C. A text or a buffer
# hands on to the file beneath it, which is what an iteration comes to.
_FILES = (
    *_rows(
        "files",
        "builtins.open",
        _FILE,
        harmless="file_descriptor",
        allowed={"asyncio.unix_events.*": "asyncio wraps its own pipe"},
        ruff="ASYNC230",
    ),
    *_rows("files", "pathlib.Path.open", _FILE, ruff="ASYNC230"),
    # One certificate and its key; a bundle of authorities is a row of `network`.
    *_rows(
        "files",
        "ssl.SSLContext.load_cert_chain",
        "make the context once, before the loop runs",
    ),
    *_rows("files", "os.open", _FILE),
    *_rows(
        "files",
        "os.stat os.lstat os.listdir os.scandir os.mkdir os.rmdir os.remove os.unlink "
        "os.rename os.replace os.link os.symlink os.readlink os.chmod",
        _OFFLOAD,
        harmless="file_descriptor",
        allowed={
            "asyncio.*create_datagram_endpoint": "asyncio looks at its own socket",
            "asyncio.*create_unix_server": "asyncio looks at its own socket",
            "asyncio.*_stop_serving": "asyncio removes its own socket",
        },
        ruff="ASYNC240",
    ),
    *_rows(
        "files",
        "os.access os.statvfs os.truncate os.utime",
        _OFFLOAD,
        harmless="file_descriptor",
    ),
    *_rows("files", "os.fsync os.fdatasync", _OFFLOAD),
    *_rows(
        "files",
        "io.TextIOWrapper.read io.TextIOWrapper.readline "
        "io.TextIOWrapper.write io.TextIOWrapper.flush "
        "io.BufferedReader.read io.BufferedReader.readline "
        "io.BufferedWriter.write io.BufferedWriter.flush "
        "io.BufferedRandom.read io.BufferedRandom.readline "
        "io.BufferedRandom.write io.BufferedRandom.flush "
        "io.FileIO.read io.FileIO.readall io.FileIO.readinto io.FileIO.write",
        _FILE,
    ),
    *_rows("files", "os.DirEntry.stat", _OFFLOAD),
)

# There is no family `imports`. An import is not one function: it enters through a
# C opcode, `importlib` and `__import__`, of which only the last can be replaced, at
# a price for every import statement. Nor is it a stall: it happens once, and the test
# that comes first would pay for all.
RULES: tuple[Rule, ...] = (
    *_SLEEP,
    *_NETWORK,
    *_GRPC,
    *_SUBPROCESS,
    *_LOCKS,
    *_DATABASE,
    *_INPUT,
    *_SIGNALS,
    *_FILES,
)

# Standard names that a platform or a build may lack, and nobody is to blame.
ABSENT_SOMEWHERE: frozenset[str] = frozenset(
    {
        "fcntl.flock",
        "fcntl.lockf",
        "multiprocessing.synchronize.Condition.wait",
        "multiprocessing.synchronize.Event.wait",
        "os.fdatasync",
        "os.posix_spawn",
        "os.posix_spawnp",
        "os.spawnvp",
        "os.spawnvpe",
        "os.statvfs",
        "os.wait",
        "os.wait3",
        "os.wait4",
        "os.waitid",
        "select.epoll.poll",
        "select.poll.poll",
        "signal.pause",
        "signal.sigtimedwait",
        "signal.sigwait",
        "signal.sigwaitinfo",
        "socket.socket.recvmsg",
        "socket.socket.recvmsg_into",
        "socket.socket.sendmsg",
        *(rule.target for rule in _DATABASE if rule.target.startswith("sqlite3.")),
        *(rule.target for rule in _GRPC),  # grpc's private names
    }
)
