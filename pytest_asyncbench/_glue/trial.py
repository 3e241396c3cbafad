"""The trial of one watched test: its phases, and the verdict on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pytest_asyncbench._glue.phases import Call, SetUp, Teardown
from pytest_asyncbench._glue.watched import Watched
from pytest_asyncbench._words.decided import Verdict, Violation
from pytest_asyncbench._words.errors import ConcurrencyError

__all__ = ["Trial"]

_GROUPS = ("ExceptionGroup", "BaseExceptionGroup")
"""By name: Python 3.10 has them from a library."""


class Trial:
    """A watched test, with what is found of each of its phases."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.set_up = SetUp(watched)
        self.call = Call(watched)
        self.teardown = Teardown(watched)
        self.of_parts: tuple[Violation, ...] = ()
        """What parts of the call have broken that it ended with."""

    def ends_with(self, own: BaseException | None) -> None:
        """Hear what the call ended with, which may be a part's broken promise.

        One that the test has caught is no failure, and none of its record.
        """
        broken = self.watched.broken_parts
        self.of_parts = tuple(
            each for error in _leaves(own) for each in broken.get(error, ())
        )

    def has_news(self) -> bool:
        """Tell whether the teardown is to be judged; of most, all was seen before."""
        first = self.call.verdict or self.set_up.of_no_call
        if first is None:
            return False
        if self.teardown.within is not None or self.watched.has_seen_more():
            return True
        return len(self.watched.watch.problems) != len(first.problems)

    def verdict(self) -> Verdict | None:
        """Give the verdict on the call, with what came to light after it.

        Where the set-up has failed it is the verdict on that. None before either.
        """
        first = self.call.verdict or self.set_up.of_no_call
        after = self.teardown.verdict
        problems = tuple(self.watched.watch.problems)
        as_it_was = after is None and not self.of_parts
        if first is None or (as_it_was and problems == first.problems):
            return first
        # What its tasks would take one after another nobody knows then.
        cut = self.watched.cut and any(each.kind == "wall" for each in self.of_parts)
        cut = cut and first.comparison is not None
        return replace(
            first,
            comparison=None if cut else first.comparison,
            cut_short=first.cut_short or cut,
            findings=(*first.findings, *(after.findings if after else ())),
            died=(*first.died, *(after.died if after else ())),
            overrun=first.overrun or (after.overrun if after else None),
            violations=(
                *self.of_parts,
                *first.violations,
                *(after.violations if after else ()),
            ),
            near_stalls=(*first.near_stalls, *(after.near_stalls if after else ())),
            # How the instruments ended is known only at the end.
            problems=problems,
        )


def _leaves(error: BaseException | None) -> Iterator[ConcurrencyError]:
    """Give an error if it is one of ours, or those of ours that a group holds."""
    if isinstance(error, ConcurrencyError):
        yield error
    elif type(error).__name__ in _GROUPS:
        for each in getattr(error, "exceptions", ()):
            yield from _leaves(each)
