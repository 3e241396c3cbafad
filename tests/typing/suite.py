"""A user's test module with its conftest; read by type checkers, never executed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from pytest_asyncbench import (
    BlockingCallError,
    BlockingCalls,
    BudgetExceeded,
    ConcurrencyError,
    Concurrently,
    NotConcurrent,
    Rule,
    Run,
    VirtualClock,
)

pytestmark = pytest.mark.no_blocking(threshold="50ms", allow=["shop.* > open  # once"])


@dataclass
class Shop:
    """What is under test."""

    name: str

    async def price(self, item: int) -> float:
        await asyncio.sleep(0.01)
        return item * 1.2

    async def close(self) -> None:
        await asyncio.sleep(0)


# ---------------------------------------------------------------- the conftest


def pytest_asyncbench_rules(config: pytest.Config) -> Iterator[Rule]:
    yield Rule(target="shop.legacy.query", family="database", advice="shop.aio.query()")


def pytest_asyncbench_verdict(item: pytest.Item, record: dict[str, Any]) -> None:
    places = [f"{one['file']}:{one['line']}" for one in record["blocking"]]
    item.add_report_section("call", "blocking places", "\n".join(places))


@pytest_asyncio.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop("corner")
    yield shop
    await shop.close()


@pytest.fixture
def prices(shop: Shop, concurrently: Concurrently) -> Run[float]:
    return concurrently.run(*(shop.price(item) for item in range(4)), within="1s")


# ------------------------------------------------------------------- the tests


@pytest.mark.asyncio
@pytest.mark.budget(timedelta(seconds=1), speedup=3)
async def test_gathered(shop: Shop) -> None:
    total = sum(await asyncio.gather(*(shop.price(item) for item in range(4))))
    assert total == pytest.approx(7.2)


@pytest.mark.asyncio
@pytest.mark.concurrent(50)
@pytest.mark.parametrize("item", [1, 2])
async def test_copies(shop: Shop, item: int) -> None:
    assert await shop.price(item)


@pytest.mark.asyncio
async def test_named_parts(shop: Shop, concurrently: Concurrently) -> None:
    run = await concurrently(
        {"first": shop.price(1), "second": lambda: shop.price(2)},
        within=1,
        speedup=1.5,
        serial="measured",
    )
    assert run["first"] < run["second"]
    assert run.speedup > 1.5, str(run)
    assert run.order == (0, 1)
    assert [task.name for task in run.tasks] == ["first", "second"]
    assert not run.blocking


@pytest.mark.asyncio
async def test_one_call_for_each(shop: Shop, concurrently: Concurrently) -> None:
    first, *others = await concurrently.map(shop.price, range(20), limit=5)
    assert first < min(others)


@pytest.mark.asyncio
async def test_refusal(shop: Shop, concurrently: Concurrently) -> None:
    with pytest.raises(BudgetExceeded) as caught:
        await concurrently(shop.price(1), within=0.001)
    error: ConcurrencyError = caught.value
    assert "budget" in str(error)
    with pytest.raises((NotConcurrent, BlockingCallError)):
        await concurrently(shop.price(1), speedup=2)


@pytest.mark.allow_blocking("the licence is read once", calls=["builtins.open"])
@pytest.mark.asyncio
async def test_what_blocked(shop: Shop, blocking_calls: BlockingCalls) -> None:
    await shop.price(1)
    with blocking_calls.allowed("a cold cache"):
        await shop.price(2)
    for finding in blocking_calls:
        place = f"{finding.file}:{finding.line} in {finding.function}"
        assert finding.seconds < 0.1, place
    blocking_calls.clear()
    assert len(blocking_calls) == 0


@pytest.mark.virtual_time(start="2026-01-01T00:00:00Z", tz=1, real_limit="2s")
@pytest.mark.asyncio
async def test_backoff(virtual_clock: VirtualClock) -> None:
    began = virtual_clock.time()
    await asyncio.sleep(3600)
    virtual_clock.advance(60)
    assert virtual_clock.time() - began >= 3660
    assert virtual_clock.elapsed >= 3660


class TestInClasses:
    """Markers of a class hold for its tests."""

    pytestmark = (pytest.mark.budget("2s", starvation="strict"), pytest.mark.asyncio)

    async def test_method(self, shop: Shop, prices: Run[float]) -> None:
        assert await shop.price(3) in prices
