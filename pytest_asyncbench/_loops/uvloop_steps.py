"""See the steps of uvloop's loops, whose handles are C and can't be replaced.

uvloop's loop is a Python class all the same, and tasks and futures call their loop's
methods by name. So each callback is handed to the loop as the first argument of a
function of ours, which calls it, and reads the clock before and after.

A step of uvloop's takes 0.6 µs. To make an object for each callback on its way in, with
a method that is called in its place, took three times as long. Now our function is put
before the arguments, and all else is done as the step is run. `functools.partial` does
that in C and takes 0.1 µs less, but then nobody can give the callback by its name.

What is not seen: protocol methods that uvloop calls from C when data has arrived, and
who made whom ready, so there is no accounting of tasks here, and no speedup.
"""

from __future__ import annotations

import _thread
import functools
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from pytest_asyncbench._python import when_imported
from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    import asyncio
    from contextvars import Context

    from pytest_asyncbench._loops.names import Step
    from pytest_asyncbench._loops.view import LoopView
    from pytest_asyncbench._words.seconds import RealSeconds

__all__ = ["StepOf", "is_uvloop", "meet_when_run", "step_code", "watch_callbacks"]

P = ParamSpec("P")
R = TypeVar("R")

_TAKES_CALLBACK = {
    "call_soon": ("callback",),
    "call_soon_threadsafe": ("callback",),
    "call_later": ("delay", "callback"),
    "call_at": ("when", "callback"),
    "add_reader": ("fileobj", "callback"),
    "add_writer": ("fileobj", "callback"),
    "add_signal_handler": ("sig", "callback"),
}
"""The methods that are handed a callback, and the names of their first arguments."""


class StepOf:
    """What reports take for the handle of a callback."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[..., object]) -> None:
        self._callback = callback


def _measured(
    view: LoopView,
    now: Callable[[], RealSeconds],
    limit: float,
    long_step: Callable[[LoopView, Step, RealSeconds], None],
    failed: list[Callable[..., object]],
) -> FunctionType:
    """Make the function that runs each callback of a loop.

    One that fails is put into `failed`, until the loop tells of it.
    """

    # Once per step: everything it needs is a local or a cell.
    def run(callback: Callable[..., object], *args: object) -> None:
        view.last = began = now()
        try:
            callback(*args)
        except BaseException as error:
            if not isinstance(error, (SystemExit, KeyboardInterrupt)):
                failed.append(callback)
            end(callback, now())
            # The exception's frames keep this one, too: break the cycle with a task
            # that keeps its exception, as asyncio does.
            del callback, args
            raise
        ended = now()
        if ended - began > limit or ended > view.due:
            end(callback, ended)
        else:
            view.last = ended
            view.steps += 1
        # Likewise where the callback did not raise: it may be the step of a task that
        # died, whose exception has the task's frame, and that this one.
        del callback, args

    def end(callback: Callable[..., object], ended: RealSeconds) -> None:
        if ended - view.last > limit:
            long_step(view, StepOf(callback), ended)
        view.steps += 1
        view.last = now()
        if view.last > view.due:  # its poll is C, and can't be told by
            view.give_way()
            view.last = now()

    assert isinstance(run, FunctionType)
    return run


@functools.cache
def step_code() -> CodeType:
    """Give the code object whose frame stands under every step."""
    inside = (c for c in _measured.__code__.co_consts if isinstance(c, CodeType))
    return next(code for code in inside if code.co_name == "run")


def is_uvloop(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is uvloop's, or derived from it."""
    return "uvloop.loop" in [base.__module__ for base in type(loop).__mro__]


_Meet = Callable[["asyncio.AbstractEventLoop"], object]

_meeting: list[_Meet] = []
"""Who is to meet the loops that are used; a run within a test's run is one more.

Here, so that what stands on uvloop's class is made once and not for each test, which
took longer than all else that a short test needs.
"""


_standing = ExitStack()
"""What stands on uvloop's class, while anybody is to meet its loops."""


def meet_when_run(meet: _Meet) -> Undo:
    """Call `meet` with each of uvloop's loops that is used from now on."""
    if not _meeting:
        _stand_by()
    _meeting.append(meet)

    def undo() -> None:
        _meeting.remove(meet)
        if not _meeting:
            _standing.close()

    return undo


def _stand_by() -> None:
    """Stand on uvloop's class, as soon as there is one."""
    if "uvloop" in sys.modules:
        _stand_on_class()
    else:
        imported = when_imported(["uvloop"], lambda _: _stand_on_class())
        _standing.callback(imported)


def _stand_on_class() -> None:
    uvloop = sys.modules["uvloop"]
    with ExitStack() as undo:
        # A loop has callbacks and its first task before it is run.
        for name in ("run_forever", "create_task", *_TAKES_CALLBACK):
            method = _that_meets(getattr(uvloop.Loop, name), name)
            undo.callback(replace(uvloop.Loop, name, method))
        _standing.push(undo.pop_all())


@functools.lru_cache(maxsize=32)  # more than uvloop has; a patch of a test's may be one
def _that_meets(
    original: Callable[Concatenate[asyncio.AbstractEventLoop, P], R], name: str
) -> Callable[Concatenate[asyncio.AbstractEventLoop, P], R]:
    @functools.wraps(original)
    def met(self: asyncio.AbstractEventLoop, /, *args: P.args, **kwargs: P.kwargs) -> R:
        if _meeting and name not in vars(self):
            known = tuple(_meeting)
            for meet in known:
                meet(self)
            # The first loop of a test may have brought in who is to watch that.
            for meet in [*_meeting]:
                if meet not in known:
                    meet(self)
            if name in vars(self):  # it has a wrapper of its own by now
                wrapped: Callable[P, R] = getattr(self, name)
                return wrapped(*args, **kwargs)
        return original(self, *args, **kwargs)

    return met


def watch_callbacks(
    view: LoopView,
    now: Callable[[], RealSeconds],
    limit: float,
    long_step: Callable[[LoopView, Step, RealSeconds], None],
    come_to_this_thread: Callable[[LoopView], None],
) -> Undo:
    """Measure every callback that the loop is handed; return the way back."""
    loop, failed = view.loop, list[Callable[..., object]]()
    run = _measured(view, now, limit, long_step, failed)
    run_forever, get_ident = loop.run_forever, _thread.get_ident

    def begin() -> None:
        if get_ident() != view.thread:
            come_to_this_thread(view)
        run_forever()

    with ExitStack() as undo:
        for name in _TAKES_CALLBACK:
            making = _handing_soon if name == "call_soon" else _handing
            handed = making(getattr(loop, name), name, run)
            undo.callback(replace(loop, name, handed))
        undo.callback(replace(loop, "run_forever", begin))
        telling = _telling(loop.call_exception_handler, run, failed)
        undo.callback(replace(loop, "call_exception_handler", telling))
        return undo.pop_all().close


def _handing_soon(
    original: Callable[..., R], _: str, run: Callable[..., None]
) -> Callable[..., R]:
    """Do as `_handing` does, for what each step of a task is handed to."""

    @functools.wraps(original)
    def handed(
        callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> R:
        if args:
            return original(run, callback, *args, context=context)
        # As a task does; to hand on arguments that there are not takes 0.3 µs.
        return original(run, callback, context=context)

    return handed


def _handing(
    original: Callable[..., R], name: str, run: Callable[..., None]
) -> Callable[..., R]:
    """Put `run` before the callback, which so becomes its argument."""
    # Loaded only here: most runs meet no loop of uvloop's.
    from pytest_asyncbench._loops.coroutine_functions import is_no_callback

    names = _TAKES_CALLBACK[name]
    position = len(names) - 1
    refuses_coroutines = name == "add_signal_handler"

    @functools.wraps(original)
    def handed(*args: Any, **kwargs: Any) -> R:
        if kwargs:
            by_name = [each for each in names[len(args) :] if each in kwargs]
            args = (*args, *map(kwargs.pop, by_name))
        callback = args[position] if len(args) > position else None
        # call_at hands it on to call_later. Where there is no callback, and where it is
        # one that is looked at, the loop refuses the call itself.
        if callback is None or callback is run:
            return original(*args, **kwargs)
        if refuses_coroutines and is_no_callback(callback):
            return original(*args, **kwargs)
        return original(*args[:position], run, *args[position:], **kwargs)

    return handed


def _telling(
    original: Callable[[dict[str, Any]], None],
    run: Callable[..., None],
    failed: list[Callable[..., object]],
) -> Callable[[dict[str, Any]], None]:
    """Name the callback that has failed, and not the function of ours that ran it."""

    @functools.wraps(original)
    def tell(context: dict[str, Any]) -> None:
        if failed:
            message = context["message"].replace(repr(run), repr(failed.pop()))
            context = {**context, "message": message}
        original(context)

    return tell
