"""The hooks that stand around each test: begin its trial, decide it, put all back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.fixtures import BEGIN, OURS, TRIAL, fixtures_of
from pytest_asyncbench._glue.late import Late, LateStart, needs_a_loop
from pytest_asyncbench._glue.nothing_seen import NothingSeen
from pytest_asyncbench._glue.outcome import outcome
from pytest_asyncbench._glue.phases import Phase, around
from pytest_asyncbench._glue.plan import Plan
from pytest_asyncbench._glue.properties import RecordWriter
from pytest_asyncbench._glue.relay import Relay
from pytest_asyncbench._glue.rulebook import all_rules, insist_on
from pytest_asyncbench._glue.schedules import Schedules
from pytest_asyncbench._glue.settings import worker_count
from pytest_asyncbench._glue.telling import (
    Shield,
    drop_record,
    forget_failure,
    give_words,
    refused_warning,
    show_as_text,
    tell,
    tell_left,
)
from pytest_asyncbench._glue.timelines import Room, give_beside, keep_beside
from pytest_asyncbench._glue.trial import Trial
from pytest_asyncbench._glue.watched import Watched
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import close_doors, keep_passage
from pytest_asyncbench._watching import defeats
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.undo import Undo, nothing

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Session"]

_CLOCKS: pytest.StashKey[dict[int | None, VirtualClock]] = pytest.StashKey()
"""Of whom a loop belongs to, by the factory that makes the loop."""

T = TypeVar("T")


class Session:
    """The hooks that stand around each test; registered when some test asks for it."""

    def __init__(self, config: pytest.Config, plan: Plan) -> None:
        self._config = config
        self._plan = plan
        self._rules = all_rules(config, plan.policy)
        self._trial: Trial | None = None
        """The newest of those below."""
        self._watched: dict[pytest.Item, tuple[Trial, ExitStack]] = {}
        """The tests that are watched at this moment, and what takes that back: mostly
        one; another plugin may run several at once."""
        # Once, and as early as it is known that somebody asks: a module that binds
        # `from time import sleep` later binds the wrapper.
        self._interception = Interception(self._rules, SYSTEM_CLOCK)
        config.add_cleanup(self._interception.install())
        insist_on(plan.policy, self._rules, self._interception.problems)
        self._relay = Relay()
        config.add_cleanup(self._relay.stop)
        # An interrupt ends the run without the teardown of the test that it hit.
        config.add_cleanup(self._leave_all)
        self._leave_call = ExitStack()
        """What to step out of at the end of the call that is in progress."""
        self._was_cancelled = False
        """Whether a test was cancelled at its budget; what it left may be in a loop
        that is closed after a later test."""
        self._problems: list[Problem] = []
        self._tried_out = False
        config.add_cleanup(close_doors)
        config.add_cleanup(keep_passage())
        self._late = LateStart(self._begin_late)
        config.add_cleanup(self._late.install())
        self._nothing_seen = NothingSeen(self._rules)
        self._writer = RecordWriter()
        self._schedules = Schedules(config, self._end_call)
        config.pluginmanager.register(self._schedules, "asyncbench-schedules")
        self._told: set[Problem] = set()
        self._timelines: Room | None = None
        """For those of all tests, where they are wanted."""

    # -------------------------------------------------------------- hooks

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read the markers of tests that other plugins have only now put there.

        anyio does so for a test that somebody's hook has marked for it: the test comes
        back once for each of its backends.
        """
        self._plan.settle_late(session.items)
        if self._plan.policy.draws_timelines:
            self._timelines = Room(len(session.items), worker_count(self._config))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Begin to watch, before the test's fixtures are set up."""
        __tracebackhide__ = True
        self._begin(item)
        leave = self._begin_set_up(item)
        yield from around(partial(self._end_set_up, item, leave))

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[T], request: pytest.FixtureRequest
    ) -> Generator[None, T, T]:
        """Put a loop that was made for a test into the time that the test lives in."""
        __tracebackhide__ = True
        try:
            result = yield
        except BaseException as own:
            ended = own if self._trial is None else self._trial.set_up.end_of(own)
            if ended is None or ended is own:
                raise
            host.give_failure(fixturedef, request, ended)
            raise ended from own
        loop = host.loop_made(fixturedef, request, result)
        if loop is not None and self._trial is not None:
            self._trial.watched.time.bring(loop)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Stand inside the test while it runs, then give the verdict."""
        __tracebackhide__ = True
        self._begin_call(item)
        yield from around(partial(self._called, item))

    def pytest_enter_pdb(self) -> None:
        """Note that a person looks at the test, whose time is not the test's."""
        if self._trial is not None:
            self._trial.watched.watch.watchdog.debugged = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Judge what the fixtures' teardown did, and put everything back."""
        __tracebackhide__ = True
        leave = self._begin_teardown(item)
        yield from around(partial(self._torn_down, item, leave))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show our verdict as text, not as a traceback through this plugin."""
        report = yield
        if report.failed and call.excinfo is not None:
            show_as_text(item, report, call.excinfo.value)
        if call.when == "teardown":
            give_beside(item, report)
            _forget(item)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """Take the instruments off before pytest has all collected that is left.

        execnet interrupts a worker that has not ended five seconds after its last test.
        An interrupt that comes during a collection is raised in whoever is told of
        that, and pytest would print it as a failure of ours.
        """
        self._relay.stop()

    # -------------------------------------------------------- before a test

    def _begin(self, item: pytest.Item) -> None:
        policy = self._plan.watched(item)
        if policy is None:
            self._relay.stop()
            return
        drop_record(item)
        with Shield(item, "setup", "could not try its detector out"):
            self._try_out(policy)
        # What is to be told comes with the first test that is watched from its start.
        with Shield(item, "setup", "could not begin to watch"):
            if needs_a_loop(item, policy) and not (
                self._was_cancelled or any(self._untold())
            ):
                self._relay.pass_by()
                item.stash[BEGIN] = self._late.now
                self._late.wait(Late(item, policy))
            else:
                self._watch(item, policy)

    def _begin_late(self, late: Late) -> None:
        """Begin to watch a test that runs a loop after all; in that loop's thread."""
        item = late.item
        with Shield(item, late.phase, "could not begin to watch"):
            trial = self._watch(item, late.policy)
            if late.phase == "call":
                self._leave_call.callback(
                    trial.call.begin(in_loop=False, began=late.began)
                )
            elif late.phase == "teardown":
                trial.call.verdict = self._nothing_seen.verdict(late.policy, late.wall)

    def _watch(self, item: pytest.Item, policy: Policy) -> Trial:
        others = [trial.watched for trial, _ in self._watched.values()]
        asked = {
            each: its
            for each in host.items_at_once(item)
            if (its := self._plan.watched(each)) is not None
        }
        watched = Watched(
            policy,
            self._rules,
            self._interception,
            judge=self._nothing_seen.judge,
            tracing=any(_is_followed(each, its) for each, its in asked.items()),
            virtual=_clock_of(item, policy),
            at_once=tuple(asked.values()),
            beside=others[0] if others else None,
            relay=self._relay,
            timelines=self._timelines,
        )
        with ExitStack() as leave:
            leave.callback(watched.start())
            virtual = policy.virtual is not None
            leave.callback(host.suit_hypothesis(item, OURS, virtual=virtual))
            # Only now: a test that half an instrument stands around is not watched.
            trial = self._trial = item.stash[TRIAL] = Trial(watched)
            self._watched[item] = trial, leave.pop_all()
        return trial

    def _leave_all(self) -> None:
        for item in [*self._watched]:
            self._leave(item)

    def _leave(self, item: pytest.Item) -> None:
        """Take off what stands around a test."""
        _, leave = self._watched.pop(item)
        leave.close()

    def _try_out(self, policy: Policy) -> None:
        """Before the first test that is to be searched, find out whether that works."""
        if policy.blocking != "off" and not self._tried_out:
            self._tried_out = True
            # The watch of a test before, which was not searched, may stand by still.
            self._relay.stop()
            self._problems += defeats(SYSTEM_CLOCK, self._interception)

    # ------------------------------------------------------ its three phases

    def _begin_set_up(self, item: pytest.Item) -> Undo:
        """Stand around the set-up of a test's fixtures; give what steps out of it."""
        trial = item.stash.get(TRIAL, None)
        if trial is not None:
            with Shield(item, "setup", "could not stand around the fixtures' set-up"):
                return trial.set_up.begin()
        return nothing

    def _end_set_up(
        self, item: pytest.Item, leave: Undo, raised: BaseException | None
    ) -> BaseException | None:
        """Judge a set-up that fails: no call comes then, at whose end it would be."""
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return raised
        with Shield(item, "setup", "could not step out of the fixtures' set-up"):
            leave()
        ended = trial.set_up.end_of(raised)
        # None was seen where the test is only skipped by its marker.
        failed = ended is not None and trial.watched.watch.steps
        if failed or trial.set_up.overran():
            ended = self._decide(item, trial, trial.set_up, ended)
            self._announce(item, trial, trial.set_up)
        return ended

    def _begin_call(self, item: pytest.Item) -> None:
        """Stand inside a test's call."""
        trial = item.stash.get(TRIAL, None)
        leave = self._leave_call = ExitStack()
        if trial is None:
            self._late.enter_call()
            # A thread of its set-up may have run a loop only now.
            trial = item.stash.get(TRIAL, None)
        if trial is not None:
            with Shield(item, "call", "could not stand inside this test"):
                begun = trial.call.begin(
                    in_loop=host.is_async(item), of_examples=host.runs_examples(item)
                )
                leave.callback(begun)
                leave.callback(self._schedules.begin(item, trial))
                leave.callback(host.enter(item, trial.call.hosted))

    def _called(
        self, item: pytest.Item, raised: BaseException | None
    ) -> BaseException | None:
        """Give what a call ends with, given what it raised."""
        late = self._late.leave_call()
        if late is not None:
            with Shield(item, "call", "could not say that it saw nothing"):
                self._put_nothing(late)
        trial = item.stash.get(TRIAL, None)
        # It is over already where the test was run under further schedules.
        if trial is None or late is not None or trial.call.over:
            return raised
        return self._end_call(item, trial, raised)

    def _end_call(
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

    def _begin_teardown(self, item: pytest.Item) -> Undo:
        """Stand around the fixtures' teardown; give what steps out of it."""
        trial = item.stash.get(TRIAL, None)
        if trial is not None:
            what = "could not stand around the fixtures' teardown"
            with Shield(item, "teardown", what):
                self._was_cancelled = self._was_cancelled or trial.call.was_cancelled
                return trial.teardown.begin(bounded=self._was_cancelled)
        return nothing

    def _torn_down(
        self, item: pytest.Item, leave: Undo, raised: BaseException | None
    ) -> BaseException | None:
        """Put back all that was replaced, then judge the teardown's blocking."""
        self._late.end()
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return raised
        with Shield(item, "teardown", "could not step out of the fixtures' teardown"):
            leave()
        ended = trial.teardown.end_of(raised)
        self._trial = None
        tell_left(item, trial.teardown.left)
        with Shield(item, "teardown", "could not put everything back"):
            self._leave(item)
        if trial.has_news() or (self._untold() and trial.verdict() is not None):
            ended = self._decide(item, trial, trial.teardown, ended)
        return ended

    def _decide(
        self, item: pytest.Item, trial: Trial, phase: Phase, own: BaseException | None
    ) -> BaseException | None:
        """Judge a phase, and have its report tell of it; give what it ends with."""
        with Shield(item, phase.when, f"could not judge {phase.name}"):
            self._note_untold(trial.watched)
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

    def _note_untold(self, watched: Watched) -> None:
        """Tell with this test what went wrong with rules, unless one did already."""
        for problem in self._untold():
            self._told.add(problem)
            watched.watch.note(problem)

    def _untold(self) -> list[Problem]:
        known = self._interception
        found = (*self._problems, *known.problems, *known.failures)
        return [each for each in dict.fromkeys(found) if each not in self._told]

    # ------------------------------------------------------------ its record

    def _put_record(self, item: pytest.Item, trial: Trial) -> None:
        verdict = trial.verdict()
        if verdict is None:
            return
        drop_record(item)
        told = self._nothing_seen.record_of(verdict)
        keep_beside(item, told)
        item.user_properties.append(self._writer.property_of(told))

    def _put_nothing(self, late: Late) -> None:
        """Put the record of a test in whose call no loop was run."""
        told = self._nothing_seen.record(late.policy, late.wall)
        late.item.user_properties.append(self._writer.property_of(told))
        tell = self._config.hook.pytest_asyncbench_verdict
        if tell.get_hookimpls():
            tell(item=late.item, record=told)

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


def _forget(item: pytest.Item) -> None:
    """Let go of what a test's trial knows: its loops, and its failure's frames."""
    forget_failure(item)
    keys: tuple[pytest.StashKey[Any], ...] = (BEGIN, TRIAL)
    for key in keys:
        if key in item.stash:
            del item.stash[key]


def _clock_of(item: pytest.Item, policy: Policy) -> VirtualClock | None:
    """Give the virtual clock of a test: of its loop, where that is shared."""
    if policy.virtual is None:
        return None
    owner, factory = host.loop_owner(item) or host.LoopOwner(item, None)
    clocks = owner.stash.setdefault(_CLOCKS, {})
    # A test that is run again begins anew.
    if owner is item or factory not in clocks:
        # Few runs have any.
        from pytest_asyncbench.virtual_time import VirtualClock

        virtual = policy.virtual
        clocks[factory] = VirtualClock(
            virtual.start, tz=virtual.tz, threshold=policy.threshold
        )
    return clocks[factory]
