"""What the watchdog sees of a loop: samples of a long step, accounts of its thread."""

from __future__ import annotations

import _thread

from pytest_asyncbench._loops import LoopView
from pytest_asyncbench._python import RawStack, Tick
from pytest_asyncbench._words.seen import Wait

__all__ = ["RawSample", "Sampled"]

RawSample = tuple[float, RawStack, "Wait | None"]
"""The moment, the stack, and what the thread waited for."""


class Sampled:
    """What was sampled of one loop.

    *The loop's thread* is the one that runs it, as in `LoopView`.
    """

    __slots__ = ("looking", "over", "queue_then", "samples", "step", "ticks", "view")

    def __init__(self, view: LoopView) -> None:
        self.view = view
        """Never written again."""
        self.step = -1.0
        """Which step the samples belong to, by its start.

        Written by the watchdog's thread.
        """
        self.samples: list[RawSample] = []
        """Written by the watchdog's thread."""
        self.queue_then = 0
        """How many callbacks stood in the queue when the first sample was taken.

        Written by the watchdog's thread.
        """
        self.ticks: list[Tick] = []
        """The thread's accounts, as they were read.

        Written by the loop's thread, with its first account, and added to by the
        watchdog's.
        """
        self.over = -1.0
        """Which step, by its start, is over and only being written down.

        Written by the loop's thread.
        """
        self.looking = _thread.allocate_lock()
        """Held by the watchdog's thread while it takes a sample."""
