"""The deadline: it cancels in real time, notes what stood then, and lets go."""

from __future__ import annotations

import asyncio
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import pytest
from by_hand import A_WHILE, run_in, until

from pytest_asyncbench import BudgetExceeded
from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import gil
from pytest_asyncbench._watching.closing import Closing
from pytest_asyncbench._watching.deadline import Deadline
from pytest_asyncbench._watching.loops_deadline import LoopsDeadline
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench.testing import ManualClock


def run(main, **settings):
    """Run ``main(clock)`` under a deadline of one second; give it and the outcome."""
    clock = ManualClock()
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog
    made, outcome = [], []

    async def body():
        deadline = Deadline(watch, clock.now() + 1.0, **settings)
        made.append(deadline)
        try:
            async with deadline:
                outcome.append(await main(clock))
        except BaseException as error:
            outcome.append(error)
        # A cancellation that is on its way would come here.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # And one that was not taken back would hit a TaskGroup of the next test.
        assert getattr(asyncio.current_task(), "cancelling", int)() == 0

    watch.start()
    try:
        run_in(clock, body())
    finally:
        watch.stop()
    assert watch.problems == []
    return made[0], outcome[0]


def stay_until_time_is_up(clock):
    """Do not let the loop come to the deadline which asks for it."""
    clock.wait(1.5)
    until(lambda: asyncio.get_running_loop()._ready)


def until_looked_at(clock):
    """Let the watchdog look once more, from the beginning of a look."""
    rounds = clock.watchdog._rounds
    before = rounds.count
    until(lambda: rounds.count > before + 1)


async def forever():
    await asyncio.get_running_loop().create_future()


def test_who_is_in_time_notices_nothing():
    """The result comes through."""

    async def main(clock):
        clock.work(0.5)
        return "done"

    deadline, outcome = run(main)
    assert outcome == "done"
    assert deadline.overrun is deadline.stuck() is None


def test_who_is_late_is_cancelled_and_told_so():
    """The cancellation is shown as what it is, an exceeded budget."""

    async def main(clock):
        clock.wait(1.5)
        await forever()

    deadline, outcome = run(main)
    assert isinstance(outcome, BudgetExceeded)
    assert outcome is deadline.error
    assert deadline.overrun.cancelled


def test_each_task_alive_is_noted_with_what_it_awaits():
    """The test's own first, then by name as people count."""

    async def main(clock):
        tasks = [asyncio.create_task(forever(), name=f"job-{n}") for n in (10, 2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        clock.wait(1.5)
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    deadline, _ = run(main)
    tasks = deadline.overrun.tasks
    assert [task.name for task in tasks] == ["the test", "job-2", "job-10"]
    assert "job-2" in tasks[0].awaits
    assert tasks[1].awaits == "a Future"
    assert tasks[1].stack[-1].function.endswith("forever")
    assert tasks[1].seconds == pytest.approx(1.5)


def test_who_catches_the_cancellation_is_cancelled_again():
    """After a grace, for as long as it goes on."""
    caught = []

    async def main(clock):
        while len(caught) < 3:
            clock.wait(2.0)
            try:
                await forever()
            except asyncio.CancelledError:
                caught.append(clock.now())
        return "stubborn"

    deadline, outcome = run(main)
    assert len(caught) == 3
    assert outcome == "stubborn"
    assert deadline.overrun.cancelled


def test_who_swallows_it_waits_one_grace_and_then_none():
    """It is cancelled at each await, though no more time goes by."""
    caught = []

    async def main(clock):
        clock.wait(1.5)
        for _ in range(10):
            try:
                await forever()
            except asyncio.CancelledError:
                caught.append(clock.now())
                if len(caught) == 1:
                    clock.wait(1.5)

    deadline, _ = run(main)
    assert len(caught) == 10
    assert caught[1] == caught[9]
    assert deadline.overrun.cancelled


def test_who_still_cleans_up_after_the_grace_is_left_in_peace():
    """To cancel it again would leave that half done."""
    done = []

    async def main(clock):
        clock.wait(1.5)
        try:
            await forever()
        finally:
            for _ in range(3):
                clock.wait(2.0)
                threading.Event().wait(0.05)
                await asyncio.sleep(0)
            done.append(True)

    _, outcome = run(main)
    assert isinstance(outcome, BudgetExceeded)
    assert done == [True]


def test_a_child_that_swallows_it_in_a_group_is_cancelled_again():
    """The group passes no second cancellation on."""
    task_group = getattr(asyncio, "TaskGroup", None)
    if task_group is None:
        pytest.skip("groups came with 3.11")
    caught = []

    async def child(clock):
        clock.wait(1.5)
        for _ in range(3):
            try:
                await forever()
            except asyncio.CancelledError:
                caught.append(clock.now())
                if len(caught) == 1:
                    clock.wait(1.5)

    async def main(clock):
        async with task_group() as group:
            group.create_task(child(clock))

    _, outcome = run(main)
    assert isinstance(outcome, BudgetExceeded)
    assert len(caught) == 3


def test_who_never_ends_is_left_behind():
    """A limit after its grace: the loop is stopped, and does not know it any more."""
    clock = ManualClock()
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog
    deadline = Deadline(watch, clock.now() + 1.0, limit=2.0)
    tasks = []

    async def main():
        tasks.append(asyncio.current_task())
        async with deadline:
            clock.wait(1.5)
            try:
                await forever()
            finally:
                asyncio.get_running_loop().call_soon(clock.wait, 3.0)
                await forever()

    watch.start()
    try:
        with pytest.raises(RuntimeError, match="stopped") as stopped:
            run_in(clock, main())
    finally:
        watch.stop()
    ended = deadline.end_of(stopped.value)
    assert isinstance(ended, BudgetExceeded)
    assert ended is deadline.error
    assert [task.name for task in deadline.overrun.left] == ["the test"]
    assert tasks[0] not in asyncio.all_tasks(tasks[0].get_loop())
    assert deadline.end_of(KeyError()) is not deadline.error


def test_a_cancellation_that_is_caught_is_taken_back():
    """Whoever hosts the body goes on in the same task."""

    async def main(clock):
        clock.wait(1.5)
        try:
            await forever()
        except asyncio.CancelledError:
            return "caught"

    deadline, outcome = run(main)
    assert outcome == "caught"
    assert deadline.overrun.cancelled


def test_time_that_is_up_in_the_last_step_cancels_nobody():
    """The loop comes to it when the body is over, and its host goes on."""

    async def main(clock):
        stay_until_time_is_up(clock)
        return "done"

    deadline, outcome = run(main)
    assert outcome == "done"
    assert deadline.overrun is None
    names = [frame.function.rpartition(".")[2] for frame in deadline.stuck().stuck]
    assert "main" in names


def test_a_loop_that_was_blocked_shows_where_it_stood():
    """The stack of the moment in which time was up."""

    async def main(clock):
        await asyncio.sleep(0)
        block(clock)
        await forever()

    def block(clock):
        stay_until_time_is_up(clock)
        clock.wait(1.0)

    deadline, outcome = run(main)
    assert isinstance(outcome, BudgetExceeded)
    names = [frame.function.rpartition(".")[2] for frame in deadline.stuck().stuck]
    assert "block" in names


def test_without_a_gil_the_tasks_of_a_loop_that_may_go_on_are_not_read(monkeypatch):
    """To read the frame of one while it runs may crash the interpreter."""
    monkeypatch.setattr(gil, "_is_enabled", lambda: False)

    async def main(clock):
        beside = asyncio.ensure_future(forever())
        await asyncio.sleep(0)
        stay_until_time_is_up(clock)
        beside.cancel()

    deadline, _ = run(main)
    assert deadline.stuck().stuck
    assert deadline.stuck().tasks == ()


def test_time_that_is_forgiven_puts_it_off():
    """Here all that ran over."""
    clocks = []

    async def main(clock):
        clocks.append(clock)
        clock.starve(1.5)
        await asyncio.wait_for(_soon(), None)
        return "done"

    async def _soon():
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.2, done.set_result, None)
        await done

    _, outcome = run(main, forgiven=lambda: 1.5 if clocks else 0.0)
    assert outcome == "done"


def test_it_lies_at_the_budget_and_what_is_forgiven_however_late_it_is_looked_at():
    """By how much each look comes late is not given away; else it would never end."""
    looks = []

    def forgiven(clock):
        # Half of the time is lost, and each look comes half a second late.
        return (clock.now() - clock.began) / 2

    async def main(clock):
        clock.began = clock.now()
        looks.append(lambda: forgiven(clock))
        while clock.now() < clock.began + 100:
            clock.wait(0.5)
            until_looked_at(clock)
            await asyncio.sleep(0)

    deadline, outcome = run(main, forgiven=lambda: looks[0]() if looks else 0.0)
    assert isinstance(outcome, BudgetExceeded)
    assert 1.0 <= deadline.overrun.forgiven <= 1.6


def test_time_that_the_loop_knows_to_be_lost_puts_it_off():
    """The watchdog can't read yet for how long the thread has stood in the queue."""
    here, cancelled_at = threading.get_ident(), []

    def forgiven():
        return 2.0 if threading.get_ident() == here else 0.0

    async def main(clock):
        try:
            while clock.now() < 10:
                clock.wait(0.5)
                until_looked_at(clock)
                await asyncio.sleep(0)
        finally:
            cancelled_at.append(clock.now())

    deadline, outcome = run(main, forgiven=forgiven)
    assert isinstance(outcome, BudgetExceeded)
    assert cancelled_at[0] >= 3.0
    assert deadline.overrun.forgiven == 2.0


def test_a_sync_tests_loop_that_knows_time_to_be_lost_puts_it_off():
    """Its thread has the true account there, too."""
    clock, cancelled_at = ManualClock(), []
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog
    here, hook = threading.get_ident(), threading.excepthook

    def forgiven():
        return 2.0 if threading.get_ident() == here else 0.0

    async def main():
        try:
            while clock.now() < 10:
                clock.wait(0.5)
                until_looked_at(clock)
                await asyncio.sleep(0)
        finally:
            cancelled_at.append(clock.now())

    at = clock.now() + 1.0
    deadline = LoopsDeadline(watch, at, forgiven=forgiven, callers=frozenset())
    watch.start()
    leave = deadline.begin()
    try:
        with pytest.raises(asyncio.CancelledError) as raised:
            run_in(clock, main())
    finally:
        leave()
        watch.stop()
    assert isinstance(deadline.end_of(raised.value), BudgetExceeded)
    assert cancelled_at[0] >= 3.0
    assert deadline.stuck().forgiven == 2.0
    assert watch.problems == []
    assert threading.excepthook is hook


def test_a_sync_test_that_ends_as_time_is_up_leaves_pythons_hook_in_its_place():
    """The watchdog may be on its way to replace it, which nobody would undo then."""
    clock = ManualClock()
    watch = Watch(clock, threshold=3600.0)
    hook, is_up, has_left = threading.excepthook, threading.Event(), threading.Event()

    def forgiven():
        is_up.set()
        assert has_left.wait(A_WHILE)
        return 0.0

    at = clock.now() + 1.0
    deadline = LoopsDeadline(watch, at, forgiven=forgiven, callers=frozenset())
    watch.start()
    leave = deadline.begin()
    try:
        clock.wait(1.5)
        assert is_up.wait(A_WHILE)
    finally:
        leave()
        has_left.set()
        watch.stop()
    assert deadline.stuck() is not None
    assert threading.excepthook is hook
    assert watch.problems == []


def test_who_is_called_again_once_time_is_up_does_not_begin():
    """A checkpoint ends it, since it would never wait, and time was up before."""
    clock, begun = ManualClock(), []
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog

    async def example(deadline):
        async with deadline:
            await deadline.checkpoint()
            begun.append(deadline)
            clock.work(1.5)

    async def main():
        at = clock.now() + 1.0
        await example(Deadline(watch, at))
        for _ in range(2):
            with pytest.raises(BudgetExceeded):
                await example(Deadline(watch, at))

    watch.start()
    try:
        run_in(clock, main())
    finally:
        watch.stop()
    assert len(begun) == 1
    assert watch.problems == []


def test_a_loop_of_a_sync_test_that_begins_after_the_grace_is_ended_at_once():
    """So is each example that never waits; within the grace one may clean up."""
    clock, begun = ManualClock(), []
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog

    async def example(seconds):
        begun.append(seconds)
        clock.work(seconds)
        until_looked_at(clock)

    at = clock.now() + 1.0
    deadline = LoopsDeadline(watch, at, forgiven=lambda: 0.0, callers=frozenset())
    watch.start()
    leave = deadline.begin()
    try:
        run_in(clock, example(1.5))
        run_in(clock, example(1.0))
        with pytest.raises(asyncio.CancelledError) as raised:
            run_in(clock, example(2.0))
    finally:
        leave()
        watch.stop()
    assert begun == [1.5, 1.0]
    assert isinstance(deadline.end_of(raised.value), BudgetExceeded)
    assert watch.problems == []


def test_a_loop_that_was_being_met_as_the_test_began_is_none_of_the_tests(monkeypatch):
    """Neither was told of the other: what a fixture's thread runs there goes on."""
    clock = ManualClock()
    watch = Watch(clock, threshold=3600.0, tracing=True)
    clock.watchdog = watch.watchdog
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)

    def runs_on(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    at = clock.now() + 1.0
    deadline = LoopsDeadline(watch, at, forgiven=lambda: 0.0, callers=frozenset())
    watch.start()
    thread.start()
    waiting = runs_on(forever())
    until(watch.views)
    with monkeypatch.context() as early:
        early.setattr(watch, "views", list)
        leave = deadline.begin()
    try:
        for _ in range(3):
            clock.wait(2.0)
            until_looked_at(clock)
            runs_on(asyncio.sleep(0)).result(A_WHILE)
        assert deadline.stuck() is not None
        assert not waiting.done()
    finally:
        leave()
        watch.stop()
        waiting.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert watch.problems == []


def test_a_loop_that_is_closed_as_it_is_to_be_stopped_is_left_alone(monkeypatch):
    """It has ended its tasks by itself, and the thread's other loops may still wait."""
    clock, asked, looks = ManualClock(), [], []

    class Loop:
        def is_running(self):
            return True

        def call_soon_threadsafe(self, *_):
            asked.append(self)
            if self is closed:
                raise RuntimeError("Event loop is closed")

    def _cancel_all_tasks():  # as asyncio's own that waits for them
        with ThreadPoolExecutor(1) as watchdog:
            for _ in range(2):
                again = watchdog.submit(looks[0], None).result()
                clock.wait(1.0)
        return again

    closed, waits = Loop(), Loop()
    watch = Watch(clock, threshold=3600.0)
    views = [LoopView(loop, clock.now()) for loop in (closed, waits)]
    monkeypatch.setattr(watch, "views", lambda: views)
    monkeypatch.setattr(watch.watchdog, "expect", lambda *given: looks.append(given[2]))
    Closing(watch, 1.0).begin()
    assert _cancel_all_tasks() > 0
    assert asked == [closed, waits]


def debugger(clock, seconds):
    """Stand in what is called like a debugger for so long, until it has been seen."""
    module = types.ModuleType("pydevd")
    exec("def do_wait_suspend(stand): stand()", vars(module))

    def stand():
        clock.wait(seconds)
        until(lambda: clock.watchdog.debugged)

    module.do_wait_suspend(stand)


@pytest.mark.parametrize("seconds", [0.9, 1.5])
def test_who_stood_in_a_debugger_is_not_cancelled(seconds):
    """Neither there nor after it, however long before time was up it was left."""

    async def main(clock):
        debugger(clock, seconds)
        for _ in range(3):
            clock.wait(1.5)
            threading.Event().wait(0.05)
            await asyncio.sleep(0)
        return "done"

    deadline, outcome = run(main)
    assert outcome == "done"
    assert deadline.overrun is deadline.stuck() is None


def test_a_debugger_that_comes_before_the_cancellation_holds_it_back():
    """Time was up, and the loop had not come to it yet."""

    async def main(clock):
        stay_until_time_is_up(clock)
        debugger(clock, 1.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return "done"

    deadline, outcome = run(main)
    assert outcome == "done"
    assert deadline.overrun is None


def test_virtual_time_is_up_though_a_debugger_stood():
    """It stood still meanwhile, and what hangs there must end."""

    async def main(clock):
        clock.watchdog.debugged = True
        await forever()

    _, outcome = run(main, by_loop=True)
    assert isinstance(outcome, BudgetExceeded)


def test_something_else_may_be_done_instead():
    """Who runs several jobs ends them itself."""

    async def main(clock):
        clock.wait(2.0)
        await ended.wait()
        return "ended"

    ended = asyncio.Event()
    deadline, outcome = run(main, expire=lambda: ended.set())
    assert outcome == "ended"
    assert deadline.overrun is not None


def test_a_failure_of_its_own_is_not_replaced():
    """Though time was up as well."""

    async def main(clock):
        clock.wait(2.0)
        try:
            await forever()
        except asyncio.CancelledError:
            raise KeyError("cleaning up") from None

    _, outcome = run(main)
    assert isinstance(outcome, KeyError)
