"""(Policy, observations) → verdict. Opinions are formed here, without a clock."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from pytest_asyncbench._judging.acceptance import (
    forgiven_of,
    is_debuggers,
    near_stalls,
)
from pytest_asyncbench._judging.accounting import (
    compare,
    less_starved,
    longest_alone,
    uncounted,
)
from pytest_asyncbench._judging.repeated import each_run, typical, wall_of
from pytest_asyncbench._judging.turns import took_turns
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._words.decided import (
    Broken,
    Comparison,
    Finding,
    Repeated,
    Verdict,
    Violation,
)
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.promised import MARKER, Policy, Rule, When
from pytest_asyncbench._words.seen import Observations

__all__ = ["blocking", "comparison_of", "judge"]

_BEATS_SERIAL = 1.05
"""More than 1 by what derived serial time may be wrong."""
_FEW = 0.05
"""Of serial time so much may be unknown."""

_TOO_SHORT = 0.001
"""Where no task takes as long as this alone, in seconds, there is nothing to compare:
what is measured is what it costs to start them."""

_TOO_SHORT_UNASKED = 0.005
"""The same for copies of which nobody named a speedup: so long may a thread keep the
interpreter from another, and our own looks are the first that do."""


def judge(policy: Policy, seen: Observations, rules: Sequence[Rule] = ()) -> Verdict:
    """Hold what was seen against what was promised."""
    asked = policy.blocking != "off"
    found = blocking(policy, seen, rules) if asked else ()
    budget = policy.budget if policy.budget and policy.budget.promises else None
    compared = _compared(policy, seen)
    cut_short = compared is not None and _is_cut_short(seen, compared[1])
    comparison = None if compared is None or cut_short else compared[1]
    too_short = (
        compared is not None
        and policy.compares
        and _too_short(compared, _least(policy))
    )
    held_against = list(_broken(policy, seen, compared, found, too_short))
    accepted = [one for one in held_against if is_debuggers(one, seen)]
    broken = [one for one in held_against if one not in accepted]
    return Verdict(
        policy=policy,
        elapsed=seen.elapsed,
        steps=seen.steps,
        loops=seen.loops,
        not_followed=seen.not_followed,
        comparison=comparison,
        repeated=_repeated(policy, seen),
        budget_met=None if budget is None else not any(map(_is_budgets, broken)),
        # Nobody asked; but what broke a time budget may well be a blocking call.
        findings=found if asked or not broken else blocking(policy, seen, rules),
        violations=tuple(broken),
        accepted=tuple(accepted),
        debugged=seen.debugged,
        overrun=seen.overrun,
        too_short=too_short,
        cut_short=cut_short,
        untaken=seen.untaken,
        unawaited=seen.unawaited,
        took_turns=took_turns(policy, seen.crowds, seen.accepted),
        died=seen.died,
        unmeasured=_unmeasured(policy, seen),
        near_stalls=near_stalls(policy, seen),
        problems=seen.problems,
        not_looked_for=_not_looked_for(policy, rules),
    )


def blocking(
    policy: Policy, seen: Observations, rules: Sequence[Rule]
) -> tuple[Finding, ...]:
    """Tell what blocked the loop, place by place, whatever that means for the test."""
    if not (seen.stalls or seen.calls or seen.late):
        return ()
    # Loaded only here: in most runs there is nothing to attribute.
    from pytest_asyncbench._judging.attribution import findings

    return tuple(findings(policy, seen, rules))


def _not_looked_for(policy: Policy, rules: Sequence[Rule]) -> frozenset[str]:
    if policy.blocking == "off":
        return frozenset()
    return frozenset(
        row.text
        for row in policy.allow
        # Whether others are used is known when the run is over.
        if row.source.startswith(MARKER)
        and not is_looked_for(row.call, rules, policy.rules)
    )


def _is_budgets(violation: Violation) -> bool:
    unmeasured = violation.kind == "unmeasured" and violation.limit is not None
    return unmeasured or violation.kind in ("wall", "speedup")


def comparison_of(policy: Policy, seen: Observations) -> Comparison | None:
    """Compare the time that strands took with what they would have taken in a row."""
    if not seen.strands:
        return None
    compared = compare(seen.strands, seen.together)
    derived = seen.serial is None
    if seen.serial is not None:
        compared = dataclasses.replace(compared, serial=seen.serial)
    starved = forgiven_of(policy, _starved_together(seen), seen.elapsed)
    return less_starved(compared, seen.strands, starved, derived=derived)


_Compared = tuple[Observations, Comparison]
"""A run, and how its tasks did side by side."""


def _compared(policy: Policy, seen: Observations) -> _Compared | None:
    """Compare the tasks of the run whose speedup is the median."""
    known = [*_comparisons(policy, seen)]
    if not known:
        return None
    speedups = [comparison.speedup or 0.0 for _, comparison in known]
    return known[speedups.index(median_low(speedups))]


def _comparisons(policy: Policy, seen: Observations) -> Iterator[_Compared]:
    for run in each_run(seen):
        comparison = comparison_of(policy, run)
        if comparison is not None:
            yield run, comparison


def _repeated(policy: Policy, seen: Observations) -> Repeated | None:
    if not seen.repetitions:
        return None
    speedups = (comparison.speedup for _, comparison in _comparisons(policy, seen))
    return Repeated(
        asked=policy.repeat or 1,
        walls=tuple(wall_of(policy, run) for run in each_run(seen)),
        speedups=tuple(speedup for speedup in speedups if speedup is not None),
    )


def _starved_together(seen: Observations) -> float | None:
    return seen.starved_together if seen.together is None else seen.elapsed.starved


def _least(policy: Policy) -> float | None:
    return policy.budget.speedup if policy.budget is not None else None


def _too_short(compared: _Compared, least: float | None) -> bool:
    """Tell whether the tasks took so little time that there is nothing to compare."""
    seen, _ = compared
    # However starved time is counted, it says nothing of what the tasks do.
    starved = _starved_together(seen) or 0.0
    floor = _TOO_SHORT_UNASKED if least is None else _TOO_SHORT
    return longest_alone(seen.strands, starved) < floor


# ---------------------------------------------------------------- promises


def _broken(
    policy: Policy,
    seen: Observations,
    compared: _Compared | None,
    found: Iterable[Finding],
    too_short: bool,
) -> Iterator[Violation]:
    yield from _too_long(policy, seen)
    if policy.compares:
        yield from _too_slow(policy, seen, compared, too_short)
    if policy.blocking == "error":
        culprits = [finding for finding in found if finding.allowed is None]
        if culprits:
            lost = sum(finding.seconds for finding in culprits)
            yield Violation(kind="blocking", limit=policy.threshold, actual=lost)
        if _unmeasured(policy, seen) and not policy.of_all:
            yield Violation(kind="unmeasured")
    if seen.died and policy.background == "error":
        yield Violation(kind="background")
    if seen.unawaited:
        yield Violation(kind="unawaited")


_KINDS: Mapping[When, Broken] = {
    "setup": "setup",
    "call": "wall",
    "teardown": "teardown",
}


def _too_long(policy: Policy, seen: Observations) -> Iterator[Violation]:
    within = policy.within(seen.phase)
    if within is None:
        return
    run = typical(policy, seen)
    took = run.elapsed.lived
    if _was_cut(seen) or wall_of(policy, run) > within:
        yield Violation(kind=_KINDS[seen.phase], limit=within, actual=took)


def _too_slow(
    policy: Policy, seen: Observations, compared: _Compared | None, too_short: bool
) -> Iterator[Violation]:
    least = _least(policy)
    # What nobody wrote need not be told of where it can't be measured.
    learned = policy.budget is not None and policy.budget.learned_speedup
    if compared is None and policy.of_all and _ran_no_loop(seen):
        return
    if compared is None:
        kind: Literal["unmeasured", "speedup"]
        kind = "unmeasured" if seen.not_followed else "speedup"
        if kind == "speedup" or not learned:
            yield Violation(kind=kind, limit=least or 1.0)
        return
    if _is_cut_short(seen, compared[1]):
        return
    if too_short:
        if least is not None and not learned:
            yield Violation(kind="unmeasured", limit=least)
        return
    speedup = compared[1].speedup or 0.0
    # Copies with no number of their own must still beat one after another.
    if speedup < least if least is not None else speedup <= _BEATS_SERIAL:
        yield Violation(kind="speedup", limit=least or 1.0, actual=speedup)


def _was_cut(seen: Observations) -> bool:
    """Tell whether it was cancelled at its budget."""
    return seen.overrun is not None and seen.overrun.cancelled


def _is_cut_short(seen: Observations, compared: Comparison) -> bool:
    """Tell whether it ended before it was known who of its tasks waited for what."""
    return _was_cut(seen) and uncounted(compared) > _FEW * compared.serial


def _ran_no_loop(seen: Observations) -> bool:
    # Of a loop that is not followed no step need be seen.
    return seen.steps == 0 and not seen.not_followed


def _unmeasured(policy: Policy, seen: Observations) -> bool:
    return policy.asked and policy.blocking != "off" and seen.steps == 0
