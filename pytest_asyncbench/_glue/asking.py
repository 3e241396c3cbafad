"""Who asks for anything of ours, told by names alone.

Every run loads this module, and most ask for nothing. So it knows the names of markers
and fixtures, and how a report shows that it carries a record; what they mean is loaded
when somebody uses one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.fixtures import fixtures_of
from pytest_asyncbench._glue.properties import PROPERTY
from pytest_asyncbench._words.uncollected import uncollected

if TYPE_CHECKING:
    from pytest_asyncbench._glue.annotating import Annotator
    from pytest_asyncbench._glue.plan import Plan
    from pytest_asyncbench._glue.summary import Summary
    from pytest_asyncbench._words.promised import Policy

__all__ = [
    "FIXTURES",
    "MARKERS",
    "PLAN",
    "Reports",
    "asks",
    "marker_lines",
    "plan_of",
]

MARKERS = (
    "budget",
    "concurrent",
    "no_blocking",
    "allow_blocking",
    "virtual_time",
    "real_time",
    "schedules",
    "cancellations",
)
FIXTURES = ("concurrently", "blocking_calls", "virtual_clock")

PLAN: pytest.StashKey[Plan] = pytest.StashKey()


def plan_of(config: pytest.Config) -> Plan:
    """Give the plan of the run, which is made when it is first wanted.

    Raises:
        pytest.UsageError: a setting means nothing.
    """
    if PLAN not in config.stash:
        with uncollected():
            from pytest_asyncbench._glue.plan import Plan

        config.stash[PLAN] = Plan(config, lambda: _watch(config))
    return config.stash[PLAN]


def _watch(config: pytest.Config) -> None:
    """Bring in the engines, and the hooks that stand around each test."""
    with uncollected():
        from pytest_asyncbench._glue.session import Session

    plugins = config.pluginmanager
    if not plugins.has_plugin("asyncbench-session"):
        plugins.register(Session(config, plan_of(config)), "asyncbench-session")


def marker_lines(config: pytest.Config) -> Iterable[str]:
    """Give the lines by which pytest knows our markers."""
    if not config.getoption("markers"):
        return MARKERS  # that they exist is all that it needs to know
    from pytest_asyncbench._glue.markers import described

    return described()


def asks(item: pytest.Item) -> bool:
    """Tell whether a test has a marker of ours, or uses a fixture."""
    if any(mark.name in MARKERS for mark in item.iter_markers()):
        return True
    return not set(FIXTURES).isdisjoint(fixtures_of(item))


class Reports:
    """Waits for the first report that carries a record, and brings in the summary.

    Not for the first test that asks: the controller of pytest-xdist collects none.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Make way for the summary, which hears of all further reports itself."""
        if any(name == PROPERTY for name, _ in report.user_properties):
            self.begin().pytest_runtest_logreport(report)

    def begin(self) -> Summary:
        """Bring in the summary."""
        from pytest_asyncbench._glue.summary import Summary

        plan = plan_of(self._config)
        summary = Summary(
            plan.policy,
            plan.keeper,
            plan.reporter,
            self._annotator(plan.policy),
            plan.historian,
        )
        self._config.pluginmanager.unregister(self)
        self._config.pluginmanager.register(summary, "asyncbench-summary")
        return summary

    def _annotator(self, policy: Policy) -> Annotator | None:
        from pytest_asyncbench._glue.settings import is_worker

        kind = policy.annotations
        if kind == "auto":
            actions = os.environ.get("GITHUB_ACTIONS") == "true"
            kind = "github" if actions else "none"
        # A worker has a terminal, too, that nobody sees.
        if kind == "none" or is_worker(self._config):
            return None
        from pytest_asyncbench._glue.annotating import Annotator

        return Annotator(kind, str(self._config.rootpath))
