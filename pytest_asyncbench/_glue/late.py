"""A test that is watched from its first loop on, and most never run one.

Where nobody has promised anything of a test, and it is not async, there is nothing to
see in it but its loops. To put the instruments around it, to judge it and to take them
off again would cost more than such a test itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.fixtures import OURS, fixtures_of
from pytest_asyncbench._loops import FirstStep
from pytest_asyncbench._python import acquire, held_lock
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.promised import MARKER, Policy, When
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.undo import Undo

__all__ = ["Late", "LateStart", "needs_a_loop"]

_TO_BEGIN = 5.0
"""How long the end of a phase waits for another thread that begins to watch, in
seconds. In the child of a fork that thread is not there."""


class Late:
    """A test that is not watched as yet."""

    __slots__ = (
        "began",
        "begun",
        "claim",
        "item",
        "phase",
        "policy",
        "process",
        "wall",
    )

    def __init__(self, item: pytest.Item, policy: Policy) -> None:
        self.item = item
        self.policy = policy
        self.process = os.getpid()
        """Which runs the test: a child that it forks tells nobody what it sees."""
        self.claim = [None]
        """Who takes this out may begin to watch the test, or change its phase."""
        self.begun = held_lock()
        """Released by who has begun to watch it."""
        self.phase: When = "setup"
        """Which it is in."""
        self.began = RealSeconds(0.0)
        """When its call began."""
        self.wall = RealSeconds(0.0)
        """How long that took, once it is over."""


class LateStart:
    """Keep the test that waits for a loop; one at a time.

    Args:
        begin: begins to watch it, in the thread of the loop.
    """

    def __init__(self, begin: Callable[[Late], None]) -> None:
        self._begin = begin
        self._first_step = FirstStep(self._stepped)
        self._waiting: Late | None = None

    def install(self) -> Undo:
        """Be ready for tests; the returned call lets go of one that is left."""
        uninstall = self._first_step.install()

        def undo() -> None:
            self.end()
            uninstall()

        return undo

    def wait(self, late: Late) -> None:
        """Begin to watch this test when a loop takes its first step."""
        self._waiting = late
        self._first_step.arm()

    def now(self) -> None:
        """Begin to watch the test that waits, without a loop."""
        self._stepped()

    def enter_call(self) -> None:
        """Take down that the call begins, of a test that is not watched by now."""
        late = self._waiting
        if late is not None and self._takes_claim(late):
            late.phase, late.began = "call", SYSTEM_CLOCK.now()
            late.claim.append(None)

    def leave_call(self) -> Late | None:
        """Take down that the call has ended; give the test if it still waits."""
        late = self._waiting
        if late is None or not self._takes_claim(late):
            return None
        late.wall = RealSeconds(SYSTEM_CLOCK.now() - late.began)
        late.phase = "teardown"
        late.claim.append(None)
        return late

    def end(self) -> None:
        """Wait no longer: from now on nobody begins to watch the test."""
        late, self._waiting = self._waiting, None
        if late is not None and self._takes_claim(late):
            self._first_step.disarm()

    def _takes_claim(self, late: Late) -> bool:
        """Take the claim, or wait until who has it has begun to watch."""
        try:
            late.claim.pop()
        except IndexError:
            if acquire(late.begun, True, _TO_BEGIN):
                late.begun.release()
            return False
        return True

    def _stepped(self) -> None:
        late = self._waiting
        if late is None or late.process != os.getpid():
            return
        try:
            late.claim.pop()
        except IndexError:
            return  # it is begun by now, or about to be, or its phase changes
        self._first_step.disarm()
        try:
            self._begin(late)
        finally:
            late.begun.release()


def needs_a_loop(item: pytest.Item, policy: Policy) -> bool:
    """Tell whether there is nothing to see of a test unless it runs a loop.

    One that asked to be watched is judged for running none.
    """
    if policy.asked or policy.has_budget or policy.copies is not None:
        return False
    if policy.virtual is not None or host.is_async(item):
        return False
    # An allowance of its own that nothing used is told of.
    own = any(row.source.startswith(MARKER) for row in policy.allow)
    return not own and OURS.isdisjoint(fixtures_of(item))
