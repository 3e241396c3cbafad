"""What a test can ask for: `concurrently`, `blocking_calls` and `virtual_clock`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._glue.blocking_calls import BlockingCalls
    from pytest_asyncbench._glue.concurrently import Concurrently
    from pytest_asyncbench._glue.trial import Trial
    from pytest_asyncbench._words.decided import Verdict
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = [
    "BEGIN",
    "FAILURE",
    "OURS",
    "TRIAL",
    "blocking_calls",
    "concurrently",
    "fixtures_of",
    "virtual_clock",
]

BEGIN: pytest.StashKey[Callable[[], None]] = pytest.StashKey()
"""Begins to watch a test that would be watched from its first loop on."""
TRIAL: pytest.StashKey[Trial] = pytest.StashKey()
"""Filled before the fixtures of a test are set up that asks for any of ours."""
FAILURE: pytest.StashKey[tuple[BaseException, Verdict]] = pytest.StashKey()
"""The failure of ours that a phase ended with, and the verdict that made it."""

OURS = frozenset({"concurrently", "blocking_calls", "virtual_clock"})
"""The names of all fixtures."""


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Give the names of the fixtures that a test asks for."""
    return getattr(item, "fixturenames", ())


@pytest.fixture
def concurrently(request: pytest.FixtureRequest) -> Concurrently:
    """Give the call that runs coroutines side by side and holds them to a budget."""
    from pytest_asyncbench._glue.concurrently import Concurrently

    return Concurrently(_trial_of(request).watched)


@pytest.fixture
def blocking_calls(request: pytest.FixtureRequest) -> BlockingCalls:
    """Give the test's blocking calls so far, as a list that grows."""
    from pytest_asyncbench._glue.blocking_calls import BlockingCalls

    return BlockingCalls(_trial_of(request))


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


def _trial_of(request: pytest.FixtureRequest) -> Trial:
    stash: pytest.Stash = request.node.stash
    if TRIAL not in stash and BEGIN in stash:  # asked for by `request.getfixturevalue`
        stash[BEGIN]()
    if TRIAL not in stash:
        pytest.fail(
            f"{request.fixturename} needs a test that is watched from its start: name "
            "it among the arguments of the test, or of a fixture that these name",
            pytrace=False,
        )
    return stash[TRIAL]
