"""The hooks of pytest. Each hands on to the module that knows what to do.

A run that asks for nothing loads what is imported here, and no more: no engine, no
decision, not even the words for them.
"""

from __future__ import annotations

import pytest

# Sorted before all others of ours, and it must be: they are found by it.
from pytest_asyncbench import _as_written
from pytest_asyncbench._glue import hookspecs
from pytest_asyncbench._glue.asking import (
    PLAN,
    Reports,
    asks,
    marker_lines,
    plan_of,
)
from pytest_asyncbench._glue.fixtures import blocking_calls, concurrently, virtual_clock
from pytest_asyncbench._glue.options import add_options, anything_written
from pytest_asyncbench._glue.refusals import Refusals

__all__ = ["blocking_calls", "concurrently", "virtual_clock"]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer our own hooks."""
    pluginmanager.add_hookspecs(hookspecs.AsyncbenchSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer our settings."""
    add_options(parser)


def pytest_cmdline_main(config: pytest.Config) -> pytest.ExitCode | int | None:
    """Show the history in the place of a run, as ``--cache-show`` does."""
    if not config.getoption("asyncbench_show_history", None):
        return None
    from pytest_asyncbench._glue.show_history import show_history

    return show_history(config)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; a wrong one ends the run here."""
    config.add_cleanup(_as_written.restore)
    for line in marker_lines(config):
        config.addinivalue_line("markers", line)
    reports = Reports(config)
    config.pluginmanager.register(reports, "asyncbench-reports")
    config.pluginmanager.register(Refusals(), "asyncbench-refusals")
    if anything_written(config):
        plan_of(config).begin()
        if plan_of(config).tells_at_the_end:
            reports.begin()


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is on, and what cannot be known."""
    if PLAN not in config.stash:
        return []
    from pytest_asyncbench._glue.settings import header

    return header(config.stash[PLAN].policy)


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Say what cannot be known, where only now somebody asked for something."""
    if PLAN not in config.stash or anything_written(config):
        return []
    from pytest_asyncbench._glue.settings import header

    return header(config.stash[PLAN].policy)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Read every test's markers; a wrong one ends the run here."""
    if PLAN in config.stash or any(map(asks, items)):
        plan_of(config).settle(items)
