"""A virtual clock jumps where only timers are left, and keeps exact time."""

import asyncio
import datetime as dt
import gc
import math
import sys
import threading
import time
import weakref
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest
from by_hand import OnTop

from pytest_asyncbench._words.clock import SYSTEM_CLOCK, Processor
from pytest_asyncbench._words.errors import Deadlock, VirtualTimeError
from pytest_asyncbench._words.units import shown
from pytest_asyncbench.testing import ManualClock
from pytest_asyncbench.virtual_time import (
    VirtualClock,
    virtual_loop_factory,
    virtualize,
)
from pytest_asyncbench.virtual_time._clockwork import _FRESH
from pytest_asyncbench.virtual_time._loop import REAL_LIMIT

START = "2026-01-01T00:00:00Z"


class StillClock:
    """A system clock that moves when a test says so."""

    def __init__(self):
        self.seconds = 100.0

    @property
    def now(self):
        return lambda: self.seconds

    def processor(self, thread, native, asleep=None):
        return Processor(None, None)


def run(coroutine, clock=None, **settings):
    loop = virtual_loop_factory(clock or VirtualClock(START), **settings)()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


@pytest.fixture
def clock():
    return VirtualClock(START, system=StillClock())


# ------------------------------------------------------------------ jumps


def test_a_day_of_sleep_takes_no_real_time_and_a_day_of_virtual_time(clock):
    began = SYSTEM_CLOCK.now()
    run(asyncio.sleep(86_400), clock)
    assert clock.elapsed == 86_400
    assert SYSTEM_CLOCK.now() - began < 3600


def test_ten_steps_of_a_tenth_are_one_second(clock):
    async def steps():
        for _ in range(10):
            await asyncio.sleep(0.1)

    run(steps(), clock)
    assert clock.elapsed == 1.0


def test_ten_thousand_sleepers_of_a_second_take_one_second(clock):
    async def sleepers():
        await asyncio.gather(*(asyncio.sleep(1) for _ in range(10_000)))

    run(sleepers(), clock)
    assert clock.elapsed == 1.0


def test_timers_run_in_the_order_of_their_deadlines(clock):
    seen = []

    async def timers():
        loop = asyncio.get_running_loop()
        for delay in (3, 1, 2, 1):
            loop.call_at(delay, lambda d=delay: seen.append((d, loop.time())))
        await asyncio.sleep(5)

    run(timers(), clock)
    assert seen == [(1, 1.0), (1, 1.0), (2, 2.0), (3, 3.0)]


@pytest.mark.parametrize("delay", [1e-9, 1e-12, 0.3, 2.0**23 + 0.7, 4e9])
def test_no_deadline_is_too_near_or_too_far_to_be_reached(clock, delay):
    async def twice():
        await asyncio.sleep(delay)
        await asyncio.sleep(delay)

    run(twice(), clock)
    assert clock.elapsed == pytest.approx(2 * delay, rel=1e-12, abs=1e-8)


def test_a_timeout_fires_at_its_virtual_time(clock):
    async def slow():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.sleep(100), 10)

    run(slow(), clock)
    assert clock.elapsed == 10


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout is new in 3.11")
def test_timeout_and_task_group_live_by_the_clock(clock):
    async def body():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(3))
                group.create_task(asyncio.sleep(30))

    run(body(), clock)
    assert clock.elapsed == 5


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_eager_tasks_live_by_the_clock(clock):
    async def body():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        await asyncio.gather(*(asyncio.sleep(n) for n in range(5)))

    run(body(), clock)
    assert clock.elapsed == 4


def test_an_asynchronous_generator_lives_by_the_clock(clock):
    async def ticks():
        for tick in range(3):
            await asyncio.sleep(1)
            yield tick

    async def body():
        return [tick async for tick in ticks()]

    assert run(body(), clock) == [0, 1, 2]
    assert clock.elapsed == 3


def test_anyio_lives_by_the_clock(clock):
    anyio = pytest.importorskip("anyio")

    async def body():
        with anyio.move_on_after(7) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 3)
                group.start_soon(anyio.sleep_forever)
        return scope.cancelled_caught

    assert run(body(), clock)
    assert clock.elapsed == 7


def test_negative_sleeps_yield_and_take_no_time_as_asyncio_has_it(clock):
    run(asyncio.sleep(-1), clock)
    assert clock.elapsed == 0


# ---------------------------------------------------------- steps that last


def test_a_step_longer_than_the_threshold_moves_the_clock_by_what_it_took():
    system = StillClock()
    clock = VirtualClock(START, system=system)

    async def body():
        loop = asyncio.get_running_loop()
        system.seconds += 0.2
        seen_at_once = loop.time()
        await asyncio.sleep(0)
        return seen_at_once, loop.time()

    assert run(body(), clock) == pytest.approx((0.2, 0.2))


def test_two_tenths_of_processor_time_move_the_clock_by_two_tenths():
    clock = VirtualClock(START)

    async def body():
        until = time.thread_time() + 0.2
        while time.thread_time() < until:
            pass
        await asyncio.sleep(0)
        return clock.elapsed

    # What was withheld just before the step is forgiven to it as well.
    assert run(body(), clock) >= 0.2 - _FRESH


def test_what_the_system_withheld_from_a_long_step_moves_nothing():
    system = ManualClock()
    clock = VirtualClock(START, system=system)

    async def body():
        loop = asyncio.get_running_loop()
        system.starve(5)
        unmoved = loop.time()
        system.work(0.2)
        system.starve(5)
        return unmoved, loop.time()

    assert run(body(), clock) == (0, pytest.approx(0.2))
    assert clock.elapsed == pytest.approx(0.2)


def test_what_an_earlier_step_was_starved_of_is_not_taken_from_a_later_one():
    system = ManualClock()
    clock = VirtualClock(START, system=system)

    async def body():
        system.starve(0.09)  # too short to be looked at
        await asyncio.sleep(0)
        system.work(0.2)
        await asyncio.sleep(0)

    run(body(), clock)
    assert clock.elapsed == pytest.approx(0.2)


def test_collecting_garbage_takes_no_virtual_time():
    system = ManualClock()
    clock = VirtualClock(START, system=system)

    class Garbage:
        def __init__(self):
            self.itself = self

        def __del__(self):
            system.work(5)

    async def body():
        Garbage()
        gc.collect()
        system.work(0.2)
        return clock.elapsed

    assert run(body(), clock) == pytest.approx(0.2)
    assert clock._clockwork._meter._noted not in gc.callbacks


def test_a_test_may_clear_the_collectors_callbacks():
    """Its clock is free for the next loop all the same."""
    clock, before = VirtualClock(), gc.callbacks[:]

    async def main():
        gc.callbacks.clear()
        await asyncio.sleep(1)

    try:
        for _ in range(2):
            loop = virtual_loop_factory(clock)()
            loop.run_until_complete(main())
            loop.close()
    finally:
        gc.callbacks[:] = before
    assert clock.elapsed == 2.0


def test_a_time_that_was_seen_is_never_taken_back():
    system = ManualClock()
    clock = VirtualClock(START, system=system)

    async def body():
        loop = asyncio.get_running_loop()
        system.work(0.2)
        seen = [loop.time()]
        for _ in range(20):
            system.starve(0.01)
            seen.append(loop.time())
        await asyncio.sleep(0)
        return [*seen, loop.time()]

    seen = run(body(), clock)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(0.2)


def test_short_steps_take_no_time_in_whatever_number():
    system = StillClock()
    clock = VirtualClock(START, system=system)

    async def short():
        system.seconds += 1e-5

    async def body():
        await asyncio.gather(*(short() for _ in range(20_000)))

    run(body(), clock)
    assert clock.elapsed == 0


def test_to_clear_up_after_many_callbacks_takes_no_time():
    """Ten thousand tasks go at once, in the step that awaited them."""
    system = StillClock()
    clock = VirtualClock(START, system=system)

    class Result:
        def __del__(self):
            system.seconds += 1e-5

    async def short():
        return Result()

    async def body():
        await asyncio.gather(*(short() for _ in range(20_000)))

    run(body(), clock)
    assert clock.elapsed == 0


def test_a_long_step_counts_again_when_the_many_callbacks_are_long_over():
    system = StillClock()
    clock = VirtualClock(START, system=system)

    async def body():
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(20_000)))
        await asyncio.sleep(1)
        system.seconds += 0.2
        return clock.elapsed

    assert run(body(), clock) == pytest.approx(1.2)


def test_a_loop_that_spins_on_its_own_clock_ends():
    clock = VirtualClock(START)

    async def body():
        loop = asyncio.get_running_loop()
        while loop.time() < 0.15:
            pass

    run(body(), clock)
    assert clock.elapsed >= 0.15


def test_polling_with_sleeps_of_nothing_sees_time_go_on():
    clock = VirtualClock(START)

    async def body():
        while clock.elapsed < 0.05:
            await asyncio.sleep(0)

    run(body(), clock)
    assert clock.elapsed >= 0.05


def test_time_between_two_runs_of_a_loop_is_not_its_own():
    system = StillClock()
    clock = VirtualClock(START, system=system)
    loop = virtual_loop_factory(clock)()
    loop.run_until_complete(asyncio.sleep(1))
    system.seconds += 50
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    assert clock.elapsed == 2


# ----------------------------------------------------------- by the hand


def test_advance_wakes_what_became_due_and_nothing_else(clock):
    async def body():
        with clock.freeze():
            near, far = (asyncio.ensure_future(asyncio.sleep(n)) for n in (10, 20))
            await asyncio.sleep(0)
            clock.advance(10)
            for _ in range(5):
                await asyncio.sleep(0)
            done = near.done(), far.done()
        await far
        return done

    assert run(body(), clock) == (True, False)
    assert clock.elapsed == 20


def test_advance_takes_a_timedelta(clock):
    clock.advance(dt.timedelta(minutes=1))
    assert clock.elapsed == 60


def test_another_thread_may_advance_the_clock_of_a_running_loop():
    clock = VirtualClock(START)

    async def body():
        with clock.freeze():
            sleeping = asyncio.ensure_future(asyncio.sleep(60))
            await asyncio.sleep(0)
            await asyncio.to_thread(clock.advance, 60)
            await sleeping
            return clock.elapsed

    assert run(body(), clock) == 60


@pytest.mark.parametrize("while_it_works", ["the loop is in its step", "it turns"])
def test_a_job_in_a_thread_takes_no_less_than_the_real_time_it_took(
    while_it_works,
):
    """Although the steps that the loop takes meanwhile are short, and so take none."""
    clock, now, begun = VirtualClock(START), SYSTEM_CLOCK.now, threading.Event()

    def spin(seconds):
        until = now() + seconds
        while now() < until:
            pass

    def job():
        began = now()
        begun.set()
        spin(0.05)
        return now() - began

    async def body():
        began = clock.elapsed
        running = asyncio.get_running_loop().run_in_executor(None, job)
        begun.wait()
        for _ in range(1 if while_it_works == "the loop is in its step" else 20):
            spin(0.001)
            await asyncio.sleep(0)
        return await running, clock.elapsed - began

    took, seen = run(body(), clock)
    assert seen >= took - 1e-6


def test_a_frozen_clock_takes_no_notice_of_long_steps():
    system = StillClock()
    clock = VirtualClock(START, system=system)

    async def body():
        with clock.freeze():
            system.seconds += 5
            await asyncio.sleep(0)
        await asyncio.sleep(1)

    run(body(), clock)
    assert clock.elapsed == 1


def test_timers_alone_under_a_frozen_clock_are_a_deadlock(clock):
    async def body():
        with clock.freeze():
            await asyncio.sleep(1)

    with pytest.raises(Deadlock, match="the clock is frozen"):
        run(body(), clock)


# -------------------------------------------------------------- deadlocks


def test_an_event_that_nobody_sets_is_reported_at_once():
    async def forgotten():
        await asyncio.Event().wait()

    began = SYSTEM_CLOCK.now()
    with pytest.raises(Deadlock) as caught:
        run(forgotten())
    assert SYSTEM_CLOCK.now() - began < REAL_LIMIT
    text = str(caught.value)
    assert text.startswith("deadlock at virtual 0 s: no timer, socket, thread")
    assert "asyncio.Event.wait, which nobody has set" in text
    line = forgotten.__code__.co_firstlineno + 1
    assert f"    {shown(__file__)}:{line} in " in text


def test_a_deadlock_names_every_task_and_what_it_awaits():
    async def body():
        lock = asyncio.Lock()
        await lock.acquire()

        async def second():
            async with lock:
                pass

        first = asyncio.create_task(asyncio.Queue().get(), name="reader")
        other = asyncio.create_task(second(), name="locker")
        await asyncio.gather(first, other)

    with pytest.raises(Deadlock) as caught:
        run(body())
    text = str(caught.value)
    assert "task 'reader' waits for asyncio.Queue.get" in text
    assert "task 'locker' waits for asyncio.Lock.acquire, held by" in text
    assert "held by a task that asyncio does not record" in text
    assert "waits for all of task 'reader', task 'locker'" in text


def test_a_sleep_without_end_is_a_deadlock():
    with pytest.raises(Deadlock):
        run(asyncio.sleep(math.inf))


def test_a_deadlocked_loop_can_be_shut_down_in_order(clock):
    cleaned = []

    async def body():
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1)
            cleaned.append(clock.elapsed)

    loop = virtual_loop_factory(clock)()
    task = loop.create_task(body())
    with pytest.raises(Deadlock):
        loop.run_until_complete(task)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    assert cleaned == [1.0]


# ------------------------------------------------------------- freezegun


def test_freezegun_shows_the_time_of_the_loop(clock):
    async def body():
        with clock.frozen_datetime():
            before = time.time(), time.monotonic()
            await asyncio.sleep(36 * 3600)
            moved = time.time() - before[0], time.monotonic() - before[1]
            now = dt.datetime.now(dt.timezone.utc)
            return moved, now, dt.date.today()

    moved, now, today = run(body(), clock)
    assert moved == (36 * 3600, 36 * 3600)
    assert now == dt.datetime(2026, 1, 2, 12, tzinfo=dt.timezone.utc)
    assert today == dt.date(2026, 1, 2)


def test_local_time_is_that_of_the_clocks_zone():
    clock = VirtualClock(START, tz=dt.timezone(dt.timedelta(hours=2)))
    with clock.frozen_datetime():
        assert dt.datetime.now() == dt.datetime(2026, 1, 1, 2)


NEW_YORK = ZoneInfo("America/New_York")


def test_the_time_in_another_zone_is_right_wherever_the_clock_is():
    """freezegun adds the offset of local time to any other."""
    clock = VirtualClock("2026-07-01T12:00:00Z", tz="Europe/Paris")
    with clock.frozen_datetime():
        for tz in (dt.timezone.utc, NEW_YORK, ZoneInfo("Europe/Paris")):
            assert dt.datetime.now(tz) == clock.datetime
            assert dt.datetime.fromtimestamp(time.time(), tz) == clock.datetime
        assert dt.datetime.now(NEW_YORK).hour == 8
        assert dt.datetime.utcnow() == dt.datetime(2026, 7, 1, 12)
        assert dt.datetime.now().astimezone() == clock.datetime
        assert dt.datetime.now().astimezone().utcoffset() == dt.timedelta(hours=2)
        assert dt.datetime.now(NEW_YORK).astimezone().hour == 14
        assert dt.datetime.now().timestamp() == time.time()
        assert dt.datetime.now(NEW_YORK).timestamp() == time.time()
        assert dt.datetime.fromtimestamp(time.time()) == dt.datetime.now()


def test_local_time_goes_with_the_season():
    """And a date of the other one is read as what it was there."""
    clock = VirtualClock("2026-03-28T23:30:00Z", tz="Europe/Paris")
    with clock.frozen_datetime() as freezer:
        assert dt.datetime.now() == dt.datetime(2026, 3, 29, 0, 30)
        freezer.tick(2 * 3600)  # the clocks went forward at 2
        assert dt.datetime.now() == dt.datetime(2026, 3, 29, 3, 30)
        freezer.tick(20 * 3600)
        assert dt.date.today() == dt.date(2026, 3, 29)
        freezer.tick(3600)
        assert dt.date.today() == dt.date(2026, 3, 30)
        winter = dt.datetime(2026, 1, 1, 12)
        utc = dt.datetime(2026, 1, 1, 11, tzinfo=dt.timezone.utc)
        assert winter.astimezone() == utc
        assert winter.timestamp() == utc.timestamp()
        assert dt.datetime.fromtimestamp(utc.timestamp()) == winter


def test_a_freeze_of_the_tests_own_keeps_freezeguns_ways():
    from freezegun import freeze_time

    clock = VirtualClock(START, tz="Europe/Paris")
    with clock.frozen_datetime():
        with freeze_time("2020-02-02", tz_offset=3):
            assert dt.datetime.now() == dt.datetime(2020, 2, 2, 3)
            assert dt.date.today() == dt.date(2020, 2, 2)
        assert dt.datetime.now() == dt.datetime(2026, 1, 1, 1)


def test_freezeguns_dates_are_given_back():
    from freezegun import api

    dates = api.FakeDate, api.FakeDatetime
    before = [dict(vars(each)) for each in dates]
    with VirtualClock(START, tz="Europe/Paris").frozen_datetime():
        assert [dict(vars(each)) for each in dates] != before
    assert [dict(vars(each)) for each in dates] == before


@pytest.mark.parametrize(
    ("start", "tz"),
    [
        ("9999-12-31T23:00:00Z", "Europe/Paris"),
        ("9999-12-31T23:00:00-02:00", None),
        ("0001-01-01T00:00:00Z", NEW_YORK),
    ],
)
def test_a_start_outside_of_the_calendar_is_refused(start, tz):
    with pytest.raises(VirtualTimeError, match="outside of the calendar"):
        VirtualClock(start, tz=tz)


def test_who_asks_for_the_date_past_the_calendars_end_is_told():
    """The loop goes on, whose time has no end."""
    clock = VirtualClock("9999-12-31T23:00:00Z")

    async def body():
        await asyncio.sleep(3600)
        with pytest.raises(VirtualTimeError, match="has left the calendar"):
            assert clock.datetime
        assert "elapsed 3600 s" in repr(clock)
        await asyncio.sleep(1e300)

    run(body(), clock)
    assert clock.elapsed >= 1e300


@pytest.mark.parametrize(
    "move",
    [
        lambda freezer: freezer.tick(60),
        lambda freezer: freezer.tick(dt.timedelta(minutes=1)),
        lambda freezer: freezer.move_to("2026-01-01T00:01:00"),
    ],
    ids=["tick", "tick by timedelta", "move_to"],
)
def test_moving_the_freezer_wakes_the_sleepers(clock, move):
    async def body():
        with clock.frozen_datetime() as freezer, clock.freeze():
            sleeper = asyncio.ensure_future(asyncio.sleep(60))
            await asyncio.sleep(0)
            move(freezer)
            await sleeper

    run(body(), clock)
    assert clock.elapsed == 60


def test_the_freezer_does_not_go_back(clock):
    with clock.frozen_datetime() as freezer:
        with pytest.raises(VirtualTimeError, match="would go back"):
            freezer.move_to("2025-12-31")
        with pytest.raises(VirtualTimeError, match="cannot go backwards"):
            freezer.tick(-1)


def test_freezegun_with_real_asyncio_leaves_the_loop_virtual(clock):
    from freezegun import freeze_time

    async def body():
        with freeze_time("2020-02-02", real_asyncio=True):
            await asyncio.sleep(3600)

    run(body(), clock)
    assert clock.elapsed == 3600


def test_time_is_real_again_after_the_freeze(clock):
    real = time.time
    with clock.frozen_datetime():
        assert time.time is not real
    assert time.time is real


# ------------------------------------------------------------- no residue


def test_a_closed_loop_keeps_none_of_the_seams(clock):
    loop = virtual_loop_factory(clock)()
    plain = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    plain.close()
    assert set(vars(loop)) == set(vars(plain))
    assert loop._selector is None


def test_undoing_gives_an_ordinary_loop_back(clock):
    loop = asyncio.new_event_loop()
    selector = loop._selector
    undo = virtualize(loop, clock)
    loop.run_until_complete(asyncio.sleep(100))
    undo()
    undo()
    assert loop._selector is selector
    assert "time" not in vars(loop)
    loop.run_until_complete(asyncio.sleep(0.001))
    loop.close()
    assert clock.elapsed == 100


def test_a_closed_loop_can_be_collected(clock):
    loop = virtual_loop_factory(clock)()
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None


def test_a_loop_of_the_users_own_factory_becomes_virtual(clock):
    class Own(asyncio.SelectorEventLoop):
        pass

    loop = virtual_loop_factory(clock, Own)()
    loop.run_until_complete(asyncio.sleep(100))
    assert type(loop) is Own
    loop.close()
    assert clock.elapsed == 100


def test_one_clock_serves_one_loop_after_another(clock):
    run(asyncio.sleep(1), clock)
    run(asyncio.sleep(1), clock)
    assert clock.elapsed == 2


def test_asyncio_run_accepts_the_factory(clock):
    runner = pytest.importorskip("asyncio.runners")
    if not hasattr(runner, "Runner"):
        pytest.skip("asyncio.Runner is new in 3.11")
    with runner.Runner(loop_factory=virtual_loop_factory(clock)) as made:
        made.run(asyncio.sleep(5))
    assert clock.elapsed == 5


# --------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"start": "tomorrow-ish"}, "start 'tomorrow-ish' is no time"),
        ({"start": 5}, "start must be a datetime or ISO text, not 5"),
        ({"tz": "Mars/Olympus"}, "tz 'Mars/Olympus' is no time zone"),
        ({"tz": 2}, "tz must be a tzinfo"),
        ({"threshold": -1}, "threshold cannot go backwards"),
    ],
)
def test_a_clock_of_nonsense_is_refused(settings, message):
    with pytest.raises(VirtualTimeError, match=message):
        VirtualClock(**settings)


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, "1", None, True])
def test_the_clock_advances_by_forward_durations_only(clock, seconds):
    with pytest.raises(VirtualTimeError, match=r"advance\(\)"):
        clock.advance(seconds)
    assert clock.elapsed == 0


def test_uvloop_is_refused_with_its_reason(clock):
    uvloop = pytest.importorskip("uvloop")
    with pytest.raises(VirtualTimeError, match=r"uvloop\.Loop keeps time in C"):
        virtual_loop_factory(clock, uvloop.new_event_loop)()


def test_a_loop_on_top_of_another_one_is_refused():
    """It inherits asyncio's queue, and the other one's timers keep real time."""
    message = "is no selector loop of asyncio's kind"
    with (
        closing(OnTop(ManualClock())) as loop,
        pytest.raises(VirtualTimeError, match=message),
    ):
        virtualize(loop, VirtualClock())


def test_a_loop_of_a_kind_that_sees_each_callback_becomes_virtual(clock):
    """To find out how it queues them leaves nothing in its queue."""

    class Seeing(asyncio.SelectorEventLoop):
        def call_soon(self, callback, *args, context=None):
            return super().call_soon(callback, *args, context=context)

    with closing(Seeing()) as loop:
        virtualize(loop, clock)
        assert not loop._ready
        loop.run_until_complete(asyncio.sleep(3600))
    assert clock.elapsed == 3600


def test_a_loop_with_timers_is_refused(clock):
    loop = asyncio.new_event_loop()
    loop.call_later(1, print)
    with pytest.raises(VirtualTimeError, match="begun in real time"):
        virtualize(loop, clock)
    loop.close()


class Reserved(asyncio.SelectorEventLoop):
    """A loop whose way to run nobody may replace."""

    run_forever = property(lambda self: super().run_forever)


def test_a_loop_that_takes_not_all_seams_keeps_none(clock):
    loop = Reserved()
    before = dict(vars(loop))
    with pytest.raises(AttributeError):
        virtualize(loop, clock)
    assert vars(loop) == before
    loop.close()


def test_a_loop_becomes_virtual_once(clock):
    loop = virtual_loop_factory(clock)()
    with pytest.raises(VirtualTimeError, match="already"):
        virtualize(loop, clock)
    loop.close()


def test_a_clock_drives_one_running_loop_at_a_time():
    clock = VirtualClock(START)
    refused = []

    def second():
        loop = virtual_loop_factory(clock)()
        try:
            loop.run_forever()
        except VirtualTimeError as error:
            refused.append(str(error))
        loop.close()

    async def body():
        thread = threading.Thread(target=second)
        thread.start()
        await asyncio.to_thread(thread.join)

    run(body(), clock)
    assert refused
    assert "drives another running loop" in refused[0]
