"""For how long others kept the interpreter from a job in a thread, by what is counted.

*Problem*: alone, a job has the interpreter for itself. Of four that compute side by
side each lasts as long as all four, so that they would seem to be four times as fast as
one after another. *What we do*: read what the thread has worked, what the process has,
and how often the thread has waited. Who wants the interpreter waits for one switch
interval at a time, and only while others work; so the least of these three is taken
off: what it did not work, what others did, an interval for each wait. *What still
fails*: a job that computes and waits often, beside others that compute, may have too
much taken off, and then serial time is the smaller. One that hardly computes is left as
it is. On a busy machine each wait takes longer than an interval, and too little is
taken off: beside six busy processes four jobs that compute seem 2.3 times as fast. To
read how long the thread stood in the run queue would let others have the interpreter,
which takes longer than what is measured.
"""

from __future__ import annotations

from pytest_asyncbench._python import switch_interval, waits_here
from pytest_asyncbench._words.clock import Clock, current_thread_ids
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Account", "account", "kept_out"]


class Account(NamedTuple):
    """What is counted of the calling thread, and of the process."""

    working: float
    """For how many seconds the thread has worked so far."""
    in_all: float
    """The same of all threads of the process."""
    waits: int
    """How often the thread has waited."""


def account(clock: Clock) -> Account | None:
    """Read the calling thread's account; None where something is not told."""
    _, native = current_thread_ids()
    working, in_all = clock.working(native), clock.working(None)
    waits = waits_here()
    if working is None or in_all is None or waits is None:
        return None
    return Account(working, in_all, waits)


def kept_out(began: Account | None, ended: Account | None, lasted: float) -> float:
    """Tell for how many seconds of a job the interpreter was kept from it, at the most.

    Args:
        began: the thread's account as the job began.
        ended: the same as it ended.
        lasted: for how many seconds it was in progress.
    """
    interval = switch_interval()
    if began is None or ended is None or not interval:
        return 0.0
    worked = ended.working - began.working
    if worked <= interval:
        return 0.0
    by_others = ended.in_all - began.in_all - worked
    in_waits = (ended.waits - began.waits) * interval
    return max(0.0, min(lasted - worked, by_others, in_waits))
