"""What a test may take and must give back: its locks, places, items and connections.

asyncio keeps no list of them. So each is noted as it is made, and asked at the end of a
run how much of it is taken.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from pytest_asyncbench._loops import names
from pytest_asyncbench._words.undo import Undo, replace
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Holdings", "told"]


class _Kind(NamedTuple):
    """A kind of thing of which something can be taken."""

    module: str
    """Where its class is; one that nobody has imported is looked for in vain."""
    name: str
    taken: Callable[[Any], int]
    """Tells how much of one is taken, from wherever it counts."""
    one: str
    """What is said of one that was not given back."""
    many: str
    give_back: Callable[[Any], object] | None = None
    """Gives one back, of a thing that outlives the run."""

    only_compared: bool = False
    """Whether only more than in another run means something: nobody need give back."""

    @property
    def is_asyncios(self) -> bool:
        """Whether it is of asyncio, and no library's."""
        return self.module == "asyncio"


def _class_of(kind: _Kind) -> type[Any] | None:
    cls = getattr(sys.modules.get(kind.module), kind.name, None)
    return cls if isinstance(cls, type) else None


def _used_up(semaphore: asyncio.Semaphore) -> int:
    return -(names.SEMAPHORE_VALUE.get(semaphore) or 0)


def _not_done(queue: asyncio.Queue[Any]) -> int:
    unfinished = names.UNFINISHED.get(queue)
    return 0 if unfinished is None else unfinished - queue.qsize()


def _checked_out(record: Any) -> int:
    # A pool's own count goes by what stands in it: one that is cancelled as it closes a
    # connection of its own counts that for one that was taken.
    return int(record.in_use)


def _in_use(connector: Any) -> int:
    # One that was closed over a request has closed its connection as well.
    if connector.closed:
        return 0
    return len(connector._acquired)  # noqa: SLF001 - aiohttp has no other word for it


_KINDS = (
    _Kind(
        "asyncio",
        "Lock",
        asyncio.Lock.locked,
        "1 asyncio.Lock left held",
        "{} asyncio.Locks left held",
        asyncio.Lock.release,
    ),
    _Kind(
        "asyncio",
        "Semaphore",
        _used_up,
        "1 place of an asyncio.Semaphore not given back",
        "{} places of asyncio.Semaphores not given back",
        asyncio.Semaphore.release,
    ),
    _Kind(
        "asyncio",
        "Queue",
        _not_done,
        "1 item of an asyncio.Queue taken, and no task_done() for it",
        "{} items of asyncio.Queues taken, and no task_done() for them",
        only_compared=True,
    ),
    _Kind(
        "sqlalchemy.pool",
        "_ConnectionRecord",  # by no other name in both 1.4 and 2
        _checked_out,
        "1 connection of an SQLAlchemy pool not given back",
        "{} connections of SQLAlchemy pools not given back",
    ),
    _Kind(
        "aiohttp",
        "BaseConnector",
        _in_use,
        "1 response of aiohttp's neither read to its end nor released",
        "{} responses of aiohttp's neither read to their end nor released",
    ),
)


class _Noted(NamedTuple):
    """A thing of some kind, and how much of it was taken when it was noted."""

    kind: _Kind
    get: Callable[[], Any]
    before: int


class Holdings:
    """What can be taken of the things that a test uses, and how much of it is.

    The things that are there before are looked for once, by `noting`. What a run makes
    is kept until the next one begins, or when it is gone depends on who keeps frames.
    """

    def __init__(self) -> None:
        self._older: list[_Noted] = []
        self._made: list[_Noted] = []
        self._classes: dict[type[Any], _Kind] = {}
        self._libraries: dict[type[Any], _Kind] = {}
        """Those of other libraries. They look at the arguments of their own `__init__`,
        so it stays theirs, and what they have made is looked for."""

    @contextmanager
    def noting(self, *, only_made: bool = False) -> Iterator[None]:
        """Note what is there, and then whatever is made.

        Args:
            only_made: whether only what asyncio has and what is made counts, which
                takes no look at all objects.
        """
        self._classes = {
            cls: kind
            for kind in _KINDS
            if (cls := _class_of(kind)) is not None
            and (kind.is_asyncios or not only_made)
        }
        self._libraries = {
            cls: kind for cls, kind in self._classes.items() if not kind.is_asyncios
        }
        with ExitStack() as undo:
            for kind, thing in self._found({} if only_made else self._classes):
                self._note(self._older, kind, thing, weakref.ref(thing))
            for cls, kind in self._classes.items():
                if kind.is_asyncios:
                    undo.callback(self._note_new(cls, kind))
            yield

    def _found(
        self, classes: Mapping[type[Any], _Kind]
    ) -> Iterator[tuple[_Kind, object]]:
        """Look through all objects that the garbage collector has not frozen."""
        known: dict[type[Any], _Kind | None] = {}
        for each in gc.get_objects() if classes else ():
            # By its type: what a proxy says of its class may run anybody's code.
            cls = type(each)
            if cls not in known:
                above = (classes[base] for base in cls.__mro__ if base in classes)
                known[cls] = next(above, None)
            kind = known[cls]
            if kind is not None:
                yield kind, each

    def _note_new(self, cls: type[Any], kind: _Kind) -> Undo:
        original = cls.__init__

        def noted(thing: Any, *args: object, **options: object) -> None:
            original(thing, *args, **options)
            self._note(self._made, kind, thing, lambda: thing)

        return replace(cls, "__init__", noted)

    def _note(
        self, where: list[_Noted], kind: _Kind, thing: object, get: Callable[[], Any]
    ) -> None:
        # A subclass may have no such attribute before its own `__init__` is over.
        with suppress(Exception):
            where.append(_Noted(kind, get, kind.taken(thing)))

    def begin(self) -> None:
        """Begin a run: forget what the last one made, give back what it has kept.

        Where nobody can give back for it, what is missing by now is not this run's.
        """
        self._made.clear()
        older, self._older = self._older, []
        for kind, get, before in older:
            thing = get()
            if thing is None:
                continue
            if kind.give_back is None:
                self._note(self._older, kind, thing, get)
                continue
            for _ in range(kind.taken(thing) - before):
                # Those who waited for it are gone, and so may be their loop.
                with suppress(RuntimeError):
                    kind.give_back(thing)
            self._older.append(_Noted(kind, get, before))
        for kind, thing in self._unknown():
            self._note(self._older, kind, thing, weakref.ref(thing))

    def taken(self) -> Counter[str]:
        """Count what is taken of each kind, by what is said of one."""
        found: Counter[str] = Counter()
        for kind, get, before in (*self._older, *self._made):
            thing = get()
            more = 0 if thing is None else kind.taken(thing) - before
            if more > 0:
                found[kind.one] += more
        for kind, thing in self._unknown():
            with suppress(Exception):
                found[kind.one] += kind.taken(thing)
        return found

    def _unknown(self) -> list[tuple[_Kind, object]]:
        """Look for what other libraries have made since a run began."""
        known = {id(get()) for _, get, _ in self._older}
        return [
            each for each in self._found(self._libraries) if id(each[1]) not in known
        ]


def told(taken: Counter[str], *, compared: bool = True) -> Iterator[str]:
    """Say of what is taken how much it is, a sentence for each kind.

    Args:
        taken: how much of each kind.
        compared: whether this is how much more it is than in another run.
    """
    for kind in _KINDS:
        count = taken[kind.one]
        if count and (compared or not kind.only_compared):
            yield kind.one if count == 1 else kind.many.format(count)
