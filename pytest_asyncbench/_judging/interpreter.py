"""What a call did with the interpreter, and so whether a thread would help.

*Problem*: who moves a call that keeps the interpreter into a thread waits as before.
*What does not work*: a list of such calls, since it is never whole, and they differ
from version to version. *What we do*: ask the watchdog's own thread, which wanted the
interpreter at intervals while the call lasted. *What still fails*: a call that was
looked at too seldom, or beside other threads at work: of it nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_asyncbench._words.decided import Finding, Holds
from pytest_asyncbench._words.medians import median_low
from pytest_asyncbench._words.seen import IN_VAIN, LoopStall, Sample, Turn
from pytest_asyncbench._words.units import seconds

__all__ = ["IN_A_THREAD", "advised", "seen_of"]

_THROUGHOUT = 0.8
"""Who keeps others out for this part of the time keeps them out."""
_NOW_AND_THEN = 0.2
"""Who makes others wait at no more than this part of their turns, and for no more than
this part of the time, lets go."""
_BRIEF = 0.001
"""Who is let in after less than this, in seconds, was not kept waiting: sqlite3 lets go
at each row, and has the interpreter at nearly each moment all the same."""
_LONG = 0.02
"""A wait that is shorter than this, in seconds, tells nothing of a whole call."""
_ENOUGH = 3
"""So many turns must there be to say that a call lets go, or shares."""

_PROCESS = "a process (`ProcessPoolExecutor`, from 3.14 also `InterpreterPoolExecutor`)"
_PIECES = "pieces with `await asyncio.sleep(0)` between them"
_KEPT = (
    f"{_PROCESS}: it keeps the interpreter, and would hold up the loop from a thread, "
    "too"
)
IN_A_THREAD = (
    f"{_PROCESS}, or smaller pieces: it keeps the interpreter, and holds up the loop "
    "from a thread as well"
)
"""What to do about a call that keeps a loop waiting from another thread."""
_BUSY = (
    "split the work up with `await asyncio.sleep(0)`, or `await asyncio.to_thread(...)`"
    " where it lets go of the interpreter (docs/threads.md)"
)
_WAITING = "an async version of this call, or `await asyncio.to_thread(...)`"


def seen_of(stall: LoopStall | None, samples: Sequence[Sample]) -> Holds | None:
    """Tell what that did with the interpreter which some samples show, if known."""
    if stall is None:
        return None
    told = [one for one in samples if one.turn is not None]
    turns = [one.turn for one in told if one.turn is not None]
    lengths = [turn.at - max(stall.began, turn.since) for turn in turns]
    longest = max(lengths, default=0.0)
    waited = [
        n for turn, n in zip(turns, lengths, strict=True) if turn.waited and n > _BRIEF
    ]
    spent = _spent(stall, samples)
    seldom = len(waited) <= _NOW_AND_THEN * len(turns)
    if seldom and sum(waited) <= _NOW_AND_THEN * spent:
        # Who was late all the same lacked a processor.
        enough = len(turns) >= _ENOUGH
        return Holds(way="lets go", longest=longest) if enough else None
    if _may_be_of_others(stall, spent) or not _explained(turns, longest, lengths):
        return None
    # Who has no processor keeps the interpreter as well, and would have given it up.
    starved = stall.starved or 0.0
    of_its_own = longest - starved
    if longest >= max(_LONG, _THROUGHOUT * spent):
        is_sure = of_its_own >= _THROUGHOUT * (spent - starved)
        if not is_sure:
            is_sure = _worked_throughout(stall, samples, told[lengths.index(longest)])
        return Holds(way="keeps", longest=longest) if is_sure else None
    if len(turns) < _ENOUGH:
        return None
    return Holds(way="shares", longest=max(of_its_own, median_low(lengths)))


def _worked_throughout(
    stall: LoopStall, samples: Sequence[Sample], longest: Sample
) -> bool:
    """Tell whether nearly all of the work was done while somebody asked in vain.

    However long it lacked a processor: who shares the interpreter gives it up as soon
    as it works again.
    """
    worked = {
        one.at: min(one.worked, one.at - stall.began)
        for one in samples
        if one.worked is not None
    }
    if len(worked) < len(samples):
        return False
    return worked[longest.at] >= max(_LONG, _THROUGHOUT * sum(worked.values()))


def _explained(turns: Sequence[Turn], longest: float, lengths: Sequence[float]) -> bool:
    """Tell whether it is known that the longest turn was kept waiting by somebody."""
    asked = turns[lengths.index(longest)].asked
    return longest < _LONG or asked >= IN_VAIN * longest


def _spent(stall: LoopStall, samples: Sequence[Sample]) -> float:
    """Give the time that these samples stand for: each for that since the one before.

    What was before the first look of the step is not known, and is left out.
    """
    before: dict[float, float] = {}
    last = None
    for sample in stall.samples:
        first = sample.at if sample.turn is None else sample.turn.since
        before[sample.at] = max(stall.began, first) if last is None else last
        last = sample.at
    return sum(one.at - before.get(one.at, one.at) for one in samples)


def _may_be_of_others(stall: LoopStall, spent: float) -> bool:
    """Tell whether another thread may have kept the interpreter from both."""
    most = _NOW_AND_THEN * spent
    return stall.others is None or stall.others > most or stall.kept_out > most


def advised(found: Finding, *, worked: bool) -> str:
    """Say what to do about a stall, by what was seen of it."""
    held = found.holds
    keeps = held is not None and held.way == "keeps"
    if found.advice:
        # Where a rule's advice is a thread, it knows less than what was seen.
        is_wrong = keeps and "thread" in found.advice
        return f"{found.advice}; or {_KEPT}" if is_wrong else found.advice
    if not worked:
        return f"an async version of this call, or {_KEPT}" if keeps else _WAITING
    if held is None:
        return _BUSY
    if held.way == "keeps":
        return f"{_PIECES}, or {_KEPT}"
    if held.way == "lets go":
        return "`await asyncio.to_thread(...)`: it lets go of the interpreter"
    longest = seconds(held.longest)
    return (
        f"{_PIECES}, or {_PROCESS}: in a thread it would share the interpreter with "
        f"the loop, and keep it for up to {longest} at a time"
    )
