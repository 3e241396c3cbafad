"""Fakes that stand at our seams, for our own tests and for those of users.

Who writes an instrument, a rule or a listener of their own tests it with these,
without waiting for real time to pass.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_asyncbench._words.clock import Processor
from pytest_asyncbench._words.seconds import RealSeconds

__all__ = ["ManualClock"]


class ManualClock:
    """A clock that stands still until it is moved; it fits wherever a `Clock` does.

    The three ways to move it are what can happen to a thread: it works, it waits, or
    it could work and is not let. All threads share the one account.

    Args:
        start: what it reads at first, in seconds.
        accounts: whether it can tell what the operating system gave a thread;
            where a platform can't, the answer is None twice.
    """

    def __init__(self, start: float = 0.0, *, accounts: bool = True) -> None:
        self._now = RealSeconds(start)
        self._accounts = accounts
        self._working = 0.0
        self._starved = 0.0

    def now(self) -> RealSeconds:
        """Read the seconds it was moved to."""
        return self._now

    def processor(
        self, thread: int = 0, native: int = 0, asleep: RealSeconds | None = None
    ) -> Processor:
        """Tell the account, which is the same for every thread."""
        if not self._accounts:
            return Processor(None, None)
        return Processor(self._working, self._starved)

    def working(self, native: int | None = 0) -> float | None:
        """Tell for how long the threads have worked."""
        return self._working if self._accounts else None

    def hold(self, native: int = 0) -> Callable[[], None]:
        """Keep the account at hand, which it always is."""
        return lambda: None

    def slept(self, native: int, seconds: float, until: float) -> None:
        """Take down what the account knows already."""

    def received(self, connection: object) -> RealSeconds | None:
        """Tell nothing of when something came."""
        return None

    def wait(self, seconds: float) -> None:
        """Let time pass in which nobody works."""
        self._pass(seconds)

    def work(self, seconds: float) -> None:
        """Let time pass in which the thread has the processor."""
        self._pass(seconds)
        self._working += seconds

    def starve(self, seconds: float) -> None:
        """Let time pass in which the thread could work and is kept off."""
        self._pass(seconds)
        self._starved += seconds

    def _pass(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds!r}")
        self._now = RealSeconds(self._now + seconds)

    def __repr__(self) -> str:
        return (
            f"<ManualClock at {self._now:g} s, worked {self._working:g} s, "
            f"starved {self._starved:g} s>"
        )
