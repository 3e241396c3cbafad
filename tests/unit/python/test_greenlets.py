"""Out of a greenlet, to the frame that switched to it."""

from __future__ import annotations

import sys
import threading

import pytest

from pytest_asyncbench._python.frames import current_frames
from pytest_asyncbench._python.greenlets import outside_of, own_greenlet
from pytest_asyncbench._python.stack import capture, to_stack

greenlet = pytest.importorskip("greenlet")


def step(function):
    """Stand in for what runs a step of a loop."""
    return function()


WITHIN = frozenset({step.__code__})


def names(raw):
    return [frame.function.rpartition(".")[2] for frame in to_stack(raw)]


def in_greenlet(function):
    return greenlet.greenlet(function).switch()


def test_a_stack_goes_on_at_who_switched_to_the_greenlet():
    """Through as many as there are, and never beyond the step."""

    def inner():
        return capture(sys._getframe(), WITHIN)

    def middle():
        return in_greenlet(inner)

    def outer():
        return in_greenlet(middle)

    found = names(step(outer))
    assert found == ["inner", "in_greenlet", "middle", "in_greenlet", "outer"]


def test_a_greenlet_that_no_step_has_switched_to_has_no_stack_of_one():
    """As any code that runs outside of steps."""
    assert in_greenlet(lambda: capture(sys._getframe(), WITHIN)) is None


def test_another_thread_goes_on_at_the_greenlet_that_runs_the_loop():
    """It can't ask which one runs there now."""
    known, is_inside, looked = [], threading.Event(), threading.Event()

    def inner():
        is_inside.set()
        looked.wait()

    def outer():
        in_greenlet(inner)

    def run():
        known.append(own_greenlet())
        step(outer)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert is_inside.wait(60)
        frame = current_frames()[thread.ident]
        # In words at once: when the thread has ended greenlet imports `gc`, in whatever
        # function the main thread is then, and a named tuple's can import nothing.
        found = names(capture(frame, WITHIN, outside_of(known[0])))
        assert capture(frame, WITHIN, outside_of(None)) is None
    finally:
        looked.set()
        thread.join()
        del frame
    assert found[-3:] == ["inner", "in_greenlet", "outer"]


def test_of_a_thread_that_is_not_kept_still_no_greenlet_is_looked_into(monkeypatch):
    """As no locals are read of what runs there."""
    monkeypatch.setattr("pytest_asyncbench._python.gil._is_enabled", lambda: False)
    frames = []
    in_greenlet(
        lambda: frames.append(outside_of(own_greenlet().parent)(sys._getframe()))
    )
    assert frames == [None]
