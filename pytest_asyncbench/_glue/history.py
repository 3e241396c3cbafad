"""The history of a run: read before the first test, and added to after the last.

Workers know no file. The controller gives them the budgets that it has derived, so that
all judge by the same ones; and it alone writes, when all have ended.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.heard import last_record, passed_here
from pytest_asyncbench._glue.settings import folder_of, unusable
from pytest_asyncbench._glue.whole import Node, Whole
from pytest_asyncbench._judging.experience import ENOUGH, budget_from
from pytest_asyncbench._outside.history import HistoryError, HistoryFile
from pytest_asyncbench._python import machine_class
from pytest_asyncbench._reports.history import history_lines, taken_out
from pytest_asyncbench._words.history import PassedRun, less_group
from pytest_asyncbench._words.promised import Budget, Policy
from pytest_asyncbench._words.units import many

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import Record

__all__ = ["Experience", "Historian"]

_INPUT = "asyncbench_experience"
"""Under this name the controller gives a worker what it has derived."""


class Experience:
    """What is known of the tests of this run on this class of machine.

    Raises:
        pytest.UsageError: the file can't be used; it is as it was.
    """

    def __init__(self, config: pytest.Config, policy: Policy) -> None:
        self._policy = policy
        self.machine = machine_class()
        self.file: HistoryFile | None = None
        self.known: Mapping[str, Sequence[PassedRun]] = {}
        self._lacked: Mapping[str, int] = {}
        """The tests on their way out, where these are told of."""
        self._others: list[str] = []
        """The other classes of machine, where these are told of."""
        self._given: dict[str, tuple[float, float | None, str]] = {}
        given: dict[str, str] | None = getattr(config, "workerinput", None)
        if given is not None:
            machine, budgets = json.loads(given.get(_INPUT, '["", {}]'))
            # A worker may be on another machine.
            if machine == self.machine:
                self._given = budgets
        else:
            self._read(config)

    def _read(self, config: pytest.Config) -> None:
        policy = self._policy
        if policy.history is None:
            what, source = "show_history", "command line"
            if not policy.show_history:
                what, source = "budget: auto", policy.sources["budget"]
            raise pytest.UsageError(
                f"asyncbench ({source}): {what}: no file is given; say which with "
                "asyncbench_history or --asyncbench-history=FILE"
            )
        path = folder_of(config, policy.sources["history"]) / policy.history
        self.file = HistoryFile(path)
        writes = policy.history_mode == "record" and not policy.show_history
        try:
            self.file.insist(on_writing=writes)
            self.known = self.file.passed(self.machine)
            if policy.show_history:
                self._lacked = self.file.lacked(self.machine)
                machines = self.file.machines()
                self._others = [each for each in machines if each != self.machine]
        except HistoryError as error:
            raise unusable(policy, "history", policy.history, error) from None

    def budget_of(self, nodeid: str) -> Budget | None:
        """Derive a test's budget; None where too little is known of it."""
        nodeid = less_group(nodeid)
        if nodeid in self._given:
            within, speedup, source = self._given[nodeid]
            return Budget(
                within=within,
                speedup=speedup,
                learned_time=True,
                learned_speedup=speedup is not None,
                source=source,
            )
        strict = self._policy.starvation == "strict"
        return budget_from(self.known.get(nodeid, ()), strict=strict)

    def held(self, nodeid: str, policy: Policy) -> Policy:
        """Give a test's policy with the budget that is left to its history."""
        budget = policy.budget
        if budget is None or not budget.auto:
            return policy
        learned = self.budget_of(nodeid)
        if learned is None:
            return policy
        if budget.speedup is not None or budget.unpromised:
            learned = replace(
                learned,
                speedup=budget.speedup,
                unpromised=budget.unpromised,
                learned_speedup=False,
            )
        return replace(policy, budget=learned)

    def to_worker(self) -> str:
        """Write what a worker is to hold its tests to."""
        budgets = {nodeid: self.budget_of(nodeid) for nodeid in self.known}
        told = {
            nodeid: (budget.within, budget.speedup, budget.source)
            for nodeid, budget in budgets.items()
            if budget is not None
        }
        return json.dumps([self.machine, told])

    def lines(self) -> Iterator[str]:
        """Tell what the file knows."""
        yield f"history {self._policy.history}: {self.machine}"
        whole = self._policy.summary == "all"
        yield from history_lines(
            self.known, self.budget_of, lacked=self._lacked, whole=whole
        )
        for machine in self._others:
            yield f"not shown: another class of machine: {machine}"


class Historian:
    """A plugin that hears what the tests take, and adds that to the history."""

    def __init__(self, policy: Policy, experience: Experience, whole: Whole) -> None:
        self._policy = policy
        self._experience = experience
        self._whole = whole
        self._texts: dict[str, str] = {}
        self._not_passed: set[str] = set()
        self._ran: set[str] = set()
        """All tests, whether or not they were watched."""
        self._told: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Node) -> None:
        """Give a worker the budgets by which it is to judge."""
        node.workerinput[_INPUT] = self._experience.to_worker()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record of a test's last report."""
        nodeid, text = less_group(report.nodeid), last_record(report)
        self._ran.add(nodeid)
        if not passed_here(report):
            self._not_passed.add(nodeid)
        if text is not None:
            self._texts[nodeid] = text

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Add what the passed tests took."""
        if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        budget = self._policy.budget
        learns = budget is not None and budget.auto
        adds = self._policy.history_mode == "record" and not self._policy.show_history
        records = dict(self._records()) if learns or adds else {}
        if learns:
            self._told += self._learning(records)
        if adds:
            failed = "the history was not written, and is as it was"
            add = functools.partial(self._add, records)
            self._told += self._whole.finish(failed, add)

    def _records(self) -> Iterator[tuple[str, Record]]:
        # Here, because a run in which no test is watched must not load it.
        from pytest_asyncbench._words.record import Record

        for nodeid, text in self._texts.items():
            try:
                yield nodeid, Record.from_json(json.loads(text))
            except ValueError:
                continue  # the summary tells of it

    def _learning(self, records: Mapping[str, Record]) -> Iterator[str]:
        learning = sum(
            self._is_learning(nodeid, record) for nodeid, record in records.items()
        )
        if learning:
            yield (
                f"budget auto: {many(learning, 'test')} with fewer than {ENOUGH} "
                "passed runs on this class of machine, not held to any"
            )

    def _is_learning(self, nodeid: str, record: Record) -> bool:
        """Tell whether a test ran a loop, and was held to no time for lack of runs."""
        budget = record.budget
        if not record.steps or (budget is not None and budget.within is not None):
            return False
        return self._experience.budget_of(nodeid) is None

    def _add(self, records: Mapping[str, Record]) -> Iterator[str]:
        passed = dict(self._passed(records))
        file = self._experience.file
        if not passed or file is None:
            return
        ran = self._ran if self._whole.partial is None else None
        machine, identity = self._experience.machine, self._whole.identity
        try:
            added = file.add(machine, passed, part=identity, ran=ran)
        except HistoryError as error:
            yield (
                f"the history was not written, and is as it was: {error}; "
                "the outcomes stand"
            )
        else:
            yield f"history {self._policy.history}: {many(len(passed), 'test')} added"
            if added is not None and added.gone:
                yield f"history {self._policy.history}: {taken_out(added.gone)}"

    def _passed(self, records: Mapping[str, Record]) -> Iterator[tuple[str, PassedRun]]:
        from pytest_asyncbench._words.passed_run import passed_run  # as above

        for nodeid, record in records.items():
            run = None if nodeid in self._not_passed else passed_run(record)
            if run is not None:
                yield nodeid, run

    def lines(self) -> list[str]:
        """Give the lines of the summary that tell of the history."""
        return self._told
