"""Stacks as values: what stood on a thread in a step, and what it was calling."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
import zlib

import pytest

from pytest_asyncbench.instruments._stack import (
    capture,
    describe_callback,
    to_stack,
)

WITH_POSITIONS = sys.version_info >= (3, 11)


def step(function):
    """Stand in for what runs a step of a loop."""
    return function()


WITHIN = frozenset({step.__code__})


def look():
    return capture(sys._getframe(1), WITHIN)


def test_a_stack_reaches_from_the_frame_to_the_step():
    """Innermost first; the frame that runs the step is not part of it."""

    def inner():
        return look()

    def outer():
        return inner()

    stack = to_stack(step(outer))
    assert [frame.function.rpartition(".")[2] for frame in stack] == ["inner", "outer"]
    assert {frame.file for frame in stack} == {__file__}
    assert {frame.module for frame in stack} == {__name__}


def test_outside_of_a_step_there_is_no_stack():
    """The thread is between two steps, or runs no loop."""
    assert capture(sys._getframe(), frozenset()) is None
    assert capture(None, WITHIN) is None


def test_a_very_deep_stack_is_cut():
    """The innermost frames are those that tell."""

    def deep(left):
        return deep(left - 1) if left else look()

    raw = step(lambda: deep(300))
    assert len(raw[1]) == 200


@pytest.mark.skipif(not WITH_POSITIONS, reason="3.10 knows names without their class")
def test_names_are_qualified_within_their_module():
    """As people write them, without `<locals>`."""

    class Cart:
        def price(self):
            return look()

    frame = to_stack(step(Cart().price))[0]
    assert frame.function.endswith("Cart.price")
    assert "<locals>" not in frame.function


# ------------------------------------------------------ the call in progress
#
# `look()` stands for the watchdog: it is called in the arguments, so the frame's
# current instruction is not the call that is asked about. Tracing C calls is.


def calls_during(function):
    """Give what each C call of a function was written as, seen from inside of it."""
    seen = []

    def on_call(frame, event, argument):
        if event == "c_call" and frame.f_code is function.__code__:
            raw = capture(frame, WITHIN)
            seen.append(to_stack(raw)[0].call)

    def profiled():
        sys.setprofile(on_call)
        try:
            function()
        finally:
            sys.setprofile(None)

    within = WITHIN | {profiled.__code__}
    assert within
    step(profiled)
    return seen


def test_a_call_into_c_is_named_by_what_it_is_not_how_it_was_written():
    """An alias does not hide it."""
    nap = time.sleep

    def function():
        nap(0)

    assert calls_during(function) == ["time.sleep"]


def test_a_method_in_c_is_named_by_its_objects_type():
    """Not by the variable that held it."""
    packer = zlib.compressobj()

    def function():
        packer.compress(b"")

    assert calls_during(function) == ["zlib.Compress.compress"]


@pytest.mark.skipif(not WITH_POSITIONS, reason="3.10 knows the line only")
def test_two_calls_on_a_line_are_told_apart():
    """By the position in the line, which 3.10 does not know."""

    def function():
        time.sleep(0), zlib.crc32(b"")

    assert calls_during(function) == ["time.sleep", "zlib.crc32"]


def test_looking_at_a_call_runs_no_code_of_the_users():
    """A property that blows up, or costs a second, is not touched."""
    touched = []

    class Trap:
        @property
        def method(self):
            touched.append(True)
            return time.sleep

    trap = Trap()

    def trapped():
        trap.method(0)

    calls = calls_during(trapped)
    assert calls[0].endswith("Trap.method")
    assert touched == [True], "the call itself, and nothing more"


# ---------------------------------------------------------------- callbacks


class Callback:
    def __call__(self):
        """Nothing."""


def test_a_step_is_named_by_its_task():
    """As somebody named it, or by its coroutine and the number that asyncio gave."""

    async def main():
        task = asyncio.current_task()
        unnamed = describe_callback(task.get_name)
        task.set_name("checkout")
        return unnamed, describe_callback(task.get_name)

    unnamed, named = asyncio.run(main())
    assert unnamed.startswith("main (Task-")
    assert named == "checkout"


def test_a_step_of_no_task_is_named_by_its_function():
    """Qualified, with its module, and never by an address."""
    assert describe_callback(step) == f"{__name__}.step"
    assert describe_callback(functools.partial(len, ())) == "builtins.len"
    assert describe_callback(Callback()) == f"{__name__}.Callback"
