"""The service answers rightly; that its handler blocks, only the marker sees."""

from pathlib import Path

import pytest
import service_before as service
from aiohttp.test_utils import TestClient, TestServer


@pytest.mark.no_blocking(threshold="500ms")
async def test_spent(database: Path, rates: str) -> None:
    """One request is enough to find the two lines."""
    async with TestClient(TestServer(service.application(database, rates))) as client:
        response = await client.get("/spent/3")
        assert (await response.json())["dollars"] > 0
