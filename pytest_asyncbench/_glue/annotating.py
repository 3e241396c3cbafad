"""Annotations in CI: which are wanted, and where they go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.settings import unusable
from pytest_asyncbench._outside.files import insist_on_writing, write_file
from pytest_asyncbench._reports.annotations import github_lines, gitlab_report
from pytest_asyncbench._reports.markdown import markdown_report

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Policy
    from pytest_asyncbench._words.record import Record

__all__ = ["GITLAB", "Annotator", "insist_on_annotating"]

GITLAB = "gl-code-quality-report.json"
"""The file that GitLab reads, in the root folder."""


def insist_on_annotating(config: pytest.Config, policy: Policy) -> None:
    """Find out whether the file can be written that GitLab reads.

    Raises:
        pytest.UsageError: it can't.
    """
    try:
        insist_on_writing(config.rootpath / GITLAB)
    except OSError as error:
        raise unusable(policy, "annotations", GITLAB, error) from None


class Annotator:
    """Keep the records of a run, and tell CI what blocks at which line."""

    def __init__(self, kind: str, root: str) -> None:
        self._kind = kind
        self._root = root
        self._records: dict[str, Record] = {}

    def add(self, nodeid: str, record: Record) -> None:
        """Keep the record of a test; of a rerun, that of the last run."""
        self._records[nodeid] = record

    def lines(self) -> Iterator[str]:
        """Write the files, and give the lines that are to stand in the log."""
        try:
            if self._kind == "gitlab":
                text = gitlab_report(self._records.values(), self._root)
                write_file(Path(self._root, GITLAB), text)
            else:
                yield from self._on_github(os.environ)
        except (OSError, ValueError) as error:
            yield f"annotations were not written: {error}; the outcomes stand"
        except KeyboardInterrupt:
            # As of all that is written at the end: pytest has more to tell.
            yield "annotations were not written: interrupted; the outcomes stand"

    def _on_github(self, environ: Mapping[str, str]) -> Iterator[str]:
        workspace = environ.get("GITHUB_WORKSPACE") or self._root
        yield from github_lines(self._records.values(), workspace)
        summary = environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            # Others of the same step write there, too: it is only added to.
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown_report(self._records, workspace))
