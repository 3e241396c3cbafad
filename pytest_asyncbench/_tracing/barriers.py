"""Who came to which barrier, and when: who is last when it is alone may be another one.

asyncio's barrier lets all go on when the last of them comes. In the loop's queue that
looks as if the last had woken the others, and as if it had waited for nobody.
"""

from __future__ import annotations

import asyncio
import functools
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from pytest_asyncbench._loops import running_loop
from pytest_asyncbench._python import as_coroutine_function
from pytest_asyncbench._tracing.tape import Arrival, Tape
from pytest_asyncbench._words.undo import Undo, nothing, replace

__all__ = ["meetings", "watch_barriers"]


def watch_barriers(
    tape_of: Callable[[asyncio.AbstractEventLoop], Tape | None],
) -> Undo:
    """Note on its loop's tape who comes to a barrier, until undone."""
    kind = getattr(asyncio, "Barrier", None)  # from Python 3.11 on
    if kind is None:
        return nothing
    original = kind.wait

    @functools.wraps(original)
    def wait(barrier: Any) -> Coroutine[Any, Any, int]:
        loop = running_loop()
        tape = None if loop is None else tape_of(loop)
        if tape is not None:
            parties = int(barrier.parties)
            tape.arrivals.append(Arrival(len(tape), tape.now(), id(barrier), parties))
        coming: Coroutine[Any, Any, int] = original(barrier)
        return coming

    return replace(kind, "wait", as_coroutine_function(wait))


def meetings(arrivals: Iterable[Arrival]) -> list[list[Arrival]]:
    """Give those who went on together, in the order in which they came."""
    waiting: dict[int, list[Arrival]] = defaultdict(list)
    found = []
    for one in arrivals:
        here = waiting[one.barrier]
        here.append(one)
        if len(here) >= one.parties:
            found.append(waiting.pop(one.barrier))
    return found
