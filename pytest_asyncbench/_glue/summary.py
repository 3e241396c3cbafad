"""What the run as a whole saw, at its end.

Reports cross from workers to the controller, so the summary is made of the records that
they carry and of nothing else.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.properties import records_in
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.units import plural, seconds, where

if TYPE_CHECKING:
    from pytest_asyncbench._words.problems import Problem
    from pytest_asyncbench._words.record import BlockingEntry, Record
    from pytest_asyncbench._words.seen import NotFollowed

__all__ = ["Summary"]

_MOST = 10


class _Place:
    """What all tests together lost at one place."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.count = 0
        self.tests: set[str] = set()
        self.advice = ""


class Summary:
    """What the run as a whole saw: a plugin that hears of workers' tests, too."""

    def __init__(self, policy: Policy) -> None:
        rules = (*RULES, *policy.calls)
        self._allowances = [
            row for row in policy.allow if is_looked_for(row.call, rules, policy.rules)
        ]
        self.tests: set[str] = set()
        self.steps = 0
        self.places: dict[tuple[str, int, str, str], _Place] = {}
        self.allowed: Counter[str] = Counter()
        self.used: set[str | None] = set()
        self.unused: set[str] = set()
        # Keys in order: who reruns a test that failed reports it several times.
        self.unmeasured: dict[str, None] = {}
        self.waived: dict[str, None] = {}
        self.too_short: dict[str, None] = {}
        self.not_passed: set[str] = set()
        self.not_followed: dict[NotFollowed, set[str]] = {}
        self.problems: Counter[Problem] = Counter()
        self.unread: dict[str, str] = {}
        """Why a test's record could not be read."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record from a test's last report."""
        if report.when != "teardown":
            if not report.passed:
                self.not_passed.add(report.nodeid)
            return
        try:
            for record in records_in(report):
                self._add(report.nodeid, record)
        except ValueError as error:
            self.unread[report.nodeid] = str(error)

    def _add(self, nodeid: str, record: Record) -> None:
        self.tests.add(nodeid)
        self.steps += record.steps
        if record.unmeasured:
            self.unmeasured[nodeid] = None
        if record.waived:
            self.waived[nodeid] = None
        if record.too_short and nodeid not in self.not_passed:
            self.too_short[nodeid] = None
        for loop in record.not_followed:
            self.not_followed.setdefault(loop, set()).add(nodeid)
        self.problems.update(record.problem_parts)
        self.unused.update(record.unused)
        for entry in record.blocking:
            if entry.allowed is not None:
                self.allowed[entry.allowed] += entry.count
                self.used.add(entry.allowance)
            else:
                self._add_place(nodeid, entry)

    def _add_place(self, nodeid: str, entry: BlockingEntry) -> None:
        key = (entry.file, entry.line, entry.function, entry.call)
        place = self.places.setdefault(key, _Place())
        place.seconds += entry.seconds
        place.count += entry.count
        place.tests.add(nodeid)
        place.advice = entry.advice

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what was measured, and where the loop was blocked."""
        lines = list(self.lines())
        if lines:
            terminalreporter.section("asyncbench")
            for line in lines:
                terminalreporter.write_line(printable(line, sys.__stdout__))

    def lines(self) -> Iterator[str]:
        """Give the lines of the terminal summary."""
        if not self.tests and not self.unread:
            return
        tests, steps = _many(len(self.tests), "test"), _many(self.steps, "step")
        yield f"{tests} and {steps} measured"
        yield from self._place_lines()
        yield from self._allowed_lines()
        for loop, found_in in self.not_followed.items():
            yield f"{loop.sentence} ({_many(len(found_in), 'test')})"
        for nodeid in self.unmeasured:
            yield f"not measured: {nodeid} asked to be watched, and no step was seen"
        for nodeid in self.waived:
            yield f"not judged: the budget of {nodeid}, since a debugger stood in it"
        if self.too_short:
            tests, first = (
                _many(len(self.too_short), "test"),
                next(iter(self.too_short)),
            )
            yield (
                f"not judged: the speedup of {tests}, whose tasks took no time worth "
                f"comparing (the first is {first})"
            )
        for problem, count in self.problems.items():
            times = f" ({count} times)" if count > 1 else ""
            if problem.is_ours:
                told = f"pytest-asyncbench itself failed: {problem.text}"
                yield f"{told}{times}; outcomes stand"
            else:
                yield f"{problem.sentence}{times}"
        for nodeid, why in self.unread.items():
            yield f"not read: the record of {nodeid}: {why}"

    def _place_lines(self) -> Iterator[str]:
        ranked = sorted(self.places.items(), key=lambda entry: -entry[1].seconds)
        if not ranked:
            return
        lost = sum(place.seconds for _, place in ranked)
        places = _many(len(ranked), "place")
        yield f"the event loop was blocked at {places} for {seconds(lost)}"
        for (file, line, function, call), place in ranked[:_MOST]:
            times = f"{_many(place.count, 'time')} in {_many(len(place.tests), 'test')}"
            yield (
                f"  {seconds(place.seconds):>9}  {where(file, line, function)}: "
                f"{call}, {times}"
            )
            if place.advice:
                yield f"{'':13}use: {place.advice}"
        if len(ranked) > _MOST:
            yield f"  … and {len(ranked) - _MOST} more"

    def _allowed_lines(self) -> Iterable[str]:
        for reason, count in self.allowed.most_common():
            yield f"allowed {_many(count, 'time')}: {reason}"
        # A test's own may hold for several: for a class, or for all parameters.
        written = [*(row.text for row in self._allowances), *sorted(self.unused)]
        unused = [text for text in written if text not in self.used]
        for text in unused[:_MOST]:
            yield f"an allowance that nothing used: {text}"
        if len(unused) > _MOST:
            yield f"… and {len(unused) - _MOST} more that nothing used"


def _many(number: int, noun: str) -> str:
    return f"{number:,} {plural(number, noun)}"
