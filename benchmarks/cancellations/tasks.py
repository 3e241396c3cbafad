"""Tasks that are left behind, and cancellations that end in nothing."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

pytestmark = pytest.mark.cancellations


async def _beat() -> None:
    while True:
        await asyncio.sleep(1)


# -------------------------------------------------------------- task left


async def faulty_task_left() -> None:
    """A background task is cancelled at the end, if that is reached."""
    beating = asyncio.create_task(_beat())
    await asyncio.sleep(3)  # leaves: left behind: task '_beat'
    beating.cancel()


async def repaired_task_left() -> None:
    beating = asyncio.create_task(_beat())
    try:
        await asyncio.sleep(3)
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating


# ----------------------------------------------------------- sibling left


async def faulty_sibling_left() -> None:
    """Two are awaited in turn: who cancels the first leaves the second."""

    async def fetch(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    async def both() -> float:
        first = asyncio.create_task(fetch(1))
        second = asyncio.create_task(fetch(2))
        return await first + await second  # leaves: left behind: task 'fetch'

    await asyncio.gather(both())


async def repaired_sibling_left() -> None:
    async def fetch(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    async def both() -> float:
        return sum(await asyncio.gather(fetch(1), fetch(2)))

    await asyncio.gather(both())


# --------------------------------------------------------- first completed


async def faulty_first_completed() -> None:
    """The slower ones are cancelled, unless who waits for them is, before."""

    async def mirror(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    tasks = [asyncio.create_task(mirror(delay)) for delay in (1, 2)]
    first = asyncio.FIRST_COMPLETED
    _, slower = await asyncio.wait(tasks, return_when=first)  # leaves: left behind
    for task in slower:
        task.cancel()


async def repaired_first_completed() -> None:
    async def mirror(delay: float) -> float:
        await asyncio.sleep(delay)
        return delay

    tasks = [asyncio.create_task(mirror(delay)) for delay in (1, 2)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


# ---------------------------------------------------------- shield misused


async def faulty_shield_misused() -> None:
    """A shield keeps the cancellation away, and nobody waits for what is inside."""

    async def save() -> None:
        await asyncio.sleep(1)

    await asyncio.shield(save())  # leaves: left behind: task 'save'


async def repaired_shield_misused() -> None:
    async def save() -> None:
        await asyncio.sleep(1)

    saving = asyncio.create_task(save())
    try:
        await asyncio.shield(saving)
    except asyncio.CancelledError:
        await asyncio.wait([saving])
        raise


# ---------------------------------------------------- swallowed, three ways


async def faulty_swallowed_by_base_exception() -> None:
    """A retry takes the cancellation for one more failure."""

    async def fetch() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(1)  # leaves: the cancellation was swallowed
            except BaseException:
                continue

    await asyncio.gather(fetch())


async def repaired_swallowed_by_base_exception() -> None:
    async def fetch() -> None:
        for _ in range(2):
            try:
                await asyncio.sleep(1)
            except Exception:
                continue

    await asyncio.gather(fetch())


async def faulty_swallowed_by_pass() -> None:
    """The cancellation is caught, and the work goes on as if nothing had been."""

    async def work() -> None:
        try:
            await asyncio.sleep(1)  # leaves: the cancellation was swallowed
        except asyncio.CancelledError:
            pass
        await asyncio.sleep(1)

    await asyncio.gather(work())


async def repaired_swallowed_by_pass() -> None:
    async def work() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            raise
        await asyncio.sleep(1)

    await asyncio.gather(work())


async def faulty_swallowed_by_return() -> None:
    """A return in a finally takes the place of whatever was raised."""

    async def work() -> str:
        answer = ""
        try:
            await asyncio.sleep(1)  # leaves: the cancellation was swallowed
            answer = "done"
        finally:
            return answer  # noqa: B012 - that is the fault

    await asyncio.gather(work())


async def repaired_swallowed_by_return() -> None:
    async def work() -> str:
        answer = ""
        try:
            await asyncio.sleep(1)
            answer = "done"
        finally:
            answer = answer or "given up"
        return answer

    await asyncio.gather(work())
