"""A shop's service that looks asynchronous; every handler is `async def`."""

import sqlite3
from contextlib import closing
from pathlib import Path

import requests
from aiohttp import web

DATABASE = web.AppKey("DATABASE", Path)
RATES = web.AppKey("RATES", str)

SPENT = "SELECT SUM(cents) FROM orders WHERE customer = ?"


def spent_by(database: Path, customer: int) -> int:
    """Add up a customer's orders, with the driver of the standard library."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(SPENT, (customer,)).fetchone()[0]


def dollar_rate(url: str) -> float:
    """Ask another service, with everybody's favourite client."""
    return float(requests.get(url, timeout=10).text)


async def spent(request: web.Request) -> web.Response:
    """Answer what a customer spent, in dollars."""
    customer = int(request.match_info["customer"])
    cents = spent_by(request.app[DATABASE], customer)
    rate = dollar_rate(request.app[RATES])
    return web.json_response({"dollars": cents / 100 * rate})


def application(database: Path, rates: str) -> web.Application:
    """Make the service."""
    app = web.Application()
    app[DATABASE] = database
    app[RATES] = rates
    app.router.add_get("/spent/{customer}", spent)
    return app
