"""Schedules: the queue with lanes, what is tried, what is found, how small it gets."""

from __future__ import annotations

import asyncio
import functools
import gc
import socket
import weakref

import pytest

from pytest_asyncbench._loops import LaneQueue, LaneTask, put_lanes
from pytest_asyncbench._running import AsksForMore, Explorer, Order, RunsOn, run_alone
from pytest_asyncbench._running import explorer as explorer_module
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.errors import Deadlock
from pytest_asyncbench._words.schedules import Hold, Schedule
from pytest_asyncbench.virtual_time import VirtualClock, virtualize


def run_quickly(function, order):
    """Run it in a loop of tasks and timers alone; give what it fails with."""
    try:
        run_alone(function, order, VirtualClock())
    except Exception as error:
        return error
    return None


def run_whole(function, order):
    """Run it in one of asyncio's own loops, in virtual time."""
    loop = asyncio.new_event_loop()
    virtualize(loop, VirtualClock())
    try:
        undo = order.bring(loop)
        loop.run_until_complete(function())
        undo()
    except Exception as error:
        return error
    finally:
        loop.close()
    return None


WAYS = pytest.mark.parametrize("run", [run_quickly, run_whole])


def explore(function, *, runs=500, seed=1, run=run_quickly, within=None, free=False):
    explorer = Explorer(
        runs=runs, seed=seed, within=within, clock=SYSTEM_CLOCK, free=free
    )
    assert run(function, explorer.own_order()) is None
    return explorer.explore(functools.partial(run, function))


def names_of(order):
    return [wake for _, wake, *_ in order.trail]


async def pause(steps=1):
    for _ in range(steps):
        await asyncio.sleep(0)


async def lost_update():
    value = 0

    async def add(before):
        nonlocal value
        await pause(before)
        seen = value
        await pause()
        value = seen + 1

    await asyncio.gather(add(1), add(3))
    assert value == 2


async def three_in_turn():
    async def one():
        await pause()

    await asyncio.gather(one(), one(), one())


# ------------------------------------------------------------------- lanes


@WAYS
def test_a_lane_has_the_same_name_in_each_run(run):
    """That of its place among those whom the same task has started."""

    async def leaf():
        await pause()

    async def branch():
        await asyncio.gather(leaf(), leaf())

    async def main():
        await asyncio.gather(branch(), leaf())

    expected = {"1", "1.1", "1.2", "1.1.1", "1.1.2"}
    late = Schedule(holds=(Hold(lane="1.1", wake=1),))
    for order in (Order(), Order(late)):
        assert run(main, order) is None
        assert expected <= {name for name, _ in names_of(order)}


@WAYS
def test_a_wake_up_that_is_held_comes_after_all_others(run):
    """And nothing is lost by that."""
    order = Order(Schedule(holds=(Hold(lane="1.1", wake=1),)))
    assert run(three_in_turn, order) is None
    ran = names_of(order)
    assert ran.index(("1.1", 1)) > ran.index(("1.2", 2))
    assert ran.index(("1.1", 1)) > ran.index(("1.3", 2))


@WAYS
def test_a_hold_ends_when_it_says(run):
    """After so many steps of others, or right after one of them."""
    steps = Order(Schedule(holds=(Hold(lane="1.1", wake=1, steps=1),)))
    until = Order(Schedule(holds=(Hold(lane="1.1", wake=1, until=("1.3", 1)),)))
    assert run(three_in_turn, steps) is None
    assert run(three_in_turn, until) is None
    ran = names_of(steps)
    assert ran.index(("1.2", 1)) < ran.index(("1.1", 1))
    ran = names_of(until)
    assert ran.index(("1.1", 1)) == ran.index(("1.3", 1)) + 1


@WAYS
def test_plain_callbacks_of_one_task_stay_in_order(run):
    """However often who goes next is picked from the end."""
    called = []

    async def main():
        loop = asyncio.get_running_loop()
        for number in range(5):
            loop.call_soon(called.append, number)
        await pause(9)

    assert run(main, Order(picking=lambda: lambda entries: len(entries) - 1)) is None
    assert called == [0, 1, 2, 3, 4]


def test_who_waits_goes_on_though_another_one_never_ends():
    """A task that looks again and again is no reason to wait for ever."""
    done = []

    async def main():
        async def ends():
            done.append(1)

        task = asyncio.create_task(ends())
        while not done:
            await pause()
        await task

    order = Order(Schedule(holds=(Hold(lane="1.1", wake=1),)), patience=30)
    assert run_quickly(main, order) is None
    picks_the_first = Order(picking=lambda: lambda entries: 0, patience=30)
    assert run_quickly(main, picks_the_first) is None


def test_a_run_that_does_not_end_is_ended():
    """By its steps, as a schedule may keep from it what it waits for."""

    async def main():
        while True:
            await pause()

    order = Order(limit=30_000)
    assert isinstance(run_quickly(main, order), RunsOn)
    assert order.endless


def test_sets_of_tasks_have_the_same_order_in_each_run():
    """That in which the tasks were made, and not that of their addresses."""
    orders = []

    async def main():
        tasks = {asyncio.create_task(pause(), name=f"t{n}") for n in range(9)}
        assert all(isinstance(task, LaneTask) for task in tasks)
        orders.append([task.get_name() for task in tasks])
        await asyncio.wait(tasks)

    for _ in range(3):
        assert run_quickly(main, Order()) is None
    assert orders[0] == orders[1] == orders[2]


async def one_second_apart():
    """Give the order in which four tasks went on, by the second of each."""
    log = []

    async def after(seconds):
        await asyncio.sleep(seconds)
        log.append(seconds)

    await asyncio.gather(after(1), after(2), after(3), after(4))
    return log


def late(**facts):
    """Hold the task that sleeps for one second at the end of its sleep."""
    return Order(Schedule(holds=(Hold(lane="1.1", wake=2, **facts),), free=True))


@WAYS
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, [2, 3, 4, 1]),
        ({"steps": 1}, [2, 1, 3, 4]),
        ({"until": ("1.3", 2)}, [2, 3, 1, 4]),
    ],
    ids=["as long as possible", "a step", "until another"],
)
def test_where_timers_are_free_one_is_late(run, facts, expected):
    """Others that are due later go on before, and time with them."""
    seen = []

    async def main():
        seen.extend(await one_second_apart())

    assert run(main, late(**facts)) is None
    assert seen == expected


@WAYS
def test_where_timers_are_not_free_what_is_held_goes_on_before_time_does(run):
    """A sleep of one second is over before one of two."""
    seen = []

    async def main():
        seen.extend(await one_second_apart())

    order = Order(Schedule(holds=(Hold(lane="1.1", wake=2),)))
    assert run(main, order) is None
    assert seen == [1, 2, 3, 4]


@WAYS
@pytest.mark.parametrize("wait", ["wait_for", "wait"])
def test_no_timer_is_late_for_a_timeout(run, wait):
    """Or each would end what it is there to guard."""

    async def main():
        if wait == "wait_for":
            assert await asyncio.wait_for(one_second_apart(), 60)
        else:
            task = asyncio.create_task(one_second_apart())
            done, _ = await asyncio.wait([task], timeout=60)
            assert done

    children = Hold(lane="1.1.1", wake=2), Hold(lane="1.1", wake=2)
    for hold in children:
        assert run(main, Order(Schedule(holds=(hold,), free=True))) is None


async def reads_too_early():
    log = []

    async def warm_up():
        await asyncio.sleep(1)
        log.append("warm")

    async def read():
        await asyncio.sleep(2)
        assert log

    await asyncio.gather(warm_up(), read())


async def calls_too_late():
    log = []
    asyncio.get_running_loop().call_later(1, log.append, 1)
    await asyncio.sleep(2)
    assert log


@WAYS
@pytest.mark.parametrize("function", [reads_too_early, calls_too_late])
def test_a_race_of_timers_is_found_where_they_are_free(run, function):
    """And only there; its text alone finds it again."""
    assert explore(function, run=run, runs=60).failure is None
    found = explore(function, run=run, free=True)
    assert isinstance(found.failure, AssertionError)
    assert found.deviations == 1
    again = Schedule.from_text(str(found.schedule))
    assert again == found.schedule
    assert again.free
    assert isinstance(run(function, Order(again)), AssertionError)


def test_what_is_late_to_the_end_of_a_failing_run_was_reached():
    """It need not have gone on before the test failed."""

    async def main():
        await reads_too_early()

    order = Order(Schedule(holds=(Hold(lane="1.1", wake=2),), free=True))
    gone = Order(Schedule(holds=(Hold(lane="1.7", wake=2),), free=True))
    assert isinstance(run_whole(main, order), AssertionError)
    assert order.unused == []
    assert run_whole(main, gone) is None
    assert gone.unused == ["1.7@2"]


@pytest.mark.parametrize("free", [False, True])
def test_a_descriptor_whose_callback_is_held_is_ready_for_one_poll(free):
    """The loop does not turn for ever on finding it."""
    ours, theirs = socket.socketpair()
    got = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: got.append(ours.recv(1)))
        await asyncio.sleep(0.1)
        theirs.send(b"x")
        while not got:
            await asyncio.sleep(0.1)
        loop.remove_reader(ours)

    held = Hold(lane="1c", wake=1), Hold(lane="0c", wake=1)
    try:
        order = Order(Schedule(holds=held, free=free))
        assert run_whole(main, order) is None
        assert order.queues[0].kept
    finally:
        ours.close()
        theirs.close()


def test_a_held_callback_is_not_found_again_for_another_one_of_its_descriptor():
    """What reads from a socket waits, while it can be written to, and that is held."""
    ours, theirs = socket.socketpair()
    got = []

    async def main():
        loop = asyncio.get_running_loop()

        def write():
            got.append("written")
            loop.remove_writer(ours)

        loop.add_reader(ours, got.append, "read")
        loop.add_writer(ours, write)
        while not got:
            await asyncio.sleep(0.1)
        loop.remove_reader(ours)

    try:
        order = Order(Schedule(holds=(Hold(lane="0c", wake=1),)))
        assert run_whole(main, order) is None
        assert order.queues[0].kept
        assert got == ["written"]
    finally:
        ours.close()
        theirs.close()


def test_what_is_ready_until_a_held_callback_has_run_does_not_turn_the_loop_for_ever():
    """As a socket is that connects: who takes it off waits behind what is held."""
    ours, theirs = socket.socketpair()

    async def main():
        loop = asyncio.get_running_loop()
        connected = loop.create_future()

        def end():
            loop.remove_writer(ours)
            connected.set_result(None)

        # It tells nobody anything, as asyncio's own do of a socket that is connected.
        loop.add_writer(ours, asyncio.isfuture, None)
        loop.call_soon(end)
        await connected

    loop = asyncio.new_event_loop()
    try:
        order = Order(Schedule(holds=(Hold(lane="1c", wake=1),)))
        undo = order.bring(loop)
        loop.run_until_complete(main())
        undo()
        assert {*order.queues[0].kept} == {("1c", 1)}
    finally:
        loop.close()
        ours.close()
        theirs.close()


def test_what_cleans_up_after_a_test_is_no_part_of_its_schedule():
    """What was late to the end is held for as long as can be, and not until then."""
    for seed in range(1, 9):
        found = explore(reads_too_early, free=True, seed=seed)
        (hold,) = found.schedule.holds
        assert hold.until is None or hold.until[0].startswith("1")
        assert {p.lane for p in found.passages} == {"1", "1.1", "1.2"}


def test_a_race_that_needs_no_late_timer_is_told_without():
    """So that its text is the same, whatever was asked for."""
    found = explore(lost_update, free=True)
    assert found.found_at < 40
    assert not found.schedule.free
    assert "free" not in str(found.schedule)


def test_a_test_whose_timers_are_free_is_never_seen_whole():
    """For how late one may be, nobody has said."""
    found = explore(three_in_turn, free=True, runs=400)
    assert (found.runs, found.seen_all, found.failure) == (400, False, None)


def test_a_cancelled_timer_is_not_found_for_another_at_its_address(monkeypatch):
    """Its lane is none of what comes after it, which no timer has put there."""
    monkeypatch.setattr("pytest_asyncbench._loops.lanes.id", lambda _: 1, raising=False)
    loop = asyncio.new_event_loop()
    queue = LaneQueue(None, {}, lambda _: None, 100)
    undo = put_lanes(loop, queue)

    async def main():
        timer = loop.call_later(3600, print)
        assert queue.set_by(timer) is not None
        timer.cancel()
        assert queue.set_by(asyncio.TimerHandle(1.0, print, (), loop)) is None
        loop.call_soon(int)
        await pause()

    loop.run_until_complete(main())
    assert queue.timed == set()
    undo()
    loop.close()


def test_an_undo_gives_the_loop_back():
    """With its own queue, its own way to make tasks, and what stands there."""
    loop = asyncio.new_event_loop()
    before = {name: vars(loop).get(name) for name in ("call_at", "create_task")}
    kind = type(loop._ready)
    undo = Order().bring(loop)
    called = []
    loop.call_soon(called.append, 1)
    undo()
    assert type(loop._ready) is kind
    assert {name: vars(loop).get(name) for name in before} == before
    loop.run_until_complete(pause(2))
    loop.close()
    assert called == [1]


@pytest.mark.parametrize("wants", ["socket", "thread"])
def test_who_needs_more_than_tasks_and_timers_says_so(wants):
    """And is run in a whole loop then."""

    async def main():
        if wants == "thread":
            await asyncio.to_thread(int)
        else:
            await asyncio.open_connection("127.0.0.1", 1)

    assert isinstance(run_quickly(main, Order()), AsksForMore)


def test_a_task_that_died_of_it_is_no_failure_of_the_run_in_a_whole_loop(caplog):
    """However late it is that nobody has looked at it: the run was given up."""

    async def main():
        await asyncio.wait([asyncio.create_task(asyncio.to_thread(int))])

    order = Order()
    assert isinstance(run_quickly(main, order), AsksForMore)
    order.begin()
    gc.collect()
    assert order.unseen == []
    assert not caplog.records


def test_nothing_of_a_run_is_left():
    """Neither a task nor a loop."""
    made = []

    async def main():
        loop = asyncio.get_running_loop()
        tasks = [asyncio.current_task(), asyncio.create_task(asyncio.sleep(9))]
        made.extend(map(weakref.ref, [loop, *tasks]))
        await pause()

    for _ in range(3):
        assert run_quickly(main, Order()) is None
    gc.collect()
    assert len(made) == 9
    assert [ref() for ref in made] == [None] * 9


# ------------------------------------------------------------------ search


@WAYS
def test_a_race_is_found_made_small_and_repeated(run):
    """By one hold, under which the test fails in the same way every time."""
    found = explore(lost_update, run=run)
    assert found.found_at is not None
    assert isinstance(found.failure, AssertionError)
    assert found.deviations == 1
    schedule = Schedule.from_text(str(found.schedule))
    assert schedule == found.schedule
    for _ in range(3):
        assert isinstance(run(lost_update, Order(schedule)), AssertionError)


def test_the_same_seed_finds_the_same_and_another_one_may_not():
    """So that CI sees today what it saw yesterday."""
    runs = [explore(lost_update, seed=5) for _ in range(2)]
    assert runs[0].found_at == runs[1].found_at
    assert runs[0].schedule == runs[1].schedule
    assert len({explore(lost_update, seed=n).found_at for n in range(9)}) > 1


@pytest.mark.parametrize("seed", range(4))
def test_a_small_test_is_seen_whole(seed):
    """Three tasks of two steps each: 90 orders of their steps, and none is left."""
    found = explore(three_in_turn, seed=seed)
    assert found.seen_all
    assert found.failure is None
    assert 90 <= found.runs <= 92


def test_a_test_with_one_order_is_not_run_for_ever():
    """There is nothing to try."""
    found = explore(pause)
    assert found.seen_all
    assert found.runs <= 2


async def with_stand_ins():
    await asyncio.gather(pause(0), pause(0))


async def with_one_stand_in():
    await asyncio.gather(pause(0), pause())


async def with_one_task():
    await asyncio.create_task(pause(0))


@pytest.mark.parametrize("run", [run_quickly, run_whole])
@pytest.mark.parametrize(
    ("function", "undivided"),
    [
        (with_stand_ins, True),
        (with_one_stand_in, False),
        (with_one_task, False),
        (pause, False),
        (three_in_turn, False),
    ],
)
def test_whether_any_of_several_tasks_has_given_way_is_known(function, undivided, run):
    """Where none has, all orders there are have been seen, and say nothing of races."""
    assert explore(function, run=run).undivided is undivided


def test_of_a_run_that_is_not_remembered_whole_it_is_not_said(monkeypatch):
    """The steps that are not might have been more of the same tasks."""

    async def one_after_another():
        for _ in range(9):
            await asyncio.wait([asyncio.create_task(pause(0))])
            await asyncio.sleep(1)

    assert explore(one_after_another, run=run_whole).undivided
    monkeypatch.setattr("pytest_asyncbench._running.order._MOST", 9)
    assert not explore(one_after_another, run=run_whole).undivided


def test_the_search_ends_with_its_time():
    """Though there is more to try."""
    found = explore(three_in_turn, within=1e-9)
    assert found.runs == 1
    assert not found.seen_all


def test_what_failed_before_is_tried_first():
    """And stays what it was, where nothing smaller fails."""
    known = explore(lost_update).schedule
    explorer = Explorer(runs=500, seed=9, within=None, clock=SYSTEM_CLOCK)
    assert run_quickly(lost_update, explorer.own_order()) is None
    found = explorer.explore(functools.partial(run_quickly, lost_update), known)
    assert found.found_at == 2
    assert found.deviations == 1


def test_a_failing_order_that_gets_no_smaller_is_told_as_it_was(monkeypatch):
    """By who was picked at each moment; and fails again by that."""
    monkeypatch.setattr(explorer_module, "_TRIALS", 0)
    found = explore(lost_update)
    assert found.schedule.picks
    assert isinstance(found.failure, AssertionError)
    schedule = Schedule.from_text(str(found.schedule))
    assert isinstance(run_quickly(lost_update, Order(schedule)), AssertionError)


async def three_philosophers():
    forks = [asyncio.Lock() for _ in range(3)]

    async def dine(seat):
        await pause(3 * seat)
        async with forks[seat]:
            await pause()
            async with forks[(seat + 1) % 3]:
                await pause()

    await asyncio.gather(*map(dine, range(3)))


@pytest.mark.parametrize("seed", [5, 14, 38, 121])
def test_of_three_that_had_to_be_held_two_are_left_where_these_do(seed):
    """By leaving any out it stays at three: one of two is to be held otherwise."""
    found = explore(three_philosophers, seed=seed)
    assert found.schedule.deviations == 2
    again = Order(found.schedule)
    assert isinstance(run_quickly(three_philosophers, again), Deadlock)


def test_a_deadlock_is_found():
    """Two take two locks in different orders."""

    async def main():
        a, b = asyncio.Lock(), asyncio.Lock()

        async def both(first, second, before):
            await pause(before)
            async with first:
                await pause()
                async with second:
                    pass

        await asyncio.gather(both(a, b, 0), both(b, a, 4))

    found = explore(main)
    assert type(found.failure).__name__ == "Deadlock"
    assert found.deviations == 1


def test_what_fails_in_asyncio_own_order_too_is_no_race():
    """It was run once, and can't be run a second time."""
    runs = []

    async def main():
        runs.append(1)
        await three_in_turn()
        assert len(runs) == 1

    found = explore(main)
    assert found.found_at is None
    assert found.failure is None
    assert "can't be run twice" in found.problem


def test_an_exception_that_nobody_looked_at_is_a_failure():
    """Unless nobody looks at it in asyncio's own order, either."""

    async def heartbeat(opened):
        await pause(4)
        if not opened:
            raise RuntimeError("closed")

    async def main():
        opened = []

        async def connect():
            await pause(2)
            opened.append(1)

        beating = asyncio.create_task(heartbeat(opened))
        await connect()
        await asyncio.wait([beating])

    async def always():
        dying = asyncio.create_task(heartbeat([]))
        await asyncio.gather(pause(3), pause(2))
        await asyncio.wait([dying])

    found = explore(main)
    assert isinstance(found.failure, RuntimeError)
    assert explore(always, runs=50).failure is None


def test_the_steps_of_the_failing_run_are_told():
    """Where each task stood before and after, for who reads the failure."""
    found = explore(lost_update)
    held = found.schedule.holds[0]
    steps = [p for p in found.passages if (p.lane, p.wake) == (held.lane, held.wake)]
    assert len(steps) == 1
    assert steps[0].resumed.file == __file__
    assert "add" in steps[0].task
    assert [p.step for p in found.passages] == sorted(p.step for p in found.passages)


def test_the_steps_in_asyncio_own_order_are_told_beside():
    """Of a run that passed, by the same names; each task is over after its last one."""
    found = explore(lost_update)
    assert {(p.lane, p.wake) for p in found.own} == {
        (p.lane, p.wake) for p in found.passages
    }
    last = {p.lane: p.over for p in found.own}
    assert all(last.values())
    assert sum(p.over for p in found.own) == len(last) == 3
