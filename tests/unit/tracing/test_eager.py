"""Eager tasks, and those that a task creates in its first step: followed as any.

Time is the manual clock's, so every figure here is exact.
"""

from __future__ import annotations

import asyncio
import sys

import pytest
from by_hand import run_in
from test_strands import CLOCK, compared, watched, work, worker

from pytest_asyncbench._watching.watch import Watch

needs_3_12 = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="eager tasks came with 3.12"
)
needs_3_14 = pytest.mark.skipif(
    sys.version_info < (3, 14), reason="create_task takes eager_start from 3.14 on"
)

only_3_12_and_3_13 = pytest.mark.skipif(
    not (3, 12) <= sys.version_info < (3, 14),
    reason="eager tasks came with 3.12; from 3.14 on all_tasks knows none in Python",
)


def by_argument(coroutine):
    return asyncio.create_task(coroutine, eager_start=True)


def by_constructor(coroutine):
    loop = asyncio.get_running_loop()
    return asyncio.Task(coroutine, loop=loop, eager_start=True)


def by_constructor_in_python(coroutine):
    loop = asyncio.get_running_loop()
    return asyncio.tasks._PyTask(coroutine, loop=loop, eager_start=True)


ways = pytest.mark.parametrize(
    "make",
    [
        pytest.param(by_argument, marks=needs_3_14),
        pytest.param(by_constructor, marks=needs_3_12),
        pytest.param(by_constructor_in_python, marks=only_3_12_and_3_13),
    ],
)


def plain(loop, coroutine, **options):
    """Make tasks as a factory of a user's does."""
    return asyncio.Task(coroutine, loop=loop, **options)


@ways
def test_four_that_wait_are_four_strands(make):
    """With no task factory set."""

    async def main():
        await asyncio.gather(*(make(asyncio.sleep(1)) for _ in range(4)))

    seen = watched(main)
    assert (len(seen.tasks), seen.serial) == (4, pytest.approx(4))
    assert seen.speedup == pytest.approx(4)


@needs_3_14
def test_those_of_a_task_group_are_followed():
    """It hands the argument on."""

    async def main():
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asyncio.sleep(1), eager_start=True)

    assert watched(main).speedup == pytest.approx(3)


@ways
def test_both_kinds_beside_each_other_count(make):
    """Whoever starts at once is measured with those that start later."""

    async def main():
        eager = [make(asyncio.sleep(1)) for _ in range(2)]
        await asyncio.gather(*eager, *(asyncio.sleep(1) for _ in range(2)))

    assert watched(main).speedup == pytest.approx(4)


@needs_3_14
def test_work_in_the_first_step_is_its_own():
    """It is the eager task that worked, and its creator that did not."""

    async def main():
        await asyncio.gather(*(by_argument(worker(1, 1)) for _ in range(2)))

    seen = watched(main)
    assert [task.running for task in seen.tasks] == [pytest.approx(1)] * 2
    assert seen.serial == pytest.approx(4)


@ways
def test_who_ends_at_once_is_no_faster_than_in_turn(make):
    """Work cannot overlap, whether or not anybody has seen it begin."""

    async def quick():
        work(1)

    async def main():
        await asyncio.gather(*(make(quick()) for _ in range(3)))

    seen = watched(main)
    assert (len(seen.tasks), seen.serial) == (3, pytest.approx(3))
    assert seen.speedup == pytest.approx(1)


@ways
def test_parts_that_wait_for_one_lock_gain_nothing(make):
    """Each part of a run has an eager task that needs what the others hold."""

    async def shape(together):
        lock = asyncio.Lock()

        async def inner():
            async with lock:
                await asyncio.sleep(1)

        async def part():
            await make(inner())

        await together(*(part() for _ in range(4)))

    seen = compared(shape, in_body=False)
    assert (seen.wall, seen.serial) == (pytest.approx(4), pytest.approx(4))


@ways
def test_who_begins_beside_another_does_not_begin_within_it(make):
    """Whatever that one started in its own first step."""

    async def part():
        await asyncio.gather(make(asyncio.sleep(1)), make(asyncio.sleep(1)))

    async def both():
        await asyncio.gather(make(part()), make(part()))

    async def main():
        await asyncio.gather(make(both()), make(both()))

    seen = watched(main)
    assert [task.name.split()[0] for task in seen.tasks] == ["both", "both"]
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(2))


@ways
def test_one_that_hangs_is_known_to_wait(make):
    """The report at a budget's end says for how long."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    waited = []

    async def body():
        watch.recorder.body()
        task = make(asyncio.sleep(3))
        await asyncio.sleep(2)
        waited.append(watch.recorder.waiting_for(task))
        task.cancel()

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert waited == [pytest.approx(2)]


def test_tasks_of_a_first_step_belong_to_who_creates_them():
    """A factory of the user's is asked before the creator's first step is over."""

    async def part():
        await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1))

    async def main():
        await asyncio.gather(part(), part(), part())

    seen = watched(main, factory=plain)
    assert (len(seen.tasks), seen.serial) == (3, pytest.approx(3))


def test_so_do_those_of_a_run():
    """Whose parts were given, and take their first steps in a factory's tasks."""

    async def shape(together):
        asyncio.get_running_loop().set_task_factory(plain)

        async def part():
            await asyncio.gather(asyncio.sleep(1), asyncio.sleep(1))

        await together(part(), part())

    seen = compared(shape, in_body=False)
    assert (len(seen.tasks), seen.serial) == (2, pytest.approx(2))


@needs_3_12
def test_no_time_is_ever_less_than_nothing():
    """Parts whose eager tasks did all of the work."""

    async def shape(together):
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

        async def part():
            await asyncio.gather(worker(1, 0), worker(1, 0))

        await together(part(), part())

    seen = compared(shape, in_body=False)
    assert min(task.running for task in seen.tasks) >= 0
    assert seen.serial == pytest.approx(4)


@needs_3_12
def test_nobody_looks_into_an_eager_task_that_is_over():
    """On 3.12.1 the interpreter crashes at that; and it has a name all the same."""

    async def quick():
        work(1)

    async def main():
        tasks = [asyncio.create_task(quick()) for _ in range(4)]
        await asyncio.gather(*tasks)

    seen = watched(main, factory=asyncio.eager_task_factory)
    assert len(seen.tasks) == 4
    assert all("quick" in task.name for task in seen.tasks)
