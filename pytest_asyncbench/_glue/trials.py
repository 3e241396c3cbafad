"""The tests that are watched: begin the trial of each, decide it, put all back.

A run loads this with the first test that is to be watched, and the engines with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.around import Shield
from pytest_asyncbench._glue.beside import drop_record, keep_beside
from pytest_asyncbench._glue.fixtures import OURS, TRIAL, fixtures_of
from pytest_asyncbench._glue.late import Late
from pytest_asyncbench._glue.nothing_seen import NothingSeen
from pytest_asyncbench._glue.outcome import outcome
from pytest_asyncbench._glue.phases import Phase
from pytest_asyncbench._glue.plan import Plan
from pytest_asyncbench._glue.properties import RecordWriter
from pytest_asyncbench._glue.relay import Relay
from pytest_asyncbench._glue.schedules import Schedules
from pytest_asyncbench._glue.set_ups import SetUps
from pytest_asyncbench._glue.settings import worker_count
from pytest_asyncbench._glue.telling import (
    give_words,
    refused_warning,
    tell,
    tell_left,
)
from pytest_asyncbench._glue.timelines import Room
from pytest_asyncbench._glue.trial import Trial
from pytest_asyncbench._glue.untold import Untold
from pytest_asyncbench._glue.watched import Watched
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import close_doors
from pytest_asyncbench._watching import defeats
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.promised import Policy, Rule, VirtualTime, When
from pytest_asyncbench._words.undo import Undo, Undos

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Trials"]

_CLOCKS: pytest.StashKey[dict[int | None, VirtualClock]] = pytest.StashKey()
"""Of whom a loop belongs to, by the factory that makes the loop."""


class Trials:
    """The trials of a run, of which mostly one is in progress.

    Args:
        config: where undos go.
        plan: the policies of all tests.
        rules: the table of known blocking calls.
        interception: wraps these.
        untold: what is to be told with the next test that is watched.
        nothing_seen: judges tests.
        writer: writes their records.
    """

    def __init__(
        self,
        config: pytest.Config,
        plan: Plan,
        rules: tuple[Rule, ...],
        interception: Interception,
        untold: Untold,
        nothing_seen: NothingSeen,
        writer: RecordWriter,
    ) -> None:
        self._config = config
        self._plan = plan
        self._rules = rules
        self._interception = interception
        self._untold = untold
        self._nothing_seen = nothing_seen
        self._writer = writer
        self.newest: Trial | None = None
        """Of those below."""
        self._watched: dict[pytest.Item, tuple[Trial, Undos]] = {}
        """The tests that are watched at this moment, and what takes that back: mostly
        one; another plugin may run several at once."""
        config.add_cleanup(close_doors)
        self.relay = Relay()
        config.add_cleanup(self.relay.stop)
        # An interrupt ends the run without the teardown of the test that it hit.
        config.add_cleanup(self._leave_all)
        self._leave_call = Undos()
        """What to step out of at the end of the call that is in progress."""
        self.was_cancelled = False
        """Whether a test was cancelled at its budget; what it left may be in a loop
        that is closed after a later test."""
        self._tried_out = False
        self._schedules = Schedules(config, self.end_call)
        self._set_ups = SetUps(lambda: self.newest)
        self._timelines: Room | None = None
        """For those of all tests, where they are wanted."""

    def draw_timelines(self, tests: int) -> None:
        """Leave room for the timelines of so many tests."""
        self._timelines = Room(tests, worker_count(self._config))

    # -------------------------------------------------------- before a test

    def try_out(self, item: pytest.Item, policy: Policy, when: When) -> None:
        """Before the first test that is to be searched, find out whether that works.

        A test that was watched from its first loop on is over by then.
        """
        if policy.blocking == "off" or self._tried_out:
            return
        self._tried_out = True
        with Shield(item, when, "could not try its detector out"):
            # The watch of a test before, which was not searched, may stand by still.
            self.relay.stop()
            self._untold.of_detector += defeats(SYSTEM_CLOCK, self._interception)

    def watch(self, item: pytest.Item, policy: Policy) -> Trial:
        """Put the instruments around a test."""
        if policy.runs_again:
            self._stand_by(self._schedules)
        if policy.virtual is not None or policy.budget_setup is not None:
            self._stand_by(self._set_ups)
        others = [trial.watched for trial, _ in self._watched.values()]
        asked = [
            (each, its)
            for each in host.items_at_once(item)
            if (its := self._plan.watched(each)) is not None
        ]
        watched = Watched(
            policy,
            self._rules,
            self._interception,
            judge=self._nothing_seen.judge,
            tracing=any(_is_followed(each, its) for each, its in asked),
            virtual=_clock_of(item, policy),
            at_once=tuple(its for _, its in asked),
            beside=others[0] if others else None,
            relay=self.relay,
            timelines=self._timelines,
        )
        with Undos() as leave:
            leave.add(watched.start())
            virtual = policy.virtual is not None
            leave.add(host.suit_hypothesis(item, OURS, virtual=virtual))
            # Only now: a test that half an instrument stands around is not watched.
            trial = self.newest = item.stash[TRIAL] = Trial(watched)
            self._watched[item] = trial, leave
        return trial

    def _stand_by(self, hooks: Schedules | SetUps) -> None:
        """Register hooks with the first test that needs them; most runs have none."""
        plugins = self._config.pluginmanager
        if not plugins.is_registered(hooks):
            plugins.register(hooks, f"asyncbench-{type(hooks).__name__}".lower())

    def watch_late(self, late: Late) -> None:
        """Begin to watch a test that runs a loop after all; in that loop's thread."""
        trial = self.watch(late.item, late.policy)
        if late.phase == "call":
            self._leave_call = Undos()
            self._leave_call.add(trial.call.begin(in_loop=False, began=late.began))
        elif late.phase == "teardown":
            trial.call.verdict = self._nothing_seen.verdict(late.policy, late.wall)

    def _leave_all(self) -> None:
        for item in [*self._watched]:
            self._leave(item)

    def _leave(self, item: pytest.Item) -> None:
        """Take off what stands around a test."""
        _, leave = self._watched.pop(item)
        leave.close()

    # ------------------------------------------------------ its three phases

    def end_set_up(
        self, item: pytest.Item, trial: Trial, raised: BaseException | None
    ) -> BaseException | None:
        """Judge a set-up that fails: no call comes then, at whose end it would be."""
        ended = trial.set_up.end_of(raised)
        # None was seen where the test is only skipped by its marker.
        failed = ended is not None and trial.watched.watch.steps
        if failed or trial.set_up.overran():
            ended = self._decide(item, trial, trial.set_up, ended)
            self._announce(item, trial, trial.set_up)
        return ended

    def begin_call(self, item: pytest.Item, trial: Trial) -> None:
        """Stand inside a test's call."""
        leave, function = Undos(), host.async_function(item)
        self._leave_call = leave
        begun = trial.call.begin(
            in_loop=function is not None, of_examples=host.runs_examples(item)
        )
        leave.add(begun)
        leave.add(self._schedules.begin(item, trial))
        if function is not None:
            leave.add(host.enter(item, function, trial.call.hosted))

    def end_call(
        self, item: pytest.Item, trial: Trial, raised: BaseException | None
    ) -> BaseException | None:
        """Step out of a test and judge its call; give what that is to raise."""
        trial.call.over = True
        with Shield(item, "call", "could not step out of this test"):
            self._leave_call.close()
        own = raised or host.own_failure(item)
        if (ours_instead := trial.call.end_of(own)) is not own:
            host.drop_own_failure(item)
            raised = own = ours_instead
        trial.ends_with(own)
        with trial.watched.judging():
            ended = self._decide(item, trial, trial.call, own)
            judged = trial.call.verdict
            ended = self._schedules.explored(item, trial, ended)
            if trial.call.verdict is not judged:
                with Shield(item, "call", "could not say how its further runs went"):
                    self._put_record(item, trial)
            self._announce(item, trial, trial.call)
        # What unittest kept to itself, it also raises by itself.
        if ended is own:
            return raised
        host.drop_own_failure(item)
        return ended

    def begin_teardown(self, trial: Trial) -> Undo:
        """Stand around the fixtures' teardown; give what steps out of it."""
        self.was_cancelled = self.was_cancelled or trial.call.was_cancelled
        return trial.teardown.begin(bounded=self.was_cancelled)

    def torn_down(
        self,
        item: pytest.Item,
        trial: Trial,
        leave: Undo,
        raised: BaseException | None,
    ) -> BaseException | None:
        """Put back all that was replaced, then judge the teardown's blocking."""
        with Shield(item, "teardown", "could not step out of the fixtures' teardown"):
            leave()
        ended = trial.teardown.end_of(raised)
        self.newest = None
        tell_left(item, trial.teardown.left)
        with Shield(item, "teardown", "could not put everything back"):
            self._leave(item)
        self.try_out(item, trial.watched.policy, "teardown")
        if trial.has_news() or (self._untold and trial.verdict() is not None):
            ended = self._decide(item, trial, trial.teardown, ended)
        return ended

    def _decide(
        self, item: pytest.Item, trial: Trial, phase: Phase, own: BaseException | None
    ) -> BaseException | None:
        """Judge a phase, and have its report tell of it; give what it ends with."""
        with Shield(item, phase.when, f"could not judge {phase.name}"):
            self._untold.tell(trial.watched.watch.note)
            verdict = phase.judge()
            self._put_record(item, trial)
            decided = outcome(
                verdict,
                own,
                cancelled=phase.cancelled,
                was_cut=phase.was_cut,
                ruling=phase.ruling,
            )
            decided = decided.with_warning(refused_warning(item, verdict))
            ended = give_words(item, phase.when, verdict, decided)
            tell(item, phase.when, verdict, trial.watched.accepted_lines)
            trial.watched.accepted_lines.clear()
            return ended
        return own

    # ------------------------------------------------------------ its record

    def _put_record(self, item: pytest.Item, trial: Trial) -> None:
        verdict = trial.verdict()
        if verdict is None:
            return
        drop_record(item)
        told = self._nothing_seen.record_of(verdict)
        keep_beside(item, told)
        item.user_properties.append(self._writer.property_of(told))

    def _announce(self, item: pytest.Item, trial: Trial, phase: Phase) -> None:
        with Shield(item, phase.when, "has a listener that failed"):
            tell = self._config.hook.pytest_asyncbench_verdict
            # To make a record's JSON costs more than to judge a short test.
            if not tell.get_hookimpls():
                return
            verdict = trial.verdict()
            if verdict is not None:
                tell(item=item, record=self._nothing_seen.record_of(verdict))


def _is_followed(item: pytest.Item, policy: Policy) -> bool:
    """Tell whether a test's tasks are to be followed."""
    asked = policy.budget is not None or policy.copies is not None
    asked = asked or policy.background != "off" or policy.draws_timelines
    asked = asked or policy.history is not None
    return asked or "concurrently" in fixtures_of(item)


def _clock_of(item: pytest.Item, policy: Policy) -> VirtualClock | None:
    """Give the virtual clock of a test: of its loop, where that is shared."""
    if policy.virtual is None:
        return None
    owner = host.loop_owner(item)
    if owner is None or owner.node is item:
        # Not kept: the run has the item to its end, and a test that is run again begins
        # anew.
        return _new_clock(policy, policy.virtual)
    clocks = owner.node.stash.setdefault(_CLOCKS, {})
    if owner.factory not in clocks:
        clocks[owner.factory] = _new_clock(policy, policy.virtual)
    return clocks[owner.factory]


def _new_clock(policy: Policy, virtual: VirtualTime) -> VirtualClock:
    # Few runs have any.
    from pytest_asyncbench.virtual_time import VirtualClock

    return VirtualClock(virtual.start, tz=virtual.tz, threshold=policy.threshold)
