"""A thread's time in the run queue, less what the system tells of it that can't be.

*Problem*: Linux 6.18 now and then counts a sleep as a wait in the run queue: a thread
that sleeps for 0.5 s and wakes in time has stood in the queue for 0.5 s, by its
``schedstat``. Beside six busy processes on two processors that is one sleep in a
thousand (``benchmarks/run_queue.py``). What a test waited for would be forgiven it as
time in which it was not let run. *What does not work*: to see from the account itself
which of its waits is one; that of a machine under load looks the same. *What we do*:
who is known to have slept did not stand in the queue, so the account can't have grown
by more than what is left of the time. *What still fails*: a sleep that nobody knows of,
as that of a thread that runs no loop.
"""

from __future__ import annotations

from pytest_asyncbench._words.values import NamedTuple

__all__ = ["AT_ONCE", "Known"]

AT_ONCE = 0.001
"""Figures of one moment are read one after another, within so many seconds."""


class Known(NamedTuple):
    """What was known of a thread when it last stood in no queue, or was corrected.

    The system adds a wait to the account when it ends. So what a wait has added later
    has begun later.
    """

    at: float
    working: float
    starved: float
    """As the system tells it."""
    slept: float = 0.0
    """For how many seconds it is known to have slept since."""
    untrue: float = 0.0
    """How much of the account can't be, in all."""

    def but_for(self, slept: float) -> Known:
        """Take down that the thread has slept for so many seconds since."""
        return self._replace(slept=self.slept + slept)

    def go_on(self, at: float, working: float, starved: float, *, idle: bool) -> Known:
        """Go on to what the system tells later.

        Args:
            at: the moment.
            working: the thread's processor time by then, in seconds.
            starved: its time in the run queue by then, as the system tells it.
            idle: whether it stood in no queue just before, and nothing is outstanding.
        """
        left = at - self.at - self.slept - (working - self.working)
        untrue = starved - self.starved - max(0.0, left)
        if untrue > AT_ONCE:
            return Known(at, working, starved, untrue=self.untrue + untrue)
        return Known(at, working, starved, untrue=self.untrue) if idle else self
