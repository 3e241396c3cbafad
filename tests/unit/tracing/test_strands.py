"""Strands: what each task did, and hence what the same would take in a row.

Time is the manual clock's: a step takes what the coroutine moves it by, and sleeping
moves it, too. So every figure here is exact.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import selectors
import socket
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue

import pytest
from by_hand import A_WHILE, HandLoop, Slow, run_in

from pytest_asyncbench._judging.accounting import compare
from pytest_asyncbench._python import switch_interval
from pytest_asyncbench._running.together import Together, jobs_from
from pytest_asyncbench._tracing import strands, tape, trace
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench.testing import ManualClock

CLOCK = ManualClock()

EAGER = [] if sys.version_info < (3, 12) else [asyncio.eager_task_factory]


def work(seconds):
    """Keep the loop for so long."""
    CLOCK.work(seconds)


def watched(main, factory=None, make=HandLoop):
    """Run `main` watched; give the comparison of the tasks that it started."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def body():
        groups.append(watch.recorder.body())
        await main()

    try:
        run_in(CLOCK, body(), factory, make)
    finally:
        watch.stop()
    assert watch.problems == []
    return compare(groups[0].traces())


async def sleep(seconds):
    await asyncio.sleep(seconds)


async def worker(before, asleep, after=0.0):
    work(before)
    await asyncio.sleep(asleep)
    work(after)


async def equal_sleeps():
    await asyncio.gather(*(sleep(1) for _ in range(4)))


async def unequal_sleeps():
    await asyncio.gather(sleep(1), sleep(2), sleep(3))


async def busy_only():
    await asyncio.gather(*(worker(1, 0) for _ in range(3)))


async def busy_then_asleep():
    await asyncio.gather(worker(1, 2), worker(1, 2))


async def overslept():
    await asyncio.gather(sleep(1), worker(3, 0))


async def semaphore_of(size):
    semaphore = asyncio.Semaphore(size)

    async def through():
        async with semaphore:
            await asyncio.sleep(1)

    await asyncio.gather(*(through() for _ in range(4)))


async def lock_around_a_part():
    lock = asyncio.Lock()

    async def partly():
        await asyncio.sleep(1)
        async with lock:
            await asyncio.sleep(2)

    await asyncio.gather(partly(), partly())


async def queue():
    items = asyncio.Queue()

    async def produce():
        for item in range(3):
            await asyncio.sleep(1)
            await items.put(item)

    async def consume():
        for _ in range(3):
            await items.get()
            await asyncio.sleep(0.5)

    await asyncio.gather(produce(), consume())


async def event_of_another():
    event = asyncio.Event()

    async def setter():
        await asyncio.sleep(2)
        event.set()

    await asyncio.gather(setter(), event.wait())


async def nested_gather():
    async def both():
        await asyncio.gather(sleep(1), sleep(2))

    await asyncio.gather(both(), both())


async def helpers_of_a_strand():
    async def with_helper():
        helper = asyncio.create_task(worker(1, 1))
        await asyncio.sleep(3)
        await helper

    await asyncio.gather(with_helper(), with_helper())


async def in_time():
    await asyncio.gather(
        asyncio.wait_for(sleep(1), 5), asyncio.wait_for(sleep(1), timeout=None)
    )


async def started_one_by_one():
    first = asyncio.create_task(sleep(2))
    await asyncio.sleep(1)
    second = asyncio.create_task(sleep(2))
    await first
    await second


async def one_then_another():
    for _ in range(2):
        await asyncio.create_task(sleep(1))


SHAPES = {
    "equal sleeps": (equal_sleeps, 1, 4),
    "unequal sleeps": (unequal_sleeps, 3, 6),
    "busy only": (busy_only, 3, 3),
    "busy, then asleep": (busy_then_asleep, 4, 6),
    "a timer that was due while another was busy": (overslept, 3, 4),
    "a semaphore of one": (lambda: semaphore_of(1), 4, 4),
    "a semaphore of two": (lambda: semaphore_of(2), 2, 4),
    "a lock around a part": (lock_around_a_part, 5, 6),
    "a queue between two": (queue, 3.5, 4.5),
    "an event that another sets": (event_of_another, 2, 2),
    "a nested gather": (nested_gather, 2, 4),
    "helpers of a strand": (helpers_of_a_strand, 3, 6),
    "waiting with a timeout": (in_time, 1, 2),
    "one, then another": (one_then_another, 2, 2),
    "started one by one": (started_one_by_one, 3, 4),
}


@pytest.mark.parametrize(("shape", "wall", "serial"), SHAPES.values(), ids=SHAPES)
def test_serial_is_what_the_shape_takes_in_a_row(shape, wall, serial):
    """Work and true waits count; queueing and waits for each other do not."""
    seen = watched(shape)
    assert seen.wall == pytest.approx(wall)
    assert seen.serial == pytest.approx(serial)


@pytest.mark.parametrize(("shape", "wall", "serial"), SHAPES.values(), ids=SHAPES)
def test_a_tape_that_is_read_in_parts_tells_the_same(shape, wall, serial, monkeypatch):
    """What is read at a time is copied, so a long one is read so."""
    monkeypatch.setattr(trace, "_AT_ONCE", 2)
    seen = watched(shape)
    assert (seen.wall, seen.serial) == (pytest.approx(wall), pytest.approx(serial))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with 3.11")
def test_a_task_group_is_as_good_as_a_gather():
    """Tasks are strands however they were started."""

    async def grouped():
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(sleep(1))

    seen = watched(grouped)
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(3))


async def eager_pair():
    await asyncio.gather(worker(1, 1), worker(1, 1))


eager = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="eager tasks came with 3.12"
)


@eager
def test_eager_tasks_are_followed_from_within_their_creation():
    """Their first step is no callback of the loop's."""
    seen = watched(eager_pair, factory=asyncio.eager_task_factory)
    assert seen.serial == pytest.approx(4)


@eager
def test_a_task_factory_may_be_set_in_the_middle():
    """As tutorials do: in the body, before the tasks are made."""

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await eager_pair()

    assert watched(main).serial == pytest.approx(4)


class Worker:
    """Tasks that serve a request each at a time: for so long, then an answer."""

    def __init__(self, seconds=1, *, then=None, hands_on_to=None, tasks=1):
        self._requests = asyncio.Queue()
        self._seconds = seconds
        self._then = then
        self._hands_on_to = hands_on_to
        self._tasks = [asyncio.create_task(self._serve()) for _ in range(tasks)]

    async def _serve(self):
        while True:
            await self._treat(await self._requests.get())

    async def _treat(self, answer):
        await asyncio.sleep(self._seconds)
        if self._then is not None:
            await self._then.ask()
        if self._hands_on_to is not None:
            self._hands_on_to.take(answer)
        else:
            answer.set_result(None)

    def take(self, answer):
        self._requests.put_nowait(answer)

    async def ask(self, before=0):
        await asyncio.sleep(before)
        answer = asyncio.get_running_loop().create_future()
        self.take(answer)
        await answer

    def stop(self):
        for task in self._tasks:
            task.cancel()


class Dispatcher(Worker):
    """One that starts a task for each request, and takes the next at once."""

    async def _treat(self, answer):
        self._tasks.append(asyncio.create_task(super()._treat(answer)))


async def asking_one_worker(together):
    worker = Worker()
    await together(*(worker.ask for _ in range(4)))
    worker.stop()


class Busy(Worker):
    """One that blocks the loop for each, and serves all that wait in one step."""

    async def _treat(self, answer):
        work(self._seconds)
        answer.set_result(None)


async def asking_one_that_blocks(together):
    worker = Busy()
    await together(*[worker.ask] * 4)
    worker.stop()


async def asking_one_that_blocks_apart(together):
    worker = Busy()
    await together(worker.ask, lambda: worker.ask(5))
    worker.stop()


async def asking_more_than_once_of_one_that_blocks(together):
    worker = Busy()

    async def twice():
        await asyncio.gather(worker.ask(), worker.ask())

    await together(twice, worker.ask)
    worker.stop()


async def asking_two_workers(together):
    workers = Worker(tasks=2)
    await together(*[workers.ask] * 4)
    workers.stop()


async def asking_a_worker_that_asks_another(together):
    second = Worker(seconds=1)
    first = Worker(seconds=2, then=second)
    await together(*(first.ask for _ in range(3)))
    first.stop()
    second.stop()


async def asking_more_than_once(together):
    worker = Worker()

    async def twice():
        await asyncio.gather(worker.ask(0), worker.ask(0.5), worker.ask(0.6))

    await together(twice, lambda: worker.ask(0.1))
    worker.stop()


async def asking_beside_work(together):
    worker = Worker()

    async def busy():
        await asyncio.sleep(0)
        work(2)  # before the worker has its turn, which was asked just now

    async def both():
        await asyncio.gather(worker.ask(), busy())

    await together(worker.ask, both)
    worker.stop()


async def asking_later_than_alone(together):
    worker, event = Worker(), asyncio.Event()

    async def late():
        await event.wait()
        await worker.ask()

    async def twice():
        await worker.ask()
        await worker.ask()

    async def both():
        await asyncio.gather(late(), twice())

    async def tells():
        await asyncio.sleep(5)
        event.set()

    await together(tells, both)
    worker.stop()


async def asking_from_groups_in_groups(together):
    worker = Worker()

    async def two():
        await together(worker.ask, worker.ask)

    await together(two, worker.ask, two)
    worker.stop()


async def asking_a_line_of_two(together):
    second = Worker()
    first = Worker(hands_on_to=second)
    await together(*[first.ask] * 3)
    first.stop()
    second.stop()


async def told_by_another_task(together):
    told, waiting = asyncio.Queue(), []

    async def tell():
        await asyncio.sleep(1)
        for number in range(4):
            told.put_nowait(number)
            await asyncio.sleep(0)

    async def read():
        while True:
            number = await told.get()
            waiting[number].set_result(None)
            await asyncio.sleep(0.5)

    async def wait():
        waiting.append(asyncio.get_running_loop().create_future())
        await waiting[-1]

    tasks = [asyncio.create_task(read()), asyncio.create_task(tell())]
    await together(*[wait] * 4)
    for task in tasks:
        task.cancel()


async def told_from_outside(together):
    told, waiting = asyncio.Queue(), []

    async def read():
        while True:
            number = await told.get()
            waiting[number].set_result(None)

    async def wait():
        waiting.append(asyncio.get_running_loop().create_future())
        await waiting[-1]

    loop = asyncio.get_running_loop()
    for number in range(4):
        loop.call_later(1, told.put_nowait, number)
    reader = asyncio.create_task(read())
    await together(*[wait] * 4)
    reader.cancel()


class OfAPool(threading.Thread):
    """As a pool of processes has one."""

    __module__ = "concurrent.futures.process"


async def asking_a_pool_of_two_processes(together):
    """One thread brings what both have done: asked for at once, two at a time."""
    waiting, done, brought = [], SimpleQueue(), threading.Semaphore(0)
    loop = asyncio.get_running_loop()

    def bring():
        for number in iter(done.get, None):
            loop.call_soon_threadsafe(waiting[number].set_result, None)
            brought.release()

    async def work_elsewhere():
        for number in range(4):
            if number % 2 == 0:
                await asyncio.sleep(1)
            done.put(number)
            assert brought.acquire(timeout=A_WHILE)

    async def wait():
        waiting.append(loop.create_future())
        await waiting[-1]

    manager = OfAPool(target=bring)
    manager.processes = {1: "one", 2: "another"}
    manager.start()
    working = asyncio.create_task(work_elsewhere())
    await together(*[wait] * 4)
    await working
    done.put(None)
    manager.join()


async def answered_at_once(together):
    server = Dispatcher()
    await together(*[server.ask] * 4)
    server.stop()


# Of the two in a line it is not known that they work at once; in a row it is 6.
BESIDE = {
    "one worker": (asking_one_worker, 4, 4),
    "one that blocks": (asking_one_that_blocks, 4, 4),
    "two workers": (asking_two_workers, 2, 4),
    "one worker, beside work": (asking_beside_work, 3, 4),
    "one worker, later than alone": (asking_later_than_alone, 6, 8),
    "a worker that asks another": (asking_a_worker_that_asks_another, 9, 9),
    "several requests of one": (asking_more_than_once, 4, 4.1),
    "groups in groups": (asking_from_groups_in_groups, 5, 5),
    "a line of two workers": (asking_a_line_of_two, 4, 4),
    "a reader of what another tells": (told_by_another_task, 2.5, 7),
    "a reader of what comes from outside": (told_from_outside, 1, 4),
    "a pool of two processes": (asking_a_pool_of_two_processes, 2, 4),
}


def compared(shape, *, in_body):
    """Let a shape run things beside others; give the comparison of what it ran."""
    return compare(accounts(shape, in_body=in_body))


def accounts(shape, *, in_body):
    """Let a shape run things beside others; give the account of each."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def together(*work):
        run = Together(jobs_from(work), recorder=watch.recorder)
        groups.append(run.group)
        await run.run()

    async def body():
        if in_body:
            watch.recorder.body()
        await shape(together)

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert watch.problems == []
    return groups[0].traces()


@pytest.mark.parametrize("in_body", [True, False], ids=["body", "fixture"])
@pytest.mark.parametrize(("shape", "wall", "serial"), BESIDE.values(), ids=BESIDE)
def test_what_serves_them_serves_one_at_a_time(shape, wall, serial, in_body):
    """Whether the test's body started it, as one strand more, or a fixture did."""
    seen = compared(shape, in_body=in_body)
    assert seen.wall == pytest.approx(wall)
    assert seen.serial == pytest.approx(serial)


@pytest.mark.parametrize(
    ("shape", "served"),
    [
        (asking_one_that_blocks, [1] * 4),
        (asking_one_that_blocks_apart, [1, 1]),
        (asking_more_than_once_of_one_that_blocks, [2, 1]),
        (asking_one_worker, [0] * 4),
    ],
)
def test_it_is_known_for_how_long_the_loop_ran_for_one_elsewhere(shape, served):
    """A wait in which a worker only waits itself is none of the loop's time."""
    of_each = [each.served for each in accounts(shape, in_body=False)]
    assert of_each == [pytest.approx(each, abs=1e-3) for each in served]


def test_a_server_in_the_body_may_answer_all_at_once():
    """With a task for each: those serve one each."""
    seen = compared(answered_at_once, in_body=True)
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(4))


def test_a_reading_is_as_of_the_moment_that_it_was_made_at():
    """Whatever who was left behind does until somebody reads it."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    read = []
    left = []

    async def leaves_one():
        left.append(asyncio.create_task(worker(0, 3, 2)))
        await worker(1, 1, 1)

    async def body():
        run = Together(jobs_from([leaves_one()]), recorder=watch.recorder)
        await run.run()
        read.extend([run.group.traces(), run.group.reading()])
        await left[0]
        read.append(run.group.traces())

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    at_once, later, all_of_it = read
    assert later() == at_once != all_of_it


def test_each_task_tells_what_it_did():
    """Running, waiting and queued, under its name."""

    async def main():
        first = asyncio.create_task(worker(1, 1), name="first")
        second = asyncio.create_task(worker(2, 1), name="second")
        await asyncio.wait({first, second})

    tasks = {task.name: task for task in watched(main).tasks}
    assert tasks["first"].running == pytest.approx(1)
    assert tasks["first"].waiting == pytest.approx(1)
    # Its timer was due at 2, when the second had the loop until 3.
    assert tasks["first"].queued == pytest.approx(1)
    assert tasks["second"].queued == pytest.approx(1)
    assert tasks["second"].waiting == pytest.approx(1)


def test_what_came_while_others_worked_came_no_earlier_than_it_was_looked_for():
    """After each long step, since the poll that reports it is far away."""
    here, there = socket.socketpair()

    async def read():
        reader, writer = await asyncio.open_connection(sock=here)
        await reader.readline()
        writer.close()

    async def busy(line):
        await asyncio.sleep(1)
        work(1)
        there.send(line)  # not by a transport: as if another process had

    async def main():
        await asyncio.gather(read(), busy(b""), busy(b"answer\n"))

    with there:
        tasks = watched(main).tasks
    # Asked for at 0; at 1 both began to work, at 2 it was not there, at 3 it was.
    assert tasks[0].waiting == pytest.approx(2)


async def by_a_stream(here):
    reader, writer = await asyncio.open_connection(sock=here)
    await reader.readline()
    writer.close()


async def by_the_loop_itself(here):
    here.setblocking(False)
    await asyncio.get_running_loop().sock_recv(here, 100)


@pytest.mark.parametrize(("read", "polls"), [(by_a_stream, 2), (by_the_loop_itself, 0)])
def test_what_came_within_a_step_came_then_however_late_the_poll_tells_of_it(
    read, polls
):
    """That waits for nothing, and yet may come back late: it needs the interpreter."""
    here, there = socket.socketpair()

    async def busy():
        await asyncio.sleep(1)
        there.send(b"answer\n")
        work(1)

    async def main():
        await asyncio.gather(read(here), busy())

    with here, there:
        tasks = watched(main, make=partial(Slow, late=CLOCK.wait)).tasks
    # When in that step is not known, so it is taken to have been there as it began: a
    # second and two late polls from the start on. A stream asks so many polls later.
    assert tasks[0].waiting == pytest.approx(1 + (2 - polls) * 0.25)


@pytest.mark.parametrize(("came", "waited"), [(1.5, 1.5), (2.5, 1)])
def test_what_came_while_another_worked_came_when_the_kernel_says(
    monkeypatch, came, waited
):
    """It is not asked for before the poll, and may tell what came after that."""
    here, there = socket.socketpair()

    async def read():
        reader, writer = await asyncio.open_connection(sock=here)
        await reader.readline()
        writer.close()

    async def busy():
        await asyncio.sleep(1)
        monkeypatch.setattr(CLOCK, "received", lambda _: began + came)
        there.send(b"answer\n")
        work(1)

    async def main():
        await asyncio.gather(read(), busy())

    began = CLOCK.now()
    with there:
        tasks = watched(main).tasks
    # Asked for at 0; from 1 to 2 another worked.
    assert tasks[0].waiting == pytest.approx(waited)


async def serve():
    """Serve one client, which is in the same loop."""

    async def handle(reader, writer):
        await asyncio.sleep(0)
        writer.close()

    await asyncio.sleep(0)
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.close()
    await asyncio.sleep(1)
    server.close()


class Server:
    """One that a task starts, and that takes a second for each answer."""

    def __init__(self, *, works=False):
        self._works = works
        self._started = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()

    async def serve(self):
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self._started.set_result(server.sockets[0].getsockname())
        await self._over.wait()
        server.close()

    async def _answer(self, reader, writer):
        await reader.readline()
        if self._works:
            work(1)
        else:
            await asyncio.sleep(1)
        writer.write(b"answer\n")
        writer.close()

    async def ask(self):
        reader, writer = await asyncio.open_connection(*await self._started)
        writer.write(b"request\n")
        assert await reader.readline()
        writer.close()

    def stop(self):
        self._over.set()


@pytest.mark.parametrize(("works", "wall"), [(False, 1), (True, 3)])
def test_what_a_task_of_the_body_serves_is_a_wait_of_who_has_asked(works, wall):
    """The task itself is none of those side by side: it lasts as long as they do."""

    async def main():
        server = Server(works=works)
        serving = asyncio.create_task(server.serve(), name="server")
        await asyncio.sleep(5)
        await asyncio.gather(*[server.ask() for _ in range(3)])
        server.stop()
        await serving

    seen = watched(main)
    assert len(seen.tasks) == 3
    assert (seen.wall, seen.serial) == (pytest.approx(wall), pytest.approx(3))


def test_who_serves_and_asks_is_one_of_those_side_by_side():
    """Each of them waits for the other's answer, and not for its own work."""

    async def node(own, other):
        serving = asyncio.create_task(own.serve())
        await other.ask()
        own.stop()
        await serving

    async def main():
        one, other = Server(), Server()
        await asyncio.gather(node(one, other), node(other, one))

    seen = watched(main)
    assert len(seen.tasks) == 2
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(2))


async def asking_a_server_that_runs_beside_them(together):
    server, answered = Server(), []

    async def ask():
        await server.ask()
        answered.append(True)
        if len(answered) == 2:
            server.stop()

    await together(server.serve, ask, ask)


def test_a_server_that_is_given_is_one_of_those_side_by_side():
    """And has no more than its own steps: it waits for those that ask."""
    seen = compared(asking_a_server_that_runs_beside_them, in_body=True)
    assert len(seen.tasks) == 3
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(2))


def test_a_server_that_serves_its_own_task_alone_is_a_part_of_that():
    """Two that ask their own server twice at once."""

    async def own():
        server = Server()
        serving = asyncio.create_task(server.serve())
        await asyncio.gather(server.ask(), server.ask())
        server.stop()
        await serving

    async def main():
        await asyncio.gather(own(), own())

    seen = watched(main)
    assert (seen.wall, seen.serial) == (pytest.approx(1), pytest.approx(2))


def test_results_that_came_at_once_come_one_by_one_when_they_are_alone():
    """It found both there, since another kept the loop until both were due."""

    async def takes_each():
        for one in asyncio.as_completed([sleep(1), sleep(2)]):
            await one

    async def keeps_the_loop():
        work(3)

    async def main():
        await asyncio.gather(takes_each(), keeps_the_loop())

    assert watched(main).serial == pytest.approx(2 + 3)


def test_who_takes_the_first_of_several_waits_for_no_other():
    """They were done at once, and it may have wanted only one of them."""

    async def takes_one():
        tasks = [asyncio.create_task(sleep(seconds)) for seconds in (1, 2)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    async def keeps_the_loop():
        work(3)

    async def main():
        await asyncio.gather(takes_one(), keeps_the_loop())

    assert watched(main).serial == pytest.approx(1 + 3)


def test_what_a_thread_sends_within_a_step_takes_as_long_as_the_thread_did():
    """Though it was that step which stood between its answer and its waiter."""
    begun, worked, may_end, has_sent = (threading.Event() for _ in range(4))

    def job():
        begun.set()
        may_end.wait()

    async def offloads(pool):
        await asyncio.get_running_loop().run_in_executor(pool, job)

    async def busy(pool):
        await seen(worked)
        work(0.5)
        may_end.set()
        pool.submit(has_sent.set)  # its one thread has sent the answer before
        assert has_sent.wait(A_WHILE)

    async def keeps_the_loop():
        await seen(begun)
        work(3)
        worked.set()

    async def seen(event):
        while not event.is_set():
            await asyncio.sleep(0)

    async def strand(pool):
        await asyncio.gather(offloads(pool), busy(pool))

    async def main():
        with ThreadPoolExecutor(1) as pool:
            await asyncio.gather(strand(pool), keeps_the_loop())

    assert watched(main).serial == pytest.approx(3.5 + 3)


@pytest.mark.parametrize(
    "for_all",
    [lambda jobs: asyncio.gather(*jobs), asyncio.wait],
    ids=["gather", "wait"],
)
def test_of_jobs_that_are_awaited_at_once_each_takes_its_turn_in_the_pool(for_all):
    """Also those whose end wakes nobody, since there are others to wait for."""

    async def strand(pool):
        loop = asyncio.get_running_loop()
        await for_all([loop.run_in_executor(pool, CLOCK.wait, 1) for _ in range(2)])

    async def main():
        with ThreadPoolExecutor(1) as pool:
            await asyncio.gather(strand(pool), strand(pool))

    told = watched(main)
    assert (told.wall, told.serial) == (4, 4)


@pytest.mark.parametrize(
    "job",
    [equal_sleeps, partial(sleep, 1), "no job"],
    ids=["function", "partial", "text"],
)
def test_what_asyncio_refuses_as_a_job_in_its_debug_mode_is_refused(job):
    """Else nobody would await the coroutine that comes of it."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        with pytest.raises(TypeError, match="run_in_executor"):
            loop.run_in_executor(None, job)

    watched(main)


@pytest.mark.parametrize(
    "make",
    [
        lambda loop: loop.call_later(1, int),
        lambda loop: loop.call_at(loop.time() + 1, int),
        lambda loop: loop.call_soon_threadsafe(int),
        lambda loop: loop.create_task(sleep(1)),
    ],
    ids=["call_later", "call_at", "call_soon_threadsafe", "create_task"],
)
def test_asyncio_tells_in_its_debug_mode_where_the_test_has_made_it(make):
    """The last line of "created at" is the test's, as it is where nobody watches."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        made = make(loop)
        created_at.extend(made._source_traceback)
        made.cancel()

    created_at = []
    watched(main)
    assert created_at[-1].filename == __file__


def a_pool_answers(pool):
    """Have a job of a pool's wait; give who awaits it, and what lets it end."""
    may_end, has_sent = threading.Event(), threading.Event()

    def ends():
        may_end.set()
        pool.submit(has_sent.set)  # its one thread has sent the answer before
        assert has_sent.wait(A_WHILE)

    return asyncio.get_running_loop().run_in_executor(pool, may_end.wait), ends


def a_thread_sends(pool):
    """Have a thread wait and send; give who awaits that, and what lets it send."""
    loop, may_send = asyncio.get_running_loop(), threading.Event()
    answer = loop.create_future()

    def job():
        may_send.wait()
        loop.call_soon_threadsafe(answer.set_result, None)

    thread = threading.Thread(target=job)
    thread.start()

    def ends():
        may_send.set()
        thread.join(A_WHILE)

    return answer, ends


def beside_a_step(offload, step, *, of_a_strand=True):
    """Have a strand offload something that ends half-way in a step; give serial.

    Args:
        of_a_strand: whether the step is another one's, or a fixture's.
    """

    async def offloads(pool, ends):
        answer, end = offload(pool)
        ends.append(end)
        await answer

    async def keeps_the_loop(ends):
        step(0.5)
        ends[0]()
        step(0.5)

    async def shape(together):
        with ThreadPoolExecutor(1) as pool:
            ends = []
            if of_a_strand:
                await together(offloads(pool, ends), keeps_the_loop(ends))
                return
            strand = asyncio.ensure_future(together(offloads(pool, ends)))
            while not ends:
                await asyncio.sleep(0)
            await asyncio.gather(strand, keeps_the_loop(ends))

    return compared(shape, in_body=False).serial


@pytest.mark.parametrize("offload", [a_pool_answers, a_thread_sends])
def test_alone_no_other_strand_keeps_the_interpreter_from_a_thread(offload):
    """It got that half a second into a step, so it had asked for a switch interval."""
    taken = 0.5 - switch_interval()
    assert beside_a_step(offload, CLOCK.work) == pytest.approx(taken + 1)


@pytest.mark.parametrize("offload", [a_pool_answers, a_thread_sends])
@pytest.mark.parametrize("step", [CLOCK.wait, CLOCK.starve])
def test_a_step_that_was_not_seen_to_work_kept_nobody_from_the_interpreter(
    offload, step
):
    """Who waits lets go of it; who stands in the run queue may have."""
    assert beside_a_step(offload, step) == pytest.approx(0.5 + 1)


def test_who_is_no_strand_keeps_the_interpreter_from_one_alone_as_well():
    """As a fixture's worker does, whoever is there."""
    serial = beside_a_step(a_pool_answers, CLOCK.work, of_a_strand=False)
    assert serial == pytest.approx(0.5)


def test_of_a_step_of_less_than_a_switch_interval_it_is_not_known_who_asked(
    monkeypatch,
):
    """So what the thread took is taken for its own."""
    monkeypatch.setattr(tape, "switch_interval", lambda: 0.75)
    assert beside_a_step(a_pool_answers, CLOCK.work) == pytest.approx(0.5 + 1)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="barriers came with 3.11")
@pytest.mark.parametrize(("first", "freed"), [(3, 0), (0, 3)])
def test_who_is_the_last_to_come_to_a_barrier_is_another_one_alone(first, freed):
    """One of three was kept from it by another strand, and came last."""

    async def comes(barrier, before, after):
        await asyncio.sleep(before)
        await barrier.wait()
        await asyncio.sleep(after)

    async def comes_when_free(barrier, free, after):
        await free.wait()
        await barrier.wait()
        await asyncio.sleep(after)

    async def strand(free):
        barrier = asyncio.Barrier(3)
        await asyncio.gather(
            comes(barrier, 0, first),
            comes(barrier, 2, 0),
            comes_when_free(barrier, free, freed),
        )

    async def frees(free):
        await asyncio.sleep(5)
        free.set()

    async def main():
        free = asyncio.Event()
        await asyncio.gather(strand(free), frees(free))

    assert watched(main).serial == pytest.approx(2 + 3 + 5)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="barriers came with 3.11")
def test_who_comes_to_a_barrier_alone_waits_for_no_other_strand():
    async def comes(barrier, seconds):
        await asyncio.sleep(seconds)
        await barrier.wait()

    async def main():
        barrier = asyncio.Barrier(2)
        await asyncio.gather(comes(barrier, 1), comes(barrier, 2))

    assert watched(main).serial == pytest.approx(1 + 2)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="barriers came with 3.11")
def test_a_barrier_is_as_it_was_afterwards():
    before = asyncio.Barrier.wait
    seen = []

    async def main():
        seen.append(asyncio.Barrier.wait)

    watched(main)
    assert asyncio.Barrier.wait is before
    assert seen != [before]


def test_a_handler_of_a_server_in_the_body_is_no_strand():
    """Nobody has started it beside anything."""
    names = [task.name for task in watched(serve).tasks]
    assert not any("handle" in name for name in names)


def test_a_handler_is_of_the_strand_that_started_its_server():
    """It runs in a context that is a copy of that one's."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    run = Together(jobs_from([serve()]), recorder=watch.recorder)

    async def body():
        watch.recorder.body()
        await run.run()

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert watch.problems == []
    ((_, owners),) = run.group._read()
    names = [owners.tapes.names[task] for task in owners.strand_of]
    assert any("handle" in name for name in names)


def test_a_context_may_outlive_who_recorded_it():
    """The number in it is another task's by then."""
    contexts, creators = [], []

    async def part():
        await asyncio.sleep(1)
        contexts.append(contextvars.copy_context())

    async def main():
        await asyncio.create_task(part())

    watched(main)
    here, there = socket.socketpair()
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()

    async def told():
        await asyncio.sleep(0)
        creators.append(watch.recorder.creator_of(asyncio.current_task()))

    async def body():
        loop = asyncio.get_running_loop()
        tasks = []

        def ready():
            loop.remove_reader(here)
            tasks.append(loop.create_task(told()))

        contexts[0].run(loop.add_reader, here, ready)
        there.send(b"!")
        await asyncio.sleep(1)
        await tasks[0]

    try:
        with here, there:
            run_in(CLOCK, body())
    finally:
        watch.stop()
    assert watch.problems == []
    assert creators == ["nobody"]


def test_what_the_body_does_itself_is_no_strand():
    """Only what it started side by side is compared."""

    async def main():
        work(5)
        await asyncio.sleep(5)

    assert watched(main).tasks == ()


def test_a_thousand_tasks_are_a_thousand_strands():
    """And add up."""

    async def main():
        await asyncio.gather(*(sleep(0.01) for _ in range(1000)))

    seen = watched(main)
    assert len(seen.tasks) == 1000
    assert seen.serial == pytest.approx(10.0)


def test_of_a_full_tape_nothing_is_said(monkeypatch):
    """And it is named as what the loop lacks, so that no promise passes by that."""
    monkeypatch.setattr(tape, "MOST", 20)
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def body():
        groups.append(watch.recorder.body())
        await equal_sleeps()
        watch.recorder.tapes.all[0].pack()
        await equal_sleeps()

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert groups[0].traces() == ()
    assert groups[0].whole() is None
    (told,) = watch.not_followed
    assert "room on its tape for more than 20 steps" in told.sentence


def test_a_full_tape_grows_no_more(monkeypatch):
    """However long the loop goes on: of what comes then nothing is said."""
    monkeypatch.setattr(tape, "MOST", 20)

    async def goes_on():
        loop = asyncio.get_running_loop()
        loop.call_soon_threadsafe(int)
        loop.call_soon(threading.Event().set)
        if sys.version_info >= (3, 11):
            await asyncio.Barrier(1).wait()
        CLOCK.starve(1)
        work(1)
        await equal_sleeps()

    def sizes(tape):
        parts = "arrivals", "details", "_plains", "starved", "timer_facts", "worked"
        return {part: len(getattr(tape, part)) for part in parts}

    async def main():
        (full,) = watch.recorder.tapes.all
        await goes_on()
        full.pack()
        assert full.full
        before = sizes(full)
        await goes_on()
        await goes_on()
        assert sizes(full) == before

    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    try:
        run_in(CLOCK, main())
    finally:
        watch.stop()
    assert watch.problems == []


def test_finished_tasks_are_not_kept_alive():
    """A run of ten thousand must be able to let go of them."""
    kept = []

    async def main():
        task = asyncio.create_task(sleep(0))
        kept.append(weakref.ref(task))
        await task
        del task
        await asyncio.sleep(0)
        gc.collect()
        assert kept[0]() is None

    watched(main)


@pytest.mark.parametrize("enabled", [True, False])
def test_nothing_is_collected_while_accounts_are_read(enabled):
    """All that is made then stays; and who collects nothing has it so afterwards."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups, collected = [], []

    async def body():
        groups.append(watch.recorder.body())
        await asyncio.gather(*[sleep(0.1) for _ in range(20)])

    def note(phase, _):
        if collecting:
            collected.append(phase)

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    collecting, threshold = False, gc.get_threshold()
    gc.callbacks.append(note)
    gc.set_threshold(1)
    if not enabled:
        gc.disable()
    try:
        collecting = True
        traces = groups[0].traces()
        collecting = False
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
        gc.set_threshold(*threshold)
        gc.callbacks.remove(note)
    assert len(traces) == 20
    # A few come just before the reading, and as soon as it is over.
    assert len(collected) < len(traces)


def test_the_loop_is_as_it_was_afterwards():
    """Poll, factory and methods: nothing of ours is left on it."""
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    loop = HandLoop(CLOCK)
    before, poller = dict(vars(loop)), dict(vars(loop._selector))
    watch.start()
    loop.run_until_complete(equal_sleeps())
    during = set(vars(loop))
    watch.stop()
    # To write to it, too, would make each of its steps a tenth longer.
    assert during == before.keys()
    assert vars(loop).keys() == before.keys()
    assert vars(loop)["_task_factory"] is before["_task_factory"] is None
    assert vars(loop._selector).keys() == poller.keys()
    loop.close()


@pytest.mark.parametrize("factory", [None, *EAGER])
def test_starved_time_is_that_of_the_window_of_the_tasks(factory):
    """Not what was lost before they began, between them, or after they ended."""

    async def starved_in_between(seconds):
        CLOCK.starve(seconds)
        await asyncio.sleep(1)

    async def main():
        CLOCK.starve(100)
        pairs = [asyncio.ensure_future(starved_in_between(2)) for _ in range(2)]
        CLOCK.starve(200 if factory is None else 0)
        await asyncio.gather(*pairs)
        CLOCK.starve(400)
        await asyncio.ensure_future(starved_in_between(8))
        CLOCK.starve(800)

    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def body():
        groups.append(watch.recorder.body())
        await main()

    try:
        run_in(CLOCK, body(), factory)
    finally:
        watch.stop()
    assert watch.problems == []
    assert groups[0].starved() == pytest.approx(12)


def test_what_a_thread_sends_to_a_loop_that_only_serves_starts_strands():
    """As a test client's portal does, whose own task starts none."""

    async def portal():
        groups.append(watch.recorder.bodies())
        loop = asyncio.get_running_loop()
        sends = (equal_sleeps(), loop)
        client = threading.Thread(target=asyncio.run_coroutine_threadsafe, args=sends)
        client.start()
        client.join()
        await asyncio.sleep(3)

    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []
    try:
        run_in(CLOCK, portal())
    finally:
        watch.stop()
    assert watch.problems == []
    told = compare(groups[0].traces())
    assert (len(told.tasks), told.wall, told.serial) == (4, 1, 4)


def _waited_for_at_once(loop):
    tasks = [loop.create_task(sleep(seconds)) for seconds in (1, 2, 3)]
    loop.run_until_complete(asyncio.wait(tasks))


def _run_for_each_in_turn(loop):
    tasks = [loop.create_task(sleep(seconds)) for seconds in (1, 2, 3)]
    for task in tasks:
        loop.run_until_complete(task)


def _working(loop):
    """One that works for a second, and then two that only sleep."""
    tasks = [loop.create_task(worker(*times)) for times in ((1, 0), (0, 2), (0, 3))]
    loop.run_until_complete(asyncio.wait(tasks))


def _beside_each_of_others(loop):
    """One that is there while three others are, one after another."""
    beside = loop.create_task(sleep(4))
    for _ in range(3):
        loop.run_until_complete(sleep(1))
    loop.run_until_complete(beside)


def _in_turn(loop):
    for seconds in (1, 2, 3):
        loop.run_until_complete(sleep(seconds))


def _beside_one_that_starts_others(loop):
    """What the body starts is compared, and not what is there all the time."""
    beside = loop.create_task(sleep(9))
    loop.run_until_complete(equal_sleeps())
    beside.cancel()


@pytest.mark.parametrize(
    ("run", "wall", "serial"),
    [
        (_waited_for_at_once, 3, 6),
        (_run_for_each_in_turn, 3, 6),
        (_working, 4, 6),
        (_beside_each_of_others, 4, 7),
        (_beside_one_that_starts_others, 1, 4),
    ],
)
def test_tasks_that_were_put_on_a_loop_by_hand_are_strands(run, wall, serial):
    told = _by_hand(run)
    assert (told.wall, told.serial) == (wall, serial)


def test_what_a_loop_is_run_for_in_turn_is_no_strand():
    assert _by_hand(_in_turn) is None


def test_tasks_that_a_fixture_has_left_on_the_loop_are_no_strands():
    """They are there side by side, whatever the test runs."""

    def set_up(loop):
        for _ in range(2):
            loop.create_task(sleep(3))
        loop.run_until_complete(sleep(1))

    assert _by_hand(_in_turn, set_up) is None


def _by_hand(run, set_up=lambda loop: None):
    """Give the comparison of what a sync test does with a loop of its own.

    Args:
        run: does it.
        set_up: does what a fixture does before.
    """
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    loop = HandLoop(CLOCK)
    set_up(loop)
    watch.start()
    try:
        group = watch.recorder.bodies()
        run(loop)
    finally:
        loop.close()
        watch.stop()
    assert watch.problems == []
    traces = group.traces()
    return compare(traces) if traces else None


class _InMemory(asyncio.Transport):
    """A transport of a test's own, that has not called its class's initializer."""

    def __init__(self):
        self.got = []

    def deliver(self):
        self.got.append("delivered")


class _OddSocket(_InMemory):
    """One whose socket is none."""

    def get_extra_info(self, name, default=None):
        return object()


class _Unbound:
    """A callable that tells nothing of itself, as a context's proxy outside of one."""

    def __init__(self, call):
        self.__dict__["call"] = call

    def __call__(self, *args):
        self.__dict__["call"](*args)

    def __getattr__(self, name):
        raise RuntimeError(f"unbound: {name}")


@pytest.mark.parametrize("kind", [_InMemory, _OddSocket])
@pytest.mark.parametrize("around", [lambda call: call, _Unbound])
@pytest.mark.parametrize("args", [(), (1,)])
def test_a_callback_that_can_t_be_described_is_called_all_the_same(kind, around, args):
    """And what else is in the trace is read as ever."""
    transport = kind()

    async def main():
        call = around(transport.deliver if not args else lambda _: transport.deliver())
        asyncio.get_running_loop().call_soon(call, *args)
        await equal_sleeps()

    told = watched(main)
    assert transport.got == ["delivered"]
    assert (told.wall, told.serial) == (1, 4)


class _Selecting(HandLoop):
    """A loop that polls by `select`, as on Windows, which raises at what is closed."""

    def __init__(self, clock):
        class Poller(selectors.SelectSelector):
            def select(self, timeout=None):
                clock.wait(timeout or 0)
                return super().select(0)

        self._clock = clock
        asyncio.SelectorEventLoop.__init__(self, Poller())


def test_a_socket_that_a_long_step_has_closed_harms_no_look_at_what_is_ready():
    """Its loop hears of that only later in the same turn."""
    one, other = socket.socketpair()

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_reader(one, lambda: None)
        number = one.fileno()
        loop.call_soon(lambda: (one.close(), work(0.5)))
        loop.call_soon(loop.remove_reader, number)
        await equal_sleeps()

    with other:
        told = watched(main, make=_Selecting)
    assert told.serial == 4


def test_a_trace_that_can_t_be_read_is_told_and_harms_nobody(monkeypatch):
    """Its loop is one that is not followed, so that no promise is judged by it."""

    def broken(*_):
        raise ValueError("broken")

    monkeypatch.setattr(strands, "alone", broken)
    watch = Watch(CLOCK, threshold=3600.0, tracing=True)
    watch.start()
    groups = []

    async def body():
        groups.append(watch.recorder.body())
        await equal_sleeps()

    try:
        run_in(CLOCK, body())
    finally:
        watch.stop()
    assert groups[0].traces() == ()
    assert [problem.text for problem in watch.problems] == [
        "a trace could not be read: ValueError('broken')"
    ]
    assert watch.not_followed[0].missing == "trace that can be read"
