"""The reports of a run: each test's record is kept, and all is written at the end."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.beside import whole_record
from pytest_asyncbench._glue.heard import last_record, passed_here
from pytest_asyncbench._glue.settings import folder_of, unusable
from pytest_asyncbench._glue.split import part_number
from pytest_asyncbench._glue.whole import Whole, paths_of
from pytest_asyncbench._outside.files import insist_on_writing, write_file
from pytest_asyncbench._python import machine_class, software
from pytest_asyncbench._reports.by_suffix import writer_of
from pytest_asyncbench._reports.run import RunReport
from pytest_asyncbench._words.promised import Policy

if TYPE_CHECKING:
    from pytest_asyncbench._words.plain import Json

__all__ = ["Reporter"]


class Reporter:
    """A plugin that keeps what the reports of the run are made of, and writes them.

    Raises:
        pytest.UsageError: one of the files can't be written.
    """

    def __init__(self, config: pytest.Config, policy: Policy, whole: Whole) -> None:
        self._config = config
        self._policy = policy
        self._whole = whole
        self._texts: dict[str, str] = {}
        self._not_passed: dict[str, None] = {}
        """The tests of which a history learns nothing."""
        self._ran: dict[str, None] = {}
        self._told: list[str] = []
        folder = folder_of(config, policy.sources["report"])
        self._files = {name: folder / name for name in policy.report}
        for name, file in self._files.items():
            try:
                insist_on_writing(file)
            except (OSError, ValueError) as error:
                raise unusable(policy, "report", name, error) from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the record of a test's last report; of a rerun, that of the last run."""
        nodeid, text = report.nodeid, last_record(report)
        self._ran[nodeid] = None
        if not passed_here(report):
            self._not_passed[nodeid] = None
        if text is not None:
            self._texts[nodeid] = whole_record(text, report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write every report."""
        if exitstatus == pytest.ExitCode.USAGE_ERROR:
            return
        told = RunReport(
            self._run(int(exitstatus)),
            self._whole.partial,
            self._texts,
            str(self._config.rootpath),
        )
        for name, file in self._files.items():
            write = functools.partial(self._write, name, file, told)
            failed = f"the report {name} was not written"
            self._told += self._whole.finish(failed, write)

    def _run(self, exitstatus: int) -> Mapping[str, Json]:
        return {
            **software(),
            "pytest": pytest.__version__,
            "exitstatus": exitstatus,
            "partial": self._whole.partial,
            "part": self._part(),
        }

    def _part(self) -> Json:
        """Give what must be known of this run to unite it with those of other machines.

        A baseline was judged by where there is one, so that near stalls are known.
        """
        given, whole = paths_of(self._config)
        number, of = part_number(self._config) or (None, None)
        return {
            "id": self._whole.identity,
            "number": number,
            "of": of,
            "root": str(self._config.rootpath),
            "paths": [*given],
            "testpaths": [*whole],
            "left_out": [*self._whole.left_out],
            "not_passed": [*self._not_passed],
            "unwatched": [each for each in self._ran if each not in self._texts],
            "machine": machine_class(),
            "cut_short": [*self._whole.cut_short],
            "blocking": self._policy.blocking,
            "rules": [*sorted(self._policy.rules)],
            "calls": {row.target: row.family for row in self._policy.calls},
            "baseline": self._policy.accepted is not None,
        }

    @staticmethod
    def _write(name: str, file: Path, told: RunReport) -> Iterator[str]:
        text = writer_of(name)(told)
        try:
            write_file(file, text)
        except (OSError, ValueError) as error:
            yield f"the report {name} was not written: {error}; the outcomes stand"
        else:
            yield f"report: {name}"

    def lines(self) -> list[str]:
        """Give the lines of the summary that tell of the reports."""
        return self._told
