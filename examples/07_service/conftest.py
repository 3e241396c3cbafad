"""A database with a shop's orders, and a rates service that takes its time."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

NEEDED = ("aiohttp", "aiosqlite", "requests")
if missing := [name for name in NEEDED if find_spec(name) is None]:
    raise pytest.UsageError(
        f"this example needs {', '.join(missing)}: "
        "pip install 'pytest-asyncbench[examples]'"
    )

CUSTOMERS = 12
ORDERS = 100_000


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a SQLite file with many orders and, an oversight, no index."""
    path = tmp_path_factory.mktemp("shop") / "orders.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (customer INTEGER, cents INTEGER)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?)",
            ((number % CUSTOMERS, number % 97) for number in range(ORDERS)),
        )
    return path


class _Rates(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(2)
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"1.25")

    def log_message(self, *args: object) -> None:
        """Keep the terminal for the tests."""


@pytest.fixture(scope="session")
def rates() -> Iterator[str]:
    """Serve the rate of the dollar, in threads, as somebody else's service."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rates) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
