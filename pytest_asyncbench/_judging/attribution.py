"""Stalls and known calls → findings: who blocked the loop, where, for how long.

A blocking call may be seen twice: as a known call, with its exact duration, and in
the samples of a stalled step. The known call is the better witness, so a stall is
charged first to the calls that were recorded inside it, and only what they leave
over to the lines that the samples show.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from pytest_asyncbench._judging.acceptance import (
    Acceptance,
    Acceptances,
    accept,
    of_baseline,
)
from pytest_asyncbench._judging.blame import Blame, blame, in_scope
from pytest_asyncbench._judging.grouping import alike, parts, waits
from pytest_asyncbench._judging.interpreter import IN_A_THREAD, advised, seen_of
from pytest_asyncbench._judging.kept import Work, kept_for, work_of
from pytest_asyncbench._judging.merging import merged, one_call
from pytest_asyncbench._judging.once import IMPORT, begun_by, done_once
from pytest_asyncbench._judging.stretches import Moments, Stretches, ends
from pytest_asyncbench._rules.libraries import instead_of
from pytest_asyncbench._words.decided import GARBAGE, OWN_TURN, Finding
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.seen import (
    LAZY_IMPORT,
    BlockingCall,
    Collection,
    Frame,
    LateTurn,
    LoopStall,
    Observations,
    Stack,
)
from pytest_asyncbench._words.units import NOWHERE
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["findings"]

_WORTH_NAMING = 0.2
"""A line that filled less of a stall than this is named only beyond the threshold."""

_WHOLE = 0.8
"""The part of a stall from which a culprit answers for all of it."""

_COLLECTING = (
    "fewer objects that live on, `gc.freeze()` once all is loaded, or `gc.collect()` "
    "before the loop runs"
)
_FEWER_TIMERS = (
    "fewer timers at once, such as one `asyncio.timeout` around many awaits instead of "
    "one for each"
)
_COLLECT = "gc.collect"
_ASKED_FOR = (
    "`gc.collect()` before the loop runs, or `gc.freeze()` once all is loaded, so that "
    "there is less to look through"
)
_IMPORTING = "the import at the top of a module, or before the loop runs"
_LAZILY = "the name once before the loop runs, or an import that is not lazy"
_REST = ("sleep", "locks", "network", "subprocess")
"""The families of rules whose calls wait, and give up the interpreter meanwhile."""


def findings(
    policy: Policy, seen: Observations, rules: Sequence[Rule] = ()
) -> list[Finding]:
    """Name every place that blocked, the one that cost most first."""
    if not seen.stalls and not seen.calls and not seen.late:
        return []
    found = merged(_Inquiry(policy, seen, rules).findings())
    return [of_baseline(policy, one) for one in found]


def _advice(rule: Rule) -> str:
    # Who has ruff can have the same mistake found before any test runs.
    return f"{rule.advice} (ruff {rule.ruff})" if rule.ruff else rule.advice


def _is_wait(rule: Rule) -> bool:
    """Tell whether a library that makes this call waits for somebody by it."""
    # A context is made once, whatever client it is for.
    of_clients = rule.family in ("network", "locks", "sleep", "subprocess")
    # A file that is open already is the one that logging has.
    of_clients = of_clients or rule.target.startswith("io.")
    return of_clients and not rule.target.startswith(("ssl.SSLContext", "ssl.create"))


class _Place(NamedTuple):
    """What holds for all that was seen on one stack, whenever that was."""

    stack: Stack
    found: Finding | None
    """None where it is nobody's, or out of the scope."""
    accepted: Acceptance | None
    """Why blocking is accepted there."""


class _Inquiry:
    """What must be known to judge each stall and call of one test."""

    def __init__(
        self, policy: Policy, seen: Observations, rules: Sequence[Rule]
    ) -> None:
        self._policy = policy
        self._seen = seen
        self._acceptances = Acceptances(policy, seen.accepted)
        self._advice = {rule.target: _advice(rule) for rule in rules}
        self._advice |= {
            IMPORT: _IMPORTING,
            LAZY_IMPORT: _LAZILY,
            _COLLECT: _ASKED_FOR,
        }
        self._at_rest = {rule.target for rule in rules if rule.family in _REST}
        self._waits = {rule.target for rule in rules if _is_wait(rule)}
        self._places: dict[tuple[int, str | None], _Place] = {}
        """By the id of a stack, which its place keeps alive, and what was called."""

    def findings(self) -> Iterator[Finding]:
        """Go through the steps; a place may come up in several of them."""
        in_step = self._calls_by_step()
        for stall in self._seen.stalls:
            left = stall.seconds - self._acceptances.forgiven(stall)
            if left > self._policy.threshold:
                yield from self._stalled(stall, in_step.pop(stall.began, []))
            yield from self._done_once(stall)
        yield from self._known(chain.from_iterable(in_step.values()))
        for turn in self._seen.late:
            yield from self._kept(turn)

    def _calls_by_step(self) -> dict[float | None, list[BlockingCall]]:
        """Sort the calls by their step; those of several steps are of none."""
        in_step: dict[float | None, list[BlockingCall]] = {}
        for call in self._seen.calls:
            if not self._acceptances.is_paused(call.began):
                step = None if call.earlier else call.step
                in_step.setdefault(step, []).append(call)
        return in_step

    # ------------------------------------------- the parts of a long step

    def _stalled(
        self, stall: LoopStall, calls: Sequence[BlockingCall]
    ) -> list[Finding]:
        """Share a stall out among the calls and lines that filled it."""
        in_a_call = Stretches(chain.from_iterable(call.each for call in calls))
        collections = _less_calls(
            [one for one in stall.collections if not in_a_call.cover(one.began)], calls
        )
        least = min(self._policy.threshold, _WORTH_NAMING * stall.lasted)
        called = self._known(calls, stall)
        known = called + [
            one
            for one in self._collected(collections, stall)
            if one.seconds >= least or not called
        ]
        sampled = self._sampled(stall, calls, sum(one.seconds for one in collections))
        alone = not known and len(sampled) == 1
        named = known + [one for one in sampled if alone or one.seconds >= least]
        if not named and self._is_anybodys(stall, calls):
            return [self._unseen(stall)]
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
            self._acceptances.is_paused(sample.at) or blame(sample.stack)
            for sample in stall.samples
        )

    def _known(
        self, calls: Iterable[BlockingCall], stall: LoopStall | None = None
    ) -> list[Finding]:
        """Give a finding for each place where a known call counts."""
        return [one_call(found) for found in merged(self._each(calls, stall))]

    def _each(
        self, calls: Iterable[BlockingCall], stall: LoopStall | None
    ) -> Iterator[Finding]:
        samples = stall.samples if stall is not None else ()
        taken = Moments([sample.at for sample in samples])
        for call in calls:
            place = self._place(call.stack, call.target)
            if place.found is not None:
                inside = (
                    [samples[n] for span in call.each for n in taken.within(span)]
                    if samples
                    else []
                )
                found = dataclasses.replace(
                    place.found,
                    seconds=call.seconds,
                    held_up=call.held_up,
                    held_up_for=call.held_up_for,
                    waits=waits(inside),
                    holds=seen_of(stall, inside),
                    count=call.count,
                    steps=frozenset((*call.earlier, call.step)),
                    longest=call.seconds_at_most,
                )
                why = self._acceptances.of_moment(call.began) or place.accepted
                yield accept(found, why)

    def _collected(
        self, collections: Iterable[Collection], stall: LoopStall
    ) -> list[Finding]:
        """Give a finding for each place at which the garbage collector ran."""
        found = []
        for one in collections:
            if self._is_nobodys(one.stack, one.began):
                continue
            finding = self._finding(one.stack, one.began, one.seconds, GARBAGE)
            if finding is None:
                continue
            if not one.called:
                finding = _as_garbage(finding)
            found.append(
                accept(finding, self._acceptances.of_collection(one, stall.samples))
            )
        return merged(found)

    def _sampled(
        self, stall: LoopStall, calls: Sequence[BlockingCall], collecting: float
    ) -> list[Finding]:
        """Share what calls and collections left among the places of the samples."""
        # Not one sample, and no known call: the watchdog never got the processor.
        if not stall.samples and not calls and not collecting:
            return [self._unseen(stall)]
        in_a_call = Stretches(chain.from_iterable(call.each for call in calls))
        samples = [
            dataclasses.replace(sample, stack=begun_by(sample.stack))
            if done_once(sample.stack)
            else sample
            for sample in stall.samples
            if not self._is_nobodys(sample.stack, sample.at)
            and not in_a_call.cover(sample.at)
        ]
        left = stall.lasted - self._acceptances.paused_in(stall) - collecting
        left -= sum(call.seconds for call in calls)
        shared = []
        part_of = parts(stall)
        whole = sum(part_of[sample.at] for sample in samples) or 1.0
        turn = [
            sample
            for sample in samples
            if sample.own_turn and blame(sample.stack) is None
        ]
        if turn:
            part = left * sum(part_of[sample.at] for sample in turn) / whole
            shared.append(self._own_turn(turn[0].stack, turn[0].at, part))
        for group in alike(samples, self._policy.scope):
            part = left * sum(part_of[sample.at] for sample in group) / whole
            found = self._finding(group[0].stack, group[0].at, part)
            if found is not None:
                held = seen_of(stall, group)
                shared.append(
                    dataclasses.replace(found, waits=waits(group), holds=held)
                )
        return shared

    def _own_turn(self, stack: Stack, at: float, seconds: float) -> Finding:
        """Name what the loop did by itself, whose it is."""
        place = stack[-1]
        found = Finding(
            kind="call",
            call=OWN_TURN,
            file=place.file,
            line=place.line,
            function=place.function,
            module=place.module,
            sampled=True,
            seconds=seconds,
            advice=_FEWER_TIMERS,
            busy=True,
        )
        why = self._acceptances.of_moment(at)
        return accept(found, why or self._acceptances.of_place(stack, {OWN_TURN}))

    def _is_nobodys(self, stack: Stack, at: float) -> bool:
        """Tell whether what was seen then is not to be charged to anybody."""
        return self._acceptances.is_paused(at) or self._acceptances.forgives(stack)

    def _done_once(self, stall: LoopStall) -> list[Finding]:
        """Give what of a long step is accepted, since a process does it once only."""
        known = [
            (sample, why)
            for sample in stall.samples
            if (why := self._acceptances.of_once(sample.stack)) is not None
            and not self._acceptances.is_paused(sample.at)
        ]
        part_of = parts(stall) if known else {}
        found = []
        for sample, why in known:
            seconds = stall.lasted * part_of[sample.at]
            finding = self._finding(begun_by(sample.stack), sample.at, seconds)
            if finding is not None:
                found.append(accept(finding, why))
        return [
            _as_stall(dataclasses.replace(one, count=1), stall)
            for one in merged(found)
            if one.seconds > self._policy.threshold
        ]

    def _unseen(self, stall: LoopStall) -> Finding:
        """Name the step itself, of which nothing is known."""
        step = stall.task or "a callback"
        source = stall.source or Frame(file=NOWHERE, line=0, function=step)
        return Finding(
            kind="stall",
            call=step,
            file=source.file,
            line=source.line,
            function=source.function,
            module=source.module,
            sampled=True,
            unseen=True,
            seconds=stall.lasted,
            advice=self._advice.get(step, ""),
            step=stall.lasted,
            steps=frozenset({stall.began}),
            working=stall.working,
            blocked=stall.blocked,
            starved=stall.starved,
            stopped=stall.stopped,
            kept_out=stall.kept_out,
            busy=_worked(stall, unknown=False),
        )

    # ----------------------------------------------------- in another thread

    def _kept(self, turn: LateTurn) -> Iterator[Finding]:
        """Name the work for which another thread kept the interpreter."""
        if self._acceptances.is_paused(turn.began):
            return
        kept = kept_for(self._policy, turn)
        work = work_of(turn.keeper, self._at_rest)
        if kept.by_work > self._policy.threshold and work is not None:
            found = self._kept_at(work, turn, kept.by_work)
            if found is not None:
                is_asked = found.call == _COLLECT
                advice = _ASKED_FOR if is_asked else IN_A_THREAD
                yield dataclasses.replace(found, advice=advice)
        if kept.by_collecting > self._policy.threshold:
            yield from self._kept_by_garbage(turn, kept.by_collecting)

    def _kept_by_garbage(self, turn: LateTurn, seconds: float) -> Iterator[Finding]:
        """Name the line in another thread at which the garbage collector ran."""
        longest = max(turn.keeper.collections, key=lambda one: one.seconds)
        met = dataclasses.replace(turn.keeper, stack=longest.stack)
        work = work_of(met, frozenset())
        found = None if work is None else self._kept_at(work, turn, seconds)
        if found is not None:
            why = self._acceptances.of_collection(longest)
            yield accept(_as_garbage(found), why)

    def _kept_at(self, work: Work, turn: LateTurn, seconds: float) -> Finding | None:
        if self._acceptances.forgives(work.stack):
            return None
        found = self._finding(work.stack, turn.began, seconds)
        if found is None:
            return None
        return dataclasses.replace(
            found,
            kind="kept",
            held_up=turn.held_up,
            held_up_for=turn.held_up_for,
            handed=work.handed,
        )

    # ---------------------------------------------------------- one place

    def _finding(
        self, stack: Stack, at: float, seconds: float, target: str | None = None
    ) -> Finding | None:
        """Name the user's place on a stack, if it is anybody's and within the scope."""
        place = self._place(stack, target)
        if place.found is None:
            return None
        found = dataclasses.replace(place.found, seconds=seconds)
        return accept(found, self._acceptances.of_moment(at) or place.accepted)

    def _place(self, stack: Stack, target: str | None) -> _Place:
        """Judge a place, once for all the calls that were made there."""
        key = id(stack), target
        if key not in self._places:
            self._places[key] = self._judged(stack, target)
        return self._places[key]

    def _judged(self, stack: Stack, target: str | None) -> _Place:
        scope = self._policy.scope
        culprit = blame(stack, scope)
        if culprit is None or not in_scope(stack, scope):
            return _Place(stack, None, None)
        call = culprit.call or target or culprit.place.qualified
        found = Finding(
            kind="call",
            call=call,
            file=culprit.place.file,
            line=culprit.place.line,
            function=culprit.place.function,
            module=culprit.place.module,
            sampled=target in (None, GARBAGE),
            seconds=0.0,
            advice=self._advised(culprit, target),
            busy=not (culprit.call or target),
            via=culprit.via,
        )
        calls = {call, target or call}
        return _Place(stack, found, self._acceptances.of_place(stack, calls))

    def _advised(self, culprit: Blame, target: str | None) -> str:
        # The user's own call first: advice for it fits better than for its insides.
        further_in = (frame.qualified for frame in reversed(culprit.via))
        for name in filter(None, (culprit.call, *further_in, target)):
            # A buffer around a socket is no file, and waits for what the socket does.
            if name.startswith("io.") and target and not target.startswith("io."):
                continue
            advice = self._advice.get(name) or self._instead(name, culprit, target)
            if advice:
                return advice
        return ""

    def _instead(self, name: str, culprit: Blame, target: str | None) -> str | None:
        """Tell what to use in the place of a library that waits in `name`."""
        # Of what else takes long in it, it is not known that another one does better.
        is_wait = target in self._waits or (target is None and not culprit.via)
        return instead_of(name) if is_wait else None


def _less_calls(
    collections: Sequence[Collection], calls: Sequence[BlockingCall]
) -> list[Collection]:
    # What a finalizer calls is named by itself.
    spans = [span for call in calls for span in call.each] if collections else []
    begun = Moments([began for began, _ in spans])
    inside = (
        sum(spans[n][1] - spans[n][0] for n in begun.within(ends(one)))
        for one in collections
    )
    return [
        dataclasses.replace(one, seconds=max(0.0, one.seconds - seconds))
        for one, seconds in zip(collections, inside, strict=True)
    ]


def _as_garbage(found: Finding) -> Finding:
    """Give the finding of who met the garbage collector, and did not ask for it."""
    return dataclasses.replace(found, call=GARBAGE, via=(), advice=_COLLECTING)


def _part_of(seconds: float | None, share: float | None) -> float | None:
    return None if seconds is None or share is None else seconds * share


def _as_stall(found: Finding, stall: LoopStall) -> Finding:
    # How the step's time was spent is known of the whole step: it says nothing of a
    # culprit that filled only a part of it. Who filled nearly all has that share of it.
    part = min(1.0, found.seconds / stall.lasted)
    share = part if part >= _WHOLE else None
    return dataclasses.replace(
        found,
        kind="stall",
        step=stall.lasted,
        steps=found.steps or frozenset({stall.began}),
        held_up=max(found.held_up, stall.held_up),
        held_up_for=max(found.held_up_for, stall.held_up_for),
        working=_part_of(stall.working, share),
        blocked=_part_of(stall.blocked, share),
        starved=_part_of(stall.starved, share),
        stopped=_part_of(stall.stopped, share) or 0.0,
        kept_out=_part_of(stall.kept_out, share) or 0.0,
        advice=advised(found, worked=_worked(stall, unknown=found.busy)),
    )


def _worked(stall: LoopStall, *, unknown: bool) -> bool:
    """Tell whether a step rather worked than waited, where the system tells that."""
    if stall.working is None:
        return unknown
    return stall.working > (stall.blocked or 0.0)
