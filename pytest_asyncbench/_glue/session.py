"""The hooks that stand around each test, whether it comes to be watched or not.

Most of what a watched test needs is in `Trials`, which is loaded with the first one: a
run whose tests have no loop needs the wrappers of known calls, and no more.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_asyncbench._glue.around import Shield, around
from pytest_asyncbench._glue.beside import drop_record, give_beside
from pytest_asyncbench._glue.fixtures import BEGIN, FAILURE, TRIAL
from pytest_asyncbench._glue.late import Late, LateStart, needs_a_loop
from pytest_asyncbench._glue.nothing_seen import NothingSeen
from pytest_asyncbench._glue.plan import Plan
from pytest_asyncbench._glue.properties import RecordWriter
from pytest_asyncbench._glue.rulebook import Rulebook
from pytest_asyncbench._glue.untold import Untold
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._loops import keep_passage
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.uncollected import uncollected
from pytest_asyncbench._words.undo import Undo, nothing

if TYPE_CHECKING:
    from pytest_asyncbench._glue.trial import Trial
    from pytest_asyncbench._glue.trials import Trials

__all__ = ["Session"]


class Session:
    """The hooks that stand around each test; registered when some test asks for it."""

    def __init__(self, config: pytest.Config, plan: Plan) -> None:
        self._config = config
        self._plan = plan
        book = Rulebook(config, plan.policy)
        self._rules = book.rules
        # Once, and as early as it is known that somebody asks: a module that binds
        # `from time import sleep` later binds the wrapper.
        self._interception = Interception(self._rules, SYSTEM_CLOCK)
        config.add_cleanup(self._interception.install())
        book.insist_on(self._interception.problems)
        config.add_cleanup(keep_passage())
        self._late = LateStart(self._begin_late)
        config.add_cleanup(self._late.install())
        self._untold = Untold(self._interception)
        self._nothing_seen = NothingSeen(self._rules)
        self._writer = RecordWriter()
        self._trials: Trials | None = None
        """None until a test is to be watched."""
        self._brought_late: dict[str, ModuleType] = {}
        """Modules of ours that may have been loaded within a test."""

    def _bring(self) -> Trials:
        """Give the trials of the run; what they need is loaded with the first one."""
        if self._trials is None:
            with uncollected():
                from pytest_asyncbench._glue.trials import Trials

            self._trials = Trials(
                self._config,
                self._plan,
                self._rules,
                self._interception,
                self._untold,
                self._nothing_seen,
                self._writer,
            )
        return self._trials

    # -------------------------------------------------------------- hooks

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Read the markers of tests that other plugins have only now put there.

        anyio does so for a test that somebody's hook has marked for it: the test comes
        back once for each of its backends.
        """
        self._plan.settle_late(session.items)
        if self._plan.policy.draws_timelines:
            self._bring().draw_timelines(len(session.items))
        # Before a fixture or test can put anything else in the place of what we load.
        elif any(map(self._is_watched_from_its_start, session.items)):
            self._bring()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        """Begin to watch, before the test's fixtures are set up."""
        __tracebackhide__ = True
        self._begin(item)
        leave = self._begin_set_up(item)
        yield from around(partial(self._end_set_up, item, leave))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        """Stand inside the test while it runs, then give the verdict."""
        __tracebackhide__ = True
        self._begin_call(item)
        yield from around(partial(self._called, item))

    def pytest_enter_pdb(self) -> None:
        """Note that a person looks at the test, whose time is not the test's."""
        if self._newest is not None:
            self._newest.watched.watch.watchdog.debugged = True

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
            # Loaded only here: most tests pass.
            from pytest_asyncbench._glue.telling import show_as_text

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
        if self._trials is not None:
            self._trials.relay.stop()

    @property
    def _newest(self) -> Trial | None:
        """The newest trial that is in progress."""
        return None if self._trials is None else self._trials.newest

    # -------------------------------------------------------- before a test

    def _begin(self, item: pytest.Item) -> None:
        policy = self._plan.watched(item)
        if policy is None:
            if self._trials is not None:
                self._trials.relay.stop()
            return
        drop_record(item)
        late = needs_a_loop(item, policy)
        # What is to be told comes with the first test that is watched from its start.
        if late and not (self._untold or self._some_was_cancelled()):
            with Shield(item, "setup", "could not begin to watch"):
                if self._trials is not None:
                    self._trials.relay.pass_by()
                item.stash[BEGIN] = self._late.now
                self._late.wait(Late(item, policy))
            return
        with Shield(item, "setup", "could not begin to watch"):
            trials = self._bring()
            trials.try_out(item, policy, "setup")
            trials.watch(item, policy)

    def _is_watched_from_its_start(self, item: pytest.Item) -> bool:
        policy = self._plan.watched(item)
        return policy is not None and not needs_a_loop(item, policy)

    def _some_was_cancelled(self) -> bool:
        return self._trials is not None and self._trials.was_cancelled

    def _begin_late(self, late: Late) -> None:
        with Shield(late.item, late.phase, "could not begin to watch"):
            trials = self._bring()
            self._brought_late = _loaded()
            trials.watch_late(late)

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
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return raised
        with Shield(item, "setup", "could not step out of the fixtures' set-up"):
            leave()
        return self._bring().end_set_up(item, trial, raised)

    def _begin_call(self, item: pytest.Item) -> None:
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            self._late.enter_call()
            # A thread of its set-up may have run a loop only now.
            trial = item.stash.get(TRIAL, None)
        if trial is not None:
            with Shield(item, "call", "could not stand inside this test"):
                self._bring().begin_call(item, trial)

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
        return self._bring().end_call(item, trial, raised)

    def _begin_teardown(self, item: pytest.Item) -> Undo:
        """Stand around the fixtures' teardown; give what steps out of it."""
        trial = item.stash.get(TRIAL, None)
        if trial is not None:
            what = "could not stand around the fixtures' teardown"
            with Shield(item, "teardown", what):
                return self._bring().begin_teardown(trial)
        return nothing

    def _torn_down(
        self, item: pytest.Item, leave: Undo, raised: BaseException | None
    ) -> BaseException | None:
        self._late.end()
        self._keep_loaded()
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return raised
        return self._bring().torn_down(item, trial, leave, raised)

    def _keep_loaded(self) -> None:
        """Have nobody load twice what a test may have thrown out with its own modules.

        It put ``sys.modules`` back as it was before it ran its first loop.
        """
        for name, module in self._brought_late.items():
            sys.modules.setdefault(name, module)
        self._brought_late.clear()

    def _put_nothing(self, late: Late) -> None:
        """Put the record of a test in whose call no loop was run."""
        told = self._nothing_seen.record(late.policy, late.wall)
        late.item.user_properties.append(self._writer.property_of(told))
        tell = self._config.hook.pytest_asyncbench_verdict
        if tell.get_hookimpls():
            tell(item=late.item, record=told)


def _loaded() -> dict[str, ModuleType]:
    ours = __name__.partition(".")[0]
    known = sys.modules.items()
    return {name: module for name, module in known if name.startswith(f"{ours}.")}


def _forget(item: pytest.Item) -> None:
    """Let go of what a test's trial knows: its loops, and its failure's frames."""
    keys: tuple[pytest.StashKey[Any], ...] = (BEGIN, FAILURE, TRIAL)
    for key in keys:
        if key in item.stash:
            del item.stash[key]
