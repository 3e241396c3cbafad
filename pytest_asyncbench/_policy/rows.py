"""What is wrong with a row that a project adds to the table of rules.

Every way to add one asks here, and says before each answer which row it is of.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pytest_asyncbench._policy import values
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Rule

__all__ = ["faults"]


def faults(rule: Rule, predicates: Collection[str] = ()) -> Iterator[str]:
    """Say what is wrong, each as the rest of a sentence about the row.

    Args:
        rule: whose fields may hold anything, whatever their types are.
        predicates: the names that `harmless` may have.
    """
    if not _names_a_call(rule.target):
        yield "names no call; accepted: module.call"
    yield from _unknown("family", rule.family, FAMILIES)
    if not _is_text(rule.advice):
        yield "does not say what to use instead, in advice; accepted: code, as text"
    if rule.harmless is not None:
        yield from _unknown("predicate", rule.harmless, predicates)
    yield from _of_allowed(rule.allowed)
    if rule.ruff is not None and not _is_text(rule.ruff):
        yield f"has ruff={rule.ruff!r}; accepted: the rule's number as text"


def _names_a_call(value: object) -> bool:
    names = value.split(".") if isinstance(value, str) else ()
    return len(names) > 1 and all(name.isidentifier() for name in names)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _unknown(kind: str, word: object, accepted: Collection[str]) -> Iterator[str]:
    if not isinstance(word, str) or word not in accepted:
        near = values.suggest(str(word), accepted)
        yield f"has the unknown {kind} {word!r}{near}; accepted: {', '.join(accepted)}"


def _of_allowed(allowed: object) -> Iterator[str]:
    if not isinstance(allowed, Mapping):
        yield f"has allowed={allowed!r}; accepted: a mapping of caller to reason"
        return
    for caller, reason in allowed.items():
        try:
            values.caller(caller)
            values.reason(reason)
        except PolicyError as error:
            yield f"allows {caller!r}: {error}"
