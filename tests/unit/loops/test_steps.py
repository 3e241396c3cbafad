"""The probe of steps: it sees each one, changes nothing, and leaves no trace."""

from __future__ import annotations

import asyncio
import contextvars
import math
from asyncio.events import Handle
from contextlib import contextmanager, nullcontext

import pytest
from by_hand import HandLoop, OnTop, Slow, run_in

from pytest_asyncbench._loops.steps import StepProbe
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.seen import NotFollowed
from pytest_asyncbench.testing import ManualClock


class Probed:
    """A probe that is on, and what it told."""

    def __init__(self, limit=0.1):
        self.clock = ManualClock()
        self.long = []
        self.met = []
        self.probe = StepProbe(self.clock, limit, self._long_step, self.met.append)

    def _long_step(self, view, handle, ended):
        self.long.append((view.last, ended))

    def run(self, coroutine):
        undo = self.probe.install()
        try:
            return run_in(self.clock, coroutine)
        finally:
            undo()


def test_a_step_over_the_limit_is_told_with_its_beginning_and_end():
    """Only that one, and only what it took itself."""
    probed = Probed()

    async def main():
        probed.clock.work(0.05)
        await asyncio.sleep(2.0)
        probed.clock.work(0.5)
        await asyncio.sleep(0)
        probed.clock.work(0.09)

    probed.run(main())
    assert probed.long == [(pytest.approx(2.05), pytest.approx(2.55))]


def test_waiting_in_the_poll_is_no_step():
    """However long it is."""
    probed = Probed()
    probed.run(asyncio.sleep(3600))
    assert probed.long == []


@pytest.mark.parametrize(
    ("sleep", "polled", "late"),
    [
        # A poller may round up to a millisecond.
        (2.0, 2.001, 0.249 + 0.249),
        # What only looks waits for nothing, so all that it takes is too long.
        (0, 0.0, 0.249),
    ],
)
def test_a_poll_that_comes_back_after_its_timer_was_late(sleep, polled, late):
    """What it waited for, and how much longer it took, are kept apart."""
    probed = Probed()
    found = []

    async def main():
        await asyncio.sleep(0)
        (view,) = probed.probe.views
        before = view.polled, view.late
        await asyncio.sleep(sleep)
        found.extend([view.polled - before[0], view.late - before[1]])

    undo = probed.probe.install()
    loop = Slow(probed.clock)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
        undo()
    assert found == pytest.approx([polled, late])


def test_a_poll_tells_for_how_long_it_waits_while_it_does_and_never_else():
    """Also where a signal's handler ends it with an error."""
    probed = Probed()
    while_polling, after = [], []

    def late(_):
        for view in probed.probe.views:
            while_polling.append(view.rests_until - view.last)
            if view.rests_until > view.last:
                raise InterruptedError

    undo = probed.probe.install()
    loop = Slow(probed.clock, late)
    try:
        loop.run_until_complete(asyncio.sleep(0))
        (view,) = probed.probe.views
        after.append(view.rests_until)
        with pytest.raises(InterruptedError):
            loop.run_until_complete(asyncio.sleep(2))
        after.append(view.rests_until)
    finally:
        loop.close()
        undo()
    assert while_polling[-1] == pytest.approx(2.0)
    assert set(while_polling[:-1]) == {0.0}
    assert after == [0.0, 0.0]


@pytest.mark.parametrize("starved", [0.0, 0.25])
def test_the_time_in_which_a_loop_is_not_run_makes_no_poll_late(starved):
    """And the first poll of a run is late by itself, as any other."""
    probed = Probed()
    polls = []

    def late(_):
        polls.append(starved)
        probed.clock.starve(starved)

    undo = probed.probe.install()
    loop = Slow(probed.clock, late)
    try:
        loop.run_until_complete(asyncio.sleep(2))
        (view,) = probed.probe.views
        before = view.polled, view.late
        polls.clear()
        probed.clock.work(5.0)
        loop.run_until_complete(asyncio.sleep(0))
        told = view.polled - before[0], view.late - before[1]
    finally:
        loop.close()
        undo()
    # What is rounded up to a millisecond is no lateness.
    assert told == pytest.approx((0.0, sum(max(0.0, each - 0.001) for each in polls)))


def test_what_is_done_at_the_end_of_a_late_poll_is_no_part_of_the_next_step():
    """Nor is it done at the end of one that was in time."""
    probed = Probed()
    settled = []

    async def main():
        await asyncio.sleep(0)
        *_, view = probed.probe.views
        view.settle = lambda: (settled.append(view.last), probed.clock.work(1.0))
        await asyncio.sleep(2.0)

    probed.run(main())
    assert settled == []
    undo = probed.probe.install()
    loop = Slow(probed.clock)
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
        undo()
    assert settled
    assert probed.long == []


def test_the_loop_gives_way_before_it_polls_to_somebody_who_is_due():
    """Each time until nobody is due any more, and never else."""
    probed = Probed()
    given_way, next_due = [], iter([3.0, math.inf])

    def give_way(view):
        given_way.append(probed.clock.now())
        view.due = next(next_due)

    async def main():
        (view,) = probed.met
        view.give_way = lambda: give_way(view)
        await asyncio.sleep(1)
        view.due = 0.5
        await asyncio.sleep(1)
        await asyncio.sleep(0.5)
        probed.clock.work(0.75)
        await asyncio.sleep(1)

    probed.run(main())
    assert given_way == [1.0, 3.25]


def test_each_step_is_counted():
    """One more for each turn that a task takes."""

    def steps_of(turns):
        probed = Probed()

        async def main():
            for _ in range(turns):
                await asyncio.sleep(0)

        probed.run(main())
        return probed.probe.steps

    assert steps_of(50) - steps_of(10) == 40


def test_a_loop_is_met_once_with_its_kind():
    """Even over many steps."""
    probed = Probed()
    probed.run(asyncio.sleep(1))
    (view,) = probed.met
    assert view.kind == "by_hand.HandLoop"


def test_everything_is_put_back():
    """The method of the handle, and the poll of each loop."""
    original = Handle._run
    probed = Probed()
    undo = probed.probe.install()
    loop = HandLoop(probed.clock)
    assert Handle._run is not original
    loop.run_until_complete(asyncio.sleep(0))
    assert "select" in vars(loop._selector)
    undo()
    assert Handle._run is original
    assert "select" not in vars(loop._selector)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_loop_that_was_closed_before_is_no_problem():
    """It has no selector left to put anything back on."""
    probed = Probed()
    undo = probed.probe.install()
    run_in(probed.clock, asyncio.sleep(0))
    undo()


def failed_callback(probed):
    """What asyncio reports of a callback that raises, with or without a probe."""
    told = []

    def callback():
        raise KeyError("x")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: told.append(context))
        loop.call_soon(callback)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    probed(main())
    (context,) = told
    return context


def test_a_callback_that_raises_is_reported_by_asyncio_as_ever():
    """To the loop's exception handler, with the same words."""
    bare = failed_callback(asyncio.run)
    seen = failed_callback(Probed().run)
    assert isinstance(seen["exception"], KeyError)
    assert seen.keys() == bare.keys()
    assert seen["message"].split("(")[0] == bare["message"].split("(")[0]
    assert "callback" in repr(seen["handle"])


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_is_not_caught(kind):
    """It goes straight through the loop, as without us."""

    async def main():
        asyncio.get_running_loop().call_soon(raising)
        await asyncio.sleep(1)

    def raising():
        raise kind

    with pytest.raises(kind):
        Probed().run(main())


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("tracing", [False, True])
def test_a_step_that_ends_the_loop_is_measured_as_any_other(kind, tracing):
    """A command that is tested up to its `sys.exit()` may have blocked before that."""
    clock = ManualClock()
    watch = Watch(clock, threshold=0.1, tracing=tracing)

    async def main():
        clock.work(0.5)
        raise kind

    watch.start()
    try:
        with pytest.raises(kind):
            run_in(clock, main())
    finally:
        watch.stop()
    assert [stall.seconds for stall in watch.stalls] == [0.5]
    assert watch.steps == 1


def test_a_callback_runs_in_its_own_context():
    """Context variables are those of the handle."""
    variable = contextvars.ContextVar("variable", default="outer")
    seen = []

    async def main():
        context = contextvars.copy_context()
        context.run(variable.set, "inner")
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: seen.append(variable.get()), context=context)
        loop.call_soon(lambda: seen.append(variable.get()))
        await asyncio.sleep(0)

    Probed().run(main())
    assert seen == ["inner", "outer"]


def test_a_loop_whose_poll_cannot_be_watched_is_blind():
    """Then waiting would look like working, so nothing is counted."""
    probed = Probed()

    class Strange(HandLoop):
        _selector = property(lambda self: self.hidden, lambda self, s: self.hide(s))

        def hide(self, selector):
            self.hidden = selector

    class Slotted:
        __slots__ = ("select",)

    undo = probed.probe.install()
    loop = HandLoop(probed.clock)
    poller, loop._selector = loop._selector, Slotted()
    view = probed.probe.views.of(loop)
    loop._selector = poller
    loop.run_until_complete(asyncio.sleep(0))
    undo()
    loop.close()
    assert view.blind
    assert (probed.met, probed.probe.steps) == ([], 0)


def run_on(loop, coroutine):
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def test_a_loop_on_top_of_another_one_rests_where_nobody_sees_it():
    """So each of its steps begins where its callback is called, and is seen as ever."""
    probed = Probed()
    given_way = []

    async def main():
        await asyncio.sleep(3600)
        probed.clock.work(0.5)
        await asyncio.sleep(3600)
        (view,) = probed.met
        view.due, view.give_way = 7201, lambda: given_way.append(probed.clock.now())
        await asyncio.sleep(3600)
        view.due = math.inf

    undo = probed.probe.install()
    run_on(OnTop(probed.clock), main())
    undo()
    assert probed.long == [(pytest.approx(3600), pytest.approx(3600.5))]
    assert probed.probe.steps > 6
    assert given_way[0] == pytest.approx(10800.5)


def followed(loop, coroutine, beside=nullcontext):
    """Run it in a loop whose tasks are to be followed; give the loops that were not."""
    watch = Watch(loop._clock, threshold=0.1, tracing=True)
    watch.start()
    try:
        with beside():
            run_on(loop, coroutine)
    finally:
        watch.stop()
    assert watch.stalls == []
    return watch.not_followed


def test_the_tasks_of_such_a_loop_are_not_followed():
    """Its queue is empty whoever stands in it. That is said, and what it lacks."""
    missing = "_run_once that runs its steps"
    assert followed(OnTop(ManualClock()), asyncio.sleep(3600)) == (
        NotFollowed(kind="by_hand.OnTop", missing=missing),
    )


class OwnTurns(HandLoop):
    """A loop that adds something to each of asyncio's turns."""

    def _run_once(self):
        super()._run_once()


@contextmanager
def another_tool():
    """Stands around each step, as we do, and came later."""
    ours = Handle._run
    Handle._run = lambda handle: ours(handle)
    yield
    Handle._run = ours


def test_a_loop_that_another_tool_has_changed_is_followed():
    """Its turns may be wrapped, on itself or its class, and its steps as well."""
    patched = HandLoop(ManualClock())
    turn = patched._run_once
    patched._run_once = lambda: turn()
    assert followed(patched, asyncio.sleep(3600)) == ()
    assert followed(OwnTurns(ManualClock()), asyncio.sleep(3600)) == ()
    assert followed(HandLoop(ManualClock()), asyncio.sleep(3600), another_tool) == ()
