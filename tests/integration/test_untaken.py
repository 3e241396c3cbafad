"""An async test that no plugin runs: what was promised of it is not what is wrong."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio
import pytest

@pytest.mark.concurrent(3)
async def test_in_copies():
    await asyncio.sleep(0)

@pytest.mark.budget("60s", speedup=2)
async def test_with_a_speedup():
    await asyncio.sleep(0)

@pytest.mark.no_blocking
async def test_watched():
    await asyncio.sleep(0)

async def test_with_the_fixture(concurrently):
    await concurrently(asyncio.sleep(0))

@pytest.mark.asyncio
@pytest.mark.budget("60s", speedup=2)
async def test_taken():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE, "--asyncio-mode=strict")


@pytest.mark.parametrize(
    "name",
    ["test_in_copies", "test_with_a_speedup", "test_watched", "test_with_the_fixture"],
)
def test_what_is_wrong_is_that_nobody_ran_it(suite, name):
    """Not that it started no tasks, or ran no loop."""
    assert suite[name].outcome == "failed"
    told = suite[name].text + suite[name].sections
    assert "nobody ran this test: it is `async def`, and no plugin has taken it" in told
    assert (
        "use: pytest-asyncio, with @pytest.mark.asyncio or asyncio_mode = auto" in told
    )
    assert "started no tasks" not in told
    assert "not measured" not in told


def test_one_that_was_run_is_told_what_it_broke(suite):
    """By the promise's own words."""
    assert "started no tasks" in suite["test_taken"].text
