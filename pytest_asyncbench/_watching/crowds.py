"""How many threads were at work while a loop waited for its turn at the interpreter.

*Problem*: each of many threads gives the interpreter up when it is asked, and the loop
waits for all of them in turn. *What does not work*: to read their accounts around each
of the loop's polls, which would make every poll dear. *What we do*: the loop notes when
it came late, which it knows anyway, and the watchdog, which waits in the same queue,
reads the accounts around each of its sleeps, and notes who worked in those after which
it was kept out. *What still fails*: of a turn that came late while the watchdog slept
nothing is known.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator

from pytest_asyncbench._words.seen import Crowd
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Crowds", "Round"]

_MOST = 4096
"""Of so many turns of a test it is told how late they were."""

_WITNESSED = 0.5
"""For this part of a late turn the watchdog must have been a witness."""


class Round(NamedTuple):
    """A sleep of the watchdog's after which it was kept from the interpreter."""

    began: float
    ended: float
    worked: dict[int, float]
    """The processor time of each thread that Python knows, by ident."""
    unknown: float
    """That of all others, which may have had the interpreter as well."""


class _Late(NamedTuple):
    began: float
    ended: float
    loops: Collection[int]
    """The threads that ran loops then."""


class Crowds:
    """Put the turns that came late beside who worked meanwhile.

    Args:
        turn: how long a thread must have worked to have had a turn, in seconds.
    """

    def __init__(self, turn: float) -> None:
        self._turn = turn
        self.late: list[_Late] = []
        """Added to by the threads of loops."""
        self._rounds: list[Round] = []
        """Added to by the watchdog's thread, one after the other in time."""
        self.on_full: Callable[[], object] = lambda: None
        """Called in a loop's thread that would add a turn where there is no room."""

    def came_late(self, began: float, ended: float, loops: Collection[int]) -> None:
        """Take down that a loop could run from a moment on, and did from another on."""
        if max(len(self.late), len(self._rounds)) >= _MOST:
            self.on_full()
        if len(self.late) < _MOST:
            self.late.append(_Late(began, ended, loops))

    def kept_out(self, one: Round) -> None:
        """Take down who worked while the watchdog was kept out; in its thread."""
        if len(self._rounds) < _MOST:
            self._rounds.append(one)

    def forget(self) -> None:
        """Drop all that is known so far."""
        self.late.clear()
        self._rounds.clear()

    def told(self) -> Iterator[Crowd]:
        """Tell of each turn that came late, as far as there was a witness."""
        rounds = [*self._rounds]
        ends = [one.ended for one in rounds]
        begins = [one.began for one in rounds]
        for late in [*self.late]:
            first = bisect_right(ends, late.began)
            within = rounds[first : bisect_left(begins, late.ended)]
            if within and _witnessed(late, within) >= _WITNESSED:
                yield self._crowd(late, within)

    def _crowd(self, late: _Late, rounds: list[Round]) -> Crowd:
        worked: dict[int, float] = {}
        for one in rounds:
            for thread, seconds in one.worked.items():
                if thread not in late.loops:
                    worked[thread] = worked.get(thread, 0.0) + seconds
        lasted = sum(one.ended - one.began for one in rounds)
        return Crowd(
            began=late.began,
            seconds=late.ended - late.began,
            threads=sum(seconds >= self._turn for seconds in worked.values()),
            share=sum(worked.values()) / lasted,
            most=max(worked.values(), default=0.0) / lasted,
            unknown=sum(one.unknown for one in rounds) / lasted,
        )


def _witnessed(late: _Late, rounds: list[Round]) -> float:
    seconds = sum(
        max(0.0, min(one.ended, late.ended) - max(one.began, late.began))
        for one in rounds
    )
    return seconds / (late.ended - late.began)
