"""Try the detector on a stall and a known call that it makes itself.

A detector that silently watches nothing is worse than none: every test passes. An
interpreter, a loop or another plugin may defeat any of the means that are used here,
so each is tried once before the first test, on a loop as the run would make it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._watching.watch import Watch
from pytest_asyncbench._words.clock import Clock
from pytest_asyncbench._words.problems import Problem

__all__ = ["defeats"]

_THRESHOLD = 0.005
_NAP = 0.001
_LONGEST_STALL = 2.0
"""How long to stall at most, in seconds: until the watchdog has looked."""


def defeats(clock: Clock, interception: Interception | None = None) -> list[Problem]:
    """Give what of the detection does not work here; empty where all does.

    Takes milliseconds. Within a running loop nothing can be tried, and nothing is said.
    """
    if running_loop() is not None:
        return []
    watch = Watch(
        clock,
        threshold=_THRESHOLD,
        interception=interception,
        families=frozenset({"sleep"}),
    )
    kind = _stalled(watch)
    knows = interception is not None
    unseen = [f"{text} on {kind}" for text in _unseen(watch, knows)]
    return [Problem(kind="failed", text=text) for text in unseen] + watch.problems


def _stalled(watch: Watch) -> str:
    """Stall a fresh loop under the watch; give the loop's kind."""
    loop = asyncio.new_event_loop()
    try:
        watch.start()
        try:
            loop.run_until_complete(_stall(watch))
        finally:
            watch.stop()
    finally:
        loop.close()
    return f"{type(loop).__module__}.{type(loop).__qualname__}"


async def _stall(watch: Watch) -> None:
    await asyncio.sleep(0)  # the loop has been met by the next step
    view = watch.view(asyncio.get_running_loop())
    sampled = watch.watchdog.sampled(view)
    now = watch.clock.now
    long_enough, too_long = now() + 2 * _THRESHOLD, now() + _LONGEST_STALL
    # A step before this one may have been sampled as well, on a busy machine.
    while now() < long_enough or (sampled.step != view.last and now() < too_long):
        time.sleep(_NAP)  # noqa: ASYNC251 - to block is the purpose
    await asyncio.sleep(0)  # the step has ended by the next one


def _unseen(watch: Watch, knows: bool) -> Iterator[str]:
    if not watch.steps:
        yield "no step can be seen"
        return
    stalls = [stall for stall in watch.stalls if stall.seconds >= _THRESHOLD]
    if not stalls:
        yield "a stall can't be seen"
    elif not any(stall.samples for stall in stalls):
        yield "the line that stalls can't be seen"
    if knows and not watch.known.total:
        yield "a known call, time.sleep, can't be seen"
