"""How a test's reports tell what was decided: sections, notes, warnings, the record."""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import Iterable, Sequence
from types import TracebackType

import pytest

from pytest_asyncbench._glue.failures import add_note
from pytest_asyncbench._glue.fixtures import TRIAL
from pytest_asyncbench._glue.longrepr import longrepr
from pytest_asyncbench._glue.outcome import Outcome
from pytest_asyncbench._glue.properties import PROPERTY
from pytest_asyncbench._glue.timelines import forget_beside
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.errors import (
    BackgroundTaskWarning,
    BlockingCallWarning,
    BudgetExceeded,
    ConcurrencyError,
    Deadlock,
    PluginProblem,
    RealLimitExceeded,
    UnmeasuredWarning,
)
from pytest_asyncbench._words.legible import error_of_ours, printable
from pytest_asyncbench._words.promised import When
from pytest_asyncbench._words.seen import AwaitedTask

__all__ = [
    "Shield",
    "drop_record",
    "forget_failure",
    "give_words",
    "refused_warning",
    "say",
    "show_as_text",
    "tell",
    "tell_left",
]

_FAILURE = pytest.StashKey[tuple[BaseException, Verdict]]()
"""The failure of ours that a phase ended with, and the verdict that made it."""


def say(item: pytest.Item, when: When, lines: Iterable[str]) -> None:
    """Add a section to the reports from this phase on, if there is anything to say."""
    text = printable("\n".join(lines), sys.__stdout__)
    if text:
        item.add_report_section(when, "asyncbench", text)


def tell(item: pytest.Item, when: When, verdict: Verdict, lines: list[str]) -> None:
    """Add sections with these lines, and with what a verdict tells besides."""
    if not (lines or verdict.accepted or verdict.findings):
        return
    # Loaded only here, as all that makes text: of most tests there is nothing to tell.
    from pytest_asyncbench._reports.blocking import blocking_lines
    from pytest_asyncbench._reports.message import accepted_lines

    say(item, when, [*lines, *accepted_lines(verdict)])
    if verdict.policy.blocking == "report":
        say(item, when, blocking_lines(verdict))


def tell_left(item: pytest.Item, left: Sequence[AwaitedTask]) -> None:
    """Add a section on the tasks that a loop was closed without."""
    if left:
        from pytest_asyncbench._reports.budgets import left_lines

        say(item, "teardown", left_lines(left))


def refused_warning(item: pytest.Item, verdict: Verdict) -> Warning | None:
    """Warn of what breaks no promise; give a warning that is an error in this run."""
    mode = verdict.policy.blocking
    lines = _blocking_text(verdict) if mode == "warn" and verdict.findings else ""
    dead = verdict.died if verdict.policy.background == "warn" else ()
    try:
        if dead:
            item.warn(BackgroundTaskWarning(_background_text(verdict)))
        if lines:
            item.warn(BlockingCallWarning(lines))
        if verdict.unmeasured and mode != "error":
            item.warn(UnmeasuredWarning("asked to be watched, and no step was seen"))
    except (
        BackgroundTaskWarning,
        BlockingCallWarning,
        UnmeasuredWarning,
    ) as refused:
        return refused
    return None


def _blocking_text(verdict: Verdict) -> str:
    from pytest_asyncbench._reports.blocking import blocking_lines

    return "\n".join(blocking_lines(verdict))


def _background_text(verdict: Verdict) -> str:
    from pytest_asyncbench._reports.message import background_lines

    return "\n".join(background_lines(verdict))


def give_words(
    item: pytest.Item, when: When, verdict: Verdict, ended: Outcome
) -> BaseException | None:
    """Have an outcome's error say all that it is to say; return it."""
    error = ended.error
    if ended.section:
        say(item, when, [ended.section])
    if error is None:
        return None
    if ended.text is not None:
        # Not another error instead: unittest keeps this one, and raises it by itself.
        error.args = (ended.text,)
    if ended.note:
        add_note(error, printable(f"\n{ended.note}", sys.__stdout__))
    if ended.ours:
        item.stash[_FAILURE] = (error, verdict)
    return error


def show_as_text(
    item: pytest.Item, report: pytest.TestReport, error: BaseException
) -> None:
    """Show a failure of ours as text, not as a traceback through this plugin."""
    failure, verdict = item.stash.get(_FAILURE, (None, None))
    if error is failure:
        report.longrepr = longrepr(item, verdict, error)
    elif isinstance(error, (Deadlock, RealLimitExceeded)) or _is_ruling(item, error):
        report.longrepr = longrepr(item, None, error)
    elif report.when == "call" and _is_our_cancellation(item, error):
        told = BudgetExceeded("cancelled, since the budget of the test was over")
        report.longrepr = longrepr(item, None, told)
    elif isinstance(error, ConcurrencyError):
        # One line of the short summary shows it, and the figure must be on it.
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = str(error)


def _is_our_cancellation(item: pytest.Item, error: BaseException) -> bool:
    # Of one of pytest's subtests: it ends with the cancellation, and the test goes on.
    trial = item.stash.get(TRIAL, None)
    cancelled = isinstance(error, asyncio.CancelledError)
    return cancelled and trial is not None and trial.call.was_cancelled


def _is_ruling(item: pytest.Item, error: BaseException) -> bool:
    trial = item.stash.get(TRIAL, None)
    return trial is not None and error is trial.call.ruling


def forget_failure(item: pytest.Item) -> None:
    """Let go of the frames that a failure holds."""
    if _FAILURE in item.stash:
        del item.stash[_FAILURE]


def drop_record(item: pytest.Item) -> None:
    """Take away the record of an attempt before."""
    # Who reruns a test that failed does so with the same item.
    properties = item.user_properties
    properties[:] = [each for each in properties if each[0] != PROPERTY]
    forget_beside(item)


class Shield:
    """Around a block of ours: an error in it is shown as the plugin's, and no more.

    No generator, which is more calls for each: every test comes through ten of these.
    """

    __slots__ = ("_item", "_what", "_when")

    def __init__(self, item: pytest.Item, when: When, what: str) -> None:
        self._item, self._when, self._what = item, when, what

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Tell of an error, and of nothing else that ends the block."""
        if not isinstance(error, Exception):
            return False
        told = error_of_ours(error)
        problem = f"pytest-asyncbench itself {self._what}: {told}; the outcome stands"
        say(self._item, self._when, [problem])
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            self._item.warn(PluginProblem(problem))
        return True
