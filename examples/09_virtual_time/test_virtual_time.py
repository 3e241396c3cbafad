"""Ten thousand calls, an hour of retries and a deadlock, all at once."""

import asyncio
from datetime import datetime

import pytest
from pytest_asyncbench import Concurrently, Deadlock, VirtualClock


async def call(number: int) -> int:
    """Wait for a second."""
    await asyncio.sleep(1)
    return number


@pytest.mark.virtual_time
async def test_ten_thousand(concurrently: Concurrently) -> None:
    """A virtual second for all; nobody waits for it, and nobody for 10,000."""
    run = await concurrently.map(call, range(10_000), within=1, speedup=9_999)
    assert run.virtual == 1
    assert run.peak == 10_000


class Service:
    """Is down until a time of day."""

    def __init__(self, up_at: datetime) -> None:
        self.up_at = up_at
        self.asked: list[datetime] = []

    async def ask(self) -> str:
        """Answer, or refuse."""
        self.asked.append(datetime.now())
        if datetime.now() < self.up_at:
            raise ConnectionRefusedError
        return "up"


async def patiently(service: Service) -> str:
    """Ask again after a minute, then after two, four, eight …"""
    pause = 60
    while True:
        try:
            return await service.ask()
        except ConnectionRefusedError:
            await asyncio.sleep(pause)
            pause *= 2


@pytest.mark.virtual_time(start="2026-01-01T08:00:00Z")
@pytest.mark.budget("2h")
async def test_an_hour_of_retries(virtual_clock: VirtualClock) -> None:
    """The seventh question is the first after nine o'clock."""
    service = Service(up_at=datetime(2026, 1, 1, 9))
    assert await patiently(service) == "up"
    assert [f"{asked:%H:%M}" for asked in service.asked] == [
        "08:00",
        "08:01",
        "08:03",
        "08:07",
        "08:15",
        "08:31",
        "09:03",
    ]
    assert virtual_clock.elapsed == 63 * 60


async def relay(source: "asyncio.Queue[str]", target: "asyncio.Queue[str]") -> None:
    """Hand on what comes."""
    await target.put(await source.get())


@pytest.mark.virtual_time
def test_deadlock(concurrently: Concurrently) -> None:
    """Two relays in a ring, and nothing to hand on; in real time this would hang."""
    left: asyncio.Queue[str] = asyncio.Queue()
    right: asyncio.Queue[str] = asyncio.Queue()
    with pytest.raises(Deadlock) as told:
        concurrently.run({"there": relay(left, right), "back": relay(right, left)})
    for line in str(told.value).splitlines():
        print(line)
