"""What `concurrently` gives back: the results, and what is known of the run."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar, overload

from pytest_asyncbench._judging.accounting import peak
from pytest_asyncbench._reports.timeline import timeline
from pytest_asyncbench._words.decided import Comparison, Finding, PathLink, TaskTrace
from pytest_asyncbench._words.errors import UnmeasuredError
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.seen import Elapsed
from pytest_asyncbench._words.units import seconds

__all__ = ["Run"]


T = TypeVar("T", covariant=True)


class Run(Sequence[T]):
    """A sequence of results in the order given; ``print(run)`` draws its timeline.

    Attributes:
        wall: real elapsed seconds.
        order: positions in the order in which the coroutines ended.
        starved: seconds the loop was kept off the processor, None if unknown.
        virtual: seconds it took in virtual time, None for a test in real time.
            The speedup is that of the time which the test lives in.
    """

    def __init__(
        self,
        results: Sequence[T],
        *,
        names: Sequence[str],
        order: Sequence[int],
        comparison: Callable[[], Comparison],
        blocking: Callable[[], tuple[Finding, ...]] = tuple,
        elapsed: Elapsed,
        path: Callable[[], tuple[PathLink, ...]] = tuple,
        limit: int | None = None,
    ) -> None:
        self._results = tuple(results)
        self._names = tuple(names)
        self._path = path
        self._limit = limit
        self._compare = comparison
        self._find = blocking
        self.order = tuple(order)
        self.wall = elapsed.wall
        self.virtual = elapsed.virtual
        self.starved = elapsed.starved

    @functools.cached_property
    def _comparison(self) -> Comparison:
        return self._compare()

    @property
    def serial(self) -> float:
        """Seconds the same coroutines would take, or took, one after another.

        Not a number where the loop can't be followed (uvloop). It and what follows from
        it are worked out when they are asked for, as of the end of the run.
        """
        return self._comparison.serial

    @property
    def speedup(self) -> float:
        """Serial over wall, less what is forgiven of that.

        1.0 where nothing took any time.
        """
        speedup = self._comparison.speedup
        return 1.0 if speedup is None else speedup

    @functools.cached_property
    def tasks(self) -> tuple[TaskTrace, ...]:
        """One for each coroutine: when it ran, and what it did with its time.

        Empty where the loop can't be followed (uvloop).
        """
        return tuple(self._comparison.tasks)

    @property
    def peak(self) -> int:
        """The most coroutines that were in flight at one moment.

        Raises:
            UnmeasuredError: the loop can't be followed (uvloop). A number would keep
                any promise that it stays below one.
        """
        if not self.tasks:
            raise UnmeasuredError("peak can't be told: the tasks were not followed")
        most = peak(self.tasks)
        # Tasks that follow each other at one virtual moment seem to overlap.
        return most if self._limit is None else min(most, self._limit)

    @functools.cached_property
    def blocking(self) -> tuple[Finding, ...]:
        """The places that blocked the loop while it ran."""
        return self._find()

    @functools.cached_property
    def critical_path(self) -> tuple[PathLink, ...]:
        """The chain of steps and waits that its end stood on, first to last.

        Each link has `task`, `kind` (``"running"``, ``"waiting"``, ``"queued"``),
        `seconds`, `place`, and of a wait `awaited` and `by`. It is worked out when it
        is asked for, of a run in real time whose loop can be followed; else it is
        empty.
        """
        return self._path()

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, key: int | str) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[T, ...]: ...
    def __getitem__(self, key: int | str | slice) -> T | tuple[T, ...]:
        if isinstance(key, str):
            try:
                return self._results[self._names.index(key)]
            except ValueError:
                known = ", ".join(self._names)
                raise KeyError(f"{key!r}; names are: {known}") from None
        return self._results[key]

    def __repr__(self) -> str:
        parts = [f"wall {seconds(self.wall)}{self._less()}"]
        if self.virtual is not None:
            parts.append(f"virtual {seconds(self.virtual)}")
        if not math.isnan(self.serial):
            parts += [f"serial {seconds(self.serial)}", f"speedup {self.speedup:.2f}"]
        return f"<Run of {len(self)}: {', '.join(parts)}>"

    def _less(self) -> str:
        """Say what is taken off wall, where the figures would not agree without."""
        compared, told = self._comparison, f"{self.speedup:.2f}"
        if not compared.forgiven or f"{compared.serial / self.wall:.2f}" == told:
            return ""
        return f" ({seconds(compared.forgiven)} of it forgiven)"

    def __str__(self) -> str:
        # It is printed: to a stream that takes no line of ours, where it is so.
        return printable("\n".join([repr(self), *timeline(self.tasks)]), sys.stdout)
