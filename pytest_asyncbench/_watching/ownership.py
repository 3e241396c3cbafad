"""Which thread writes each field that two threads share, and a switch that checks it.

What one thread writes, any other may read: a field is written in one step of the
interpreter, and who reads it bears with a value of a moment ago. Two writers would
need a lock, and a loop can't be made to wait at each of its steps.

The switch is for our own suite. While it is off nothing of it is on any path.
"""

from __future__ import annotations

import _thread
import enum
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import FrameType

from pytest_asyncbench._loops import LoopView, running_loop
from pytest_asyncbench._python import getframe
from pytest_asyncbench._watching.crowds import Crowds
from pytest_asyncbench._watching.keepers import Keepers
from pytest_asyncbench._watching.lateness import Lateness
from pytest_asyncbench._watching.rounds import Rounds
from pytest_asyncbench._watching.sampling import Sampled, Sampler
from pytest_asyncbench._watching.thread import OwnThread
from pytest_asyncbench._words.undo import Undo, replace

__all__ = ["OWNERS", "Writer", "WrongThread", "check_owners"]


class Writer(enum.Enum):
    """Who may write a field after its object was made."""

    NOBODY = "nobody"
    LOOP = "the thread that runs the loop"
    WATCHDOG = "the watchdog's thread"
    ANY = "any thread, since each value is good by itself"


_L, _W = Writer.LOOP, Writer.WATCHDOG

OWNERS: Mapping[type, Mapping[str, Writer]] = {
    LoopView: {
        "kind": Writer.NOBODY,
        "undo": Writer.NOBODY,  # the list itself; the loop's thread fills it
        "loop": Writer.ANY,  # whoever closes the loop, or ends the watching
        "greenlet": Writer.ANY,  # the loop's thread, and who closes the loop
        "due": Writer.ANY,
        "thread": _L,
        "native": _L,
        "last": _L,
        "steps": _L,
        "polled": _L,
        "rests_until": _L,
        "late": _L,
        "ours": _L,
        "ours_before": _L,
        "ours_step": _L,
        "blind": _L,
        "foreign": _L,
        "missing": Writer.ANY,  # the loop's thread, and who could not read its tape
        # The loop's thread, and who ends the watching.
        "give_way": Writer.ANY,
        "settle": Writer.ANY,
        "moved": Writer.ANY,
        "note_poll": Writer.ANY,
        "oversleep": Writer.ANY,
        "slept": Writer.ANY,
        "rested_for": Writer.ANY,
        "rested": Writer.ANY,
        "upkeep_at": Writer.ANY,
        "upkeep": Writer.ANY,
    },
    Sampled: {
        "view": Writer.NOBODY,
        "looking": Writer.NOBODY,
        "over": _L,
        "late": _L,
        "lost": Writer.ANY,  # the loop's thread begins it, the watchdog's goes on
        "ticks": _L,  # the watchdog's thread adds to the list
        "step": _W,
        "turn": _W,
        "account": _W,
        "samples": _W,
        "queue_then": _W,
    },
    Sampler: {
        "watched": Writer.NOBODY,  # the list itself; the loop's thread adds to it
        "looks": _W,
        "looked": _W,
        "in_long_step": _W,
    },
    Lateness: {
        "rest": _W,
        "kept_out": _W,
        "known": _W,
        "gaps": _W,
        "turn": _W,
    },
    Rounds: {"count": _W},
    Keepers: {"kept": Writer.NOBODY},  # the list itself
    Crowds: {"late": Writer.NOBODY},  # likewise; the threads of loops add to it
}
"""One row for each field; a type stands here with all fields that it has, or with those
that are of interest to others."""


class WrongThread(RuntimeError):
    """A field was written by another thread than its owner."""


def check_owners(
    broken: list[str], owners: Mapping[type, Mapping[str, Writer]] = OWNERS
) -> Undo:
    """Raise `WrongThread` where a field is written by another thread, until undone.

    Each time is also put into `broken`, since what the watchdog's thread raises is
    only noted.
    """
    with ExitStack() as undo:
        for kind, fields in owners.items():
            undo.callback(replace(kind, "__setattr__", _checking(fields, broken)))
        return undo.pop_all().close


def _checking(
    fields: Mapping[str, Writer], broken: list[str]
) -> Callable[[object, str, object], None]:
    put = object.__setattr__

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807 - its name in the report of a failure
        writer = fields.get(name, Writer.ANY)
        # One that it does not have yet is written by whoever makes it.
        if hasattr(self, name) and not _MAY_WRITE[writer](self):
            text = f"{type(self).__name__}.{name} is written by {writer.value} alone"
            broken.append(text)
            raise WrongThread(text)
        put(self, name, value)

    return __setattr__


def _runs_its_loop(thing: object) -> bool:
    view = thing.view if isinstance(thing, Sampled) else thing
    assert isinstance(view, LoopView)
    # A loop that has come to another thread is running there before that is noticed.
    return _thread.get_ident() == view.thread or running_loop() is view.loop


def _is_watchdog(_: object) -> bool:
    frame: FrameType | None = getframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
    return frame is not None and frame.f_code is OwnThread.code()


_MAY_WRITE: Mapping[Writer, Callable[[object], bool]] = {
    Writer.NOBODY: lambda thing: False,
    Writer.LOOP: _runs_its_loop,
    Writer.WATCHDOG: _is_watchdog,
    Writer.ANY: lambda thing: True,
}
