"""A kitchen that has blocked for years, and a new dish that blocks, too."""

import asyncio
import time


async def bake() -> str:
    """Wait for the oven, as ever: it is in the baseline, with a reason."""
    time.sleep(0.01)
    return "bread"


async def wash() -> str:
    """Wait for the water; since it was mended, nothing is left of that entry."""
    await asyncio.sleep(0.01)
    return "plates"


async def fry() -> str:
    """Wait for the pan, blocking: this came with the last change."""
    time.sleep(0.01)
    return "eggs"
