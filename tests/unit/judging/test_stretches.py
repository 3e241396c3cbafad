"""Which moments lie in which stretches, and that nobody tries all of them."""

from __future__ import annotations

import dataclasses

from by_hand import call, observations, samples, stall, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._judging.stretches import Moments, Stretches
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import AcceptedSpan

SPANS = [(4.0, 5.0), (0.0, 9.0), (1.0, 2.0), (4.5, 4.5), (11.0, 12.0), (14.0, 13.0)]
TIMES = [n / 4 for n in range(-4, 60)]


def counted(operator):
    """Give an operator of float's that counts how often it is used."""

    def compare(moment, other):
        Counted.compared += 1
        return operator(moment, other)

    return compare


class Counted(float):
    """A moment that counts how often one is compared with another."""

    compared = 0
    __lt__, __le__ = counted(float.__lt__), counted(float.__le__)
    __gt__, __ge__ = counted(float.__gt__), counted(float.__ge__)


def lies_in(at, span):
    return span[0] <= at <= span[1]


def test_a_moment_is_covered_as_if_each_stretch_had_been_tried():
    """Also by a long one that began before many short ones, and at either end."""
    covered = [at for at in TIMES if Stretches(SPANS).cover(at)]
    assert covered == [at for at in TIMES if any(lies_in(at, one) for one in SPANS)]
    assert not Stretches([]).cover(0.0)


def test_the_first_stretch_is_the_first_that_was_given():
    """Not the first that began: who speaks first is heard."""
    for at in TIMES:
        tried = [number for number, one in enumerate(SPANS) if lies_in(at, one)]
        assert Stretches(SPANS).first(at) == (tried[0] if tried else None)


def test_moments_within_a_stretch_come_in_the_order_given():
    """Where two waits were seen equally often, the first that was seen leads."""
    times = [5.0, 1.0, 4.0, 4.5, 9.0]
    for span in SPANS:
        tried = [number for number, at in enumerate(times) if lies_in(at, span)]
        assert Moments(times).within(span) == tried


def compared_for(count):
    """Judge a step of so many calls and samples; count the comparisons of moments."""
    shown = [
        dataclasses.replace(one, at=Counted(one.at))
        for one in samples(*[(user(call="time.sleep"),)] * count)
    ]
    step = dataclasses.replace(stall(seconds=1.0), samples=tuple(shown))
    calls = [
        call(began=Counted(number / count), seconds=0.4 / count, step=0.0)
        for number in range(count)
    ]
    paused, accepted = (
        [
            AcceptedSpan(
                began=Counted(number / count),
                ended=Counted((number + part) / count),
                reason=reason,
            )
            for number in range(0, count, 2)
        ]
        for reason, part in ((None, 0.1), ("why", 0.2))
    )
    Counted.compared = 0
    seen = observations(calls=calls, stalls=(step,), accepted=(*paused, *accepted))
    assert findings(Policy(), seen)
    return Counted.compared


def test_twice_the_calls_and_samples_are_hardly_more_than_twice_the_work():
    """Each of 80,000 calls was once held against each sample: 31 s for one step."""
    assert compared_for(4_000) <= 2.3 * compared_for(2_000)
