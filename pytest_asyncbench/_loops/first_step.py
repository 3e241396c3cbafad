"""Tell of the first step that a loop takes, which costs nothing until then.

While it is armed it stands where each step passes. Once it has told it is taken away,
and whatever stands there then takes the step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pytest_asyncbench._loops import names
from pytest_asyncbench._loops.passages import passage
from pytest_asyncbench._loops.uvloop_steps import meet_when_run
from pytest_asyncbench._words.undo import Undo

__all__ = ["FirstStep"]


class FirstStep:
    """Call `stepped` before the first step of a loop, in that loop's thread.

    Several threads may call it at once. What it raises is raised in the loop.
    """

    def __init__(self, stepped: Callable[[], None]) -> None:
        self._stepped = stepped
        self._armed: list[Undo] = []

    def install(self) -> Undo:
        """Be ready to be armed; what stands on uvloop's class is made once."""
        return meet_when_run(self._used)

    def arm(self) -> None:
        """Wait for a step from now on."""
        place = passage()
        original = names.RUN.of(place)

        def _run(handle: names.Handle) -> None:
            self._stepped()
            runner = names.RUN.of(place)
            # It stands here still where nobody wanted to be told.
            (original if runner is _run else runner)(handle)

        self._armed.append(names.RUN.replace(place, _run))

    def disarm(self) -> None:
        """Wait no longer; in any thread, and twice does no harm."""
        while self._armed:
            self._armed.pop()()

    def _used(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._armed:
            self._stepped()
