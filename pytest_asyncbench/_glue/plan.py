"""What holds for each test of a run: settings, then the test's own markers.

It is made when a setting is written or a test asks for something. What it costs to
watch a test is brought in only when some test is to be watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.fixtures import OURS, fixtures_of
from pytest_asyncbench._glue.marker_place import marker_place
from pytest_asyncbench._glue.markers import is_marked_itself, marked
from pytest_asyncbench._glue.refusals import refuse
from pytest_asyncbench._glue.scheduling import keep_one, with_schedules
from pytest_asyncbench._glue.settings import is_worker, policy_of
from pytest_asyncbench._outside.known_calls import can_be_found, insist_on_calls
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Policy, VirtualTime

if TYPE_CHECKING:
    from pytest_asyncbench._glue.baseline import Keeper
    from pytest_asyncbench._glue.history import Experience, Historian
    from pytest_asyncbench._glue.reports import Reporter
    from pytest_asyncbench._glue.whole import Whole

__all__ = ["Plan"]


class Plan:
    """The policy of the run, and that of each of its tests.

    Args:
        config: where the settings are read.
        watch: brings in the engines, and the hooks that stand around each test.
    """

    def __init__(self, config: pytest.Config, watch: Callable[[], None]) -> None:
        self._config = config
        self._watch = watch
        self.policy = policy_of(config)
        self.keeper: Keeper | None = None
        """Who keeps the baseline; only where there is one, and no worker is."""
        self.reporter: Reporter | None = None
        """Who writes reports; only where some are wanted, and no worker is."""
        self._whole: Whole | None = None
        self.historian: Historian | None = None
        """Who adds to the history; only where there is one, and no worker is."""
        self.experience: Experience | None = None
        """What earlier runs tell; only where there is a history."""
        self._insist_on_own_files()
        learns = self.policy.budget is not None and self.policy.budget.auto
        if self.policy.history is not None or learns or self.policy.show_history:
            self._bring_history()
        if self.policy.show_history:
            self.policy = _writing_nothing(self.policy)
        if self.policy.baseline is not None or self.policy.update_baseline:
            self._bring_baseline()
        if self.policy.report:
            self._bring_reports()
        self._writes_gitlabs = self.policy.annotations == "gitlab"
        if self._writes_gitlabs and not is_worker(config):
            from pytest_asyncbench._glue.annotating import insist_on_annotating

            insist_on_annotating(config, self.policy)
        self._in_loop = replace(
            self.policy,
            asked=self.policy.blocking == "error",
            virtual=VirtualTime() if self.policy.virtual_time == "on" else None,
        )
        """What holds for an async test that has no marker of ours."""
        # Budgets that are settings are for async tests.
        self._in_no_loop = replace(
            self.policy,
            budget=None,
            budget_setup=None,
            budget_teardown=None,
            history=None,
            schedules=None,
            of_all=True,
        )
        """What holds for another test that has none."""

    def _insist_on_own_files(self) -> None:
        files = self.policy.baseline, self.policy.history, *self.policy.report
        if any(files) and not is_worker(self._config):
            from pytest_asyncbench._glue.own_files import insist_on_own_files

            insist_on_own_files(self._config, self.policy)

    def _bring_baseline(self) -> None:
        # Only here: a run without one has nothing to do with files.
        from pytest_asyncbench._glue.baseline import (
            Keeper,
            baseline_file,
            with_baseline,
        )

        self.policy = with_baseline(self._config, self.policy)
        file = baseline_file(self._config, self.policy)
        if file is None:
            return
        whole = self._bring_whole()
        if not is_worker(self._config):
            self.keeper = Keeper(file, self.policy, whole)
            self._config.pluginmanager.register(self.keeper, "asyncbench-baseline")

    def _bring_history(self) -> None:
        # Only here, as the baseline; and not every Python was built with SQLite.
        try:
            from pytest_asyncbench._glue.history import Experience, Historian
        except ImportError as error:
            raise pytest.UsageError(
                f"asyncbench: a history needs the module sqlite3: {error}"
            ) from None
        self.experience = Experience(self._config, self.policy)
        whole = self._bring_whole()
        if not is_worker(self._config):
            self.historian = Historian(self.policy, self.experience, whole)
            self._config.pluginmanager.register(self.historian, "asyncbench-historian")

    def _bring_reports(self) -> None:
        from pytest_asyncbench._glue.reports import Reporter

        whole = self._bring_whole()
        if not is_worker(self._config):
            self.reporter = Reporter(self._config, self.policy, whole)
            self._config.pluginmanager.register(self.reporter, "asyncbench-reporter")

    def _bring_whole(self) -> Whole:
        from pytest_asyncbench._glue.whole import Whole

        if self._whole is None:
            self._whole = Whole(self._config)
            self._config.pluginmanager.register(self._whole, "asyncbench-whole")
        return self._whole

    @property
    def tells_at_the_end(self) -> bool:
        """Whether the summary has something to tell though no test was watched."""
        keepers = (self.keeper, self.reporter, self.historian)
        kept = any(each is not None for each in keepers)
        return kept or self._writes_gitlabs

    def begin(self) -> None:
        """Watch from the start of the run, where a setting asks for that."""
        if self.policy.blocking != "off":
            self._watch()

    def settle(self, items: list[pytest.Item]) -> None:
        """Read every test's markers, and watch if any test is to be.

        Raises:
            pytest.UsageError: what was written means nothing; see `refuse`.
        """
        wrong = self._make(items)
        try:
            if not wrong and self.policy.schedule is not None:
                wrong = keep_one(self._config, items, self.policy.schedule)
            if not wrong and any(self.watched(item) for item in items):
                self._watch()
        except pytest.UsageError as error:
            wrong = [*error.args]
        if wrong:
            refuse(self._config, items, wrong)

    def settle_late(self, items: list[pytest.Item]) -> None:
        """Read all again, where other tests stand in the place of some that were read.

        Raises:
            pytest.UsageError: what was written means nothing; see `refuse`.
        """
        if any(_POLICY not in item.stash for item in items):
            self.settle(items)

    def _make(self, items: Sequence[pytest.Item]) -> list[str]:
        """Work out each test's policy; return what is wrong with what was written."""
        wrong = [*_no_packages(self.policy), *self._no_modules(), *self._no_calls()]
        for item in items:
            try:
                policy = self._policy_of(item)
                if self.experience is not None:
                    policy = self.experience.held(item.nodeid, policy)
                item.stash[_POLICY] = policy
                if policy.scope != self.policy.scope:
                    at = marker_place(item, "no_blocking")
                    told = _no_packages(policy)
                    wrong += (f"{item.nodeid}: {text} ({at})" for text in told)
            except PolicyError as error:
                wrong.append(f"{item.nodeid}: {error}")
        return [*wrong, *_in_two_times(items)]

    def _no_modules(self) -> Iterator[str]:
        # Of the outermost one only: to look into it would be to import it.
        for rule in self.policy.calls:
            name = rule.target.partition(".")[0]
            if not can_be_found(name):
                source = self.policy.sources["calls"]
                yield (
                    f"asyncbench ({source}): calls: {rule.target}: "
                    f"no module {name!r} can be found"
                )

    def _no_calls(self) -> Iterator[str]:
        # Only after collection, too: a module that is here tells best what it has.
        for allowance in self.policy.allow:
            try:
                insist_on_calls([allowance])
            except PolicyError as error:
                yield f"asyncbench ({allowance.source}): allow: {error}"

    def watched(self, item: pytest.Item) -> Policy | None:
        """Give the policy of a test of which anything is to be known, else None."""
        policy = item.stash.get(_POLICY, None)
        if policy is None:
            return None
        if policy.blocking != "off" or policy.background != "off":
            return policy
        asked = (policy.copies, policy.virtual, policy.history)
        asks = policy.has_budget or any(part is not None for part in asked)
        if asks or policy.runs_again:
            return policy
        if policy.draws_timelines and host.is_async(item):
            return policy
        return policy if "concurrently" in fixtures_of(item) else None

    def _policy_of(self, item: pytest.Item) -> Policy:
        in_loop = host.is_async(item)
        unmarked = self._in_loop if in_loop else self._in_no_loop
        if unmarked.virtual is not None and host.is_of_trio(item):
            unmarked = replace(unmarked, virtual=None)
        policy = with_schedules(item, marked(unmarked, item))
        if host.is_of_trio(item):
            _insist_on_what_trio_can(item, policy)
        if policy is unmarked and OURS.isdisjoint(fixtures_of(item)):
            return policy
        if policy.copies is not None and not in_loop:
            raise PolicyError(
                "@pytest.mark.concurrent: only a test that is `async def` can run in "
                "copies; in this one use the fixture: concurrently.run(...) "
                f"({marker_place(item, 'concurrent')})"
            )
        if policy.repeat is not None and not in_loop:
            raise PolicyError(
                "@pytest.mark.budget: repeat= is for a test that is `async def`; "
                "another one is repeated by a loop within "
                f"({marker_place(item, 'budget')})"
            )
        if "virtual_clock" in fixtures_of(item) and policy.virtual is None:
            raise PolicyError(
                "the fixture virtual_clock is for tests in virtual time: mark this one "
                f"with @pytest.mark.virtual_time ({marker_place(item)})"
            )
        if "blocking_calls" in fixtures_of(item) and policy.blocking == "off":
            policy = replace(policy, blocking="report")
        of_all = not (in_loop or is_marked_itself(item))
        strict = in_loop and policy.blocking == "error"
        return replace(policy, asked=policy.asked or strict, of_all=of_all)


def _insist_on_what_trio_can(item: pytest.Item, policy: Policy) -> None:
    """Refuse the markers that are about a loop of asyncio's.

    Raises:
        PolicyError: the test has one of them.
    """
    for marker, asked, advice in (
        ("concurrent", policy.copies, "trio.open_nursery() in its body"),
        ("budget", policy.repeat, "budget without repeat="),
        ("virtual_time", policy.virtual, "trio.testing.MockClock"),
    ):
        if asked is not None:
            part = " repeat=" if marker == "budget" else ""
            raise PolicyError(
                f"@pytest.mark.{marker}:{part} needs a loop of asyncio's, and trio "
                f"runs this test; use {advice} ({marker_place(item, marker)})"
            )


def _writing_nothing(policy: Policy) -> Policy:
    """Give the policy of a run that only shows something, and calls no test."""
    written = ("annotations", "baseline", "report", "update_baseline")
    sources = {name: at for name, at in policy.sources.items() if name not in written}
    return replace(
        policy,
        annotations="none",
        baseline=None,
        report=(),
        update_baseline=False,
        sources=sources,
    )


def _no_packages(policy: Policy) -> Iterator[str]:
    # Only after collection: what is collected may make the package importable.
    for name in policy.scope:
        if not can_be_found(name):
            source = policy.sources["scope"]
            yield f"asyncbench ({source}): scope: no package {name!r} can be found"


_POLICY = pytest.StashKey[Policy]()


def _in_two_times(items: Sequence[pytest.Item]) -> Iterator[str]:
    """Name tests whose loop would have to live in virtual and in another time."""
    owners: dict[host.LoopOwner, tuple[pytest.Item, Policy]] = {}
    for item in items:
        owner, policy = host.loop_owner(item), item.stash.get(_POLICY, None)
        if owner is None or policy is None:
            continue
        first, before = owners.setdefault(owner, (item, policy))
        if before.virtual != policy.virtual:
            yield (
                f"{item.nodeid}: shares its loop with {first.nodeid}, and only one of "
                "them is in virtual time, or their virtual times differ; mark both "
                "alike, or give each a loop of its own (loop_scope='function') "
                f"({marker_place(item, 'virtual_time')})"
            )
