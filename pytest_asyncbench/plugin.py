"""The hooks of pytest. Each hands on to the module that knows what to do."""

from __future__ import annotations

import pytest

from pytest_asyncbench._glue import hookspecs
from pytest_asyncbench._glue.fixtures import blocking_calls, concurrently, virtual_clock
from pytest_asyncbench._glue.markers import marker_lines
from pytest_asyncbench._glue.options import add_options, header
from pytest_asyncbench._glue.plan import PLAN, Plan, refuse
from pytest_asyncbench._glue.summary import Summary

__all__ = ["blocking_calls", "concurrently", "virtual_clock"]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer our own hooks."""
    pluginmanager.add_hookspecs(hookspecs.AsyncbenchSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer our settings."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; a wrong one ends the run here."""
    for line in marker_lines():
        config.addinivalue_line("markers", line)
    plan = config.stash[PLAN] = Plan(config)
    config.pluginmanager.register(Summary(plan.policy.allow), "asyncbench-summary")
    if plan.policy.blocking != "off":
        _watch(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is on."""
    return header(config.stash[PLAN].policy)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Read every test's markers; a wrong one ends the run here."""
    plan = config.stash[PLAN]
    wrong = plan.make(items)
    try:
        if not wrong and any(plan.watched(item) for item in items):
            _watch(config)
    except pytest.UsageError as error:
        wrong = [*error.args]
    if wrong:
        refuse(config, items, wrong)


def _watch(config: pytest.Config) -> None:
    """Bring in the engines, and the hooks that stand around each test."""
    # Here, because a run that asks for nothing must not pay for loading them.
    from pytest_asyncbench._glue.session import Session

    if not config.pluginmanager.has_plugin("asyncbench-session"):
        config.pluginmanager.register(Session(config), "asyncbench-session")
