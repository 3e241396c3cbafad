"""What a test can ask for: `concurrently`, `blocking_calls` and `virtual_clock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._blocking_calls import BlockingCalls
    from pytest_asyncbench._concurrently import Concurrently
    from pytest_asyncbench._trial import Trial
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["blocking_calls", "concurrently", "virtual_clock"]

# Filled before the fixtures of a test that asks for any of this are set up.
TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
CONCURRENTLY: pytest.StashKey[Concurrently] = pytest.StashKey()
BLOCKING_CALLS: pytest.StashKey[BlockingCalls] = pytest.StashKey()


@pytest.fixture
def concurrently(request: pytest.FixtureRequest) -> Concurrently:
    """Give the call that runs coroutines side by side and holds them to a budget."""
    stash: pytest.Stash = request.node.stash
    return stash[CONCURRENTLY]


@pytest.fixture
def blocking_calls(request: pytest.FixtureRequest) -> BlockingCalls:
    """Give the test's blocking calls so far, as a list that grows."""
    stash: pytest.Stash = request.node.stash
    return stash[BLOCKING_CALLS]


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> VirtualClock:
    """Give the clock of a test that is marked with ``virtual_time``."""
    stash: pytest.Stash = request.node.stash
    trial = stash.get(TRIAL, None)
    if trial is None or trial.virtual is None:
        pytest.fail(
            "virtual_clock is for tests in virtual time: mark this one with "
            "@pytest.mark.virtual_time",
            pytrace=False,
        )
    return trial.virtual
