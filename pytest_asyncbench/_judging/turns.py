"""Many threads that take turns at the interpreter → one fact of the test, no finding.

None of them keeps it for long, so nobody is to blame: a loop comes late by as many
switch intervals as there are threads before it in the queue, or by more where others
are let in first. It is told, and fails nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pytest_asyncbench._judging.acceptance import Acceptances
from pytest_asyncbench._judging.kept import OTHERS
from pytest_asyncbench._words.decided import TookTurns
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import AcceptedSpan, Crowd

__all__ = ["NONE", "took_turns", "turns_of", "worth_telling"]

NONE = TookTurns(threads=0, least=math.inf, most=0.0, count=0)
"""What there is to tell where no thread took turns with another."""

_SEVERAL = 2
_OFTEN = 3
"""What happened less often than this is chance: it is in the nature of threads that
take turns to do it again."""
_LONG = 0.01
"""Where none came later than this, in seconds, it is not worth a line."""
_BUSY = 0.75
"""For this part of the time somebody must have been at work: else a thread that had the
interpreter lacked a processor, and that is the machine's."""
_ONE_AT_A_TIME = 1.25
"""Threads that worked more than this in all did so at once, and not in turn."""
_STRANGERS = 0.1
"""For this part of the time threads may have worked of which Python knows nothing."""


def took_turns(
    policy: Policy, crowds: Sequence[Crowd], accepted: Sequence[AcceptedSpan]
) -> TookTurns | None:
    """Tell how late a loop came as threads took turns; None where none did."""
    if policy.blocking == "off":
        return None
    acceptances = Acceptances(policy, accepted)
    turns = turns_of(one for one in crowds if not acceptances.is_paused(one.began))
    return turns if worth_telling(turns) else None


def turns_of(crowds: Iterable[Crowd], before: TookTurns = NONE) -> TookTurns:
    """Add up the turns that came late as threads took turns, to those `before`."""
    late = [one for one in crowds if _in_turn(one)]
    return TookTurns(
        threads=max((before.threads, *(one.threads for one in late))),
        least=min((before.least, *(one.seconds for one in late))),
        most=max((before.most, *(one.seconds for one in late))),
        count=before.count + len(late),
    )


def worth_telling(turns: TookTurns) -> bool:
    """Tell whether they are no chance, and made a loop late enough."""
    return turns.count >= _OFTEN and turns.most >= _LONG


def _in_turn(crowd: Crowd) -> bool:
    is_one_alone = crowd.share - crowd.most <= OTHERS * crowd.most
    return (
        crowd.threads >= _SEVERAL
        and not is_one_alone
        and _BUSY <= crowd.share <= _ONE_AT_A_TIME
        and crowd.unknown <= _STRANGERS
    )
