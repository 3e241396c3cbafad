"""A verdict in place of a traceback: how pytest shows a failure that is ours."""

from __future__ import annotations

import sys

import pytest
from _pytest._code.code import (
    ExceptionChainRepr,
    ReprEntry,
    ReprFileLocation,
    ReprTraceback,
)

from pytest_asyncbench._words import legible
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.units import shown

__all__ = ["longrepr"]


def longrepr(
    item: pytest.Item, verdict: Verdict | None, error: BaseException
) -> ExceptionChainRepr:
    """Show a verdict in place of a traceback that would lead through this plugin."""
    text, kind = legible.printable(str(error), sys.__stdout__), type(error).__name__
    path, line, _ = item.reportinfo()
    findings = verdict.findings if verdict else ()
    culprit = next((found for found in findings if found.allowed is None), None)
    if culprit is not None and culprit.line:
        where = ReprFileLocation(shown(culprit.file), culprit.line, text)
    else:
        where = ReprFileLocation(shown(str(path)), (line or 0) + 1, text)
    # As entries of pytest's own traceback: so they are coloured, and written line by
    # line, of which a stream may refuse one and still take the others.
    told = [f"E   {line}".rstrip() for line in text.splitlines()]
    at = ReprFileLocation(where.path, where.lineno, kind)
    entries = [
        ReprEntry([*told, ""], None, None, None, style="short"),
        ReprEntry([], None, None, at, style="short"),
    ]
    traceback = ReprTraceback(entries, None, style="short")
    return ExceptionChainRepr([(traceback, where, None)])
