"""The rules of a run: our table, and what a project adds by its hook or settings."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator

import pluggy
import pytest

from pytest_asyncbench._interception import PREDICATES
from pytest_asyncbench._outside.known_calls import nearest
from pytest_asyncbench._policy.rows import faults
from pytest_asyncbench._policy.values import suggest
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.units import shown
from pytest_asyncbench._words.values import FieldError, NamedTuple

__all__ = ["Rulebook"]

_HOOK = "pytest_asyncbench_rules"


class _Added(NamedTuple):
    """A row that was added, and where."""

    rule: Rule
    place: str
    is_set: bool
    """Whether that is a setting; else it is a hook."""


class Rulebook:
    """The table of rules with the rows of the hooks, then of the settings.

    Raises:
        pytest.UsageError: a hook's row means nothing; says where that hook is.
    """

    def __init__(self, config: pytest.Config, policy: Policy) -> None:
        self._added = {each.rule.target: each for each in _hooked(config)}
        for rule in policy.calls:
            place = f"asyncbench ({policy.sources['calls']}): calls"
            self._added[rule.target] = _Added(rule, place, is_set=True)
        rules = {rule.target: rule for rule in RULES}
        rules.update((target, each.rule) for target, each in self._added.items())
        self.rules = tuple(rules.values())

    def insist_on(self, problems: Iterable[Problem]) -> None:
        """Refuse a call that was added and that can't be wrapped.

        A plugin's hook may name what only some interpreters can wrap; but what is not
        there at all is a mistake in the hook.

        Raises:
            pytest.UsageError: says where it was written, and why it can't.
        """
        wrong = [told for problem in problems for told in self._refusals(problem)]
        if wrong:
            raise pytest.UsageError(*wrong)

    def _refusals(self, problem: Problem) -> Iterator[str]:
        added = self._added.get(problem.target or "")
        if added is None or added.rule in RULES:
            return
        is_absent = problem.kind == "absent"
        if added.is_set or is_absent:
            meant = nearest(added.rule.target) if is_absent else ()
            near = f"; the nearest: {', '.join(meant)}" if meant else ""
            yield f"{added.place}: {problem.text}{near}"


def _hooked(config: pytest.Config) -> list[_Added]:
    rows: list[_Added] = []
    wrong: list[str] = []
    for place, hook in _hooks(config):
        try:
            given = _given(hook, config)
        except PolicyError as error:
            wrong.append(f"{place}: {error}")
            continue
        wrong += (f"{place}: {fault}" for row in given for fault in _faults(row))
        rules = (row for row in given if isinstance(row, Rule))
        rows += (_Added(rule, place, is_set=False) for rule in rules)
    if wrong:
        raise pytest.UsageError(*wrong)
    return rows


def _hooks(config: pytest.Config) -> Iterator[tuple[str, pluggy.HookCaller]]:
    """Give each hook by itself, in the order of all, and where it is.

    What all of them give together does not tell which file is to be mended.
    """
    manager = config.pluginmanager
    every: pluggy.HookCaller = getattr(config.hook, _HOOK)
    hooks = [
        each
        for each in reversed(every.get_hookimpls())
        if not (each.hookwrapper or each.wrapper)
    ]
    for one in hooks:
        others = [each.plugin for each in hooks if each is not one]
        yield f"{_place(one)}: {_HOOK}", manager.subset_hook_caller(_HOOK, others)


def _place(hook: pluggy.HookImpl) -> str:
    code = getattr(inspect.unwrap(hook.function), "__code__", None)
    if code is None:  # of what can be called and is no function
        return hook.plugin_name
    return f"{shown(code.co_filename)}:{code.co_firstlineno}"


def _given(hook: pluggy.HookCaller, config: pytest.Config) -> list[object]:
    """Give what a hook does.

    Raises:
        PolicyError: it is no list, or it could not be made.
    """
    rows: list[object] = []
    try:
        for given in hook(config=config):
            if not isinstance(given, Iterable) or isinstance(given, str):
                raise PolicyError(f"{given!r} is no list of rules")
            rows += given
    except FieldError as error:
        raise PolicyError(_told(error)) from None
    return rows


def _told(error: FieldError) -> str:
    name, unknown = error.of.__qualname__, error.unknown
    accepted = f"accepted: {', '.join(error.fields)}"
    if unknown is None:
        return f"{name} lacks {', '.join(map(repr, error.missing))}; {accepted}"
    near = suggest(unknown, error.fields)
    return f"{name} has no argument {unknown!r}{near}; {accepted}"


def _faults(row: object) -> Iterator[str]:
    if not isinstance(row, Rule):
        yield f"{row!r} is no pytest_asyncbench.Rule"
        return
    for fault in faults(row, PREDICATES):
        yield f"rule {row.target!r} {fault}"
