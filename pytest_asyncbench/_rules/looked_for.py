"""Whether anybody looks for the call that an allowance names."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_asyncbench._rules.further_names import FURTHER_NAMES
from pytest_asyncbench._words.promised import Rule

__all__ = ["is_looked_for"]


def is_looked_for(call: str, rules: Iterable[Rule], families: frozenset[str]) -> bool:
    """Tell whether a call of this name can be found while these families are on.

    False only for the very name of a rule of another family: a glob, or what no rule
    has, may as well be what a stall called.
    """
    meant = [rule for rule in rules if call in _names(rule)]
    return not meant or any(rule.family in families for rule in meant)


def _names(rule: Rule) -> tuple[str, ...]:
    return rule.target, *FURTHER_NAMES.get(rule.target, ())
