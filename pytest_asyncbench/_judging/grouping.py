"""The samples of a long step: what each stands for, which show one place, its waits."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_asyncbench._judging.blame import Blame, blame
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.seen import (
    IN_VAIN,
    BlockingCall,
    Collection,
    LoopStall,
    Sample,
    Wait,
)

__all__ = ["alike", "lies_in", "parts", "waits"]

_ONE_CALL = 0.8
"""The part of a busy function's samples that must show one call to blame that call."""


def lies_in(at: float, what: BlockingCall | Collection) -> bool:
    """Tell whether a moment is one of those that a call or a collection took."""
    return what.began <= at <= what.began + what.seconds


def parts(stall: LoopStall) -> dict[float, float]:
    """Tell for which part of a step each sample stands, by its moment.

    A call that keeps the interpreter is seen at its end, and was at work for as long as
    that was asked for in vain. Besides, one sample stands for as much as another: who
    looked late for want of a processor can't tell what ran before.
    """
    before = [stall.began, *(sample.at for sample in stall.samples)]
    asked = [
        max(0.0, sample.at - max(since, _asked_since(sample)))
        for sample, since in zip(stall.samples, before, strict=False)
    ]
    rest = [
        max(0.0, sample.at - since - kept)
        for sample, since, kept in zip(stall.samples, before, asked, strict=False)
    ]
    usual = median_low([free for free in rest if free > 0.0] or [0.0])
    spans = [kept + min(usual, free) for kept, free in zip(asked, rest, strict=True)]
    if not any(spans):
        spans = [1.0] * len(spans)
    whole = sum(spans)
    return {
        sample.at: span / whole
        for sample, span in zip(stall.samples, spans, strict=True)
    }


def _asked_since(sample: Sample) -> float:
    """Tell from when on the interpreter was asked for in vain."""
    turn = sample.turn
    if turn is None or turn.asked < IN_VAIN * (turn.at - turn.since):
        return sample.at
    return turn.since


def alike(samples: Iterable[Sample], scope: Sequence[str]) -> Iterator[list[Sample]]:
    """Group samples by who is to blame, each group led by its most telling one."""
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
        telling = _commonest(group)
        yield [telling, *(sample for sample, _ in group if sample.at != telling.at)]


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


def waits(samples: Sequence[Sample]) -> tuple[tuple[Wait, int], ...]:
    """Count what the samples waited for, if half of them or more waited at all."""
    # Who works may be met in a short wait now and then, which explains nothing.
    seen = Counter(sample.wait for sample in samples if sample.wait is not None)
    return tuple(seen.most_common()) if 2 * sum(seen.values()) >= len(samples) else ()
