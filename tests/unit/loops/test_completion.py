"""The callbacks of ``asyncio.as_completed`` are known on every Python."""

from __future__ import annotations

import asyncio
from functools import partial

from pytest_asyncbench._loops import hands_on_one_by_one


class _Future(asyncio.Future):
    """One that notes its callbacks, where C's own would not let itself be asked."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.callbacks = []

    def add_done_callback(self, callback, **context):
        self.callbacks.append(callback)
        super().add_done_callback(callback, **context)


def _callbacks_of(wait):
    async def main():
        future = _Future(loop=asyncio.get_running_loop())
        waiting = asyncio.ensure_future(wait(future))
        await asyncio.sleep(0)
        found = [*future.callbacks]
        future.set_result(None)
        await waiting
        return found

    return asyncio.run(main())


async def _as_completed(future):
    for one in asyncio.as_completed([future]):
        await one


async def _wait(future):
    await asyncio.wait([future])


async def _gather(future):
    await asyncio.gather(future)


def test_it_is_told_of_as_completed():
    found = _callbacks_of(_as_completed)
    assert [*map(hands_on_one_by_one, found)] == [True]


def test_it_is_told_of_nothing_else_of_asyncio():
    found = _callbacks_of(_wait) + _callbacks_of(_gather)
    assert [*map(hands_on_one_by_one, found)] == [False, False]


def test_of_other_objects_nothing_is_asked():
    class Odd:
        def __getattr__(self, name):
            raise RuntimeError("not to be looked at")

    assert not hands_on_one_by_one(Odd())
    assert not hands_on_one_by_one(partial(print))
    assert not hands_on_one_by_one(print)
