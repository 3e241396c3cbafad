"""The trial of one watched test: its phases, and the verdict on them."""

from __future__ import annotations

from dataclasses import replace

from pytest_asyncbench._glue.phases import Call, SetUp, Teardown
from pytest_asyncbench._glue.watched import Watched
from pytest_asyncbench._words.decided import Verdict

__all__ = ["Trial"]


class Trial:
    """A watched test, with what is found of each of its phases."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.set_up = SetUp(watched)
        self.call = Call(watched)
        self.teardown = Teardown(watched)

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
        if first is None or (after is None and problems == first.problems):
            return first
        return replace(
            first,
            findings=(*first.findings, *(after.findings if after else ())),
            died=(*first.died, *(after.died if after else ())),
            overrun=first.overrun or (after.overrun if after else None),
            violations=(*first.violations, *(after.violations if after else ())),
            near_stalls=(*first.near_stalls, *(after.near_stalls if after else ())),
            # How the instruments ended is known only at the end.
            problems=problems,
        )
