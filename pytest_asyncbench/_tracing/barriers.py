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

from pytest_asyncbench._loops import as_coroutine_function, running_loop
from pytest_asyncbench._tracing.tape import Arrival, Tape
from pytest_asyncbench._words.undo import Undo, nothing, replace
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Meeting", "meetings", "watch_barriers"]


def watch_barriers(
    tape_of: Callable[[asyncio.AbstractEventLoop], Tape | None],
    now: Callable[[], float],
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
        if tape is not None and not tape.full:
            parties = int(barrier.parties)
            tape.arrivals.append(Arrival(len(tape), now(), id(barrier), parties))
        coming: Coroutine[Any, Any, int] = original(barrier)
        return coming

    return replace(kind, "wait", as_coroutine_function(wait))


class Meeting(NamedTuple):
    """Those of one strand who went on together."""

    own: list[Arrival]
    released: int
    """The entry in which the last of all came, who may be another strand's."""


def meetings(
    arrivals: Iterable[Arrival], strand_of: Callable[[int], int]
) -> dict[int, list[Meeting]]:
    """Give by its number what each strand has of them, where several of it met.

    Args:
        arrivals: in the order in which they came.
        strand_of: gives the number of the strand that an entry belongs to.
    """
    waiting: dict[int, list[Arrival]] = defaultdict(list)
    found: dict[int, list[Meeting]] = defaultdict(list)
    for one in arrivals:
        waiting[one.barrier].append(one)
        if len(waiting[one.barrier]) < one.parties:
            continue
        of_strands: dict[int, list[Arrival]] = defaultdict(list)
        for each in waiting.pop(one.barrier):
            of_strands[strand_of(each.entry)].append(each)
        for number, own in of_strands.items():
            if len(own) > 1:
                found[number].append(Meeting(own, one.entry))
    return found
