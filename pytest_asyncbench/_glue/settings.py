"""What was written for the whole run → the policy that holds before any marker."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_asyncbench._glue.options import (
    OPTIONS,
    on_command_line,
    words_in_ini,
    written_in_ini,
)
from pytest_asyncbench._policy.settings import DEFAULT, Written, with_settings
from pytest_asyncbench._policy.values import suggest
from pytest_asyncbench._python import has_gil
from pytest_asyncbench._words.clock import SYSTEM_CLOCK, current_thread_ids
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Allowance, Budget, Policy, Rule

__all__ = ["folder_of", "header", "is_worker", "policy_of", "unusable", "worker_count"]


def policy_of(config: pytest.Config) -> Policy:
    """Read what holds for every test: defaults, then ini, then the command line.

    Raises:
        pytest.UsageError: a name or a value means nothing; says where it was written.
    """
    _insist_on_names(config)
    policy = DEFAULT
    for source, settings in (
        ("ini", written_in_ini(config)),
        ("command line", on_command_line(config)),
    ):
        try:
            _insist_on_values(settings)
            policy = with_settings(policy, settings, source)
        except PolicyError as error:
            raise pytest.UsageError(f"asyncbench ({source}): {error}") from None
    return policy


def is_worker(config: pytest.Config) -> bool:
    """Tell whether this process runs tests for another, which tells of them."""
    return hasattr(config, "workerinput")


def worker_count(config: pytest.Config) -> int:
    """Tell between how many processes the tests are divided."""
    given: dict[str, int] = getattr(config, "workerinput", {})
    return given.get("workercount", 1)


def unusable(
    policy: Policy, setting: str, file: str | None, error: Exception
) -> pytest.UsageError:
    """Make the error of a setting whose file can't be read or written."""
    told = error.strerror if isinstance(error, OSError) else None
    source = policy.sources[setting]
    return pytest.UsageError(
        f"asyncbench ({source}): {setting}: {file}: {told or error}"
    )


def folder_of(config: pytest.Config, source: str) -> Path:
    """Give the folder from which a path is read that was written at some place."""
    if source != "ini":
        return config.invocation_params.dir
    return config.inipath.parent if config.inipath else config.rootpath


def _insist_on_names(config: pytest.Config) -> None:
    # pytest only warns of a setting that nobody knows, and the test passes unwatched.
    known = [option.ini for option in OPTIONS if option.in_ini]
    wrong = [
        f"asyncbench (ini): unknown setting {name!r}{suggest(name, known)}; "
        f"accepted: {', '.join(known)}"
        for name in words_in_ini(config)
        if name not in known
    ]
    if wrong:
        raise pytest.UsageError(*wrong)


def _insist_on_values(settings: Mapping[str, Written]) -> None:
    # What a variable that is not set leaves behind would quietly mean the default.
    for option in OPTIONS:
        value = settings.get(option.name)
        lines = [value] if isinstance(value, str) else value or ()
        if not all(line.strip() for line in lines):
            raise PolicyError(
                f"{option.name}: nothing stands there; accepted: {option.value}"
            )


NO_GIL = (
    "asyncbench: no GIL: no thread keeps a loop waiting; what a step loses to others, "
    "the garbage collector and our own looks, which stop all, is not told apart"
)


NO_RUN_QUEUE = (
    "asyncbench: no run-queue time: what other processes take from a test is not told "
    "apart, and counts against its budget"
)


def header(policy: Policy) -> list[str]:
    """Say which settings differ from the defaults, and what cannot be known here."""
    unknown = [] if has_gil() else [NO_GIL]
    if SYSTEM_CLOCK.processor(*current_thread_ids()).starved is None:
        unknown.append(NO_RUN_QUEUE)
    return [*_written(policy), *unknown]


def _written(policy: Policy) -> list[str]:
    if not policy.sources:
        return []
    written = (
        f"{name}={_shown(getattr(policy, name), unit=_UNITS.get(name, 's'))} ({source})"
        for name, source in policy.sources.items()
    )
    return [f"asyncbench: {', '.join(written)}"]


_Value = (
    str
    | bool
    | float
    | frozenset[str]
    | Budget
    | tuple[str | Allowance | Rule, ...]
    | None
)
"""What the policy may hold where a setting was written."""


_UNITS = {"budget_scale": "", "schedules": "", "schedules_seed": ""}
"""Of the numbers that are no seconds."""


def _shown(value: _Value, unit: str) -> str:
    if value is True:
        return "on"
    if isinstance(value, float):
        return f"{value:g}{unit}"
    if isinstance(value, frozenset):
        return "+".join(sorted(value)) or "none"
    if isinstance(value, Budget):
        return "auto" if value.within is None else f"{value.within:g}s"
    if not isinstance(value, tuple):
        return str(value)
    # Packages by name; of allowances and calls, which are long, how many.
    names = [each for each in value if isinstance(each, str)]
    return "+".join(names) if len(names) == len(value) else str(len(value))
