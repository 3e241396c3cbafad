"""Extensions whose own threads end a future of the loop's: polars, and obstore."""

from __future__ import annotations

import pytest

HEADER = """
import asyncio, pytest
pytestmark = pytest.mark.virtual_time(real_limit=60)
"""

POLARS = f"""{HEADER}
import polars

def frame():
    return polars.LazyFrame({{"a": range(1_000_000)}}).select(
        polars.col("a").sort().shuffle().sort().sum()
    )

async def test_alone():
    await frame().collect_async()

async def test_before_a_timeout():
    await asyncio.wait_for(frame().collect_async(), 3600)

@pytest.mark.virtual_time(real_limit=1)
async def test_not_waited_for_afterwards():
    await frame().collect_async()
    for _ in range(10):
        await asyncio.sleep(3600)
"""

OBSTORE = f"""{HEADER}
import obstore
from obstore.store import LocalStore

async def test_reads_and_writes(tmp_path):
    store = LocalStore(str(tmp_path))
    async with asyncio.timeout(3600):
        for number in range(20):
            await obstore.put_async(store, "it", bytes(100_000))
            found = await obstore.get_async(store, "it")
            assert len(await found.bytes_async()) == 100_000

@pytest.mark.virtual_time(real_limit=1)
async def test_not_waited_for_afterwards():
    await asyncio.sleep(3600)
    await asyncio.gather(*(asyncio.sleep(n) for n in range(100)))
"""


@pytest.mark.parametrize(
    ("package", "suite"), [("polars", POLARS), ("obstore", OBSTORE)]
)
def test_what_threads_of_an_extension_give_is_waited_for(play_once, package, suite):
    """For real, while they are at work, and no longer."""
    pytest.importorskip(package, reason=f"{package} is not installed")
    run = play_once(suite, subprocess=True)
    assert set(run.outcomes.values()) == {"passed"}
