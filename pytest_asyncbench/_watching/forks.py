"""No thread of ours is there while the process forks.

What a thread holds in the middle of its work is held for ever in the child, which has
no such thread, and from 3.12 on Python warns of every thread that it finds. What does
not do: a registration for each test, since ``os.register_at_fork`` has no undo. So one
is made when the first test asks, stays for good, and calls those that ask now. What
still fails: the first releases of 3.13 count the threads when ours has come back
(python/cpython#137109).
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from functools import partial

from pytest_asyncbench._python import acquire
from pytest_asyncbench._words.undo import Undo

__all__ = ["GoOn", "MakeWay", "make_way_for_forks"]

GoOn = Callable[[bool], None]
"""Called after the fork in both processes, with whether this one is the child."""

MakeWay = Callable[[], GoOn]
"""Called before a fork, in the thread that forks."""


class _Forks:
    def __init__(self) -> None:
        self._ways: list[MakeWay] = []
        self._going_on: list[GoOn] = []
        self._forking = _thread.allocate_lock()
        # Windows has no forks.
        self._register = getattr(os, "register_at_fork", lambda **calls: None)
        self._is_registered = False

    def add(self, make_way: MakeWay) -> Undo:
        if not self._is_registered:
            self._is_registered = True
            self._register(
                before=self._before,
                after_in_parent=partial(self._after, False),
                after_in_child=partial(self._after, True),
            )
        self._ways.append(make_way)
        return partial(self._ways.remove, make_way)

    def _before(self) -> None:
        acquire(self._forking)
        # One by one: where one fails to make way, those before it still go on later.
        for make_way in list(self._ways):
            self._going_on.append(make_way())

    def _after(self, in_child: bool) -> None:
        while self._going_on:
            self._going_on.pop()(in_child)
        self._forking.release()


_forks = _Forks()


def make_way_for_forks(make_way: MakeWay) -> Undo:
    """Call `make_way` before each fork of this process, until undone."""
    return _forks.add(make_way)
