"""Which step of a loop kept the interpreter from another thread, which asked for it.

Alone, the strand that waits for this thread has no other whose steps keep it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_asyncbench._tracing.trace import Trace

__all__ = ["keeper"]

_AT_WORK = 0.5
"""Who worked for this part of a step kept the interpreter, and did not let go of it in
a call that waits. The rest may be time in the run queue."""


def keeper(trace: Trace, got: float) -> int:
    """Give the step that kept the interpreter from a thread until a moment; -1 if none.

    *Problem*: who has waited needs the interpreter to go on, and nobody tells when it
    asked for that. *What we do*: a step that is at work gives it up a switch interval
    after it was asked. So who gets it when the step has lasted for longer has asked for
    just so long. *What still fails*: of a shorter step it is not known whether it was
    asked at all, and a thread that needs the interpreter several times before it
    answers has waited as often.
    """
    at = bisect_left(trace.ended, got)
    if at >= len(trace.ended) or got - trace.began(at) <= trace.tape.switch_interval:
        return -1
    return at if _worked_in(trace, at) >= _AT_WORK * trace.seconds(at) else -1


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
