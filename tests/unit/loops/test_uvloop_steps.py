"""uvloop's steps: each callback that a loop is handed is measured as it is run."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import traceback
import weakref

import pytest

from pytest_asyncbench._loops.uvloop_steps import step_code, watch_callbacks
from pytest_asyncbench._loops.view import LoopView
from pytest_asyncbench.testing import ManualClock

uvloop = pytest.importorskip("uvloop")


class Watched:
    """A loop, its clock, and what was told of it."""

    def __init__(self):
        self.clock = ManualClock()
        self.loop = uvloop.new_event_loop()
        self.view = LoopView(self.loop, self.clock.now())
        self.long, self.came, self.told = [], [], []
        self.loop.set_exception_handler(lambda _, context: self.told.append(context))
        self.undo = watch_callbacks(
            self.view, self.clock.now, 1.0, self.long_step, self.came.append
        )

    def long_step(self, view, step, ended):
        self.long.append((step._callback, ended - view.last))

    def run(self, *callbacks):
        """Run each of them in a step of its own, and go on until all have been."""
        for callback in callbacks:
            self.loop.call_soon(callback)
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()


@pytest.fixture
def watched():
    watched = Watched()
    yield watched
    watched.undo()
    watched.loop.close()


def test_each_step_is_counted_and_a_long_one_told(watched):
    """With its callback, and without the time between two steps."""
    steps = [lambda: watched.clock.wait(1.0), lambda: watched.clock.wait(1.5), int]
    watched.run(*steps)
    assert watched.long == [(steps[1], 1.5)]
    assert watched.view.steps == 4

    def last():
        watched.loop.stop()
        watched.clock.wait(0.5)

    watched.loop.call_soon(last)
    watched.loop.run_forever()
    assert watched.view.last == watched.clock.now() == 3.0


@pytest.mark.parametrize(
    "hand",
    [
        lambda loop, call: loop.call_soon(call, 1, 2),
        lambda loop, call: loop.call_soon_threadsafe(call, 1, 2),
        lambda loop, call: loop.call_later(0.0, call, 1, 2),
        lambda loop, call: loop.call_at(loop.time(), call, 1, 2),
    ],
)
def test_a_callback_is_given_its_arguments_in_its_context(watched, hand):
    """However the loop was handed it; and its frame stands right above ours."""
    seen = []

    def call(*args):
        seen.append((args, sys._getframe(1).f_code))
        watched.loop.stop()

    hand(watched.loop, call)
    watched.loop.run_forever()
    assert seen == [((1, 2), step_code())]
    assert watched.view.steps == 1


@pytest.mark.parametrize(
    "hand",
    [
        lambda loop, call: loop.call_soon(callback=call),
        lambda loop, call: loop.call_soon_threadsafe(callback=call),
        lambda loop, call: loop.call_later(0.0, callback=call),
        lambda loop, call: loop.call_later(callback=call, delay=0.0),
        lambda loop, call: loop.call_at(when=loop.time(), callback=call),
    ],
)
def test_a_callback_may_be_given_by_name(watched, hand):
    """It is measured all the same."""

    def call():
        watched.clock.wait(2.0)
        watched.loop.stop()

    hand(watched.loop, call)
    watched.loop.run_forever()
    assert watched.long == [(call, 2.0)]


def test_what_a_descriptor_is_watched_with_may_be_given_by_name(watched):
    """As with asyncio's own loops."""
    here, there = socket.socketpair()

    def call():
        watched.clock.wait(2.0)
        watched.loop.remove_reader(here)
        watched.loop.stop()

    with here, there:
        watched.loop.add_reader(fileobj=here, callback=call)
        there.send(b"x")
        watched.loop.run_forever()
    assert watched.long == [(call, 2.0)]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("call_soon", ()),
        ("call_soon_threadsafe", ()),
        ("call_later", (0.0,)),
        ("call_at", (0.0,)),
    ],
)
def test_a_call_that_lacks_its_callback_is_refused_at_once(watched, name, args):
    """And by the name of what was called."""
    with pytest.raises(TypeError, match=name):
        getattr(watched.loop, name)(*args)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_coroutine_function_is_refused_as_a_signal_handler(watched, by_name):
    """By uvloop, which looks at what it is handed; nobody would await it."""

    async def handler():
        pass

    given = {"callback": handler} if by_name else {}
    with pytest.raises(TypeError, match="coroutines"):
        watched.loop.add_signal_handler(
            signal.SIGUSR1, *(() if by_name else (handler,)), **given
        )


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_the_loop_tells_of_a_failed_callback_by_its_own_name(watched, error):
    """Our function that ran it is nobody's business, and the step is over."""

    def fails():
        watched.clock.wait(2.0)
        raise error

    watched.run(fails, int)
    (context,) = watched.told
    assert context["message"] == f"Exception in callback {fails!r}"
    assert isinstance(context["exception"], error)
    assert watched.long == [(fails, 2.0)]
    assert watched.view.steps == 3


def test_who_tells_the_handler_of_something_else_is_passed_on(watched):
    """As it is, whatever has failed before."""
    context = {"message": "something else", "exception": ValueError()}
    watched.loop.call_exception_handler(context)
    assert watched.told == [context]


def test_a_failed_callback_is_not_kept_by_its_error(watched):
    """A task that keeps its exception would keep itself."""

    def fails():
        raise ValueError

    watched.run(fails)
    frames = traceback.walk_tb(watched.told[0]["exception"].__traceback__)
    (ours,) = (frame for frame, _ in frames if frame.f_code is step_code())
    assert not {*ours.f_locals} & {"callback", "args"}


def test_what_was_told_of_a_failed_callback_is_forgotten(watched):
    """It is let go when its handler has done with it."""

    class Fails:
        def __call__(self):
            raise ValueError

    callback = Fails()
    kept = weakref.ref(callback)
    watched.run(callback)
    del callback
    watched.told.clear()
    assert kept() is None


def test_a_step_that_ends_the_loop_is_measured(watched):
    """What takes the loop along, as ``sys.exit()`` does, is told by nobody else."""

    def leaves():
        watched.clock.wait(2.0)
        sys.exit()

    with pytest.raises(SystemExit):
        watched.run(leaves)
    assert watched.long == [(leaves, 2.0)]
    assert watched.told == []


def test_a_loop_gives_way_between_two_steps_where_it_is_due(watched):
    """Its poll can't be told by, and the time is no step's."""
    ways = []

    def give_way():
        ways.append(watched.clock.now())
        watched.clock.wait(5.0)
        watched.view.due = 100.0

    watched.view.due, watched.view.give_way = 0.25, give_way
    watched.run(lambda: watched.clock.wait(0.5), int)
    assert ways == [0.5]
    assert watched.long == []


def test_a_loop_that_is_run_in_another_thread_is_noticed_there(watched):
    """Before its first step; the thread is the one that is looked at."""
    watched.run()
    assert watched.came == []
    thread = threading.Thread(target=watched.run)
    thread.start()
    thread.join()
    assert watched.came == [watched.view]


def test_when_it_is_undone_nothing_stands_on_the_loop(watched):
    """The loop is uvloop's own again."""
    before = uvloop.new_event_loop()
    watched.undo()
    assert vars(watched.loop).keys() == vars(before).keys()
    before.close()
