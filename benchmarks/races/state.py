"""State that several tasks read and write: lost updates, stale checks, torn reads."""

from __future__ import annotations

import asyncio


async def _io(steps: int = 1) -> None:
    """Await something that takes a few turns of the loop."""
    for _ in range(steps):
        await asyncio.sleep(0)


# ------------------------------------------------------------ lost update


async def racy_lost_update() -> None:
    """Two payments read the balance before either has written it."""
    account = {"balance": 100}

    async def pay(amount: int, latency: int) -> None:
        await _io(latency)
        balance = account["balance"]
        await _io()
        account["balance"] = balance + amount

    await asyncio.gather(pay(10, 1), pay(20, 3))
    assert account["balance"] == 130


async def repaired_lost_update() -> None:
    account = {"balance": 100}
    lock = asyncio.Lock()

    async def pay(amount: int, latency: int) -> None:
        await _io(latency)
        async with lock:
            balance = account["balance"]
            await _io()
            account["balance"] = balance + amount

    await asyncio.gather(pay(10, 1), pay(20, 3))
    assert account["balance"] == 130


async def racy_counter_of_three() -> None:
    """Three workers count what they have done; one is far ahead of the others."""
    done = 0

    async def work(before: int) -> None:
        nonlocal done
        await _io(before)
        seen = done
        await _io()
        done = seen + 1

    await asyncio.gather(work(0), work(2), work(4))
    assert done == 3


async def repaired_counter_of_three() -> None:
    done = 0

    async def work(before: int) -> None:
        nonlocal done
        await _io(before + 1)
        done += 1

    await asyncio.gather(work(0), work(2), work(4))
    assert done == 3


async def racy_append_and_flush() -> None:
    """A flush writes the lines it has seen, and drops one that came meanwhile."""
    buffer: list[str] = []
    written: list[str] = []

    async def flush() -> None:
        lines = list(buffer)
        await _io()
        written.extend(lines)
        buffer.clear()

    async def log() -> None:
        buffer.append("first")
        await _io(3)
        buffer.append("second")

    await asyncio.gather(log(), flush())
    await flush()
    assert written == ["first", "second"]


async def repaired_append_and_flush() -> None:
    buffer: list[str] = []
    written: list[str] = []

    async def flush() -> None:
        lines = list(buffer)
        buffer.clear()
        await _io()
        written.extend(lines)

    async def log() -> None:
        buffer.append("first")
        await _io(3)
        buffer.append("second")

    await asyncio.gather(log(), flush())
    await flush()
    assert sorted(written) == ["first", "second"]


# --------------------------------------------------------- check, then act


async def racy_last_seat() -> None:
    """Two customers see one seat free."""
    seats, sold = 1, []

    async def buy(name: str, latency: int) -> None:
        nonlocal seats
        await _io(latency)
        if seats > 0:
            await _io()
            seats -= 1
            sold.append(name)

    await asyncio.gather(buy("ada", 0), buy("bob", 2))
    assert len(sold) == 1


async def repaired_last_seat() -> None:
    seats, sold = 1, []

    async def buy(name: str, latency: int) -> None:
        nonlocal seats
        await _io(latency)
        if seats > 0:
            seats -= 1
            await _io()
            sold.append(name)

    await asyncio.gather(buy("ada", 0), buy("bob", 2))
    assert len(sold) == 1


async def racy_user_name_taken() -> None:
    """A name is looked up, and registered after a confirmation mail was sent."""
    users: dict[str, int] = {}

    async def register(name: str, number: int, latency: int) -> bool:
        await _io(latency)
        if name in users:
            return False
        await asyncio.sleep(0.01)
        users[name] = number
        return True

    async def later() -> bool:
        await asyncio.sleep(0.01)
        return await register("ada", 2, 2)

    first, second = await asyncio.gather(register("ada", 1, 0), later())
    assert not (first and second)


async def repaired_user_name_taken() -> None:
    users: dict[str, int] = {}

    async def register(name: str, number: int, latency: int) -> bool:
        await _io(latency)
        if users.setdefault(name, number) != number:
            return False
        await asyncio.sleep(0.01)
        return True

    async def later() -> bool:
        await asyncio.sleep(0.01)
        return await register("ada", 2, 2)

    first, second = await asyncio.gather(register("ada", 1, 0), later())
    assert not (first and second)


# --------------------------------------------------------- lazy singleton


async def racy_lazy_client() -> None:
    """A client is made when it is first asked for, and twice."""
    made: list[object] = []
    client: object | None = None

    async def get(latency: int) -> object:
        nonlocal client
        await _io(latency)
        if client is None:
            await _io(2)
            client = object()
            made.append(client)
        return client

    await asyncio.gather(get(0), get(3))
    assert len(made) == 1


async def repaired_lazy_client() -> None:
    made: list[object] = []
    client: object | None = None
    lock = asyncio.Lock()

    async def get(latency: int) -> object:
        nonlocal client
        await _io(latency)
        async with lock:
            if client is None:
                await _io(2)
                client = object()
                made.append(client)
        return client

    await asyncio.gather(get(0), get(3))
    assert len(made) == 1


# --------------------------------------------------------------- stampede


async def racy_cache_stampede() -> None:
    """Each of three requests finds the cache empty, and asks the database."""
    cache: dict[str, int] = {}
    queries = 0

    async def price(latency: int) -> int:
        nonlocal queries
        await _io(latency)
        if "price" not in cache:
            queries += 1
            await _io()
            cache["price"] = 7
        return cache["price"]

    await asyncio.gather(price(0), price(2), price(3))
    assert queries == 1


async def repaired_cache_stampede() -> None:
    cache: dict[str, asyncio.Task[int]] = {}
    queries = 0

    async def query() -> int:
        nonlocal queries
        queries += 1
        await _io()
        return 7

    async def price(latency: int) -> int:
        await _io(latency)
        if "price" not in cache:
            cache["price"] = asyncio.create_task(query())
        return await cache["price"]

    await asyncio.gather(price(0), price(2), price(3))
    assert queries == 1


# -------------------------------------------------------------- torn read


async def racy_torn_read() -> None:
    """A reader sees one half of a pair that a writer is about to complete."""
    point = {"x": 0, "y": 0}
    seen: list[tuple[int, int]] = []

    async def write() -> None:
        await _io(4)
        point["x"] = 1
        await _io()
        point["y"] = 1

    async def read() -> None:
        await _io()
        seen.append((point["x"], point["y"]))

    await asyncio.gather(write(), read())
    assert seen[0] in [(0, 0), (1, 1)]


async def repaired_torn_read() -> None:
    point = (0, 0)
    seen: list[tuple[int, int]] = []

    async def write() -> None:
        nonlocal point
        await _io(5)
        point = (1, 1)

    async def read() -> None:
        await _io()
        seen.append(point)

    await asyncio.gather(write(), read())
    assert seen[0] in [(0, 0), (1, 1)]


async def racy_transfer_audit() -> None:
    """An audit adds up accounts while money is on its way between them."""
    accounts = [50, 50, 50]
    sums: list[int] = []

    async def transfer() -> None:
        await _io(6)
        accounts[0] -= 10
        await _io()
        accounts[2] += 10

    async def audit() -> None:
        total = 0
        for account in range(3):
            total += accounts[account]
            await _io()
        sums.append(total)

    await asyncio.gather(audit(), transfer())
    assert sums == [150]


async def repaired_transfer_audit() -> None:
    accounts = [50, 50, 50]
    sums: list[int] = []

    async def transfer() -> None:
        await _io(6)
        accounts[0] -= 10
        accounts[2] += 10

    async def audit() -> None:
        copied = list(accounts)
        await _io(3)
        sums.append(sum(copied))

    await asyncio.gather(audit(), transfer())
    assert sums == [150]


# -------------------------------------------------------------------- ABA


async def racy_aba() -> None:
    """A value was changed and changed back, and the writer takes it for unchanged."""
    stack = ["a", "b"]
    freed: list[str] = []

    async def pop() -> None:
        top, rest = stack[0], stack[1:]
        await _io(2)
        if stack and stack[0] == top:
            stack[:] = rest

    async def churn() -> None:
        await _io(4)
        first = stack.pop(0) if stack else None
        second = stack.pop(0) if stack else None
        if second is not None:
            freed.append(second)
        await _io()
        if first is not None:
            stack.insert(0, first)

    await asyncio.gather(pop(), churn())
    assert not set(stack) & set(freed)


async def repaired_aba() -> None:
    stack = ["a", "b"]
    freed: list[str] = []
    version = 0

    async def pop() -> None:
        nonlocal version
        seen, rest = version, stack[1:]
        await _io(2)
        if stack and version == seen:
            stack[:] = rest
            version += 1

    async def churn() -> None:
        nonlocal version
        await _io(4)
        first = stack.pop(0) if stack else None
        second = stack.pop(0) if stack else None
        version += 1
        if second is not None:
            freed.append(second)
        await _io()
        if first is not None:
            stack.insert(0, first)
            version += 1

    await asyncio.gather(pop(), churn())
    assert not set(stack) & set(freed)


# -------------------------------------------------------------- two-phase


async def racy_two_phase() -> None:
    """A commit goes out before the last vote is known."""
    votes: list[bool] = []
    log: list[str] = []

    async def vote(answer: bool, latency: int) -> None:
        await _io(latency)
        votes.append(answer)

    async def coordinate() -> None:
        await _io(4)
        log.append("commit" if all(votes) else "abort")

    await asyncio.gather(vote(True, 0), vote(False, 1), coordinate())
    assert log == ["abort"]


async def repaired_two_phase() -> None:
    log: list[str] = []

    async def vote(answer: bool, latency: int) -> bool:
        await _io(latency)
        return answer

    async def coordinate() -> None:
        votes = await asyncio.gather(vote(True, 0), vote(False, 1))
        log.append("commit" if all(votes) else "abort")

    await coordinate()
    assert log == ["abort"]


async def racy_sequence_numbers() -> None:
    """Two senders draw a number, and send in another order."""
    number, sent = 0, []

    async def send(latency: int, transit: int) -> None:
        nonlocal number
        await _io(latency)
        number += 1
        mine = number
        await _io(transit)
        sent.append(mine)

    await asyncio.gather(send(0, 1), send(1, 2), send(2, 3))
    assert sent == sorted(sent)


async def repaired_sequence_numbers() -> None:
    number, sent = 0, []
    lock = asyncio.Lock()

    async def send(latency: int, transit: int) -> None:
        nonlocal number
        await _io(latency)
        async with lock:
            number += 1
            mine = number
            await _io(transit)
            sent.append(mine)

    await asyncio.gather(send(0, 1), send(1, 2), send(2, 3))
    assert sent == sorted(sent)


async def racy_dictionary_changes() -> None:
    """A session is dropped while somebody iterates over all of them."""
    sessions = {"a": 1, "b": 2, "c": 3}

    async def broadcast() -> None:
        for _ in sessions:
            await _io()

    async def logout() -> None:
        await _io(6)
        del sessions["b"]

    await asyncio.gather(broadcast(), logout())


async def repaired_dictionary_changes() -> None:
    sessions = {"a": 1, "b": 2, "c": 3}

    async def broadcast() -> None:
        for _ in list(sessions):
            await _io()

    async def logout() -> None:
        await _io(6)
        del sessions["b"]

    await asyncio.gather(broadcast(), logout())
