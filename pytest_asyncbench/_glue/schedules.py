"""The tests of a run that are tried under schedules, and what their reports say of it.

What a search takes is brought in where a test asks for one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.around import Shield, around, say
from pytest_asyncbench._glue.failures import add_note
from pytest_asyncbench._glue.fixtures import TRIAL
from pytest_asyncbench._glue.outcome import Outcome
from pytest_asyncbench._glue.telling import give_words
from pytest_asyncbench._glue.timelines import with_courses
from pytest_asyncbench._policy.replaying import replay_of, text_of
from pytest_asyncbench._reports.schedules import (
    cancelled_lines,
    failing_lines,
    leak_lines,
    unrepeatable_lines,
    unswept_lines,
    unused_lines,
)
from pytest_asyncbench._words.errors import (
    CancellationError,
    ConcurrencyError,
    PolicyError,
    UnmeasuredError,
    UnmeasuredWarning,
)
from pytest_asyncbench._words.explored import Explored
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.promised import MARKER
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench._words.schedules import Schedule, Scheduled
from pytest_asyncbench._words.undo import Undo, nothing

if TYPE_CHECKING:
    from pytest_asyncbench._glue.exploring import Exploring
    from pytest_asyncbench._glue.trial import Trial

__all__ = ["Schedules", "keep_replays"]

_EndCall = Callable[[pytest.Item, "Trial", BaseException | None], BaseException | None]

_EXPLORING: pytest.StashKey[Exploring] = pytest.StashKey()

_KEPT = "asyncbench/schedules"
"""Under which pytest's cache knows the failing schedule of each test."""


def keep_replays(config: pytest.Config, tests: Mapping[str, Scheduled]) -> None:
    """Have the next run try the failing schedules of this one first."""
    cache = getattr(config, "cache", None)
    if cache is None or not tests:
        return
    known = cache.get(_KEPT, {})
    before = known if isinstance(known, dict) else {}
    after = {name: text for name, text in before.items() if name not in tests}
    for name, scheduled in tests.items():
        if scheduled.replay is not None:
            after[name] = scheduled.replay
    if after != before:
        cache.set(_KEPT, after)


class Schedules:
    """Tries tests under schedules, those first under which they failed before."""

    def __init__(self, config: pytest.Config, end_call: _EndCall) -> None:
        self._config = config
        self._end_call = end_call
        self._kept: dict[str, str] | None = None

    def begin(self, item: pytest.Item, trial: Trial) -> Undo:
        """Have a test's call be its first run, if it is to be run under schedules."""
        if not trial.watched.policy.runs_again:
            return nothing
        from pytest_asyncbench._glue.exploring import Exploring

        exploring = Exploring(item, trial, self._known(item.nodeid))
        item.stash[_EXPLORING] = exploring
        return exploring.begin()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """End the call of such a test in here, where output is captured.

        What runs it, times it or listens to it stands around all of its runs.
        """
        __tracebackhide__ = True
        yield from around(partial(self._called, item))

    def _called(
        self, item: pytest.Item, raised: BaseException | None
    ) -> BaseException | None:
        if _EXPLORING not in item.stash:
            return raised
        return self._end_call(item, item.stash[TRIAL], raised)

    def _known(self, nodeid: str) -> Schedule | None:
        """Give the schedule under which a test failed the last time."""
        if self._kept is None:
            cache = getattr(self._config, "cache", None)
            kept = cache.get(_KEPT, {}) if cache is not None else {}
            self._kept = kept if isinstance(kept, dict) else {}
        text = self._kept.get(nodeid)
        try:
            return None if text is None else replay_of(text).schedule
        except PolicyError:
            return None  # written by another version

    def explored(
        self,
        item: pytest.Item,
        trial: Trial,
        ended: BaseException | None,
    ) -> BaseException | None:
        """Run a test under further schedules, if it has passed; give what it ends with.

        Args:
            item: the test.
            trial: its trial, whose call is judged.
            ended: what the call ends with.
        """
        exploring = item.stash.get(_EXPLORING, None)
        if exploring is None:
            return ended
        del item.stash[_EXPLORING]
        if trial.watched.policy.replay is not None:
            return self._replayed(item, trial, exploring, ended)
        ended = self._tried(item, trial, exploring, ended)
        verdict, leaks = trial.call.verdict, exploring.leaks
        if leaks and verdict is not None:
            verdict = trial.call.verdict = replace(verdict, leaks=leaks)
            say(item, "call", leak_lines(record_of(verdict).leaks))
        return ended

    def _tried(
        self,
        item: pytest.Item,
        trial: Trial,
        exploring: Exploring,
        ended: BaseException | None,
    ) -> BaseException | None:
        """Run a test as often as it asks for; give what it ends with."""
        policy = trial.watched.policy
        if ended is not None:
            if policy.tries_schedules:
                self._put(trial, Scheduled(runs=1))
            return ended
        if exploring.refused is not None:
            return self._untold(item, trial, exploring.refused)
        if policy.cancellations is not None:
            ended = self._swept(item, trial, exploring)
            ended = ended or _torn_down_with(item, trial, exploring.own)
        if ended is not None or not policy.tries_schedules:
            return ended
        if policy.schedules == 1:
            self._put(trial, Scheduled(runs=1))
            return None
        found: Explored | None = None
        with Shield(item, "call", "could not run it under schedules"):
            found = exploring.explore()
            self._put(trial, _scheduled(item, found))
            self._put_courses(trial, found)
        if found is None or exploring.own is not None:
            return _torn_down_with(item, trial, exploring.own)
        if found.problem is not None:
            lines = unrepeatable_lines(found.problem, found.runs)
            return self._untold(item, trial, UnmeasuredError("\n".join(lines)))
        if found.failure is None:
            return None
        return _said(item, trial, found.failure, found, policy.schedules)

    def _swept(
        self, item: pytest.Item, trial: Trial, exploring: Exploring
    ) -> BaseException | None:
        """Cancel a test's tasks at each of their awaits; give what it fails with."""
        with Shield(item, "call", "could not cancel its tasks"):
            try:
                swept, found = exploring.sweep()
            except UnmeasuredError as error:
                from pytest_asyncbench._running import NoSuchTaskError  # by now loaded

                misnamed = isinstance(error, NoSuchTaskError)
                text = "\n".join(unswept_lines(str(error), misnamed=misnamed))
                return self._untold(item, trial, UnmeasuredError(text))
            if trial.call.verdict is not None:
                verdict = replace(trial.call.verdict, cancellations=swept)
                trial.call.verdict = verdict
            if found:
                text = "\n".join(cancelled_lines(swept, found))
                return _shown(item, trial, CancellationError(text), "")
        return None

    def _replayed(
        self,
        item: pytest.Item,
        trial: Trial,
        exploring: Exploring,
        ended: BaseException | None,
    ) -> BaseException | None:
        found = exploring.replayed(ended)
        scheduled = _scheduled(item, found)
        self._put(trial, scheduled)
        with Shield(item, "call", "could not tell of its steps"):
            self._put_courses(trial, found)
        if ended is None:
            say(item, "call", unused_lines(found))
            return None
        return _said(item, trial, ended, found, None)

    def _put(self, trial: Trial, scheduled: Scheduled) -> None:
        if trial.call.verdict is not None:
            trial.call.verdict = replace(trial.call.verdict, schedules=scheduled)

    def _put_courses(self, trial: Trial, found: Explored) -> None:
        room = trial.watched.timelines
        verdict = trial.call.verdict
        if found.failure is not None and room is not None and verdict is not None:
            trial.call.verdict = with_courses(verdict, found, room)

    def _untold(
        self, item: pytest.Item, trial: Trial, error: UnmeasuredError
    ) -> BaseException | None:
        """Fail a test that asked for schedules by itself; warn of one that did not."""
        sources = trial.watched.policy.sources
        if MARKER in (sources.get("schedules"), sources.get("cancellations")):
            return _shown(item, trial, error, "")
        item.warn(UnmeasuredWarning(str(error)))
        return None


def _scheduled(item: pytest.Item, found: Explored) -> Scheduled:
    failed = found.failure is not None or found.found_at is not None
    return Scheduled(
        runs=found.runs,
        found_at=found.found_at,
        seen_all=found.seen_all,
        out_of_time=found.out_of_time,
        undivided=found.undivided,
        deviations=found.deviations,
        replay=text_of(item.nodeid, found.schedule)
        if failed and found.schedule is not None
        else None,
    )


def _said(
    item: pytest.Item,
    trial: Trial,
    error: BaseException,
    found: Explored,
    asked: int | None,
) -> BaseException:
    """Have a failure say under which schedule it came; it stands, whatever is said."""
    text = ""
    with Shield(item, "call", "could not tell of the schedule"):
        text = "\n".join(failing_lines(_scheduled(item, found), asked, found))
    return _shown(item, trial, error, text)


def _torn_down_with(
    item: pytest.Item, trial: Trial, own: BaseException | None
) -> BaseException | None:
    """Give what the tear-down of the first run has failed with, which is the test's."""
    return _shown(item, trial, own, "") if isinstance(own, ConcurrencyError) else own


def _shown(
    item: pytest.Item, trial: Trial, error: BaseException, text: str
) -> BaseException:
    verdict = trial.call.verdict
    if not isinstance(error, ConcurrencyError) or verdict is None:
        add_note(error, printable(f"\n{text}", sys.__stdout__))
        return error
    whole = f"{error}\n{text}" if text else str(error)
    give_words(item, "call", verdict, Outcome(error=error, ours=True, text=whole))
    return error
