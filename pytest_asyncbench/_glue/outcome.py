"""What a phase of a test ends with: its own failure, or else the verdict's.

Values only. Who changes items and errors accordingly is `telling`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from pytest_asyncbench._glue.host import INTERRUPTS, NO_FAILURE, SKIPS
from pytest_asyncbench._words import errors, legible
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.values import dataclass

__all__ = ["Outcome", "broken_promise", "outcome"]

_RAISED: Mapping[str, type[errors.ConcurrencyError]] = {
    "wall": errors.BudgetExceeded,
    "setup": errors.BudgetExceeded,
    "teardown": errors.BudgetExceeded,
    "speedup": errors.NotConcurrent,
    "blocking": errors.BlockingCallError,
    "background": errors.BackgroundTaskError,
    "unmeasured": errors.UnmeasuredError,
    "unawaited": errors.UnmeasuredError,
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a phase ends with, and what its own failure is to say besides."""

    error: BaseException | None = None
    """None for a phase that passes."""
    ours: bool = False
    """Whether the error is ours, and shown as text and not as a traceback."""
    text: str | None = None
    """The words of an error of ours that was raised before there was a verdict."""
    note: str = ""
    """What is added to the test's own failure."""
    section: str = ""
    """The same, where pytest would not show what is added to it."""

    def with_warning(self, refused: Warning | None) -> Outcome:
        """Give the outcome in a run in which this warning of ours is an error."""
        if refused is None or self.ours or isinstance(self.error, INTERRUPTS):
            return self
        if self.error is None:
            return Outcome(error=refused, ours=True)
        return self if self.note or self.section else _added(self, str(refused))


def broken_promise(verdict: Verdict, *more: str) -> errors.ConcurrencyError:
    """Make the failure that tells of all broken promises, of the first one's kind."""
    text = "\n".join((_message(verdict), *more))
    return _RAISED[verdict.violations[0].kind](text)


def outcome(
    verdict: Verdict,
    own: BaseException | None,
    *,
    cancelled: BaseException | None = None,
    was_cut: bool = False,
    ruling: BaseException | None = None,
) -> Outcome:
    """Give what a phase ends with.

    Args:
        verdict: what was decided on it.
        own: what it ended with by itself.
        cancelled: what it ends with if it was cancelled at its budget. That we asked
            for, so it is no failure of the test's own.
        was_cut: whether it was cancelled so, however it went on.
        ruling: why it could not be run as it asked to be, in virtual time.
    """
    if isinstance(own, INTERRUPTS):
        # What it promised is of a whole test, and pytest shows these words in a banner.
        return Outcome(error=own)
    if own is not None and own is cancelled:
        return Outcome(error=own, ours=True, text=_message(verdict))
    if own is None and ruling is not None:
        return Outcome(error=ruling, ours=True)
    if was_cut and verdict.violations and isinstance(own, SKIPS):
        # Who takes each end of an attempt for "not here" would hide for ever that it
        # hangs: it skips because of us.
        skipped = f"it skipped when it was cancelled: {legible.text(own.__str__)}"
        return Outcome(error=broken_promise(verdict, skipped), ours=True)
    if own is not None:
        ended = Outcome(error=own, ours=own is ruling)
        # What pytest says of a test that nobody ran names plugins that may be there.
        untaken = verdict.untaken and isinstance(own, pytest.fail.Exception)
        told = verdict.violations or untaken
        return _added(ended, _message(verdict)) if told else ended
    if verdict.violations:
        return Outcome(error=broken_promise(verdict), ours=True)
    return Outcome()


def _message(verdict: Verdict) -> str:
    # Loaded only here: most tests keep what was promised.
    from pytest_asyncbench._reports.message import message

    return message(verdict)


def _added(ended: Outcome, text: str) -> Outcome:
    """Add to a failure of the test's own, in a place where pytest shows it."""
    own = ended.error
    # Of these it shows the first words only.
    brief = isinstance(own, pytest.fail.Exception) and not own.pytrace
    if brief or isinstance(own, NO_FAILURE):
        return replace(ended, section=text)
    return replace(ended, note=text)
