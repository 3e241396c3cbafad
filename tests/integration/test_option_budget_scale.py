"""``asyncbench_budget_scale``: what every budget is multiplied by."""

from __future__ import annotations

SUITE = """
import asyncio
import pytest

@pytest.mark.budget("10ms")
async def test_marked():
    await asyncio.sleep(60)

async def test_by_setting():
    await asyncio.sleep(60)

@pytest.mark.budget("60s")
async def test_fixture(concurrently):
    await concurrently(asyncio.sleep(60), within="1ms")
"""


def test_every_budget_is_multiplied(play_once):
    """The header, the record and the failure say so; speedups are factors already."""
    run = play_once(
        SUITE, "--asyncbench-budget-scale=2", ini="asyncbench_budget = 20ms"
    )
    assert "budget_scale=2 (command line)" in run.out
    assert run["test_marked"].lines[0].endswith("budget 10.0 ms × 2 (marker)")
    assert run["test_marked"].record["budget"]["within"] == 0.02
    assert run["test_by_setting"].lines[0].endswith("budget 20.0 ms × 2 (ini)")
    assert "budget 1.0 ms × 2 (concurrently())" in run["test_fixture"].text
