"""What is told of a test in which nothing was seen: worked out once for a policy.

Of most tests nothing is seen, and to judge them and to write that down would cost more
than many of them take. But for how long each took, what is told of them is the same;
under a budget, of those that were in time.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.plain import Json
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.seconds import RealSeconds
from pytest_asyncbench._words.seen import NO_TIME, Elapsed, Observations
from pytest_asyncbench._words.values import changed

__all__ = ["NothingSeen"]


class NothingSeen:
    """Give verdicts and records, of tests in which nothing was seen at little cost.

    Args:
        rules: the table of known blocking calls.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._no_loop: Policy | None = None
        """The policy of the last test that ran no loop."""
        self._its_record: dict[str, Json] = {}
        self._alike: tuple[Policy, tuple[str, ...], bool] | None = None
        """What the test that was judged last has in common with all others in which
        nothing was seen: its policy, its loops, whether any step was measured."""
        self._first: Verdict | None = None
        """The verdict on the first of those."""
        self._last: Verdict | None = None
        self._record: dict[str, Json] = {}

    def verdict(self, policy: Policy, wall: RealSeconds) -> Verdict:
        """Judge a test that ran no loop, by its policy alone."""
        return judge(policy, Observations(elapsed=Elapsed(wall=wall)), self._rules)

    def record(self, policy: Policy, wall: RealSeconds) -> dict[str, Json]:
        """Give its record as JSON; nothing was promised of its time."""
        if policy is not self._no_loop:  # tests without a marker share one
            verdict = self.verdict(policy, RealSeconds(0.0))
            self._no_loop, self._its_record = policy, record_of(verdict).to_json()
        return {**self._its_record, "wall": wall}

    def judge(self, policy: Policy, seen: Observations) -> Verdict:
        """Judge the call of a test that may have run one."""
        within = policy.within("call")
        in_time = within is None or seen.elapsed.wall <= within
        if not (in_time and _is_nothing(seen)):
            return judge(policy, seen, self._rules)
        alike = policy, seen.loops, seen.steps > 0
        if self._first is None or alike != self._alike:
            self._alike, self._first = alike, judge(policy, seen, self._rules)
            self._record = record_of(self._first).to_json()
        self._last = changed(self._first, elapsed=seen.elapsed, steps=seen.steps)
        return self._last

    def record_of(self, verdict: Verdict) -> dict[str, Json]:
        """Give the record of a verdict as JSON."""
        if verdict is not self._last:
            return record_of(verdict).to_json()
        took = verdict.elapsed
        own = {"wall": took.wall, "starved": took.starved, "steps": verdict.steps}
        return {**self._record, **own}


def _is_nothing(seen: Observations) -> bool:
    return {**vars(seen), **_OWN} == _NOTHING and seen.elapsed.virtual is None


_OWN = {"elapsed": NO_TIME, "loops": (), "steps": 0}
_NOTHING = vars(Observations(elapsed=NO_TIME))
