"""Stand in for a method of one loop, without writing to that loop.

Problem: CPython finds what an object has quickly for as long as it has no more than
thirty attributes (``SHARED_KEYS_MAX_SIZE`` in its ``dictobject.c``) and, on 3.11 and
3.12, nobody has asked for its ``vars``. asyncio gives a loop up to 29. With a few more
each step takes a tenth longer, all that asyncio itself does in it. What does not do:
writing to the class from test to test (see `passages`). What we do: one function stands
on asyncio's class for a name, and leads on to what stands in for that loop's method.

A loop whose own class, or somebody who wrote to the loop, has another method under that
name is written to all the same.
"""

from __future__ import annotations

import asyncio
import functools
from asyncio.events import Handle
from collections.abc import Callable
from types import FrameType, MethodType
from typing import Any

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.passages import LEADS_TO, passage
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench._words.whose import is_ours

__all__ = ["close_doors", "keep_doors", "made_by_caller", "stand_in", "who_calls"]

_Loop = asyncio.AbstractEventLoop


class _Door:
    """Stands on asyncio's class in the place of one of its methods."""

    def __init__(self, name: str, original: Callable[..., Any]) -> None:
        self._name = name
        self.original = original
        self.stand_ins: dict[_Loop, Callable[..., Any]] = {}
        """By the loop; written by the thread of that, or by who ends the watching."""
        self._led = self._lead()

    def _lead(self) -> Callable[..., Any]:
        original, stand_ins = self.original, self.stand_ins

        @functools.wraps(original)
        def led(loop: _Loop, *args: Any, **kwargs: Any) -> Any:
            stand_in = stand_ins.get(loop)
            if stand_in is None:
                return original(loop, *args, **kwargs)
            return stand_in(*args, **kwargs)

        setattr(led, LEADS_TO, self)
        return led

    def put_on(self) -> None:
        """Stand there, unless somebody else does."""
        if vars(asyncio.BaseEventLoop)[self._name] is self.original:
            setattr(asyncio.BaseEventLoop, self._name, self._led)

    def take_off(self) -> None:
        """Put asyncio's own there again, unless somebody stands behind this.

        A loop in another thread may be put there meanwhile. So each of the two looks
        what the other has done when it is done itself.
        """
        if self.stand_ins:
            return
        if vars(asyncio.BaseEventLoop)[self._name] is self._led:
            setattr(asyncio.BaseEventLoop, self._name, self.original)
        if self.stand_ins:
            self.put_on()

    def put(self, loop: _Loop, stand_in: Callable[..., Any]) -> Undo:
        """Lead on to this where it is that loop's, until undone."""
        before = self.stand_ins.get(loop)
        self.stand_ins[loop] = stand_in
        self.put_on()

        def undo() -> None:
            if self.stand_ins.get(loop) is not stand_in:
                return
            if before is not None:
                self.stand_ins[loop] = before
                return
            del self.stand_ins[loop]
            if not _are_kept():
                self.take_off()

        return undo


def stand_in(
    loop: _Loop, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Undo:
    """Have something stand in for a method of a loop, until undone.

    Args:
        loop: one of any kind.
        name: that of the method.
        make: gives it, when it is told what stood there before, bound to the loop.
    """
    if not _is_asyncios(loop, name):
        return replace(loop, name, make(getattr(loop, name)))
    door = _door(name) or _made(name, vars(asyncio.BaseEventLoop)[name])
    before = door.stand_ins.get(loop) or MethodType(door.original, loop)
    return door.put(loop, make(before))


def keep_doors() -> Undo:
    """Leave what stands on asyncio's class there until undone.

    To write to a class has CPython forget where its attributes are found. Where each
    test did so, for each of seven names, all code of asyncio's was slower after it.
    """
    keeper = object()
    _keepers.append(keeper)

    def undo() -> None:
        _keepers.remove(keeper)
        if not _are_kept():
            close_doors()

    return undo


def _are_kept() -> bool:
    # From test to test the class is not to be written to; see `passages`.
    return bool(_keepers) or passage() is not Handle


_keepers: list[object] = []
"""Who has what stands on asyncio's class stay there."""


def close_doors() -> None:
    """Take off what stands on asyncio's class with nobody behind it."""
    for name in [*vars(asyncio.BaseEventLoop)]:
        door = _door(name)
        if door is not None:
            door.take_off()


def who_calls(frame: FrameType) -> FrameType:
    """Give the frame that called a stand-in, given the one below that."""
    caller = frame.f_back if frame.f_globals is globals() else frame
    return caller or frame


def made_by_caller(made: asyncio.Handle | names.AnyFuture) -> None:
    """Have asyncio's debug mode tell who called a stand-in, and not that, as maker."""
    created_at = names.SOURCE_TRACEBACK.get(made)
    while created_at and is_ours(created_at[-1].filename):
        del created_at[-1]


# Once: where it is taken off after each test, it would be made anew for the next.
_made = functools.lru_cache(_Door)


def _door(name: str) -> _Door | None:
    """Give what stands on asyncio's class under this name, where that is a door."""
    door = getattr(vars(asyncio.BaseEventLoop)[name], LEADS_TO, None)
    return door if isinstance(door, _Door) else None


def _is_asyncios(loop: _Loop, name: str) -> bool:
    """Tell whether a method of a loop is what stands on asyncio's class."""
    method = getattr(loop, name)
    standing = vars(asyncio.BaseEventLoop).get(name)
    return isinstance(method, MethodType) and method.__func__ is standing
