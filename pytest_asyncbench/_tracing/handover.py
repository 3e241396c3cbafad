"""For how long a thread had asked for the interpreter that a loop's step kept.

Alone, the strand that waits for this thread has no other whose steps keep it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from pytest_asyncbench._words.values import NamedTuple

if TYPE_CHECKING:
    from pytest_asyncbench._tracing.trace import Trace

__all__ = ["KeptOut", "kept_out"]

_AT_WORK = 0.5
"""Who worked for this part of a step kept the interpreter, and did not let go of it in
a call that waits. The rest may be time in the run queue."""


class KeptOut(NamedTuple):
    """A thread was kept from the interpreter."""

    entry: int
    """By this step; -1 where none is known to have kept it."""
    seconds: float


_BY_NOBODY = KeptOut(-1, 0.0)


def kept_out(trace: Trace, got: float) -> KeptOut:
    """Tell which step kept the interpreter from a thread that got it at a moment.

    *Problem*: who has waited needs the interpreter to go on, and nobody tells when it
    asked for that. *What we do*: a step that is at work gives it up a switch interval
    after it was asked. So who gets it when the step has lasted for longer has asked for
    just so long. *What still fails*: of a shorter step it is not known whether it was
    asked at all, and a thread that needs the interpreter several times before it
    answers has waited as often.
    """
    interval, at = trace.tape.switch_interval, bisect_left(trace.ended, got)
    if at >= len(trace.ended) or got - trace.began(at) <= interval:
        return _BY_NOBODY
    if _worked_in(trace, at) < _AT_WORK * trace.seconds(at):
        return _BY_NOBODY
    return KeptOut(at, interval)


def _worked_in(trace: Trace, at: int) -> float:
    """Tell for how long, at the least, the loop's thread worked in an entry."""
    accounts = trace.tape.worked
    place = bisect_left(accounts, (at,))
    if not 0 < place < len(accounts) or accounts[place].entry != at:
        return 0.0
    before, after = accounts[place - 1 : place + 1]
    between = trace.began(at) - trace.ended[before.entry]
    at_work = max(0.0, between - (after.polled - before.polled))
    return after.worked - before.worked - at_work
