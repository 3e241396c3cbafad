"""Lazy imports (Python 3.15): the plugin loads none, and frozen time reaches them.

pytest itself loads what a test module imports lazily; so the application does it here.
"""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 15), reason="lazy imports came with 3.15"
)

APP = """
lazy import unused
lazy import clocks
lazy from clocks import datetime, now_of_another, sleep
"""

CLOCKS = """
from datetime import datetime
from time import sleep

lazy import unused_by_clocks

def now_of_another():
    return datetime.now()
"""

HEAD = """
import datetime, sys, types
import freezegun.api, pytest
import app

START = datetime.datetime(2026, 1, 1)

def is_lazy(name):
    return type(vars(app)[name]) is types.LazyImportType
"""

LEFT_ALONE = """
@pytest.mark.virtual_time(START)
async def test_virtual():
    assert is_lazy("unused") and is_lazy("clocks") and is_lazy("datetime")
    assert "unused" not in sys.modules and "clocks" not in sys.modules

@pytest.mark.no_blocking(rules="all")
async def test_watched():
    assert all(map(is_lazy, ["unused", "clocks", "datetime", "sleep"]))

def test_afterwards():
    assert "getattr" not in vars(freezegun.api)
    assert all(map(is_lazy, ["unused", "clocks", "datetime", "sleep"]))
"""

USED = """
@pytest.mark.virtual_time(START)
async def test_used_in_frozen_time():
    assert app.datetime.now() == app.clocks.now_of_another() == START
    assert app.now_of_another() == START

def test_afterwards():
    assert app.datetime is app.clocks.datetime is datetime.datetime
    assert abs(app.datetime.now() - app.now_of_another()).total_seconds() < 60
    assert app.datetime.now() != START
    assert "unused_by_clocks" not in sys.modules

@pytest.mark.virtual_time(START)
async def test_once_more():
    assert app.datetime.now() == app.now_of_another() == START
"""

USED_BETWEEN = """
@pytest.mark.virtual_time(START)
async def test_unused():
    assert is_lazy("datetime")

def test_used_in_real_time():
    assert app.datetime.now() != START

@pytest.mark.virtual_time(START)
async def test_frozen():
    assert app.datetime.now() == START

def test_afterwards():
    assert app.datetime is datetime.datetime
"""

BLOCKS = """
@pytest.mark.no_blocking(threshold=30)
async def test_blocks():
    app.sleep(0.001)
"""


@pytest.fixture
def play_app(play_once, pytester):
    """Run tests of an application that imports lazily."""

    def play_app(source):
        for name, text in {"app": APP, "clocks": CLOCKS, "unused": ""}.items():
            (pytester.path / f"{name}.py").write_text(text)
        # freezegun remembers modules by their ids, which a process uses again.
        return play_once(HEAD + source, subprocess=True)

    return play_app


@pytest.mark.parametrize("source", [LEFT_ALONE, USED, USED_BETWEEN])
def test_a_lazy_name_is_loaded_by_who_uses_it_and_frozen_as_any(play_app, source):
    """Not by virtual time, nor by watching; wherever it is first used."""
    run = play_app(source)
    assert set(run.outcomes.values()) == {"passed"}, run


def test_a_known_call_is_found_through_a_lazy_name(play_app):
    """It stands for what its module has when it is used: the wrapper."""
    run = play_app(BLOCKS)
    assert run.outcomes == {"test_blocks": "failed"}
    assert "calls time.sleep" in run["test_blocks"].lines
