"""Whether a thread that Python does not know may be about to call the loop.

polars, obstore and others hand work to threads of their own in Rust or C++, and one of
these ends a future of the loop's. No Python frame shows it. What shows is that such a
thread is at work, and that a task waits for a future which others may end; where both
are so, it *holds* the clock. Many such threads rest for as long as the process lives,
and many others do work of which no loop hears, so neither alone will do.

What still fails: a native thread that waits for the network looks as one that has
nothing to do. A timer comes before it; a loop without timers waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from pytest_asyncbench._loops import awaits_outside, names
from pytest_asyncbench._python import (
    OWN_NAME,
    count_natives,
    does,
    named_of,
    natives,
)
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

__all__ = ["Natives"]

_FEW = 20

_KERNELS = "iou-"
"""How the threads are called that the kernel lends a process for its io_uring. They go
round and round for a while after each request, and call nobody."""


class Natives:
    """The native threads of this process, for one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.some = False
        """Whether there were any when they were last counted."""
        self._quiet = False
        """Whether none was at work at the last look, and none was given any since.

        To look takes longer than many a turn of a loop.
        """
        self._names: dict[int, str | None] = {}
        """What each is called; None for one that is no library's."""
        self._worked: dict[int, float | None] = {}
        """For how long each had worked, in seconds, when it was last looked at."""
        self.count()
        if self.some:
            self._look()

    def count(self) -> None:
        """Find out whether there are any, when one may have been given work."""
        self.some = count_natives() > 0
        self._quiet = False

    def busy(self) -> tuple[str, ...]:
        """Name those that are at work, or were since the last look.

        One may have woken another after that was looked at, and rest by now itself.
        """
        if not self.some or self._quiet:
            return ()
        if self._has_few_timers() and not self.are_awaited():
            return ()
        before, now = self._worked, self._look()
        at_work = [
            each
            for each, worked in now.items()
            if worked != before.get(each) or does(each) == "works"
        ]
        self._quiet = not at_work
        return tuple(f"native thread {name!r}" for name in self._awaited(at_work))

    def waiting(self) -> tuple[str, ...]:
        """Name those that wait for what nobody can see from here."""
        if not self.some:
            return ()
        unseen = "what it waits for can't be seen"
        # One that has just come back from waiting works by now.
        waiting = (each for each in self._of_libraries() if does(each) != "rests")
        return tuple(
            f"native thread {name!r} ({unseen})" for name in self._awaited(waiting)
        )

    def stir(self) -> bool:
        """Tell whether any of them does something else than rest."""
        return any(does(each) != "rests" for each in self._of_libraries())

    def are_awaited(self) -> bool:
        """Tell whether anybody may be waiting for what comes from outside."""
        tasks = asyncio.all_tasks(self._loop)
        return not tasks or any(map(awaits_outside, tasks))

    def _has_few_timers(self) -> bool:
        """Tell whether to ask all tasks is likely to cost less than to ask the system.

        A numerical library has a thread for each processor, and most tests a few tasks.
        """
        return len(names.SCHEDULED.of(self._loop)) < _FEW

    def _of_libraries(self) -> list[int]:
        """Give those that are neither ours nor the kernel's."""
        return [each for each in natives() if self._name(each) is not None]

    def _look(self) -> dict[int, float | None]:
        working = SYSTEM_CLOCK.working
        self._worked = {each: working(each) for each in self._of_libraries()}
        return self._worked

    def _awaited(self, threads: Iterable[int]) -> list[str]:
        """Give the names of these, if anybody may be waiting for one of them."""
        found = {self._name(each) for each in threads}
        # Asked last: there may be ten thousand tasks.
        return sorted(map(str, found)) if found and self.are_awaited() else []

    def _name(self, native: int) -> str | None:
        if native not in self._names:
            name = named_of(native)
            strange = name is None or name == OWN_NAME or name.startswith(_KERNELS)
            self._names[native] = None if strange else name
        return self._names[native]
