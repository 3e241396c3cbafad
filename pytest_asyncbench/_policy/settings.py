"""Settings → the policy that holds: default < ini < command line < nearest marker.

One row for each setting says how its value is read. Nothing here knows pytest; the
glue brings what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.lines import allowances, calls
from pytest_asyncbench._policy.replaying import replay_of
from pytest_asyncbench._rules.families import DEFAULT_FAMILIES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Budget, Policy

__all__ = ["DEFAULT", "Written", "with_settings"]

DEFAULT = Policy(rules=DEFAULT_FAMILIES)

Written = str | list[str]
"""The value of a setting as a person wrote it: lines, where it takes several."""

NONE = "none"
"""Takes back what was set at a place of less weight."""

AUTO = "auto"
"""Leaves a budget to what the history knows."""


def _one(value: Written) -> str:
    return value if isinstance(value, str) else "\n".join(value)


def _budget(policy: Policy, value: Written, source: str) -> Policy:
    if value == NONE:
        return replace(policy, budget=None)
    if value == AUTO:
        return replace(policy, budget=Budget(source=source, auto=True))
    try:
        return replace(policy, budget=values.budget(_one(value), source=source))
    except PolicyError as error:
        raise PolicyError(f"{error}, and so are {AUTO} and {NONE}") from None


def _duration_or_none(value: Written) -> float | None:
    if value == NONE:
        return None
    try:
        return values.duration(_one(value))
    except PolicyError as error:
        raise PolicyError(f"{error}, and so is {NONE}") from None


def _schedule(value: str) -> str:
    replay_of(value)
    return value


_ROWS: Mapping[str, Callable[[Policy, Written, str], Policy]] = {
    "blocking": lambda policy, value, source: replace(
        policy, blocking=values.mode(_one(value))
    ),
    "threshold": lambda policy, value, source: replace(
        policy, threshold=values.duration(_one(value))
    ),
    "rules": lambda policy, value, source: replace(policy, rules=values.rules(value)),
    "scope": lambda policy, value, source: replace(
        policy, scope=() if value == NONE else values.scope(value)
    ),
    # Allowances and calls add up; every other setting replaces what held before.
    "allow": lambda policy, value, source: replace(
        policy, allow=policy.allow + allowances(value, source)
    ),
    "calls": lambda policy, value, source: replace(
        policy, calls=policy.calls + calls(value)
    ),
    "budget": _budget,
    "budget_setup": lambda policy, value, source: replace(
        policy, budget_setup=_duration_or_none(value)
    ),
    "budget_teardown": lambda policy, value, source: replace(
        policy, budget_teardown=_duration_or_none(value)
    ),
    "budget_scale": lambda policy, value, source: replace(
        policy, budget_scale=values.factor(_one(value))
    ),
    "starvation": lambda policy, value, source: replace(
        policy, starvation=values.starvation(_one(value))
    ),
    "once": lambda policy, value, source: replace(
        policy, once=values.once(_one(value))
    ),
    "background": lambda policy, value, source: replace(
        policy, background=values.background(_one(value))
    ),
    "summary": lambda policy, value, source: replace(
        policy, summary=values.summary(_one(value))
    ),
    "baseline": lambda policy, value, source: replace(
        policy, baseline=None if value == NONE else _one(value)
    ),
    "history": lambda policy, value, source: replace(
        policy, history=None if value == NONE else _one(value)
    ),
    "history_mode": lambda policy, value, source: replace(
        policy, history_mode=values.history_mode(_one(value))
    ),
    "show_history": lambda policy, value, source: replace(
        policy, show_history=bool(value)
    ),
    "report": lambda policy, value, source: replace(
        policy, report=values.reports(value)
    ),
    "annotations": lambda policy, value, source: replace(
        policy, annotations=values.annotated_for(_one(value))
    ),
    "update_baseline": lambda policy, value, source: replace(
        policy, update_baseline=bool(value)
    ),
    "virtual_time": lambda policy, value, source: replace(
        policy, virtual_time=values.virtual_time(_one(value))
    ),
    "schedules": lambda policy, value, source: replace(
        policy, schedules=values.schedules(_one(value))
    ),
    "schedules_seed": lambda policy, value, source: replace(
        policy, schedules_seed=values.seed(_one(value))
    ),
    "schedules_within": lambda policy, value, source: replace(
        policy, schedules_within=_duration_or_none(value)
    ),
    "schedules_timers": lambda policy, value, source: replace(
        policy, schedules_timers=values.timers(_one(value))
    ),
    "schedule": lambda policy, value, source: replace(
        policy, schedule=_schedule(_one(value))
    ),
    "real_limit": lambda policy, value, source: replace(
        policy, real_limit=values.duration(_one(value))
    ),
}
"""How a setting changes what holds, by the setting's name."""


def with_settings(
    policy: Policy, settings: Mapping[str, Written], source: str
) -> Policy:
    """Lay settings that were written at one place over a policy.

    Raises:
        PolicyError: a value means nothing; the message begins with the setting.
    """
    for name, value in settings.items():
        try:
            policy = _ROWS[name](policy, value, source)
        except PolicyError as error:
            raise PolicyError(f"{name}: {error}") from None
        policy = replace(policy, sources={**policy.sources, name: source})
    return policy
