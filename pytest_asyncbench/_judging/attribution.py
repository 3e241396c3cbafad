"""Stalls and known calls → findings: who blocked the loop, where, for how long.

A blocking call may be seen twice: as a known call, with its exact duration, and in
the samples of a stalled step. The known call is the better witness, so a stall is
charged first to the calls that were recorded inside it, and only what they leave
over to the lines that the samples show.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from pytest_asyncbench._judging.blame import Blame, blame, in_scope
from pytest_asyncbench._judging.once import IMPORT, asked_for, done_once
from pytest_asyncbench._rules.callers import TOOLS
from pytest_asyncbench._words.decided import GARBAGE, Finding
from pytest_asyncbench._words.globs import one_pattern
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.seen import (
    BlockingCall,
    Collection,
    Frame,
    LoopStall,
    Observations,
    Sample,
    Stack,
    Wait,
)

__all__ = ["findings"]

_TOOLS = one_pattern(TOOLS).match

_WORTH_NAMING = 0.2
"""A line that filled less of a stall than this is named only beyond the threshold."""

_WHOLE = 0.8
"""The part of a stall from which a culprit answers for all of it."""

_ONE_CALL = 0.8
"""The part of a busy function's samples that must show one call to blame that call."""

_BUSY = (
    "split the work up with `await asyncio.sleep(0)`, or `await asyncio.to_thread(...)`"
)
_COLLECTING = (
    "fewer objects that live on, `gc.freeze()` once all is loaded, or `gc.collect()` "
    "before the loop runs"
)
_AT_ITS_OWN_TIME = "the garbage collector runs when it likes"
_IMPORTING = "the import at the top of a module, or before the loop runs"
_WAITING = "an async version of this call, or `await asyncio.to_thread(...)`"


def findings(
    policy: Policy, seen: Observations, rules: Sequence[Rule] = ()
) -> list[Finding]:
    """Name every place that blocked, the one that cost most first."""
    if not seen.stalls and not seen.calls:
        return []
    inquiry = _Inquiry(policy, seen, rules)
    in_step: dict[float, list[BlockingCall]] = {}
    for call in seen.calls:
        if not inquiry.unlisted(call.began):
            in_step.setdefault(call.step, []).append(call)
    found: list[Finding] = []
    for stall in seen.stalls:
        if inquiry.is_stall(stall):
            found += inquiry.stalled(stall, in_step.pop(stall.began, []))
        found += inquiry.done_once(stall)
    for calls in in_step.values():
        found += inquiry.quick(calls)
    return _merged(found)


def _advice(rule: Rule) -> str:
    # Who has ruff can have the same mistake found before any test runs.
    return f"{rule.advice} (ruff {rule.ruff})" if rule.ruff else rule.advice


class _Inquiry:
    """What must be known to judge each stall and call of one test."""

    def __init__(
        self, policy: Policy, seen: Observations, rules: Sequence[Rule]
    ) -> None:
        self._policy = policy
        self._spans = seen.accepted
        self._advice = {rule.target: _advice(rule) for rule in rules}
        self._advice[IMPORT] = _IMPORTING

    def unlisted(self, at: float) -> bool:
        """Tell whether blocking was not to be listed at that moment."""
        return any(
            span.reason is None and span.began <= at <= span.ended
            for span in self._spans
        )

    def is_stall(self, stall: LoopStall) -> bool:
        """Tell whether a long step counts, less what is forgiven of it."""
        forgiven = self._looked_away(stall)
        forgiven += stall.seconds * self._part_aside(stall)
        if self._policy.starvation == "forgive":
            forgiven += stall.starved or 0.0
        forgiven += sum(
            one.seconds for one in stall.collections if self._is_forgiven(one, stall)
        )
        return stall.seconds - forgiven > self._policy.threshold

    def _looked_away(self, stall: LoopStall) -> float:
        """Tell how much of a step is not to be heard of; spans may overlap."""
        away, at = 0.0, stall.began
        for span in sorted(self._spans, key=lambda span: span.began):
            if span.reason is None:
                began = max(span.began, at)
                at = max(at, min(span.ended, stall.began + stall.seconds))
                away += max(0.0, at - began)
        return away

    def _is_forgiven(self, collection: Collection, stall: LoopStall) -> bool:
        """Tell whether nobody asked for it, and it ran nothing of anybody's."""
        return (
            self._policy.starvation == "forgive"
            and not collection.asked
            and not self._is_aside(collection.stack)
            and not any(
                _lies_in(sample.at, collection)
                and sample.stack[0].qualified != collection.stack[0].qualified
                for sample in stall.samples
            )
        )

    def _part_aside(self, stall: LoopStall) -> float:
        aside = sum(self._is_aside(sample.stack) for sample in stall.samples)
        return aside / len(stall.samples) if stall.samples else 0.0

    def _is_aside(self, stack: Stack) -> bool:
        # A debugger or coverage at work in the step is none of the test's.
        if any(_TOOLS(frame.qualified) for frame in stack):
            return True
        return self._policy.once == "forgive" and done_once(stack) is not None

    def done_once(self, stall: LoopStall) -> list[Finding]:
        """Give what of a long step is accepted, since a process does it once only."""
        if self._policy.once != "forgive":
            return []
        share = stall.seconds / max(1, len(stall.samples))
        found = []
        for sample in stall.samples:
            why = done_once(sample.stack)
            if why is not None and not self.unlisted(sample.at):
                stack = asked_for(sample.stack)
                finding = self._finding(stack, sample.at, share)
                if finding is not None:
                    found.append(
                        dataclasses.replace(finding, allowed=finding.allowed or why)
                    )
        return [
            _as_stall(dataclasses.replace(one, count=1), stall)
            for one in _merged(found)
            if one.seconds > self._policy.threshold
        ]

    def quick(
        self, calls: Iterable[BlockingCall], samples: Sequence[Sample] = ()
    ) -> list[Finding]:
        """Give a finding for each place of one step where a known call counts."""
        return [_once(found) for found in _merged(self._each(calls, samples))]

    def _each(
        self, calls: Iterable[BlockingCall], samples: Sequence[Sample]
    ) -> Iterator[Finding]:
        for call in calls:
            found = self._finding(call.stack, call.began, call.seconds, call.target)
            if found is not None:
                waits = _waits([each for each in samples if _lies_in(each.at, call)])
                yield dataclasses.replace(
                    found,
                    held_up=call.held_up,
                    held_up_for=call.held_up_for,
                    waits=waits,
                )

    def stalled(self, stall: LoopStall, calls: Sequence[BlockingCall]) -> list[Finding]:
        """Share a stall out among the calls and lines that filled it."""
        collections = [
            _less_calls(one, calls)
            for one in stall.collections
            if not any(_lies_in(one.began, call) for call in calls)
        ]
        least = min(self._policy.threshold, _WORTH_NAMING * stall.seconds)
        quick = self.quick(calls, stall.samples)
        known = quick + [
            one
            for one in self._collected(collections, stall)
            if one.seconds >= least or not quick
        ]
        sampled = self._sampled(stall, calls, sum(one.seconds for one in collections))
        alone = not known and len(sampled) == 1
        named = known + [one for one in sampled if alone or one.seconds >= least]
        if not named and self._is_anybodys(stall, calls):
            return [_unseen(stall)]
        named.sort(key=lambda found: -found.seconds)
        return [
            _as_stall(found, stall)
            if found is named[0] or found.seconds > self._policy.threshold
            else found
            for found in named
        ]

    def _is_anybodys(self, stall: LoopStall, calls: Sequence[BlockingCall]) -> bool:
        """Tell whether nobody is named only because nobody was seen at it."""
        return not calls and not any(
            self.unlisted(sample.at) or blame(sample.stack) for sample in stall.samples
        )

    def _collected(
        self, collections: Iterable[Collection], stall: LoopStall
    ) -> list[Finding]:
        found = []
        for one in collections:
            if self.unlisted(one.began) or self._is_aside(one.stack):
                continue
            finding = self._finding(one.stack, one.began, one.seconds, GARBAGE)
            if finding is None:
                continue
            if not one.asked:
                finding = dataclasses.replace(
                    finding, call=GARBAGE, via=(), advice=_COLLECTING
                )
            if self._is_forgiven(one, stall):
                why = finding.allowed or _AT_ITS_OWN_TIME
                finding = dataclasses.replace(finding, allowed=why)
            found.append(finding)
        return _merged(found)

    def _sampled(
        self, stall: LoopStall, calls: Sequence[BlockingCall], collecting: float
    ) -> list[Finding]:
        # Not one sample, and no known call: the watchdog never got the processor.
        if not stall.samples and not calls and not collecting:
            return [_unseen(stall)]
        samples = [
            dataclasses.replace(sample, stack=asked_for(sample.stack))
            if done_once(sample.stack)
            else sample
            for sample in stall.samples
            if not self.unlisted(sample.at)
            and not self._is_aside(sample.stack)
            and not any(_lies_in(sample.at, call) for call in calls)
        ]
        left = stall.seconds - self._looked_away(stall) - collecting
        left -= sum(call.seconds for call in calls)
        shared = []
        for alike in _alike(samples, self._policy.scope):
            part = left * len(alike) / len(samples)
            found = self._finding(alike[0].stack, alike[0].at, part)
            if found is not None:
                shared.append(dataclasses.replace(found, waits=_waits(alike)))
        return shared

    def _finding(
        self, stack: Stack, at: float, seconds: float, target: str | None = None
    ) -> Finding | None:
        scope = self._policy.scope
        culprit = blame(stack, scope)
        if culprit is None or not in_scope(stack, scope):
            return None
        call = culprit.call or target or culprit.place.qualified
        reason, allowance = self._allowed(stack, {call, target or call}, at)
        return Finding(
            kind="call",
            call=call,
            file=culprit.place.file,
            line=culprit.place.line,
            function=culprit.place.function,
            seconds=seconds,
            allowed=reason,
            allowance=allowance,
            advice=self._advised(culprit, target),
            busy=not (culprit.call or target),
            via=culprit.via,
        )

    def _advised(self, culprit: Blame, target: str | None) -> str:
        # The user's own call first: advice for it fits better than for its insides.
        further_in = (frame.qualified for frame in reversed(culprit.via))
        names = (culprit.call, *further_in, target)
        return next((self._advice[name] for name in names if name in self._advice), "")

    def _allowed(
        self, stack: Stack, calls: set[str], at: float
    ) -> tuple[str, str | None] | tuple[None, None]:
        """Give why blocking is accepted, and by which allowance if it is by one."""
        for span in self._spans:
            if span.reason is not None and span.began <= at <= span.ended:
                return span.reason, None
        callers = {frame.qualified for frame in stack}
        for allowance in self._policy.allow:
            if _matches(calls | callers, allowance.call) and _matches(
                callers, allowance.caller
            ):
                return allowance.reason, allowance.text
        return None, None


def _matches(names: Iterable[str], glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in names)


def _lies_in(at: float, what: BlockingCall | Collection) -> bool:
    return what.began <= at <= what.began + what.seconds


def _less_calls(one: Collection, calls: Iterable[BlockingCall]) -> Collection:
    # What a finalizer calls is named by itself.
    inside = sum(call.seconds for call in calls if _lies_in(call.began, one))
    return dataclasses.replace(one, seconds=max(0.0, one.seconds - inside))


def _waits(samples: Sequence[Sample]) -> tuple[tuple[Wait, int], ...]:
    # Who works may be met in a short wait now and then, which explains nothing.
    seen = Counter(sample.wait for sample in samples if sample.wait is not None)
    return tuple(seen.most_common()) if 2 * sum(seen.values()) >= len(samples) else ()


def _alike(samples: Iterable[Sample], scope: Sequence[str]) -> Iterator[list[Sample]]:
    """Group samples by culprit, each group led by its most telling one."""
    groups: dict[tuple[object, ...], list[tuple[Sample, Blame]]] = {}
    for sample in samples:
        culprit = blame(sample.stack, scope)
        if culprit is not None:
            # Within a function that is busy itself the line moves from sample to
            # sample; a function that it called keeps it at one.
            place = culprit.place
            line = (place.line, culprit.call) if culprit.via else ()
            groups.setdefault((place.file, place.function, *line), []).append(
                (sample, culprit)
            )
    for group in groups.values():
        yield [_commonest(group), *(sample for sample, _ in group[1:])]


def _commonest(group: Sequence[tuple[Sample, Blame]]) -> Sample:
    seen = Counter((culprit.place.line, culprit.call) for _, culprit in group)
    (line, call), times = seen.most_common(1)[0]
    sample = next(
        sample
        for sample, culprit in group
        if (culprit.place.line, culprit.call) == (line, call)
    )
    if call is None or times >= _ONE_CALL * len(group):
        return sample
    # Many short calls, not a long one: the function itself is to blame.
    stack = tuple(dataclasses.replace(frame, call=None) for frame in sample.stack)
    return dataclasses.replace(sample, stack=stack)


def _unseen(stall: LoopStall) -> Finding:
    step = stall.task or "a callback"
    source = stall.source or Frame(file="?", line=0, function=step)
    return Finding(
        kind="stall",
        call=step,
        file=source.file,
        line=source.line,
        function=source.function,
        seconds=stall.seconds,
        step=stall.seconds,
        working=stall.working,
        blocked=stall.blocked,
        starved=stall.starved,
        stopped=stall.stopped,
        kept_out=stall.kept_out,
        busy=(stall.working or 0.0) >= (stall.blocked or 0.0),
    )


def _as_stall(found: Finding, stall: LoopStall) -> Finding:
    # How the step's time was spent is known of the whole step: it says nothing of a
    # culprit that filled only a part of it.
    whole = found.seconds >= _WHOLE * stall.seconds
    busy = (stall.working or 0.0) > (stall.blocked or 0.0)
    return dataclasses.replace(
        found,
        kind="stall",
        step=stall.seconds,
        held_up=max(found.held_up, stall.held_up),
        held_up_for=max(found.held_up_for, stall.held_up_for),
        working=stall.working if whole else None,
        blocked=stall.blocked if whole else None,
        starved=stall.starved if whole else None,
        stopped=stall.stopped if whole else 0.0,
        kept_out=stall.kept_out if whole else 0.0,
        advice=found.advice or (_BUSY if busy else _WAITING),
    )


def _once(found: Finding) -> Finding:
    # A library that waits in several steps of its own was called once.
    return dataclasses.replace(found, count=1) if found.via else found


def _merged(found: Iterable[Finding]) -> list[Finding]:
    """Make one finding of all that name the same place and call."""
    merged: dict[tuple[object, ...], Finding] = {}
    for one in found:
        place = (one.file, one.line, one.function, one.call)
        key = (*place, one.allowed, one.allowance)
        before = merged.get(key)
        merged[key] = one if before is None else _sum(before, one)
    return sorted(merged.values(), key=lambda finding: -finding.seconds)


def _sum(one: Finding, other: Finding) -> Finding:
    def both(a: float | None, b: float | None) -> float | None:
        return None if a is None and b is None else (a or 0.0) + (b or 0.0)

    return dataclasses.replace(
        one,
        kind="stall" if "stall" in (one.kind, other.kind) else "call",
        seconds=one.seconds + other.seconds,
        step=max((each.step for each in (one, other) if each.step), default=None),
        working=both(one.working, other.working),
        blocked=both(one.blocked, other.blocked),
        starved=both(one.starved, other.starved),
        stopped=one.stopped + other.stopped,
        kept_out=one.kept_out + other.kept_out,
        waits=tuple(
            (Counter(dict(one.waits)) + Counter(dict(other.waits))).most_common()
        ),
        held_up=max(one.held_up, other.held_up),
        held_up_for=max(one.held_up_for, other.held_up_for),
        count=one.count + other.count,
        advice=one.advice or other.advice,
    )
