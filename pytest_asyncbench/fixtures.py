"""What a test can ask for: `concurrently`, `blocking_calls` and `virtual_clock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._blocking_calls import BlockingCalls
from pytest_asyncbench._concurrently import Concurrently
from pytest_asyncbench._errors import VirtualTimeError
from pytest_asyncbench._trial import Trial

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["TRIAL", "blocking_calls", "concurrently", "virtual_clock"]

TRIAL = pytest.StashKey[Trial]()


@pytest.fixture
def concurrently(request: pytest.FixtureRequest) -> Concurrently:
    """Give the call that runs coroutines side by side and holds them to a budget."""
    return Concurrently(request.node.stash[TRIAL])


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> VirtualClock:
    """Give the clock of a test that is marked with ``virtual_time``."""
    trial: Trial | None = request.node.stash.get(TRIAL, None)
    if trial is None or trial.virtual is None:
        raise VirtualTimeError(
            "virtual_clock is for tests in virtual time: mark this one with "
            "@pytest.mark.virtual_time"
        )
    return trial.virtual


@pytest.fixture
def blocking_calls(request: pytest.FixtureRequest) -> BlockingCalls:
    """Give the test's blocking calls so far, as a list that grows."""
    return BlockingCalls(request.node.stash[TRIAL])
