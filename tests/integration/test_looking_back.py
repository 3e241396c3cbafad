"""What a failure says of how the test would have gone, and of what its end stood on."""

from __future__ import annotations

import pytest

SUITE = """
    import asyncio
    import time

    import pytest
    import pytest_asyncio
    from pytest_asyncbench import BudgetExceeded


    async def stalled():
        time.sleep(0.2)
        await asyncio.sleep(60)


    @pytest.mark.budget("50ms")
    async def test_cut():
        await stalled()


    @pytest.mark.budget("50ms")
    def test_sync_cut():
        asyncio.run(stalled())


    @pytest.mark.budget(30)
    async def test_cut_within(concurrently):
        with pytest.raises(BudgetExceeded, match="can't be told"):
            await concurrently(stalled, within=0.05)


    @pytest.mark.budget("50ms")
    async def test_not_cut():
        time.sleep(0.2)


    async def blocks():
        time.sleep(0.2)


    @pytest.mark.budget("50ms")
    async def test_cut_at_the_end():
        await asyncio.gather(blocks(), blocks())


    @pytest.mark.budget("0.6s")
    async def test_cut_after_its_tasks():
        await asyncio.gather(blocks(), blocks())
        await asyncio.sleep(60)


    @pytest.mark.budget(30)
    async def test_cut_within_at_the_end(concurrently):
        with pytest.raises(BudgetExceeded, match="if this were awaited: 0.[23]"):
            await concurrently(blocks, blocks, within=0.05)


    @pytest_asyncio.fixture
    async def slow():
        time.sleep(0.2)


    @pytest.mark.no_blocking
    @pytest.mark.budget(30)
    async def test_of_a_slow_fixture(slow):
        await asyncio.sleep(0.01)
"""


@pytest.fixture
def suite(play_once):
    return play_once(SUITE, "--asyncbench-blocking=report")


CUT = "if this were awaited: can't be told: it was cancelled at its budget"


@pytest.mark.parametrize(
    "name", ["test_cut", "test_sync_cut", "test_cut_within", "test_cut_after_its_tasks"]
)
def test_of_who_was_cancelled_it_is_not_told_what_awaiting_would_bring(suite, name):
    """It had more to do, and to end sooner with less of that is no gain."""
    assert suite[name].record["what_if"] == []
    assert (CUT in suite[name].lines) == (name != "test_cut_within")


@pytest.mark.parametrize(
    "name", ["test_not_cut", "test_cut_at_the_end", "test_cut_within_at_the_end"]
)
def test_of_who_overran_its_budget_and_came_to_its_end_it_is_told(suite, name):
    """It blocked until it, or all that it ran, had nothing more to do."""
    assert len(suite[name].record["what_if"]) == 1
    assert CUT not in suite[name].lines
