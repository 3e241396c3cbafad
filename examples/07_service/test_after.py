"""The repaired service answers twelve requests in little more than the time of one."""

from pathlib import Path

import pytest
import service_after as service
from aiohttp.test_utils import TestClient, TestServer
from pytest_asyncbench import Concurrently


@pytest.mark.no_blocking
async def test_spent(concurrently: Concurrently, database: Path, rates: str) -> None:
    """Nothing blocks, so the requests overlap."""
    async with TestClient(TestServer(service.application(database, rates))) as client:

        async def spent(customer: int) -> float:
            response = await client.get(f"/spent/{customer}")
            return (await response.json())["dollars"]

        run = await concurrently.map(spent, range(12), within=10, speedup=2)
        assert all(dollars > 0 for dollars in run)
