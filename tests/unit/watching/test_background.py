"""Whose a task is that died unseen, where it has the address of another."""

from __future__ import annotations

import asyncio
import gc

import pytest

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._watching.background import Background


async def waits_and_dies(event, text):
    await event.wait()
    raise ValueError(text)


@pytest.fixture(autouse=True)
def one_address(monkeypatch):
    """All tasks have the same, one after the other."""
    module = "pytest_asyncbench._watching.background"
    monkeypatch.setattr(f"{module}.id", lambda _: 1, raising=False)


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    yield loop
    loop.close()


@pytest.fixture
def event():
    return asyncio.Event()


@pytest.fixture
def older(loop, event):
    """Holds a task that has begun before the loop is met."""
    task = loop.create_task(waits_and_dies(event, "of another test"))
    loop.run_until_complete(asyncio.sleep(0))
    return [task]


@pytest.fixture
def background(loop, older):
    view = LoopView(loop, 0.0)
    background = Background()
    background.meet(view)
    yield background
    for undo in view.undo:
        undo()


def let_die(loop, event, *tasks):
    """Have them all die, and keep none."""
    event.set()
    loop.run_until_complete(asyncio.wait(tasks))


def in_a_cycle(tasks):
    """Such tasks are collected later; weak references to them are dead by then."""
    tasks.append(tasks)


def told(background, *, at_the_end=False):
    return [dead.error for dead in background.take(at_the_end=at_the_end)]


def test_a_task_that_is_held_is_told_of_where_an_older_one_had_its_address(
    loop, event, older, background
):
    """It lives, and is not the one that is known."""
    let_die(loop, event, older[0])
    older.pop().exception()
    gc.collect()
    task = loop.create_task(waits_and_dies(event, "mine"))
    let_die(loop, event, task)
    background.known = lambda: [task]
    assert told(background, at_the_end=True) == ["ValueError: mine"]


def test_a_task_that_is_collected_is_told_of_where_an_older_one_had_its_address(
    loop, event, older, background
):
    """Also where nothing is left of it but its name."""
    let_die(loop, event, older[0])
    older.pop().exception()
    gc.collect()
    tasks = [loop.create_task(waits_and_dies(event, "mine"))]
    let_die(loop, event, *tasks)
    in_a_cycle(tasks)
    del tasks
    gc.collect()
    assert told(background) == ["ValueError: mine"]


@pytest.mark.parametrize("is_in_a_cycle", [False, True])
def test_an_older_task_that_is_collected_is_another_ones(
    loop, event, older, background, is_in_a_cycle
):
    """Whether its end is its last reference's, or that of a cycle."""
    let_die(loop, event, older[0])
    tasks = [older.pop()]
    if is_in_a_cycle:
        in_a_cycle(tasks)
    del tasks
    gc.collect()
    assert told(background) == []
