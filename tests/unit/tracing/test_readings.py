"""The critical path, and what awaiting would have brought, in a time by hand."""

from __future__ import annotations

import asyncio
import socket

import pytest
from by_hand import run_in
from test_strands import CLOCK, work

from pytest_asyncbench._running.together import Together, jobs_from
from pytest_asyncbench._tracing import critical_path, readings, saved
from pytest_asyncbench._watching.watch import Watch


def whole_of(main, threshold=3600.0, taker=None, before=None):
    """Run `main` watched; give all that it did as one strand, less what came before."""
    watch = Watch(CLOCK, threshold=threshold, tracing=True, taker=taker)
    watch.start()
    groups = []

    async def body():
        if before is not None:
            await before()
        groups.append(watch.recorder.body())
        await main()

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert watch.problems == []
    return groups[0].whole()


def path_of(main, before=None):
    """Give the critical path of `main`: kind, task and seconds of each link."""
    owners = whole_of(main, before=before)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    return [(each.task.partition(" ")[0], each.kind, each.seconds) for each in links]


def steps_of(owners, name):
    """Give the moments at which the steps of a task began."""
    names, trace = owners.tapes.names, owners.trace
    return [
        trace.began(at)
        for at, who in enumerate(trace.who)
        if who >= 0 and names[who].startswith(name)
    ]


async def stalled(seconds=1):
    work(seconds)
    await asyncio.sleep(1)


async def asleep(seconds=1):
    await asyncio.sleep(seconds)


def test_the_path_has_the_longest_of_those_side_by_side():
    """And neither the shorter ones nor who only waited for them."""

    async def main():
        await asyncio.gather(asleep(1), asleep(3), asleep(2))

    assert path_of(main) == [("asleep", "waiting", pytest.approx(3))]


def test_who_waits_for_a_lock_waited_for_who_held_it():
    """From when it asked; before that lies what it did before."""
    lock = asyncio.Lock()

    async def audit():
        async with lock:
            await asyncio.sleep(4)

    async def price_of():
        await asyncio.sleep(1)
        async with lock:
            await asyncio.sleep(2)

    async def main():
        await asyncio.gather(audit(), price_of())

    owners = whole_of(main)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    waits = [(each.seconds, each.by and each.by.split()[0]) for each in links]
    assert waits == [
        (pytest.approx(1), None),
        (pytest.approx(3), "audit"),
        (pytest.approx(2), None),
    ]
    assert links[1].task.startswith("price_of")
    assert "Lock.acquire" in links[1].awaited
    assert links[1].place.function.endswith("price_of")


def test_the_lock_is_known_however_much_who_holds_it_does_before_the_loop_rests():
    """Who holds it over I/O takes a step for each part of that."""
    lock = asyncio.Lock()

    async def audit():
        async with lock:
            for _ in range(30):
                await asyncio.sleep(0)
            await asyncio.sleep(4)

    async def price_of():
        async with lock:
            await asyncio.sleep(2)

    async def main():
        await asyncio.gather(audit(), price_of())

    owners = whole_of(main)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    (waited,) = [each for each in links if "Lock.acquire" in (each.awaited or "")]
    assert waited.seconds == pytest.approx(4)


def test_of_many_that_wait_each_is_looked_at_in_its_turn():
    """Sixteen at a time, each once."""
    lock = asyncio.Lock()

    async def through():
        async with lock:
            await asyncio.sleep(1)

    async def main():
        await asyncio.gather(*(through() for _ in range(40)))

    owners = whole_of(main)
    waits = [awaited for _, awaited in owners.trace.tape.waits.values()]
    # The first two of those who wait have it before their turn.
    assert sum("Lock.acquire" in awaited for awaited in waits) == 39 - 2


def kept_in(main):
    """Give who kept the loop in each wait of the critical path of `main`."""
    owners = whole_of(main)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    kept = [each.kept_by for each in links if each.kind == "waiting"]
    return [kept_by and kept_by.partition(" (")[0] for kept_by in kept]


@pytest.mark.parametrize("workers", [1, 3])
def test_of_who_waits_for_one_that_blocks_it_is_told_who_kept_the_loop(workers):
    """While the loop can't rest, nobody looks where it waits, and for what."""
    asked = asyncio.Queue()

    async def serve():
        while True:
            answer = await asked.get()
            work(2)
            answer.set_result(None)
            await asyncio.sleep(0)

    async def ask():
        answer = asyncio.get_running_loop().create_future()
        asked.put_nowait(answer)
        await answer

    async def main():
        serving = [asyncio.create_task(serve()) for _ in range(workers)]
        await asyncio.gather(*(ask() for _ in range(3)))
        for task in serving:
            task.cancel()

    assert kept_in(main) == ["serve"]


def test_of_a_wait_in_which_the_loop_rested_for_the_most_nobody_kept_it():
    """Nor does it count what kept the loop when the wait was over."""

    async def busy():
        work(0.4)
        await asyncio.sleep(0.5)
        work(3)

    async def main():
        await asyncio.gather(busy(), asleep(1))

    assert kept_in(main) == [None]


def test_work_and_the_queue_behind_it_are_links():
    """Of three that work at once, the last one stood behind the others."""

    async def busy():
        work(1)

    async def main():
        await asyncio.gather(busy(), busy(), busy())

    assert path_of(main) == [
        ("busy", "queued", pytest.approx(2)),
        ("busy", "running", pytest.approx(1)),
    ]


@pytest.mark.parametrize("between", [0, 0.0001, 1])
def test_each_wait_in_a_row_counts_however_little_was_done_between(between):
    """What is too short for a link of its own does not make one wait of several."""

    async def main():
        for _ in range(3):
            await asyncio.sleep(1)
            work(between)

    owners = whole_of(main)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    assert sum(link.times for link in links if link.kind == "waiting") == 3


def test_the_path_is_as_long_as_the_test():
    """Whatever it did, in any order."""

    async def main():
        work(2)
        await asyncio.gather(stalled(), asleep(2))
        await asyncio.sleep(3)

    assert sum(seconds for _, _, seconds in path_of(main)) == pytest.approx(8)


def test_what_its_task_waited_for_before_is_no_part_of_it():
    """Some plugins run fixtures and tests in one task, which is told of each."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def told():
        loop = asyncio.get_running_loop()
        loop.call_later(4, theirs.send, b"!")
        await loop.sock_recv(ours, 1)

    async def main():
        await asyncio.sleep(2)
        work(1)

    with ours, theirs:
        links = path_of(main, before=told)
    assert sum(seconds for _, _, seconds in links) == pytest.approx(3)


def test_an_answer_was_waited_for_since_what_was_done_before_it():
    """Who opened the connection has not ended that wait, and the path goes on."""
    ours, theirs = socket.socketpair()

    async def ask():
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection(sock=ours)
        for seconds in (2, 3):
            asyncio.get_running_loop().call_later(seconds, theirs.send, b"\n")
            await reader.readline()
        writer.close()

    async def main():
        await asyncio.create_task(ask())

    with theirs:
        owners = whole_of(main)
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    assert [(each.seconds, each.by, each.awaited) for each in links] == [
        (pytest.approx(1), None, "asyncio.sleep"),
        (pytest.approx(5), None, "asyncio.StreamReader.readuntil"),
    ]


@pytest.mark.parametrize(
    ("count", "gained"), [(1, 0), (2, 1), (4, 3)], ids=["one", "two", "four"]
)
def test_what_is_awaited_at_once_costs_as_much_as_one(count, gained):
    """One alone waits as long as it was blocked, and nothing is won by that."""

    async def main():
        await asyncio.gather(*(stalled() for _ in range(count)))

    owners = whole_of(main)
    blocked = dict.fromkeys(steps_of(owners, "stalled")[:count], 1.0)
    assert saved(owners, [blocked]) == [pytest.approx(gained)]


def test_each_place_can_be_awaited_alone():
    """Two that block one after the other, in tasks of their own."""

    async def first():
        work(2)

    async def second():
        work(3)

    async def main():
        await asyncio.gather(first(), second())

    owners = whole_of(main)
    one = dict.fromkeys(steps_of(owners, "first"), 2.0)
    other = dict.fromkeys(steps_of(owners, "second"), 3.0)
    gained = saved(owners, [one, other, one | other, {}])
    assert gained == [pytest.approx(2), pytest.approx(0), pytest.approx(2), 0.0]


@pytest.mark.parametrize(("awaited", "gained"), [(1.0, 1.25), (0.5, 0.625)])
def test_what_is_awaited_need_not_be_taken_down(awaited, gained):
    """What our own code took after a long step goes with what goes of that."""

    async def main():
        await asyncio.gather(stalled(), stalled())

    owners = whole_of(main, threshold=0.5, taker=lambda *_: work(0.25))
    blocked = dict.fromkeys(steps_of(owners, "stalled")[:2], awaited)
    assert saved(owners, [blocked]) == [pytest.approx(gained)]


@pytest.mark.parametrize(("beside", "gained"), [((3,), 0), ((6,), 0), ((3, 3), 2)])
def test_what_ends_last_then_may_be_another_than_in_the_real_run(beside, gained):
    """All have to end of what runs side by side, and who blocked is the last to."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()

    async def blocked():
        await asyncio.sleep(1)
        work(4)

    async def other():
        for seconds in beside:
            await asyncio.sleep(seconds)

    run = Together(jobs_from([blocked(), other()]), recorder=watch.recorder)
    try:
        run_in(CLOCK, run.run())
    finally:
        watch.stop()
    assert watch.problems == []
    owners = run.group.whole()
    last = owners.trace.last[owners.roots[0]]
    case = {owners.trace.began(last): 4.0}
    assert saved(owners, [case]) == [pytest.approx(gained)]


@pytest.mark.parametrize(("workers", "gained"), [(1, 0), (4, 3)])
def test_what_serves_a_test_can_await_as_well(workers, gained):
    """It is no task of the test's; one worker serves one at a time all the same."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def serve(requests):
        while True:
            answer = await requests.get()
            if workers > 1:
                await asyncio.sleep(0)  # so that others take the next ones
            work(1)
            answer.set_result(None)

    async def ask(requests):
        answer = asyncio.get_running_loop().create_future()
        requests.put_nowait(answer)
        await answer

    async def body(requests):
        groups.append(watch.recorder.body())
        await asyncio.gather(*(ask(requests) for _ in range(4)))

    async def main():
        requests = asyncio.Queue()
        serving = [asyncio.create_task(serve(requests)) for _ in range(workers)]
        await asyncio.create_task(body(requests))
        for task in serving:
            task.cancel()

    try:
        run_in(CLOCK, main())
    finally:
        watch.stop()
    assert watch.problems == []
    owners = groups[0].whole()
    trace = owners.trace
    long = [at for at in range(owners.start, len(trace.who)) if trace.seconds(at) >= 1]
    blocked = {trace.began(at): trace.seconds(at) for at in long}
    assert saved(owners, [blocked]) == [pytest.approx(gained)]


def test_who_is_served_next_need_not_wait_for_what_was_taken_down():
    """That of the step at whose end one was taken up, and another one answered."""
    requests, serving = asyncio.Queue(), []

    async def serve():
        while True:
            answer = await requests.get()
            await asyncio.sleep(1)
            work(1)
            answer.set_result(None)

    async def ask():
        answer = asyncio.get_running_loop().create_future()
        requests.put_nowait(answer)
        await answer

    async def before():
        serving.append(asyncio.create_task(serve()))
        await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(ask() for _ in range(3)))
        serving[0].cancel()

    owners = whole_of(main, 0.5, taker=lambda *_: work(0.25), before=before)
    trace = owners.trace
    steps = [at for at, who in enumerate(trace.who) if who >= 0]
    blocked = {trace.began(at): 1.0 for at in steps if trace.seconds(at) >= 1}
    assert len(blocked) == 3
    assert saved(owners, [blocked]) == [pytest.approx(3 * 0.25)]


def test_who_waits_in_a_row_gains_nothing():
    """Awaiting in one coroutine what it needs before it goes on is no faster."""

    async def main():
        for _ in range(3):
            await stalled()

    owners = whole_of(main)
    blocked = dict.fromkeys(steps_of(owners, "body"), 1.0)
    assert saved(owners, [blocked]) == [pytest.approx(0)]


def test_the_path_of_very_many_steps_is_as_long_as_what_they_took(monkeypatch):
    """For how long each task did what: a part of it would be told of as the whole."""
    monkeypatch.setattr(readings, "_MOST_LINKS", 50)

    async def spins():
        for _ in range(100):
            work(0.01)
            await asyncio.sleep(0)

    async def main():
        await asyncio.sleep(3)
        await asyncio.gather(spins(), spins())

    assert path_of(main) == [
        ("body", "waiting", pytest.approx(3)),
        ("spins", "queued", pytest.approx(1, abs=0.02)),
        ("spins", "running", pytest.approx(1, abs=0.02)),
    ]


def test_the_path_of_what_a_sync_test_runs_begins_with_that():
    """And not with the first task which it starts."""

    async def main():
        await asyncio.sleep(2)
        work(1)
        await asyncio.create_task(asleep(4))

    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    group = watch.recorder.bodies()
    try:
        run_in(CLOCK, main())
    finally:
        watch.stop()
    assert watch.problems == []
    owners = group.whole()
    links = critical_path(owners, owners.trace.last[owners.roots[0]])
    path = [(each.task.partition(" ")[0], each.kind, each.seconds) for each in links]
    assert path == [
        ("main", "waiting", pytest.approx(2)),
        ("main", "running", pytest.approx(1)),
        ("asleep", "waiting", pytest.approx(4)),
    ]
