"""A shop's page, which somebody has changed since the main branch was recorded."""

from __future__ import annotations

import asyncio
import os


async def ask(service: str) -> str:
    """Ask one service, which takes a tenth of a second."""
    await asyncio.sleep(0.1)
    return f"{service}: ok"


async def page() -> list[str]:
    """Ask three services: at once on the main branch, in turn on this one."""
    if os.environ.get("SHOP") == "main":
        return list(await asyncio.gather(ask("prices"), ask("stock"), ask("adverts")))
    return [await ask("prices"), await ask("stock"), await ask("adverts")]


async def footer() -> list[str]:
    """Ask two services at once, as ever."""
    return list(await asyncio.gather(ask("imprint"), ask("shipping")))
