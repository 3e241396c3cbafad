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

from pytest_asyncbench._glue.properties import RecordReader
from pytest_asyncbench._reports.next_step import next_step
from pytest_asyncbench._reports.ranking import Ranking
from pytest_asyncbench._reports.schedules import leak_line, scheduled_line
from pytest_asyncbench._reports.turns import turns_line
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.units import many

if TYPE_CHECKING:
    from pytest_asyncbench._glue.annotating import Annotator
    from pytest_asyncbench._glue.baseline import Keeper
    from pytest_asyncbench._glue.history import Historian
    from pytest_asyncbench._glue.reports import Reporter
    from pytest_asyncbench._words.problems import Problem
    from pytest_asyncbench._words.record import LeakEntry, Record, TurnsEntry
    from pytest_asyncbench._words.schedules import Scheduled
    from pytest_asyncbench._words.seen import NotFollowed

__all__ = ["Summary"]

_SCREEN = 21
"""So many lines leave room on a small screen for the last line and the next command."""

_LEAST = 7
"""So many lines the places have, whatever else is to be told: three of them."""

_MOST, _FEW = 3, 1
"""So many of one kind are told besides; and where there is little room left."""


class Summary:
    """What the run as a whole saw: a plugin that hears of workers' tests, too."""

    def __init__(
        self,
        policy: Policy,
        keeper: Keeper | None = None,
        reporter: Reporter | None = None,
        annotator: Annotator | None = None,
        historian: Historian | None = None,
    ) -> None:
        self._policy = policy
        self._keeper = keeper
        self._reporter = reporter
        self._annotator = annotator
        self._historian = historian
        rules = (*RULES, *policy.calls)
        self._allowances = [
            row for row in policy.allow if is_looked_for(row.call, rules, policy.rules)
        ]
        self._reader = RecordReader()
        self.tests: set[str] = set()
        self.steps = 0
        self.ranking = Ranking()
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
        self.saved = 0.0
        """The virtual seconds that tests lived through, less the real ones."""
        self.in_virtual_time: set[str] = set()
        self.waited: dict[str, None] = {}
        """The tests that waited for something real, in virtual time."""
        self.took_turns: dict[str, TurnsEntry] = {}
        """Of the tests whose loop waited for threads that took turns."""
        self.scheduled: dict[str, Scheduled] = {}
        """What came of the tests that were run under schedules."""
        self.left: dict[str, LeakEntry] = {}
        """What runs of a test have left, where it was run more than once."""
        self.unread: dict[str, str] = {}
        """Why a test's record could not be read."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record from a test's last report."""
        if report.when != "teardown":
            if not report.passed:
                self.not_passed.add(report.nodeid)
            return
        try:
            for record in self._reader.records_in(report):
                self._add(report.nodeid, record)
        except ValueError as error:
            self.unread[report.nodeid] = str(error)
            if self._keeper is not None:
                self._keeper.lacks(report.nodeid)

    def _add(self, nodeid: str, record: Record) -> None:
        if self._keeper is not None:
            self._keeper.add(record)
        if self._annotator is not None:
            self._annotator.add(nodeid, record)
        self.tests.add(nodeid)
        self.steps += record.steps
        if record.virtual is not None:
            self.in_virtual_time.add(nodeid)
            self.saved += record.virtual - record.wall
        if record.waited:
            self.waited[nodeid] = None
        if record.schedules is not None:
            self.scheduled[nodeid] = record.schedules
        if record.took_turns is not None:
            self.took_turns[nodeid] = record.took_turns
        if record.leaks:
            self.left[nodeid] = record.leaks[0]
        if record.unmeasured:
            self.unmeasured[nodeid] = None
        if record.waived:
            self.waived[nodeid] = None
        if record.too_short and nodeid not in self.not_passed:
            self.too_short[nodeid] = None
        for loop in record.not_followed:
            self.not_followed.setdefault(loop, set()).add(nodeid)
        for problem in record.problem_parts:
            self.problems[problem] += 1
        self.unused.update(record.unused)
        for entry in record.blocking:
            if entry.baseline is not None:
                continue  # who keeps it tells of it
            if entry.allowed is not None:
                self.allowed[entry.allowed] += entry.count
                self.used.add(entry.allowance)
            else:
                self.ranking.add(nodeid, entry)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what was measured, and where the loop was blocked."""
        if self.scheduled:
            from pytest_asyncbench._glue.schedules import keep_replays

            keep_replays(terminalreporter.config, self.scheduled)
        lines = list(self.lines())
        if lines:
            terminalreporter.section("asyncbench")
            for line in lines:
                terminalreporter.write_line(printable(line, sys.__stdout__))
        if self._annotator is not None:
            for line in self._annotator.lines():
                terminalreporter.write_line(printable(line, sys.__stdout__))

    def lines(self) -> Iterator[str]:
        """Give the lines of the terminal summary."""
        kept = [*self._keeper.lines()] if self._keeper is not None else []
        kept += self._reporter.lines() if self._reporter is not None else []
        kept += self._historian.lines() if self._historian is not None else []
        if not self.tests and not self.unread and not kept:
            return
        if self.tests and self._policy.virtual_time == "on":
            kept = [self._saved_line(), *kept]
        measured = len(self.tests - self.unmeasured.keys())
        tests, steps = many(measured, "test"), many(self.steps, "step")
        yield f"{tests} and {steps} measured"
        if self.scheduled:
            own_alone = sum(
                each.is_own_order_alone and nodeid not in self.not_passed
                for nodeid, each in self.scheduled.items()
            )
            kept = [scheduled_line(self.scheduled.values(), own_alone), *kept]
        if self._policy.summary == "all":
            yield from self.ranking.lines()
            yield from (*kept, *self._besides())
        else:
            after = [*kept, *self._besides(_MOST)]
            if len(after) > _SCREEN - _LEAST - 2:
                after = [*kept, *self._besides(_FEW)]
            yield from self.ranking.lines(max(_LEAST, _SCREEN - 2 - len(after)))
            yield from after
        failed = self._keeper is not None and self._keeper.failed
        step = next_step(self._policy, len(self.ranking.places), self.steps)
        if step is not None and not failed:
            yield step

    def _saved_line(self) -> str:
        tests = many(len(self.in_virtual_time), "test")
        saved = f"{max(self.saved, 0.0):,.1f} s"
        return f"virtual time saved {saved} of real time in {tests}"

    def _besides(self, most: int | None = None) -> Iterator[str]:
        for lines in self._kinds():
            every = [*lines]
            # That there is one more takes a line as well.
            if most is None or len(every) <= most + 1:
                yield from every
            else:
                yield from every[:most]
                yield f"… and {len(every) - most:,} more (--asyncbench-summary=all)"

    def _kinds(self) -> Iterator[Iterable[str]]:
        allowed = self.allowed.most_common()
        yield (f"allowed {many(count, 'time')}: {reason}" for reason, count in allowed)
        yield (f"an allowance that nothing used: {text}" for text in self._unused())
        yield (
            f"{loop.sentence} ({many(len(found_in), 'test')})"
            for loop, found_in in self.not_followed.items()
        )
        yield (
            f"not measured: {nodeid} asked to be watched, and no step was seen"
            for nodeid in self.unmeasured
        )
        yield (
            f"not judged: the budget of {nodeid}, since a debugger stood in it"
            for nodeid in self.waived
        )
        yield (
            f"{turns_line(turns)}: {nodeid}"
            for nodeid, turns in self.took_turns.items()
        )
        if self._policy.virtual_time == "on":
            yield (f"waited for something real: {nodeid}" for nodeid in self.waited)
        yield (f"left by {test}: {leak_line(leak)}" for test, leak in self.left.items())
        yield self._too_short_lines()
        yield self._undivided_lines()
        yield self._problem_lines()
        yield (
            f"not read: the record of {nodeid}: {why}"
            for nodeid, why in self.unread.items()
        )

    def _too_short_lines(self) -> Iterator[str]:
        if self.too_short:
            tests, first = many(len(self.too_short), "test"), next(iter(self.too_short))
            yield (
                f"not judged: the speedup of {tests}, whose tasks took no time worth "
                f"comparing (the first is {first})"
            )

    def _undivided_lines(self) -> Iterator[str]:
        found = [nodeid for nodeid, each in self.scheduled.items() if each.undivided]
        if found:
            yield (
                f"no schedule brings two tasks together in {many(len(found), 'test')}, "
                "since none of them gives way before its end, as with an AsyncMock "
                f"(the first is {found[0]})"
            )

    def _problem_lines(self) -> Iterator[str]:
        for problem, count in self.problems.items():
            times = f" ({count} times)" if count > 1 else ""
            if problem.is_ours:
                told = f"pytest-asyncbench itself failed: {problem.text}"
                yield f"{told}{times}; outcomes stand"
            else:
                yield f"{problem.sentence}{times}"

    def _unused(self) -> Iterator[str]:
        # A test's own may hold for several: for a class, or for all parameters.
        written = [*(row.text for row in self._allowances), *sorted(self.unused)]
        return (text for text in written if text not in self.used)
