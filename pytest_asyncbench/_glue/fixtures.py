"""What a test can ask for: `concurrently`, `blocking_calls` and `virtual_clock`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._glue.blocking_calls import BlockingCalls
    from pytest_asyncbench._glue.concurrently import Concurrently
    from pytest_asyncbench._glue.trial import Trial
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = [
    "BEGIN",
    "BLOCKING_CALLS",
    "CONCURRENTLY",
    "OURS",
    "TRIAL",
    "blocking_calls",
    "concurrently",
    "fixtures_of",
    "virtual_clock",
]

BEGIN: pytest.StashKey[Callable[[], None]] = pytest.StashKey()
"""Begins to watch a test that would be watched from its first loop on."""
# Filled before the fixtures of a test that asks for any of this are set up.
TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
CONCURRENTLY: pytest.StashKey[Concurrently] = pytest.StashKey()
BLOCKING_CALLS: pytest.StashKey[BlockingCalls] = pytest.StashKey()

OURS = frozenset({"concurrently", "blocking_calls", "virtual_clock"})
"""The names of all fixtures."""

T = TypeVar("T")


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Give the names of the fixtures that a test asks for."""
    return getattr(item, "fixturenames", ())


@pytest.fixture
def concurrently(request: pytest.FixtureRequest) -> Concurrently:
    """Give the call that runs coroutines side by side and holds them to a budget."""
    return _of_watched(request, CONCURRENTLY)


@pytest.fixture
def blocking_calls(request: pytest.FixtureRequest) -> BlockingCalls:
    """Give the test's blocking calls so far, as a list that grows."""
    return _of_watched(request, BLOCKING_CALLS)


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> VirtualClock:
    """Give the clock of a test that is marked with ``virtual_time``."""
    stash: pytest.Stash = request.node.stash
    trial = stash.get(TRIAL, None)
    virtual = trial.watched.time.virtual if trial is not None else None
    if virtual is None:
        pytest.fail(
            "virtual_clock is for tests in virtual time: mark this one with "
            "@pytest.mark.virtual_time",
            pytrace=False,
        )
    return virtual


def _of_watched(request: pytest.FixtureRequest, key: pytest.StashKey[T]) -> T:
    stash: pytest.Stash = request.node.stash
    if key not in stash and BEGIN in stash:  # asked for by `request.getfixturevalue`
        stash[BEGIN]()
    if key not in stash:
        pytest.fail(
            f"{request.fixturename} needs a test that is watched from its start: name "
            "it among the arguments of the test, or of a fixture that these name",
            pytrace=False,
        )
    return stash[key]
