"""Which report a file is, by its suffix: from what all are made of to its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pytest_asyncbench._reports.html import html_report
from pytest_asyncbench._reports.markdown import markdown_report
from pytest_asyncbench._reports.perfetto import perfetto_report
from pytest_asyncbench._reports.run import RunReport, json_report
from pytest_asyncbench._reports.sarif import sarif_report

__all__ = ["WRITERS", "writer_of"]

WRITERS: Mapping[str, Callable[[RunReport], str]] = {
    # Before the suffix with which it ends, too.
    ".trace.json": perfetto_report,
    ".json": json_report,
    ".html": html_report,
    ".md": lambda told: markdown_report(
        told.records, told.root, told.partial, told.unit
    ),
    ".sarif": sarif_report,
}
"""How each report is written, by the suffix of its file."""


def writer_of(name: str) -> Callable[[RunReport], str]:
    """Give what writes the report for a file of this name, which has one's suffix."""
    return next(write for suffix, write in WRITERS.items() if name.endswith(suffix))
