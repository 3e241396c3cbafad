"""``@pytest.mark.allow_blocking``: blocking that is accepted, and why."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, socket, time
import pytest

pytestmark = pytest.mark.no_blocking

@pytest.mark.allow_blocking("reads the licence once")
async def test_everything():
    time.sleep(0.15)

@pytest.mark.allow_blocking("naps a little", calls=["time.sleep"])
async def test_named():
    time.sleep(0.001)

@pytest.mark.allow_blocking("naps a little", calls="time.*, socket.*")
async def test_globs():
    time.sleep(0.001)

@pytest.mark.allow_blocking("naps a little", calls=["socket.*"])
async def test_another_call():
    time.sleep(0.001)

@pytest.mark.allow_blocking("of the class")
class TestOfAClass:
    async def test_inherited(self):
        time.sleep(0.001)

@pytest.mark.allow_blocking("nobody blocks")
async def test_nothing():
    await asyncio.sleep(0)
"""


@pytest.fixture
def suite(play):
    return play(SUITE)


def test_what_is_allowed_passes_and_anything_else_fails(suite):
    """An allowance for one call is none for another."""
    failed = {n for n, outcome in suite.outcomes.items() if outcome == "failed"}
    assert failed == {"test_another_call"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("test_everything", "reads the licence once"),
        ("test_named", "naps a little"),
        ("test_globs", "naps a little"),
        ("test_another_call", None),
        ("test_inherited", "of the class"),
    ],
)
def test_the_record_carries_the_reason(suite, name, reason):
    """Allowed is not hidden."""
    (entry,) = suite[name].record["blocking"]
    assert entry["allowed"] == reason


def test_the_summary_counts_what_was_allowed_by_its_reason(suite):
    """And lists as blocked only the rest."""
    assert "allowed 2 times: naps a little" in suite.summary
    assert "allowed 1 time: reads the licence once" in suite.summary
    assert any("blocked at 1 place" in line for line in suite.summary)
    assert not any("nobody blocks" in line for line in suite.summary)
