"""No marker, no fixture: what `pytest.ini` says holds for every test."""

import pytest
import shop
from pytest_asyncbench import BlockingCalls


async def test_allowed_by_line() -> None:
    """`asyncbench_allow` accepts this caller's calls, in every test."""
    assert await shop.licence_is_valid()


@pytest.mark.allow_blocking("nobody is served yet", calls=["time.sleep"])
async def test_allowed_by_marker() -> None:
    """The marker accepts calls in one test."""
    await shop.warm_up()


async def test_allowed_by_block(blocking_calls: BlockingCalls) -> None:
    """The fixture accepts calls in one block."""
    with blocking_calls.allowed("the till is being replaced"):
        assert await shop.price("tea") == 3


async def test_not_allowed() -> None:
    """What nobody accepted fails, though it took far less than the threshold."""
    assert await shop.price("cake") == 4


async def test_call_of_our_own() -> None:
    """It was quick, and no call that the plugin knows; the row makes it count."""
    assert shop.ring_up("tea") == 3
