"""What is told of a test in which nothing was seen: worked out once for a policy."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.plain import Json
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import Elapsed, Observations

__all__ = ["NothingSeen"]


class NothingSeen:
    """Give the verdict on a test that ran no loop, and its record.

    Args:
        rules: the table of known blocking calls.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._policy: Policy | None = None
        self._record: dict[str, Json] = {}

    def verdict(self, policy: Policy, wall: RealSeconds) -> Verdict:
        """Judge a test by its policy alone; nothing was promised of its time."""
        return judge(policy, Observations(elapsed=Elapsed(wall=wall)), self._rules)

    def record(self, policy: Policy, wall: RealSeconds) -> dict[str, Json]:
        """Give its record as JSON; the same for all tests but for the wall time."""
        if policy is not self._policy:  # tests without a marker share one
            verdict = self.verdict(policy, RealSeconds(0.0))
            self._policy, self._record = policy, record_of(verdict).to_json()
        return {**self._record, "wall": wall}
