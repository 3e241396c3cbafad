"""Which report a file is, by its suffix: from what all are made of to its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_asyncbench._reports.markdown import markdown_report
from pytest_asyncbench._reports.run import RunReport, json_report
from pytest_asyncbench._reports.sarif import sarif_report

__all__ = ["WRITERS"]

WRITERS: Mapping[str, Callable[[RunReport], str]] = {
    ".json": json_report,
    ".md": lambda told: markdown_report(told.records, told.root, told.partial),
    ".sarif": sarif_report,
}
"""How each report is written, by the suffix of its file."""
