"""The hooks that stand around each test: begin its trial, decide it, put all back."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.asking import fixtures_of, plan_of
from pytest_asyncbench._glue.blocking_calls import BlockingCalls
from pytest_asyncbench._glue.concurrently import Concurrently
from pytest_asyncbench._glue.failures import add_note
from pytest_asyncbench._glue.fixtures import BLOCKING_CALLS, CONCURRENTLY, TRIAL
from pytest_asyncbench._glue.longrepr import longrepr
from pytest_asyncbench._glue.properties import PROPERTY, record_property
from pytest_asyncbench._glue.rulebook import all_rules, insist_on
from pytest_asyncbench._glue.trial import Trial
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._reports.blocking import blocking_lines
from pytest_asyncbench._reports.message import accepted_lines, message
from pytest_asyncbench._watching import defeats
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.decided import Verdict
from pytest_asyncbench._words.errors import (
    BlockingCallError,
    BlockingCallWarning,
    Deadlock,
    PluginProblem,
    RealLimitExceeded,
    UnmeasuredWarning,
)
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.record import record_of
from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Session"]

_FAILURE = pytest.StashKey[tuple[BaseException, Verdict]]()
_CLOCK = pytest.StashKey[VirtualClock]()


class Session:
    """The hooks that stand around each test; registered when some test asks for it."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._plan = plan_of(config)
        self._rules = all_rules(config, self._plan.policy)
        self._trial: Trial | None = None
        # Once, and as early as it is known that somebody asks: a module that binds
        # `from time import sleep` later binds the wrapper.
        self._interception = Interception(self._rules, SYSTEM_CLOCK)
        config.add_cleanup(self._interception.install())
        insist_on(self._plan.policy, self._rules, self._interception.problems)
        # An interrupt ends the run without the teardown of the test that it hit.
        self._leave = ExitStack()
        config.add_cleanup(self._leave.close)
        self._problems: list[Problem] = []
        self._tried_out = False
        self._told: set[Problem] = set()

    # -------------------------------------------------------------- hooks

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Begin to watch, before the test's fixtures are set up."""
        __tracebackhide__ = True
        self._begin(item)
        with self._set_up(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, Any, Any]:
        """Put a loop that was made for a test into the time that the test lives in."""
        __tracebackhide__ = True
        result = yield
        loop = host.loop_made(fixturedef, request, result)
        if loop is not None and self._trial is not None:
            self._trial.loop_made(loop)
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Stand inside the test while it runs, then give the verdict."""
        __tracebackhide__ = True
        with self._judged(item):
            return (yield)

    def pytest_enter_pdb(self) -> None:
        """Note that a person looks at the test, whose time is not the test's."""
        if self._trial is not None:
            self._trial.watch.watchdog.debugged = True

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """Judge what the fixtures' teardown did, and put everything back."""
        __tracebackhide__ = True
        with self._closed(item):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Show our verdict as text, not as a traceback through this plugin."""
        report = yield
        error = call.excinfo.value if call.excinfo else None
        failure, verdict = item.stash.get(_FAILURE, (None, None))
        if report.failed and error is not None and error is failure:
            report.longrepr = longrepr(item, verdict, error)
        elif report.failed and error is not None and _told_as_text(item, error):
            report.longrepr = longrepr(item, None, error)
        if call.when == "teardown":
            _forget(item)
        return report

    # ------------------------------------------------------- what they do

    def _begin(self, item: pytest.Item) -> None:
        policy = self._plan.watched(item)
        if policy is None:
            return
        _drop_record(item)
        with _ours(item, "could not try its detector out"):
            self._try_out(policy)
        with _ours(item, "could not begin to watch"):
            asked = policy.budget is not None or policy.copies is not None
            trial = Trial(
                policy,
                self._rules,
                self._interception,
                tracing=asked or "concurrently" in fixtures_of(item),
                virtual=_clock_of(item, policy),
            )
            self._leave.callback(trial.start())
            # Only now: a test that half an instrument stands around is not watched.
            self._trial = item.stash[TRIAL] = trial
            item.stash[CONCURRENTLY] = Concurrently(trial)
            item.stash[BLOCKING_CALLS] = BlockingCalls(trial)

    def _try_out(self, policy: Policy) -> None:
        """Before the first test that is to be searched, find out whether that works."""
        if policy.blocking != "off" and not self._tried_out:
            self._tried_out = True
            self._problems += defeats(SYSTEM_CLOCK, self._interception)

    @contextmanager
    def _set_up(self, item: pytest.Item) -> Iterator[None]:
        """Judge a set-up that fails: no call comes then, at whose end it would be."""
        __tracebackhide__ = True
        try:
            yield
        except BaseException as error:
            trial = item.stash.get(TRIAL, None)
            # None was seen where the test is only skipped by its marker.
            if trial is not None and trial.watch.steps:
                with _ours(item, "could not judge the set-up"):
                    self._add_to(item, trial, error)
                self._announce(item, trial)
            raise

    def _add_to(self, item: pytest.Item, trial: Trial, own: BaseException) -> None:
        self._note_untold(trial)
        verdict = trial.conclude_set_up()
        _put_record(item, verdict)
        if verdict.violations and _shows_nothing_added(own):
            item.add_report_section("setup", "asyncbench", message(verdict))
        elif verdict.violations:
            add_note(own, f"\n{message(verdict)}")
        self._tell(item, verdict)

    @contextmanager
    def _judged(self, item: pytest.Item) -> Iterator[None]:
        """Stand inside a test's call; raise the verdict at its end."""
        __tracebackhide__ = True
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            yield
            return
        own: BaseException | None = None
        leave = ExitStack()
        with _ours(item, "could not stand inside this test"):
            leave.callback(trial.begin_call(in_loop=host.is_async(item)))
            leave.callback(host.enter(item, trial.hosted))
        try:
            yield
        except BaseException as error:
            own = error
        with _ours(item, "could not step out of this test"):
            leave.close()
        self._decide(item, trial, own)

    def _decide(
        self, item: pytest.Item, trial: Trial, raised: BaseException | None
    ) -> None:
        __tracebackhide__ = True
        own = raised or host.own_failure(item)
        outcome = own
        with _ours(item, "could not judge this test"):
            self._note_untold(trial)
            verdict = trial.conclude()
            _put_record(item, verdict)
            if not isinstance(own, host.NO_FAILURE):
                outcome = trial.outcome(verdict, own)
            if verdict.violations and _shows_nothing_added(own):
                item.add_report_section("call", "asyncbench", message(verdict))
            if outcome is not None and outcome in (trial.ruling, trial.cancellation):
                item.stash[_FAILURE] = (outcome, verdict)
            accepted = "\n".join([*trial.accepted_lines, *accepted_lines(verdict)])
            if accepted:
                item.add_report_section("call", "asyncbench", accepted)
            refused = self._tell(item, verdict)
            if outcome is None and refused is not None:
                outcome = refused
                item.stash[_FAILURE] = (refused, verdict)
        self._announce(item, trial)
        # What unittest kept to itself, it also raises by itself.
        if outcome is not None and (outcome is raised or outcome is not own):
            raise outcome

    def _announce(self, item: pytest.Item, trial: Trial) -> None:
        with _ours(item, "has a listener that failed"):
            if trial.verdict is not None:
                record = record_of(trial.verdict).to_json()
                self._config.hook.pytest_asyncbench_verdict(item=item, record=record)

    def _note_untold(self, trial: Trial) -> None:
        """Tell with this test what went wrong with rules, unless one did already."""
        known = self._interception
        for problem in (*self._problems, *known.problems, *known.failures):
            if problem not in self._told:
                self._told.add(problem)
                trial.watch.note(problem)

    def _tell(self, item: pytest.Item, verdict: Verdict) -> Warning | None:
        """Say what breaks no promise; give a warning that is an error in this run."""
        mode = verdict.policy.blocking
        lines = "\n".join(blocking_lines(verdict)) if mode in ("report", "warn") else ""
        if lines and mode == "report":
            item.add_report_section("call", "asyncbench", lines)
        try:
            if lines and mode == "warn":
                item.warn(BlockingCallWarning(lines))
            if verdict.unmeasured and mode != "error":
                item.warn(
                    UnmeasuredWarning("asked to be watched, and no step was seen")
                )
        except (BlockingCallWarning, UnmeasuredWarning) as refused:
            return refused
        return None

    @contextmanager
    def _closed(self, item: pytest.Item) -> Iterator[None]:
        """Judge the teardown's blocking, then put back all that was replaced."""
        __tracebackhide__ = True
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            yield
            return
        own: BaseException | None = None
        try:
            yield
        except BaseException as error:
            own = error
        self._trial = None
        with _ours(item, "could not put everything back"):
            self._leave.close()
        refused: Exception | None = None
        with _ours(item, "could not judge the teardown"):
            refused = self._refused_in_teardown(item, trial)
            if own is not None and refused is not None:
                add_note(own, f"\n{refused}")
        ended = refused if own is None else own
        if ended is not None:
            raise ended

    def _refused_in_teardown(self, item: pytest.Item, trial: Trial) -> Exception | None:
        """Judge what has blocked since the call; give the failure that it makes."""
        if trial.verdict is None:
            return None
        verdict = trial.conclude_teardown()
        refused: Exception | None = None
        # Also where nothing blocked: how the instruments ended is known only now.
        _put_record(item, trial.verdict_of_all())
        if verdict.findings:
            refused = self._tell(item, verdict)
        if verdict.violations:
            refused = BlockingCallError(message(verdict))
        if refused is not None:
            item.stash[_FAILURE] = (refused, verdict)
        return refused


def _put_record(item: pytest.Item, verdict: Verdict) -> None:
    """Put the record where reports take it from, in the place of one from before."""
    _drop_record(item)
    item.user_properties.append(record_property(record_of(verdict)))


def _drop_record(item: pytest.Item) -> None:
    # Of the attempt before: who reruns a test that failed does so with the same item.
    properties = item.user_properties
    properties[:] = [each for each in properties if each[0] != PROPERTY]


def _forget(item: pytest.Item) -> None:
    """Let go of what a test's trial knows: its loops, and its failure's frames."""
    keys: tuple[pytest.StashKey[Any], ...] = (TRIAL, CONCURRENTLY, BLOCKING_CALLS)
    for key in (*keys, _FAILURE):
        if key in item.stash:
            del item.stash[key]


def _shows_nothing_added(own: BaseException | None) -> bool:
    """Tell whether pytest shows what a test ended with in its first words only."""
    brief = isinstance(own, pytest.fail.Exception) and not own.pytrace
    return brief or isinstance(own, host.NO_FAILURE)


def _told_as_text(item: pytest.Item, error: BaseException) -> bool:
    """Tell whether an error is of a loop in virtual time, or one that can't be."""
    trial = item.stash.get(TRIAL, None)
    ruling = trial.ruling if trial is not None else None
    return isinstance(error, (Deadlock, RealLimitExceeded)) or error is ruling


def _clock_of(item: pytest.Item, policy: Policy) -> VirtualClock | None:
    """Give the virtual clock of a test: of its loop, where that is shared."""
    if policy.virtual is None:
        return None
    owner = host.loop_owner(item) or item
    if owner is item or _CLOCK not in owner.stash:
        virtual = policy.virtual
        owner.stash[_CLOCK] = VirtualClock(
            virtual.start, tz=virtual.tz, threshold=policy.threshold
        )
    return owner.stash[_CLOCK]


@contextmanager
def _ours(item: pytest.Item, what: str) -> Iterator[None]:
    """Show a failure inside the plugin as the plugin's; the test goes on."""
    try:
        yield
    except Exception as error:
        problem = f"pytest-asyncbench itself {what}: {error!r}; the outcome stands"
        item.add_report_section("call", "asyncbench", problem)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            item.warn(PluginProblem(problem))
