"""What does not count, and why. It is decided here, and in these words everywhere.

allowance
    What a person wrote: a place where blocking is accepted, always with its reason.
acceptance
    The decision that something does not count, with its reason: an allowance covers
    it, it blocked within ``blocking_calls.allowed``, a process does it once, nobody
    asked for that collection, the baseline has it. What is accepted is listed all the
    same. So is a broken promise that is accepted, since a debugger stood in the test.
paused
    Said of a stretch of time in which blocking is not even listed: within
    ``blocking_calls.paused``, before ``clear()``, in work of the plugin's own.
forgiven
    Said of time alone: the seconds that are taken off before a step is held against
    the threshold, or a test against its budget.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from pytest_asyncbench._judging.accounting import united
from pytest_asyncbench._judging.grouping import lies_in, parts
from pytest_asyncbench._judging.once import done_once
from pytest_asyncbench._judging.stretches import Stretches
from pytest_asyncbench._rules.callers import STARTS, TOOLS
from pytest_asyncbench._rules.further_names import FURTHER_NAMES
from pytest_asyncbench._words.decided import Finding, Violation
from pytest_asyncbench._words.globs import any_of
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    Collection,
    Elapsed,
    LoopStall,
    Observations,
    Sample,
    Stack,
)
from pytest_asyncbench._words.values import NamedTuple

__all__ = [
    "Acceptance",
    "Acceptances",
    "accept",
    "counted",
    "forgiven_of",
    "is_debuggers",
    "near_stalls",
    "of_baseline",
]

_is_tools = any_of(TOOLS).match
_is_start = any_of(STARTS).match


class Acceptance(NamedTuple):
    """Why something does not count."""

    reason: str
    allowance: str | None = None
    """The allowance that says so; None where it was not one."""


_AT_ITS_OWN_TIME = Acceptance("the garbage collector runs when it likes")


def accept(found: Finding, why: Acceptance | None) -> Finding:
    """Give a finding as accepted; a reason that it has already stays."""
    if why is None or found.allowed is not None:
        return found
    return dataclasses.replace(found, allowed=why.reason, allowance=why.allowance)


_IN_BASELINE = "in the baseline"
_NEW = "new in the baseline"


def of_baseline(policy: Policy, found: Finding) -> Finding:
    """Give a finding as accepted where the baseline has it, or is to have it."""
    if policy.accepted is None or found.allowed is not None:
        return found
    entry = policy.accepted.accepting(
        found.caller, found.known_call, stall=found.sampled
    )
    if entry is not None:
        reason, known = entry.reason or _IN_BASELINE, entry.fingerprint
    elif policy.update_baseline:
        reason, known = _NEW, found.fingerprint
    else:
        return found
    return dataclasses.replace(found, allowed=reason, baseline=known)


def near_stalls(policy: Policy, seen: Observations) -> tuple[str, ...]:
    """Name the functions of stalls in the baseline that may well stall again.

    They were seen in a step of more than half the threshold, less what is forgiven.
    Where nobody looked at that step, it may have been any of them.
    """
    known = policy.accepted.stalls if policy.accepted is not None else ()
    if not known:
        return ()
    acceptances = Acceptances(policy, seen.accepted)
    near: set[str] = set()
    for stall in seen.stalls:
        if stall.seconds - acceptances.forgiven(stall) > policy.threshold / 2:
            frames = (frame for sample in stall.samples for frame in sample.stack)
            names = {frame.qualified for frame in frames}
            near.update(names.intersection(known) if stall.samples else known)
    return tuple(sorted(near))


class Acceptances:
    """What of one test's blocking does not count."""

    def __init__(self, policy: Policy, spans: Sequence[AcceptedSpan]) -> None:
        self._policy = policy
        self._pauses = [span for span in spans if span.reason is None]
        accepted = [span for span in spans if span.reason is not None]
        self._reasons = [span.reason or "" for span in accepted]
        self._accepted = Stretches((span.began, span.ended) for span in accepted)
        self._paused = Stretches((span.began, span.ended) for span in self._pauses)

    # ------------------------------------------------------------- listed

    def is_paused(self, at: float) -> bool:
        """Tell whether blocking was not to be listed at that moment."""
        return self._paused.cover(at)

    def of_moment(self, at: float) -> Acceptance | None:
        """Tell whether the test itself accepted blocking at that moment."""
        first = self._accepted.first(at)
        return None if first is None else Acceptance(self._reasons[first])

    def of_place(self, stack: Stack, calls: set[str]) -> Acceptance | None:
        """Tell whether an allowance accepts blocking there, at any moment."""
        callers = _all_names(name for frame in stack for name in frame.names)
        calls = _all_names(calls)
        for allowance in self._policy.allow:
            if _matches(calls | callers, allowance.call) and _matches(
                callers, allowance.caller
            ):
                return Acceptance(allowance.reason, allowance.text)
        return None

    def of_once(self, stack: Stack) -> Acceptance | None:
        """Tell whether it is accepted since a process does it once only."""
        why = done_once(stack) if self._policy.once == "forgive" else None
        return None if why is None else Acceptance(why)

    def of_collection(
        self, one: Collection, samples: Sequence[Sample] = ()
    ) -> Acceptance | None:
        """Tell whether nobody asked for it, and it ran nothing of anybody's.

        Args:
            one: the collection.
            samples: what was seen of the step that it met, where it met one.
        """
        if self._policy.starvation != "forgive" or one.called:
            return None
        if self.forgives(one.stack) or _ran_something(one, samples):
            return None
        return _AT_ITS_OWN_TIME

    # -------------------------------------------------------- time alone

    def forgives(self, stack: Stack) -> bool:
        """Tell whether time that was spent so is forgiven.

        A debugger or coverage at work in the step is none of the test's, nor is what a
        new thread is starved of before it runs.
        """
        if any(_is_tools(frame.qualified) for frame in stack):
            return True
        if self._policy.starvation == "forgive" and _waits_for_a_start(stack):
            return True
        return self.of_once(stack) is not None

    def forgiven(self, stall: LoopStall) -> float:
        """Tell how many seconds of a long step are not held against it."""
        forgiven = stall.ours + self.paused_in(stall)
        nobodys = [one.at for one in stall.samples if self.forgives(one.stack)]
        if nobodys:
            part_of = parts(stall)
            forgiven += stall.lasted * sum(part_of[at] for at in nobodys)
        if self._policy.starvation == "forgive":
            forgiven += stall.starved or 0.0
        return forgiven + sum(
            one.seconds - _starved_in(one, stall)
            for one in stall.collections
            if self.of_collection(one, stall.samples) is not None
        )

    def paused_in(self, stall: LoopStall) -> float:
        """Tell for how many seconds of a step blocking was paused."""
        ended = stall.began + stall.seconds
        return united(
            (max(pause.began, stall.began), min(pause.ended, ended))
            for pause in self._pauses
            if pause.began < ended and pause.ended > stall.began
        )


def _waits_for_a_start(stack: Stack) -> bool:
    return any(_is_start(frame.qualified) for frame in stack)


def _starved_in(one: Collection, stall: LoopStall) -> float:
    """Tell what of a collection is in its step's starved time already.

    Nothing is forgiven twice: where it isn't known, that is all which can be.
    """
    if one.starved is not None:
        return one.starved
    return min(one.seconds, stall.starved or 0.0)


def _ran_something(one: Collection, samples: Sequence[Sample]) -> bool:
    """Tell whether a collection ran a finalizer, which is somebody's."""
    # A callback in C has no frame, so that there may be none on a stack.
    met = one.stack[:1]
    inside = [sample.stack[:1] for sample in samples if lies_in(sample.at, one)]
    return any(_names(seen) != _names(met) for seen in inside if seen)


def _names(stack: Stack) -> list[str]:
    return [frame.qualified for frame in stack]


def _all_names(names: Iterable[str]) -> set[str]:
    """Add the further names of what a row is about."""
    known = {*names}
    return known.union(*(FURTHER_NAMES.get(name, ()) for name in known))


def _matches(names: Iterable[str], glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in names)


# ------------------------------------------------------------------ promises


def counted(policy: Policy, wall: float, elapsed: Elapsed) -> float:
    """Give the part of `wall` that counts: without starved time that is forgiven."""
    return max(0.0, wall - forgiven_of(policy, elapsed.starved, elapsed))


def forgiven_of(policy: Policy, starved: float | None, elapsed: Elapsed) -> float:
    """Give what of starved time is forgiven: nothing of what nobody could tell.

    Virtual time stands still meanwhile.
    """
    if policy.starvation == "strict" or elapsed.virtual is not None:
        return 0.0
    return starved or 0.0


def is_debuggers(violation: Violation, seen: Observations) -> bool:
    """Tell whether time was lost while a person looked at the test in a debugger.

    That person's time is no part of virtual time. Nor did it break a budget which was
    over before: a deadline that knows of a debugger cancels nobody.
    """
    over_before = seen.overrun is not None and seen.overrun.cancelled
    timed = (
        violation.kind in ("wall", "setup", "teardown", "speedup")
        and violation.actual is not None
    )
    return seen.debugged and timed and not over_before and seen.elapsed.virtual is None
