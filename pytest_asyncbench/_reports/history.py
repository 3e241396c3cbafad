"""What the history knows, in lines, and which tests have left it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from pytest_asyncbench._words.history import GONE_AFTER, PassedRun
from pytest_asyncbench._words.promised import Budget
from pytest_asyncbench._words.units import many, seconds

__all__ = ["history_lines", "taken_out"]

_NEW = 5
"""So many of the newest runs stand for how a test is today."""

_SCREEN = 5
"""So many tests of a kind fit a screen."""

_WORTH_A_LINE = 1.1
"""Who changed by less has no trend that could be told from noise."""

_Row = tuple[float, str]
"""By what a row is ranked, and its text."""


def history_lines(
    known: Mapping[str, Sequence[PassedRun]],
    budgets: Callable[[str], Budget | None],
    *,
    lacked: Mapping[str, int] | None = None,
    whole: bool = False,
) -> Iterator[str]:
    """Tell what is known of the tests on one class of machine.

    Args:
        known: each test's passed runs, the oldest first.
        budgets: gives what a test is held to from experience.
        lacked: the tests that the last full runs did not have, and how many these were.
        whole: whether all tests are shown, or what fits a screen.
    """
    if not known:
        yield "nothing is known on this class of machine"
        return
    runs = max(map(len, known.values()))
    yield f"{many(len(known), 'test')} known from up to {many(runs, 'run')}"
    for title, ranked in (
        ("slowest", _slowest(known, budgets)),
        ("trends, slower first", _trends(known, budgets)),
        ("least concurrent", _least_concurrent(known, budgets)),
        ("most blocked", _most_blocked(known, budgets)),
        (f"on their way out, after {GONE_AFTER} full runs without", _lacked(lacked)),
    ):
        rows = sorted(ranked, key=lambda row: (-row[0], row[1]))
        shown = rows if whole or len(rows) <= _SCREEN + 1 else rows[:_SCREEN]
        if rows:
            yield title
            yield from (f"  {text}" for _, text in shown)
        if len(shown) < len(rows):
            left = len(rows) - len(shown)
            yield f"  … and {left:,} more (--asyncbench-summary=all)"


_Known = Mapping[str, Sequence[PassedRun]]
_Budgets = Callable[[str], Budget | None]


def _slowest(known: _Known, budgets: _Budgets) -> Iterator[_Row]:
    for nodeid, runs in known.items():
        took = _today(runs)
        budget = budgets(nodeid)
        held = "learning" if budget is None else f"budget {seconds(budget.within or 0)}"
        yield took, f"{seconds(took)}, {held}: {nodeid}"


def _trends(known: _Known, budgets: _Budgets) -> Iterator[_Row]:
    for nodeid, runs in known.items():
        older = runs[:-_NEW]
        before = statistics.median(run.took for run in older) if older else 0.0
        took = _today(runs)
        if budgets(nodeid) is None or before <= 0:
            continue
        change = took / before
        if not 1 / _WORTH_A_LINE < change < _WORTH_A_LINE:
            yield (
                change,
                f"× {change:.2f}, {seconds(before)} → {seconds(took)}: {nodeid}",
            )


def _least_concurrent(known: _Known, budgets: _Budgets) -> Iterator[_Row]:
    for nodeid, runs in known.items():
        speedups = [run.speedup for run in runs[-_NEW:] if run.speedup is not None]
        if speedups:
            speedup, budget = statistics.median(speedups), budgets(nodeid)
            least = budget.speedup if budget is not None else None
            held = "" if least is None else f", at least {least:g}"
            yield -speedup, f"speedup {speedup:.2f}{held}: {nodeid}"


def _most_blocked(known: _Known, budgets: _Budgets) -> Iterator[_Row]:
    for nodeid, runs in known.items():
        blocked = [run.blocked for run in runs[-_NEW:] if run.blocked is not None]
        if blocked and (median := statistics.median(blocked)) > 0:
            yield median, f"blocked for {seconds(median)}: {nodeid}"


def _lacked(lacked: Mapping[str, int] | None) -> Iterator[_Row]:
    for nodeid, runs in (lacked or {}).items():
        last = "full run" if runs == 1 else many(runs, "full run")
        yield runs, f"not in the last {last}: {nodeid}"


def taken_out(gone: Collection[str]) -> str:
    """Tell of the tests that were taken out."""
    return (
        f"{many(len(gone), 'test')} taken out, which the last {GONE_AFTER} full runs "
        "did not have"
    )


def _today(runs: Sequence[PassedRun]) -> float:
    return statistics.median(run.took for run in runs[-_NEW:])
