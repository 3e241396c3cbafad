"""The hooks of pytest. Each hands on to the module that knows what to do."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from pytest_asyncbench import _hookspecs, _session
from pytest_asyncbench._markers import marker_lines
from pytest_asyncbench._options import add_options, header
from pytest_asyncbench._reporting import Summary
from pytest_asyncbench.fixtures import blocking_calls, concurrently, virtual_clock

__all__ = ["blocking_calls", "concurrently", "virtual_clock"]


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Offer our own hooks."""
    pluginmanager.add_hookspecs(_hookspecs.AsyncbenchSpecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer our settings."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; a wrong one ends the run here."""
    for line in marker_lines():
        config.addinivalue_line("markers", line)
    _session.begin(config)
    config.pluginmanager.register(Summary(), "asyncbench-summary")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is on."""
    return header(_session.of(config).policy)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Read every test's markers; a wrong one ends the run here."""
    _session.of(config).plan(items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None]:
    """Begin to watch, before the test's fixtures are set up."""
    _session.of(item.config).begin_trial(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Put a loop that was made for a test into the time that the test lives in."""
    result = yield
    _session.of(request.config).loop_made(fixturedef, result)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Stand inside the test while it runs, then give the verdict."""
    with _session.of(item.config).judged(item):
        return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Judge what the fixtures' teardown did, and put everything back."""
    with _session.of(item.config).closed(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show our verdict as text, not as a traceback through this plugin."""
    report = yield
    return _session.of(item.config).shown(item, call, report)
