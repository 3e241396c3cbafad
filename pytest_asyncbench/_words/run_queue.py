"""A thread's time in the run queue, less what the system tells of it that can't be.

*Problem*: Linux 6.18 now and then counts a sleep as a wait in the run queue: a thread
that sleeps for 0.5 s and wakes in time has stood in the queue for 0.5 s, by its
``schedstat``. Beside six busy processes on two processors that are three sleeps in a
thousand (``benchmarks/run_queue.py``). What a test waited for would be forgiven it as
time in which it was not let run. *What does not work*: to see from the account itself
which of its waits is one; that of a machine under load looks the same. *What we do*:
who is known to have slept did not stand in the queue, so the account can't have grown
by more than what is left of the time. *What still fails*: a sleep that nobody knows of,
as that of a thread that runs no loop, or of a poll that waits for more than a timer.
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
    """Just before the figures were read."""
    working: float
    starved: float
    """As the system tells it."""
    slept: float = 0.0
    """For how many seconds it is known to have slept since."""
    untrue: float = 0.0
    """How much of the account can't be, in all."""

    def but_for(self, seconds: float, until: float) -> Known:
        """Take down that the thread has slept for so many seconds up to a moment."""
        slept = min(seconds, until - self.at)
        return self._replace(slept=self.slept + slept) if slept > 0 else self

    def go_on(
        self, began: float, working: float, starved: float, ended: float, *, idle: bool
    ) -> Known:
        """Go on to what the system tells later.

        Who reads the figures may stand in the queue before the first of them, or after
        the last: that time may be in the account, and may not.

        Args:
            began: just before they were read.
            working: the thread's processor time, in seconds.
            starved: its time in the run queue, as the system tells it.
            ended: just after they were read.
            idle: whether it stood in no queue at `began`, and nothing is outstanding.
        """
        left = ended - self.at - self.slept - (working - self.working)
        untrue = starved - self.starved - max(0.0, left)
        known = self
        if untrue > AT_ONCE:
            known = self._replace(
                starved=self.starved + untrue, untrue=self.untrue + untrue
            )
        # Who may stand in the queue has more to come that began before.
        return Known(began, working, starved, untrue=known.untrue) if idle else known
