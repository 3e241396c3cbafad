"""What a test's report says to who keeps records: its text, and how it went here."""

from __future__ import annotations

from typing import Protocol

import pytest

from pytest_asyncbench._glue.properties import PROPERTY

__all__ = ["last_record", "passed_here"]


class _Gateway(Protocol):
    spec: _Spec


class _Spec(Protocol):
    popen: bool | None
    python: str | None


class _WithGateway(Protocol):
    gateway: _Gateway


def last_record(report: pytest.TestReport) -> str | None:
    """Give the record that a test's last report carries, as JSON; None of another."""
    if report.when != "teardown":
        return None
    return next(
        (
            value
            for name, value in report.user_properties
            if name == PROPERTY and isinstance(value, str)
        ),
        None,
    )


def passed_here(report: pytest.TestReport) -> bool:
    """Tell whether a phase has passed, on this machine and by this Python.

    Of a test of which any report has not a history learns nothing, be it run again: it
    passes by chance.
    """
    return report.passed and not hasattr(report, "wasxfail") and _is_here(report)


def _is_here(report: pytest.TestReport) -> bool:
    node: _WithGateway | None = getattr(report, "node", None)
    if node is None:
        return True
    spec = node.gateway.spec
    return bool(spec.popen) and not spec.python
