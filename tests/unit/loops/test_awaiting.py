"""What a suspended task awaits: its chain of frames, and the end of it in words."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Coroutine

import pytest

from pytest_asyncbench._loops.awaiting import (
    await_chain,
    awaits_outside,
    by_name,
    is_cleaning_up,
    stands_at,
)
from pytest_asyncbench._loops.tasks import task_label
from pytest_asyncbench._running import Together


def suspended(coroutine_function, turns=3, look=await_chain):
    """Give the await chain of a coroutine's task once it has come to rest."""

    async def main():
        task = asyncio.create_task(coroutine_function())
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            return look(task)
        finally:
            task.cancel()
            await asyncio.wait({task})

    return asyncio.run(main())


def names(stack):
    return [frame.function.rpartition(".")[2] for frame in stack]


def test_a_chain_of_awaits_is_followed_to_its_end():
    """Innermost first, with each line at which it stands."""

    async def inner():
        await asyncio.sleep(60)

    async def outer():
        await inner()

    stack, awaits = suspended(outer)
    assert names(stack) == ["sleep", "inner", "outer"]
    assert stack[1].line == inner.__code__.co_firstlineno + 1
    assert awaits == "asyncio.sleep"


def test_a_task_without_a_line_of_the_users_stands_in_its_library():
    """And not in what asyncio does for it, which says of no await whose it is."""
    anyio = pytest.importorskip("anyio")
    place = suspended(lambda: anyio.sleep(60), 1, stands_at)
    assert place.module.partition(".")[0] == "anyio"
    assert suspended(lambda: asyncio.sleep(60), 1, stands_at).module == "asyncio"


def test_a_task_that_closes_a_generator_is_named_by_it():
    """asyncio makes one of each that nobody has closed."""

    async def lines():
        try:
            yield
        finally:
            await asyncio.sleep(60)

    async def main():
        given = lines()
        await anext(given)
        closing = asyncio.create_task(given.aclose(), name="Task-9")
        await asyncio.sleep(0)
        told = task_label(closing)
        closing.cancel()
        await asyncio.wait({closing})
        return told

    assert asyncio.run(main()) == "lines (Task-9)"


def test_a_task_that_has_not_begun_stands_at_no_line_of_ours():
    """Where we call the body of a test, no reader knows the line."""
    assert suspended(Together([]).run, 0, stands_at) is None


def test_the_chain_goes_on_through_an_asynchronous_generator():
    """However it is advanced; what stands between the two does not say whose it is."""

    async def fixture():
        try:
            yield 1
        except ValueError:
            await asyncio.sleep(60)
        else:
            await asyncio.sleep(60)

    async def looped():
        async for _ in fixture():
            pass

    async def advanced():
        generator = fixture()
        await generator.__anext__()
        await anext(generator, None)

    async def thrown():
        generator = fixture()
        await generator.__anext__()
        await generator.athrow(ValueError())

    for outer in looped, advanced, thrown:
        stack, _ = suspended(outer)
        assert names(stack) == ["sleep", "fixture", outer.__name__]


def test_the_chain_goes_on_through_a_wrapped_coroutine():
    """Its ``__await__`` gives an object that hides it."""

    class Wrapper:
        def __await__(self):
            return asyncio.sleep(60).__await__()

    async def outer():
        await Wrapper()

    assert names(suspended(outer)[0]) == ["sleep", "outer"]


class Request(Coroutine):
    """A coroutine of one's own, as what aiohttp gives for a request is."""

    __slots__ = ("answer", "work")

    def __init__(self, work):
        self.work, self.answer = work, None

    def send(self, value):
        return self.work.send(value)

    def throw(self, *error):
        return self.work.throw(*error)

    def __await__(self):
        return self.work.__await__()


def test_the_chain_begins_behind_what_stands_for_a_coroutine():
    """`gather(session.get(url))` makes a task of what is no coroutine of Python's."""

    async def get():
        await asyncio.sleep(60)

    stack, awaits = suspended(lambda: Request(get()))
    assert (names(stack), awaits) == (["sleep", "get"], "asyncio.sleep")


class Proxy:
    """An awaitable that has whatever it is asked for."""

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return None

    def __getattr__(self, name):
        return Proxy()


class Unbound(Proxy):
    """One that raises until somebody has told it what it stands for."""

    def __getattr__(self, name):
        if name in ("close", "throw"):  # a coroutine that is ended asks for these
            raise AttributeError(name)
        raise RuntimeError(f"unbound: {name}")


@pytest.mark.parametrize("kind", [Proxy, Unbound])
def test_the_chain_ends_at_what_only_looks_like_a_coroutine(kind):
    async def outer():
        await kind()

    stack, _ = suspended(outer)
    assert names(stack) == ["outer"]


def test_a_bare_future_and_a_task_are_told():
    """A task by its name."""

    async def on_future():
        await asyncio.get_running_loop().create_future()

    async def on_task():
        await asyncio.create_task(asyncio.sleep(60), name="the other")

    assert suspended(on_future)[1] == "a Future"
    assert suspended(on_task)[1] == "task 'the other'"


def test_a_task_is_called_by_what_stands_behind_its_coroutine():
    """Else aiohttp's requests are Task-3 and Task-4, and nobody knows what these do."""

    async def get():
        await asyncio.sleep(60)

    async def waits():
        await asyncio.ensure_future(Request(get()))

    assert suspended(waits)[1].startswith("task 'get (Task-")


def test_a_primitive_is_told_by_its_name():
    """What the innermost frame of asyncio's own is."""

    async def on_event():
        await asyncio.Event().wait()

    async def on_semaphore():
        semaphore = asyncio.Semaphore(1)
        await semaphore.acquire()
        await semaphore.acquire()

    assert suspended(on_event)[1] == "asyncio.Event.wait, which nobody has set"
    assert suspended(on_semaphore)[1].startswith("asyncio.Semaphore.acquire, held by")


def test_who_joins_a_queue_is_told_how_many_items_are_not_done():
    """And not of an event that is none of the program's."""

    async def joins():
        queue = asyncio.Queue()
        queue.put_nowait("a")
        queue.put_nowait("b")
        await asyncio.wait_for(queue.join(), 60)

    async def joins_at_once():
        queue = asyncio.Queue()
        queue.put_nowait(None)
        await queue.join()

    told = suspended(joins_at_once)[1]
    assert told == "asyncio.Queue.join, 1 item without task_done()"
    if sys.version_info >= (3, 12):  # before, a task of its own waits for the queue
        told = suspended(joins)[1]
        assert told == "asyncio.Queue.join, 2 items without task_done()"


async def entered_again(lock):
    async with lock, lock:
        pass


async def entered_again_further_in(lock):
    async def refresh():
        async with lock:
            await entered_again(lock)

    await refresh()


async def acquired_again(lock):
    async with lock:
        await lock.acquire()


LOCKS = pytest.mark.parametrize(
    "make",
    [asyncio.Lock, lambda: asyncio.Semaphore(1), asyncio.Condition],
    ids=["Lock", "Semaphore", "Condition"],
)


@LOCKS
@pytest.mark.parametrize(
    "again", [entered_again, entered_again_further_in, acquired_again]
)
def test_who_waits_for_a_lock_that_it_holds_itself_is_told_so(make, again):
    """Most of what waits for ever does."""

    async def main():
        await again(make())

    assert suspended(main)[1].endswith(".acquire, held by itself")


@LOCKS
def test_who_holds_a_lock_is_told(make):
    """By being inside of its block, at any depth; those who wait to enter are not."""

    async def main():
        lock = make()

        async def holding():
            async with lock:
                await asyncio.sleep(60)

        async def outside():
            await holding()

        async def entering():
            async with lock:
                pass

        others = [
            asyncio.create_task(outside(), name="holder"),
            asyncio.create_task(entering(), name="first in the queue"),
        ]
        await asyncio.sleep(0)
        await entering()
        await asyncio.wait(others)

    assert suspended(main)[1].endswith(".acquire, held by task 'holder'")


def test_who_has_left_a_condition_to_wait_does_not_hold_it():
    """Then nobody does whose block can be seen."""

    async def main():
        condition = asyncio.Condition()

        async def waiting():
            async with condition:
                await condition.wait()

        waiter = asyncio.create_task(waiting(), name="waiter")
        await asyncio.sleep(0)
        await condition.acquire()
        try:
            await condition.acquire()
        finally:
            condition.release()  # the waiter takes it again before it can end
            waiter.cancel()

    assert "held by a task that asyncio does not record" in suspended(main)[1]


def test_a_gather_is_told_by_those_it_still_waits_for():
    """By name; who is done is not listed, and very many are counted."""

    async def on_gather():
        quick = asyncio.create_task(asyncio.sleep(0), name="quick")
        slow = [asyncio.create_task(asyncio.sleep(60), name=f"s{n}") for n in range(6)]
        await asyncio.gather(quick, *slow)

    expected = "all of " + ", ".join(f"task 's{n}'" for n in range(5)) + " and 1 more"
    assert suspended(on_gather, turns=6)[1] == expected


def test_a_shield_is_told_by_what_it_shields():
    """And not as the nameless future that it gives."""

    async def on_shield():
        await asyncio.shield(asyncio.create_task(asyncio.sleep(60), name="inner"))

    assert suspended(on_shield)[1] == "task 'inner', in a shield"


def test_who_waits_at_a_condition_waits_for_a_notification():
    """Whoever holds the lock of it has nothing to do with that."""

    async def on_condition():
        condition = asyncio.Condition()
        async with condition:
            await condition.wait()

    awaits = suspended(on_condition)[1]
    assert awaits == "asyncio.Condition.wait, which nobody has notified"


async def on_wait(pair):
    await asyncio.wait(pair)


async def on_as_completed(pair):
    for each in asyncio.as_completed(pair):
        await each


async def on_group(pair):
    async def joined(task):
        await task

    async with asyncio.TaskGroup() as group:
        for task in pair:
            group.create_task(joined(task), name=f"of {task.get_name()}")


@pytest.mark.parametrize(
    ("wait", "called"),
    [
        (on_wait, "asyncio.wait"),
        (on_as_completed, "asyncio.as_completed"),
        pytest.param(
            on_group,
            "asyncio.TaskGroup.__aexit__",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="groups came with 3.11"
            ),
        ),
    ],
)
def test_who_waits_for_several_is_told_by_name(wait, called):
    """By the name that people write; and, where Python records them, for whom."""

    async def main():
        tasks = [asyncio.create_task(asyncio.sleep(60), name=f"s{n}") for n in range(2)]
        await wait(tasks)

    awaits = suspended(main, turns=4)[1]
    if sys.version_info < (3, 14):
        assert awaits == called
    else:
        of = "of " if wait is on_group else ""
        assert awaits == f"{called} of task '{of}s0', task '{of}s1'"


@pytest.mark.parametrize("name", ["job-\u00b2", "job-" + "9" * 5000, "-", "job-\u0663"])
def test_no_name_of_a_task_is_too_odd_to_sort_by(name):
    """Some digits are none to `int`, and so are very many."""

    async def main():
        task = asyncio.create_task(asyncio.sleep(0), name=name)
        other = asyncio.create_task(asyncio.sleep(0), name="job-1")
        await asyncio.wait([task, other])
        return sorted([task, other], key=by_name)

    assert len(asyncio.run(main())) == 2


def test_tasks_are_sorted_as_people_count():
    """Task-2 comes before Task-10."""

    async def main():
        names = ["Task-10", "Task-2", "other", "Task-1"]
        tasks = [asyncio.create_task(asyncio.sleep(0), name=name) for name in names]
        await asyncio.wait(tasks)
        return [task.get_name() for task in sorted(tasks, key=by_name)]

    assert asyncio.run(main()) == ["Task-1", "Task-2", "Task-10", "other"]


def test_awaiting_through_a_generator_is_followed():
    """`async for` and `__await__` are links of the chain, too."""

    class Awaitable:
        def __await__(self):
            yield from asyncio.sleep(60).__await__()

    async def outer():
        await Awaitable()

    stack, _ = suspended(outer)
    assert names(stack)[-2:] == ["__await__", "outer"]


def test_a_task_that_could_go_on_awaits_its_turn():
    """It waits for nothing but the loop."""

    async def main():
        async def spin():
            while True:
                await asyncio.sleep(0)

        task = asyncio.create_task(spin())
        await asyncio.sleep(0)
        _, awaits = await_chain(task)
        task.cancel()
        return awaits

    assert asyncio.run(main()) == "its turn on the loop"


def test_a_finished_task_has_no_chain():
    """Its frames are gone."""

    async def main():
        task = asyncio.create_task(asyncio.sleep(0))
        await task
        return await_chain(task)[0]

    assert asyncio.run(main()) == ()


class Exits:
    """What takes its time to end."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await asyncio.sleep(60)


async def with_finally():
    try:
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(60)


async def with_except():
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        with contextlib.suppress(KeyError):
            await asyncio.sleep(60)


async def with_another_error():
    try:
        await with_finally()
    finally:
        try:
            raise KeyError
        except KeyError:
            await asyncio.sleep(60)


async def with_an_exit():
    async with Exits():
        await asyncio.sleep(60)


async def who_awaits_one():
    await with_finally()


async def who_swallows():
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(60)


async def who_tries_again():
    for _ in range(2):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        (with_finally, True),
        (with_except, True),
        (with_another_error, True),
        (with_an_exit, True),
        (who_awaits_one, True),
        (who_swallows, False),
        (who_tries_again, False),
    ],
)
def test_who_handles_a_cancellation_cleans_up(main, expected):
    """Who caught it and went on does not, and nobody before it came."""

    async def cancelled():
        task = asyncio.create_task(main())
        await asyncio.sleep(0)
        seen = [is_cleaning_up(task)]
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append(is_cleaning_up(task))
        while not task.done():  # some have a minute's sleep after each
            task.cancel()
            await asyncio.sleep(0)
        return seen

    assert asyncio.run(cancelled()) == [False, expected]


async def a_future():
    await asyncio.get_running_loop().create_future()


async def a_future_within(seconds=60):
    future = asyncio.get_running_loop().create_future()
    await asyncio.wait_for(future, seconds)


async def some_future():
    future = asyncio.get_running_loop().create_future()
    await asyncio.gather(future, asyncio.create_task(asyncio.sleep(60)))


@pytest.mark.parametrize("waits", [a_future, a_future_within, some_future])
def test_a_future_may_be_ended_from_outside(waits):
    """Whoever has it: nothing tells."""
    assert suspended(waits, look=awaits_outside)


async def a_sleep():
    await asyncio.sleep(60)


async def an_event():
    await asyncio.Event().wait()


async def an_item():
    await asyncio.Queue().get()


async def a_task():
    await asyncio.create_task(asyncio.sleep(60))


async def some_tasks():
    await asyncio.gather(a_sleep(), an_event())


@pytest.mark.parametrize("waits", [a_sleep, an_event, an_item, a_task, some_tasks])
def test_what_is_asyncios_own_is_ended_from_inside(waits):
    """By a timer, another task, or whoever has the queue or event."""
    assert not suspended(waits, look=awaits_outside)
