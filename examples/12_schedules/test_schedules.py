"""A race that asyncio's own order hides, found, explained and repaired."""

from __future__ import annotations

import asyncio

import pytest


class Account:
    """An account whose balance is read and written with an await in between."""

    def __init__(self) -> None:
        self.balance = 0

    async def pay(self, amount: int, latency: int) -> None:
        for _ in range(latency):
            await asyncio.sleep(0)
        balance = self.balance
        await asyncio.sleep(0)
        self.balance = balance + amount


class LockedAccount(Account):
    """The same, where nobody comes in between."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = asyncio.Lock()

    async def pay(self, amount: int, latency: int) -> None:
        async with self._lock:
            await super().pay(amount, latency)


async def two_payments(account: Account) -> int:
    await asyncio.gather(account.pay(10, latency=1), account.pay(20, latency=3))
    return account.balance


async def test_passes_every_day() -> None:
    assert await two_payments(Account()) == 30


@pytest.mark.schedules(200)
async def test_under_schedules() -> None:
    assert await two_payments(Account()) == 30


@pytest.mark.schedules(200)
async def test_repaired() -> None:
    assert await two_payments(LockedAccount()) == 30
