"""The rules of a run: our table, and what a project adds by its hook or settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import pytest

from pytest_asyncbench._interception import PREDICATES
from pytest_asyncbench._policy.values import suggest
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Policy, Rule

__all__ = ["all_rules", "insist_on"]


def all_rules(config: pytest.Config, policy: Policy) -> tuple[Rule, ...]:
    """Give the table of rules with the rows of the hook, then of the settings.

    Raises:
        pytest.UsageError: a row has a word that means nothing.
    """
    rules = {rule.target: rule for rule in RULES}
    hooked = [*_hooked(config)]
    rules.update((rule.target, rule) for rule in (*hooked, *policy.calls))
    wrong = [text for rule in rules.values() for text in _wrong_words(rule)]
    if wrong:
        raise pytest.UsageError(*wrong)
    return tuple(rules.values())


def _hooked(config: pytest.Config) -> Iterator[Rule]:
    for given in config.hook.pytest_asyncbench_rules(config=config):
        if not isinstance(given, Iterable) or isinstance(given, str):
            raise pytest.UsageError(
                f"pytest_asyncbench_rules: {given!r} is no list of rules"
            )
        for rule in given:
            if not isinstance(rule, Rule):
                raise pytest.UsageError(
                    f"pytest_asyncbench_rules: {rule!r} is no pytest_asyncbench.Rule"
                )
            yield rule


def insist_on(
    policy: Policy, rules: Iterable[Rule], problems: Iterable[Problem]
) -> None:
    """Refuse a call that a setting names and that can't be wrapped.

    A plugin's hook may name what only some interpreters can wrap; but what is not
    there at all is a mistake in the hook.

    Raises:
        pytest.UsageError: says where it was written, and why it can't.
    """
    wrong = []
    table = {rule.target: rule for rule in RULES}
    added = [rule for rule in rules if rule != table.get(rule.target)]
    for rule, problem in itertools.product(added, problems):
        if problem.target != rule.target:
            continue
        if rule in policy.calls:
            where = f"asyncbench ({policy.sources['calls']}): calls"
            wrong.append(f"{where}: {problem.text}")
        elif problem.kind == "absent":
            wrong.append(f"pytest_asyncbench_rules: {problem.text}")
    if wrong:
        raise pytest.UsageError(*wrong)


def _wrong_words(rule: Rule) -> Iterator[str]:
    for kind, word, accepted in (
        ("family", rule.family, FAMILIES),
        ("predicate", rule.harmless, tuple(PREDICATES)),
    ):
        if word is not None and word not in accepted:
            yield (
                f"pytest_asyncbench_rules: rule {rule.target!r} has the unknown {kind} "
                f"{word!r}{suggest(word, accepted)}; accepted: {', '.join(accepted)}"
            )
