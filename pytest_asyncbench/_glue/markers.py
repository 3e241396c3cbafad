"""The markers. Each is a function: its signature checks what was written at the
marker, its docstring is the ``--markers`` text, and it returns what was meant.
"""  # noqa: D205 - one sentence too long for a line

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, TypedDict, TypeVar

import pytest

from pytest_asyncbench._glue.marker_place import marker_place
from pytest_asyncbench._outside.known_calls import insist_on_calls
from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.lines import allowances
from pytest_asyncbench._policy.replaying import replay_of
from pytest_asyncbench._policy.values import Duration
from pytest_asyncbench._words import legible
from pytest_asyncbench._words.cancellations import Cancellations
from pytest_asyncbench._words.errors import PolicyError, VirtualTimeError
from pytest_asyncbench._words.promised import (
    MARKER,
    Allowance,
    Budget,
    Mode,
    Once,
    Policy,
    Seed,
    Starvation,
    Timers,
    Unsaid,
    VirtualTime,
)

if TYPE_CHECKING:
    from _pytest.nodes import Node

    from pytest_asyncbench._words.schedules import Replay

__all__ = ["FUNCTIONS", "described", "is_marked_itself", "marked"]


class Meant(TypedDict, total=False):
    """What a marker says of a policy; what it does not name stays as it was."""

    allow: tuple[Allowance, ...]
    blocking: Mode
    budget: Budget
    budget_setup: float
    budget_teardown: float
    cancellations: Cancellations
    copies: int
    once: Once
    replay: Replay | None
    repeat: int
    rules: frozenset[str]
    schedules: int
    schedules_seed: Seed
    schedules_timers: Timers
    schedules_within: float
    scope: tuple[str, ...]
    starvation: Starvation
    threshold: float
    virtual: VirtualTime | None


Given = TypeVar("Given")
Value = TypeVar("Value")


def _read(argument: str, read: Callable[[Given], Value], given: Given) -> Value:
    """Read what an argument was given, and name it where that is refused."""
    try:
        return read(given)
    except PolicyError as error:
        raise PolicyError(f"{argument}: {error}") from None


def budget(
    within: Duration | None = None,
    *,
    speedup: float | Unsaid | None = Unsaid.UNSAID,
    setup: Duration | None = None,
    teardown: Duration | None = None,
    repeat: int | None = None,
    starvation: str | None = None,
) -> Meant:
    """Fail the test when its call takes longer than `within`, or is not `speedup`
    times as fast as its tasks one after another. An async test is cancelled then.
    With `speedup=None` none is promised, also by copies and by its class or module.
    `setup` and `teardown` are what its fixtures may take, in all. With `repeat` an
    async test's body is run so often in turn, and the promises are for the median.
    """  # noqa: D205
    meant: Meant = {}
    if setup is not None:
        meant["budget_setup"] = _read("setup", values.duration, setup)
    if teardown is not None:
        meant["budget_teardown"] = _read("teardown", values.duration, teardown)
    if not meant or within is not None or not isinstance(speedup, Unsaid):
        meant["budget"] = values.budget(within, speedup)
    if repeat is not None:
        meant["repeat"] = _read("repeat", values.repeat, repeat)
    if starvation is not None:
        meant["starvation"] = _read("starvation", values.starvation, starvation)
    return meant


def concurrent(copies: int) -> Meant:
    """Run this many copies of the async test's body at once, in one loop."""
    return {"copies": values.copies(copies)}


def no_blocking(
    *,
    threshold: Duration | None = None,
    rules: str | Iterable[str] | None = None,
    scope: str | Iterable[str] | None = None,
    allow: str | Iterable[str] = (),
    starvation: str | None = None,
    once: str | None = None,
) -> Meant:
    """Fail the test for any call that blocks its event loop."""
    meant: Meant = {"blocking": "error"}
    if threshold is not None:
        meant["threshold"] = _read("threshold", values.duration, threshold)
    if rules is not None:
        meant["rules"] = _read("rules", values.rules, rules)
    if scope is not None:
        meant["scope"] = _read("scope", values.scope, scope)
    if starvation is not None:
        meant["starvation"] = _read("starvation", values.starvation, starvation)
    if once is not None:
        meant["once"] = _read("once", values.once, once)
    meant["allow"] = allowances(allow, MARKER)
    return meant


def allow_blocking(reason: str, *, calls: str | Iterable[str] = ("*",)) -> Meant:
    """Accept blocking in this test for a reason, at best for named calls only."""
    reason = values.reason(reason)
    globs = values.words(calls)
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
) -> Meant:
    """Run the test in virtual time: its loop jumps where only timers are left.
    Something real is waited for, until it has kept silent for `real_limit`.
    """  # noqa: D205
    # Here, because of those who write a setting or a marker few need it.
    from pytest_asyncbench.virtual_time import VirtualClock

    try:
        VirtualClock(start, tz=tz)
    except VirtualTimeError as error:
        raise PolicyError(str(error)) from None
    try:
        limit = None if real_limit is None else values.duration(real_limit)
    except PolicyError as error:
        raise PolicyError(f"real_limit: {error}") from None
    return {"virtual": VirtualTime(start=start, tz=tz, real_limit=limit)}


def real_time() -> Meant:
    """Run the test in real time, where a setting or its class asks for virtual time."""
    return {"virtual": None}


def schedules(
    runs: int | None = None,
    *,
    seed: Seed | None = None,
    within: Duration | None = None,
    timers: str | None = None,
    replay: str | None = None,
) -> Meant:
    """Run the test under so many orders of what is ready, asyncio's own first, in
    virtual time; 0 exempts it. `seed` says which, `within` for how long new ones are
    begun. With `timers="free"` a timer may be late: others that are due later go before
    it. With `replay` it is run by the one schedule that a failure has printed.
    """  # noqa: D205
    if runs is None and replay is None:
        raise PolicyError("schedules without runs or replay= tries none")
    meant: Meant = {"replay": None}
    if runs is not None:
        meant["schedules"] = values.schedules(runs)
    if seed is not None:
        meant["schedules_seed"] = _read("seed", values.seed, seed)
    if within is not None:
        meant["schedules_within"] = _read("within", values.duration, within)
    if timers is not None:
        meant["schedules_timers"] = _read("timers", values.timers, timers)
    if replay is not None:
        meant["replay"] = replay_of(replay)
    return meant


def cancellations(
    tasks: str | Iterable[str] = (),
    *,
    check: Callable[..., object] | None = None,
) -> Meant:
    """Cancel the test's tasks, or those that are named, at each of their awaits in
    turn, once per run, and fail if that leaves a lock held, a task or a socket behind,
    or is swallowed. `check`, called with fixtures by name, says what else must hold.
    """  # noqa: D205
    globs = (tasks,) if isinstance(tasks, str) else tuple(values.several(tasks))
    if check is not None and not callable(check):
        raise PolicyError(f"check={check!r} can't be called; a function is accepted")
    return {"cancellations": Cancellations(tasks=globs, check=check)}


FUNCTIONS: Mapping[str, Callable[..., Meant]] = {
    function.__name__: function
    for function in (
        budget,
        concurrent,
        no_blocking,
        allow_blocking,
        virtual_time,
        real_time,
        schedules,
        cancellations,
    )
}

_TIMES = (virtual_time.__name__, real_time.__name__)
"""The markers that say which time a test lives in: only the nearest holds."""


def described() -> list[str]:
    """Give the text for ``pytest --markers``."""
    return [
        f"{name}{_signature(function)}: {inspect.cleandoc(function.__doc__ or '')}"
        for name, function in FUNCTIONS.items()
    ]


def _signature(function: Callable[..., Meant]) -> str:
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
    # Once through the marks for all of ours, since most tests have none.
    marks = [
        each for each in item.iter_markers_with_node() if each[1].name in FUNCTIONS
    ]
    marks = _of_one_time(marks)
    for name, function in FUNCTIONS.items() if marks else ():
        for node, mark in [each for each in reversed(marks) if each[1].name == name]:
            try:
                meant = _called(function, mark)
                insist_on_calls(meant.get("allow", ()))
            except Exception as error:  # what was written may fail when it is read
                told = legible.text(functools.partial(_told, error))
                raise PolicyError(
                    f"@pytest.mark.{name}: {told}; the marker: "
                    f"{name}{_signature(function)} ({marker_place(node, name)})"
                ) from None
            policy = _laid_over(policy, _placed(meant, node))
    return policy


def _of_one_time(
    marks: list[tuple[Node, pytest.Mark]],
) -> list[tuple[Node, pytest.Mark]]:
    """Leave out who is overruled by a nearer one that says another time.

    Raises:
        PolicyError: the same node says both.
    """
    times = [each for each in marks if each[1].name in _TIMES]
    if not times:
        return marks
    nearest, chosen = times[0]
    if any(node is nearest and mark.name != chosen.name for node, mark in times):
        raise PolicyError(
            "@pytest.mark.real_time: @pytest.mark.virtual_time stands there, too, and "
            f"a test lives in one time ({marker_place(nearest, real_time.__name__)})"
        )
    others = FUNCTIONS.keys() - _TIMES
    return [each for each in marks if each[1].name in (chosen.name, *others)]


def is_marked_itself(item: pytest.Item) -> bool:
    """Tell whether a marker of ours stands at the test, not at its class or module."""
    return any(mark.name in FUNCTIONS for mark in item.own_markers)


def _placed(meant: Meant, node: Node) -> Meant:
    """Say of allowances at which node they stand; its parameters are all one."""
    if "allow" not in meant:
        return meant
    where = node.nodeid
    if isinstance(node, pytest.Function) and node.parent is not None:
        where = f"{node.parent.nodeid}::{node.originalname}"
    source = f"{MARKER} of {where}"
    allowed = tuple(replace(each, source=source) for each in meant["allow"])
    return {**meant, "allow": allowed}


def _called(function: Callable[..., Meant], mark: pytest.Mark) -> Meant:
    signature = inspect.signature(function)
    unknown = [word for word in mark.kwargs if word not in signature.parameters]
    if unknown:
        raise PolicyError(
            f"no argument {unknown[0]!r}"
            f"{values.suggest(unknown[0], signature.parameters)}"
        )
    signature.bind(*mark.args, **mark.kwargs)
    return function(*mark.args, **mark.kwargs)


def _told(error: Exception) -> str:
    if isinstance(error, (PolicyError, TypeError)):
        return str(error)
    return f"an argument can't be read: {error!r}"


def _laid_over(policy: Policy, meant: Meant) -> Policy:
    changed = meant.copy()
    if "allow" in changed:
        changed["allow"] = policy.allow + changed["allow"]
    if "budget" in changed and policy.budget is not None:
        # The part that this marker leaves open keeps what held before.
        given, before = changed["budget"], policy.budget
        if given.within is None:
            given = replace(given, within=before.within, auto=before.auto)
        if given.speedup is None and not given.unpromised:
            given = replace(given, speedup=before.speedup, unpromised=before.unpromised)
        changed["budget"] = given
    sources = {**policy.sources, **dict.fromkeys(changed, MARKER)}
    # Who only exempts a test asks for nothing of it.
    asked = policy.asked or meant not in (real_time(), schedules(0))
    return replace(policy, asked=asked, sources=sources, **changed)
