"""See the steps of uvloop's loops, whose handles are C and can't be replaced.

uvloop's loop is a Python class all the same, and tasks and futures call their loop's
methods by name. So each callback that is handed to a loop is wrapped on its way in.
What is not seen: protocol methods that uvloop calls from C when data has arrived, and
who made whom ready, so there is no accounting of tasks here, and no speedup.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from contextlib import ExitStack
from types import CodeType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    import asyncio

    from pytest_asyncbench._loops.names import Step

__all__ = ["is_uvloop", "meet_when_run", "step_code", "wrap_callbacks"]

P = ParamSpec("P")
R = TypeVar("R")

_TAKES_CALLBACK_AT = {
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "call_later": 1,
    "call_at": 1,
    "add_reader": 1,
    "add_writer": 1,
    "add_signal_handler": 1,
}
"""The methods that are handed a callback, and at which position."""


class _Step:
    """A callback that tells when it begins and ends; reports take it for a handle."""

    __slots__ = ("_began", "_callback", "_ended")

    def __init__(
        self,
        callback: Callable[..., object],
        began: Callable[[], None],
        ended: Callable[[Step], None],
    ) -> None:
        self._callback = callback
        self._began = began
        self._ended = ended

    def __call__(self, *args: object) -> object:
        self._began()
        try:
            return self._callback(*args)
        finally:
            self._ended(self)
            # An exception's frames keep this one, too: break the cycle with a task
            # that keeps its exception, as asyncio does.
            self, args = None, ()  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._callback)


def step_code() -> CodeType:
    """Give the code object whose frame stands under every step."""
    return _Step.__call__.__code__


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is uvloop's, or derived from it."""
    return any(base.__module__ == "uvloop.loop" for base in type(loop).__mro__)


_Meet = Callable[["asyncio.AbstractEventLoop"], object]

_meeting: list[_Meet] = []
"""Who is to meet the loops that are used; a run within a test's run is one more.

Here, so that what stands on uvloop's class is made once and not for each test, which
took longer than all else that a short test needs.
"""


def meet_when_run(meet: _Meet) -> Undo:
    """Call `meet` with each of uvloop's loops that is used from now on."""
    if not _is_installed():
        return lambda: None
    # Imported, since a test that does so itself would make its loop unseen.
    uvloop = importlib.import_module("uvloop")
    with ExitStack() as undo:
        undo.callback(_meeting.remove, meet)
        _meeting.append(meet)
        # A loop has callbacks and its first task before it is run.
        for name in ("run_forever", "create_task", *_TAKES_CALLBACK_AT):
            method = _that_meets(getattr(uvloop.Loop, name), name)
            undo.callback(replace(uvloop.Loop, name, method))
        return undo.pop_all().close


@functools.cache  # to find out that it is not takes as long as a short test
def _is_installed() -> bool:
    return importlib.util.find_spec("uvloop") is not None


@functools.lru_cache(maxsize=32)  # more than uvloop has; a patch of a test's may be one
def _that_meets(
    original: Callable[Concatenate[asyncio.AbstractEventLoop, P], R], name: str
) -> Callable[Concatenate[asyncio.AbstractEventLoop, P], R]:
    @functools.wraps(original)
    def met(self: asyncio.AbstractEventLoop, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if _meeting and name not in vars(self):
            for meet in tuple(_meeting):
                meet(self)
            if name in vars(self):  # it has a wrapper of its own by now
                wrapped: Callable[P, R] = getattr(self, name)
                return wrapped(*args, **kwargs)
        return original(self, *args, **kwargs)

    return met


def wrap_callbacks(
    loop: asyncio.AbstractEventLoop,
    began: Callable[[], None],
    ended: Callable[[Step], None],
) -> Undo:
    """Wrap every callback that the loop is handed; return the way back."""
    with ExitStack() as undo:
        for name, position in _TAKES_CALLBACK_AT.items():
            original = getattr(loop, name)
            undo.callback(
                replace(loop, name, _wrapping(original, position, began, ended))
            )
        return undo.pop_all().close


def _wrapping(
    original: Callable[..., R],
    position: int,
    began: Callable[[], None],
    ended: Callable[[Step], None],
) -> Callable[..., R]:
    @functools.wraps(original)
    def handed(*args: Any, **kwargs: Any) -> R:
        before, callback, rest = args[:position], args[position], args[position + 1 :]
        return original(*before, _Step(callback, began, ended), *rest, **kwargs)

    return handed
