"""How a test's reports tell what was decided: sections, notes, warnings, the record."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import pytest

from pytest_asyncbench._glue.around import say
from pytest_asyncbench._glue.failures import add_note
from pytest_asyncbench._glue.fixtures import FAILURE, TRIAL
from pytest_asyncbench._glue.longrepr import longrepr
from pytest_asyncbench._glue.outcome import Outcome
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.errors import (
    BackgroundTaskWarning,
    BlockingCallWarning,
    BudgetExceeded,
    ConcurrencyError,
    Deadlock,
    RealLimitExceeded,
    UnmeasuredWarning,
)
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.promised import When
from pytest_asyncbench._words.seen import AwaitedTask

__all__ = [
    "give_words",
    "refused_warning",
    "show_as_text",
    "tell",
    "tell_left",
]


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
        item.stash[FAILURE] = (error, verdict)
    return error


def show_as_text(
    item: pytest.Item, report: pytest.TestReport, error: BaseException
) -> None:
    """Show a failure of ours as text, not as a traceback through this plugin."""
    failure, verdict = item.stash.get(FAILURE, (None, None))
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
