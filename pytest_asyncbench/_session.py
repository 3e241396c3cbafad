"""The run as a whole: what was configured, and the trial of each test in turn."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pytest_asyncbench import _host
from pytest_asyncbench._clock import SYSTEM_CLOCK
from pytest_asyncbench._errors import (
    BlockingCallError,
    BlockingCallWarning,
    ConcurrencyError,
    Deadlock,
    PluginProblem,
    PolicyError,
    UnmeasuredWarning,
)
from pytest_asyncbench._markers import marked
from pytest_asyncbench._model import Policy, Rule, Verdict
from pytest_asyncbench._options import policy_of
from pytest_asyncbench._render import blocking_lines, message
from pytest_asyncbench._reporting import longrepr
from pytest_asyncbench._rules import RULES
from pytest_asyncbench._trial import Trial, record_property
from pytest_asyncbench.fixtures import TRIAL
from pytest_asyncbench.instruments.interception import Interception
from pytest_asyncbench.virtual_time import VirtualClock

__all__ = ["Session", "begin", "of"]

_NO_FAILURE = (pytest.skip.Exception, pytest.xfail.Exception)
"""How a test ends by a decision of its own."""

_POLICY = pytest.StashKey[Policy]()
_FAILURE = pytest.StashKey[tuple[BaseException, Verdict]]()
_CLOCK = pytest.StashKey[VirtualClock]()
_EXIT = pytest.StashKey[ExitStack]()


class Session:
    """What holds for every test of a run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.policy = policy_of(config)
        self.rules = _with_hooked(config)
        self._interception: Interception | None = None
        self._trial: Trial | None = None
        if self.policy.blocking != "off":
            self._intercept()

    def _intercept(self) -> None:
        # Once, and as early as it is known that somebody asks: a module that binds
        # `from time import sleep` later binds the wrapper.
        if self._interception is None:
            self._interception = Interception(self.rules, SYSTEM_CLOCK)
            self._config.add_cleanup(self._interception.install())

    # --------------------------------------------------------- collection

    def plan(self, items: Sequence[pytest.Item]) -> None:
        """Work out each test's policy.

        Raises:
            pytest.UsageError: markers mean nothing; all of them are told at once.
        """
        wrong = []
        for item in items:
            try:
                item.stash[_POLICY] = self._policy_of(item)
            except PolicyError as error:
                wrong.append(f"{item.nodeid}: {error}")
        wrong += _in_two_times(items)
        if wrong:
            raise pytest.UsageError(*wrong)
        if any(_is_watched(item.stash[_POLICY]) for item in items):
            self._intercept()

    def _policy_of(self, item: pytest.Item) -> Policy:
        in_loop = _host.is_async(item)
        policy = self.policy
        if not in_loop:
            policy = replace(policy, budget=None)  # the setting is for async tests
        policy = marked(policy, item)
        if policy.copies is not None and not in_loop:
            raise PolicyError(
                "@pytest.mark.concurrent: only a test that is `async def` can run in "
                "copies; in this one use the fixture: concurrently.run(...)"
            )
        if "blocking_calls" in _fixtures(item) and policy.blocking == "off":
            policy = replace(policy, blocking="report")
        return replace(
            policy, asked=policy.asked or (in_loop and policy.blocking == "error")
        )

    # -------------------------------------------------------------- tests

    def begin_trial(self, item: pytest.Item) -> None:
        """Put the instruments around a test, if anything about it is to be known."""
        policy = item.stash.get(_POLICY, None)
        uses_run = "concurrently" in _fixtures(item)
        if policy is None or not (_is_watched(policy) or uses_run):
            return
        tracing = uses_run or policy.budget is not None or policy.copies is not None
        trial = Trial(
            policy,
            self.rules,
            self._interception,
            tracing=tracing,
            virtual=_clock_of(item, policy),
        )
        self._trial = item.stash[TRIAL] = trial
        item.stash[_EXIT] = stack = ExitStack()
        with _ours(item, "could not begin to watch"):
            stack.callback(trial.start())

    def loop_made(self, fixturedef: pytest.FixtureDef[Any], result: Any) -> None:
        """Hear of a fixture; a loop is brought into the time of the test at hand."""
        loop = _host.loop_made(fixturedef, result)
        if loop is not None and self._trial is not None:
            self._trial.loop_made(loop)

    @contextmanager
    def judged(self, item: pytest.Item) -> Iterator[None]:
        """Stand inside a test's call; raise the verdict at its end."""
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            yield
            return
        own: BaseException | None = None
        in_loop = _host.is_async(item)
        trial.begin_call(in_loop=in_loop)
        leave = _host.enter(item, trial.hosted)
        try:
            yield
        except BaseException as error:
            own = error
        finally:
            leave()
            trial.end_call()
        self._decide(item, trial, own)

    def _decide(
        self, item: pytest.Item, trial: Trial, raised: BaseException | None
    ) -> None:
        __tracebackhide__ = True
        own = raised or _host.own_failure(item)
        outcome = own
        with _ours(item, "could not judge this test"):
            verdict = trial.conclude()
            item.user_properties.append(record_property(verdict))
            self._config.hook.pytest_asyncbench_verdict(
                item=item, record=verdict.record()
            )
            if not isinstance(own, _NO_FAILURE):
                outcome = trial.outcome(verdict, own)
            elif verdict.violations:
                item.add_report_section("call", "asyncbench", message(verdict))
            if outcome is not None and outcome in (trial.ruling, trial.cancellation):
                item.stash[_FAILURE] = (outcome, verdict)
            self._tell(item, verdict)
        # What unittest kept to itself, it also raises by itself.
        if outcome is not None and (outcome is raised or outcome is not own):
            raise outcome

    def _tell(self, item: pytest.Item, verdict: Verdict) -> None:
        mode = verdict.policy.blocking
        lines = "\n".join(blocking_lines(verdict)) if mode in ("report", "warn") else ""
        if lines and mode == "report":
            item.add_report_section("call", "asyncbench", lines)
        elif lines:
            item.warn(BlockingCallWarning(lines))
        if verdict.unmeasured and mode != "error":
            item.warn(UnmeasuredWarning("asked to be watched, and no step was seen"))

    @contextmanager
    def closed(self, item: pytest.Item) -> Iterator[None]:
        """Judge the teardown's blocking, then put back all that was replaced."""
        __tracebackhide__ = True
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            yield
            return
        try:
            yield
        finally:
            self._trial = None
            with _ours(item, "could not put everything back"):
                item.stash[_EXIT].close()
        if trial.verdict is not None and trial.policy.blocking == "error":
            verdict = trial.conclude_teardown()
            if verdict.violations:
                error = BlockingCallError(message(verdict))
                item.stash[_FAILURE] = (error, verdict)
                raise error

    def shown(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> pytest.TestReport:
        """Show a failure that is our verdict by its text alone."""
        error = call.excinfo.value if call.excinfo else None
        failure, verdict = item.stash.get(_FAILURE, (None, None))
        if report.failed and error is not None and error is failure:
            report.longrepr = longrepr(item, verdict, str(error))
        elif report.failed and isinstance(error, Deadlock):
            report.longrepr = longrepr(item, None, str(error))
        return report


def _in_two_times(items: Sequence[pytest.Item]) -> Iterator[str]:
    """Name tests whose loop would have to live in virtual and in another time."""
    owners: dict[pytest.Item | pytest.Collector, tuple[pytest.Item, Policy]] = {}
    for item in items:
        owner, policy = _host.loop_owner(item), item.stash.get(_POLICY, None)
        if owner is None or policy is None:
            continue
        first, before = owners.setdefault(owner, (item, policy))
        if before.virtual != policy.virtual:
            yield (
                f"{item.nodeid}: shares its loop with {first.nodeid}, and only one of "
                "them is in virtual time, or they begin at different times; mark both "
                "alike, or give each a loop of its own (loop_scope='function')"
            )


_SESSION = pytest.StashKey[Session]()


def begin(config: pytest.Config) -> Session:
    """Make the session of a run, once it is configured."""
    session = config.stash[_SESSION] = Session(config)
    return session


def of(config: pytest.Config) -> Session:
    """Give the session of a run."""
    return config.stash[_SESSION]


def _with_hooked(config: pytest.Config) -> tuple[Rule, ...]:
    rules = {rule.target: rule for rule in RULES}
    for added in config.hook.pytest_asyncbench_rules(config=config):
        rules.update((rule.target, rule) for rule in added)
    return tuple(rules.values())


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _is_watched(policy: Policy) -> bool:
    asked = (policy.budget, policy.copies, policy.virtual)
    return policy.blocking != "off" or any(part is not None for part in asked)


def _clock_of(item: pytest.Item, policy: Policy) -> VirtualClock | None:
    """Give the virtual clock of a test: of its loop, where that is shared."""
    if policy.virtual is None:
        return None
    owner = _host.loop_owner(item) or item
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
    except ConcurrencyError:
        raise
    except Exception as error:
        problem = f"pytest-asyncbench itself {what}: {error!r}; the outcome stands"
        item.add_report_section("call", "asyncbench", problem)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            item.warn(PluginProblem(problem))
