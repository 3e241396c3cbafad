"""A library whose call takes as long as it is told, on a clock by hand."""

from __future__ import annotations

import sys
import types

import pytest

from pytest_asyncbench.testing import ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def wait(clock, monkeypatch):
    """A known call that takes as long as it is told; its rule is `SLOW_RULE`."""
    library = types.ModuleType("slow_library")
    library.wait = lambda seconds: clock.wait(seconds)
    monkeypatch.setitem(sys.modules, "slow_library", library)
    return lambda seconds: library.wait(seconds)
