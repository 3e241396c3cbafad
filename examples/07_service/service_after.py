"""The same service, repaired: its handler lets the loop go wherever it waits."""

from pathlib import Path

import aiosqlite
from aiohttp import ClientSession, web

DATABASE = web.AppKey("DATABASE", Path)
RATES = web.AppKey("RATES", str)

SPENT = "SELECT SUM(cents) FROM orders WHERE customer = ?"


async def spent_by(database: Path, customer: int) -> int:
    """Add up a customer's orders, with a driver that has a thread of its own."""
    async with (
        aiosqlite.connect(database) as connection,
        connection.execute(SPENT, (customer,)) as rows,
    ):
        return (await rows.fetchone())[0]


async def dollar_rate(url: str) -> float:
    """Ask another service, with a client that can wait."""
    async with ClientSession() as session, session.get(url) as response:
        return float(await response.text())


async def spent(request: web.Request) -> web.Response:
    """Answer what a customer spent, in dollars."""
    customer = int(request.match_info["customer"])
    cents = await spent_by(request.app[DATABASE], customer)
    rate = await dollar_rate(request.app[RATES])
    return web.json_response({"dollars": cents / 100 * rate})


def application(database: Path, rates: str) -> web.Application:
    """Make the service."""
    app = web.Application()
    app[DATABASE] = database
    app[RATES] = rates
    app.router.add_get("/spent/{customer}", spent)
    return app
