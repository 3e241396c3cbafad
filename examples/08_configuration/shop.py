"""A shop in which four functions block."""

import sqlite3
import time
from contextlib import closing


async def licence_is_valid() -> bool:
    """Ask a small database, blocking."""
    with closing(sqlite3.connect(":memory:")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


async def warm_up() -> None:
    """Give the coffee machine time, blocking."""
    time.sleep(0.01)


async def price(article: str) -> int:
    """Wait for the till, blocking, if only for ten milliseconds."""
    time.sleep(0.01)
    return len(article)


def ring_up(article: str) -> int:
    """Ask the till, which answers at once today."""
    return len(article)
