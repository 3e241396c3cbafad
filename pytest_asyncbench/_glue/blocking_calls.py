"""The list behind the `blocking_calls` fixture: what has blocked so far, live."""

from __future__ import annotations

from contextlib import AbstractContextManager

from pytest_asyncbench._glue.trial import Trial
from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._policy import values
from pytest_asyncbench._words.decided import Finding
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.live import LiveFindings

__all__ = ["BlockingCalls"]


class BlockingCalls(LiveFindings):
    """The blocking calls of this test so far; it grows while the test runs."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._judged_at: object = None
        self._judged: list[Finding] = []

    def _now(self) -> list[Finding]:
        watched, call = self._trial.watched, self._trial.call
        # Who asks for each finding in turn, or again and again, is told from memory.
        now = watched.watch.seen_so_far
        if now != self._judged_at:
            self._judged = findings(watched.policy, call.seen(), watched.rules)
            self._judged_at = now
        return [*self._judged]

    def clear(self) -> None:
        """Forget what was seen so far; it does not count against the test either."""
        self._trial.watched.watch.forget()

    def allowed(self, reason: str) -> AbstractContextManager[None]:
        """Accept blocking in a ``with`` block, for this reason.

        Raises:
            PolicyError: it is none.
        """
        __tracebackhide__ = True
        try:
            why = values.reason(reason)
        except PolicyError as error:
            # What is wrong stands in the test, and not where we found it out.
            raise error.with_traceback(None) from None
        return self._trial.watched.watch.accepting(why)

    def paused(self) -> AbstractContextManager[None]:
        """Look away in a ``with`` block: what blocks there is not even listed."""
        return self._trial.watched.watch.accepting(None)

    def only(self) -> AbstractContextManager[None]:
        """Look in a ``with`` block alone: what blocks elsewhere is not even listed."""
        return self._trial.watched.watch.only()
