"""Many threads that take turns at the interpreter → one fact of the test, no finding.

None of them keeps it for long, so nobody is to blame: a loop comes late by as many
switch intervals as there are threads before it in the queue, or by more where others
are let in first. It is told, and fails nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._judging.acceptance import Acceptances
from pytest_asyncbench._judging.kept import OTHERS
from pytest_asyncbench._words.decided import TookTurns
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import AcceptedSpan, Crowd

__all__ = ["took_turns"]

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
    late = [
        one for one in crowds if _in_turn(one) and not acceptances.is_paused(one.began)
    ]
    most = max((one.seconds for one in late), default=0.0)
    if len(late) < _OFTEN or most < _LONG:
        return None
    return TookTurns(
        threads=max(one.threads for one in late),
        least=min(one.seconds for one in late),
        most=most,
        count=len(late),
    )


def _in_turn(crowd: Crowd) -> bool:
    is_one_alone = crowd.share - crowd.most <= OTHERS * crowd.most
    return (
        crowd.threads >= _SEVERAL
        and not is_one_alone
        and _BUSY <= crowd.share <= _ONE_AT_A_TIME
        and crowd.unknown <= _STRANGERS
    )
