"""The samples of a long step: which lie in a call, which show one place, its waits."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from pytest_asyncbench._judging.blame import Blame, blame
from pytest_asyncbench._words.seen import BlockingCall, Collection, Sample, Wait

__all__ = ["alike", "lies_in", "waits"]

_ONE_CALL = 0.8
"""The part of a busy function's samples that must show one call to blame that call."""


def lies_in(at: float, what: BlockingCall | Collection) -> bool:
    """Tell whether a moment is one of those that a call or a collection took."""
    return what.began <= at <= what.began + what.seconds


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
