"""The markers. Each is a function: its signature checks what was written at the
marker, its docstring is the ``--markers`` text, and it returns what was meant.
"""  # noqa: D205 - one sentence too long for a line

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any

import pytest

from pytest_asyncbench._policy import reading
from pytest_asyncbench._words.errors import PolicyError, VirtualTimeError
from pytest_asyncbench._words.promised import MARKER, Allowance, Policy, VirtualTime

__all__ = ["FUNCTIONS", "described", "marked"]

Duration = float | str | timedelta


def budget(
    within: Duration | None = None,
    *,
    speedup: float | None = None,
    starvation: str | None = None,
) -> Mapping[str, Any]:
    """Fail the test when its call takes longer than `within`, or is not `speedup`
    times as fast as its tasks one after another. An async test is cancelled then.
    """  # noqa: D205
    settings: dict[str, Any] = {"budget": reading.budget(within, speedup)}
    if starvation is not None:
        settings["starvation"] = reading.starvation(starvation)
    return settings


def concurrent(copies: int) -> Mapping[str, Any]:
    """Run this many copies of the async test's body at once, in one loop."""
    return {"copies": reading.copies(copies)}


def no_blocking(
    *,
    threshold: Duration | None = None,
    rules: str | Iterable[str] | None = None,
    scope: str | Iterable[str] | None = None,
    allow: str | Iterable[str] = (),
    starvation: str | None = None,
    once: str | None = None,
) -> Mapping[str, Any]:
    """Fail the test for any call that blocks its event loop."""
    written: dict[str, tuple[Any, Callable[[Any], Any]]] = {
        "threshold": (threshold, reading.duration),
        "rules": (rules, reading.rules),
        "scope": (scope, reading.scope),
        "starvation": (starvation, reading.starvation),
        "once": (once, reading.once),
    }
    read = {
        name: parse(value)
        for name, (value, parse) in written.items()
        if value is not None
    }
    allowed = reading.allowances(allow, MARKER)
    return {"blocking": "error", "allow": allowed, **read}


def allow_blocking(
    reason: str, *, calls: str | Iterable[str] = ("*",)
) -> Mapping[str, Any]:
    """Accept blocking in this test for a reason, at best for named calls only."""
    reason = reading.reason(reason)
    globs = reading.words(calls)
    if not (globs and all(glob.strip() for glob in globs)):
        raise PolicyError("calls= names nothing; leave it out to allow every call")
    return {
        "allow": tuple(
            Allowance(caller="*", call=glob, reason=reason, source=MARKER)
            for glob in globs
        )
    }


def virtual_time(
    start: datetime | str | None = None,
    *,
    tz: tzinfo | str | None = None,
    real_limit: Duration | None = None,
) -> Mapping[str, Any]:
    """Run the test in virtual time: its loop jumps where only timers are left.
    Something real is waited for, until it has kept silent for `real_limit`.
    """  # noqa: D205
    # Here, because few runs need it, and every run loads this module.
    from pytest_asyncbench.virtual_time import VirtualClock

    try:
        VirtualClock(start, tz=tz)
    except VirtualTimeError as error:
        raise PolicyError(str(error)) from None
    try:
        limit = None if real_limit is None else reading.duration(real_limit)
    except PolicyError as error:
        raise PolicyError(f"real_limit: {error}") from None
    return {"virtual": VirtualTime(start=start, tz=tz, real_limit=limit)}


FUNCTIONS: Mapping[str, Callable[..., Mapping[str, Any]]] = {
    function.__name__: function
    for function in (budget, concurrent, no_blocking, allow_blocking, virtual_time)
}


def described() -> list[str]:
    """Give the text for ``pytest --markers``."""
    return [
        f"{name}{_signature(function)}: {inspect.cleandoc(function.__doc__ or '')}"
        for name, function in FUNCTIONS.items()
    ]


def _signature(function: Callable[..., Any]) -> str:
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(parameters))


def marked(policy: Policy, item: pytest.Item) -> Policy:
    """Lay an item's markers over a policy, the nearest last.

    Raises:
        PolicyError: a marker's arguments mean nothing; names marker and word.
    """
    for name, function in FUNCTIONS.items():
        for node, mark in reversed(list(item.iter_markers_with_node(name))):
            policy = _laid_over(policy, _placed(_called(function, mark), node))
    return policy


def _placed(settings: Mapping[str, Any], node: Any) -> Mapping[str, Any]:
    """Say of allowances at which node they stand; its parameters are all one."""
    if "allow" not in settings:
        return settings
    name = getattr(node, "originalname", None)
    where = f"{node.parent.nodeid}::{name}" if name else node.nodeid
    source = f"{MARKER} of {where}"
    allowed = tuple(replace(each, source=source) for each in settings["allow"])
    return {**settings, "allow": allowed}


def _called(
    function: Callable[..., Mapping[str, Any]], mark: pytest.Mark
) -> Mapping[str, Any]:
    signature = inspect.signature(function)
    unknown = [word for word in mark.kwargs if word not in signature.parameters]
    try:
        if unknown:
            raise PolicyError(
                f"no argument {unknown[0]!r}"
                f"{reading.suggest(unknown[0], signature.parameters)}"
            )
        signature.bind(*mark.args, **mark.kwargs)
        return function(*mark.args, **mark.kwargs)
    except (PolicyError, TypeError) as error:
        raise PolicyError(
            f"@pytest.mark.{mark.name}: {error}; "
            f"accepted: {mark.name}{_signature(function)}"
        ) from None


def _laid_over(policy: Policy, settings: Mapping[str, Any]) -> Policy:
    changed = dict(settings)
    if "allow" in changed:
        changed["allow"] = policy.allow + changed["allow"]
    if "budget" in changed and policy.budget is not None:
        # The part that this marker leaves open keeps what held before.
        given = changed["budget"]
        changed["budget"] = replace(
            given,
            within=policy.budget.within if given.within is None else given.within,
            speedup=policy.budget.speedup if given.speedup is None else given.speedup,
        )
    sources = {**policy.sources, **dict.fromkeys(changed, MARKER)}
    return replace(policy, asked=True, sources=sources, **changed)
