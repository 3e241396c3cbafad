"""Concurrency assertions for pytest: budgets, speedups and blocking calls.

The fixtures and markers need no import; these names are for annotations,
``pytest.raises``, ``-W`` filters and hooks.
"""

import importlib
from typing import TYPE_CHECKING

# Before any test can freeze the time.
import pytest_asyncbench._words.real_time  # noqa: F401  # pyright: ignore[reportUnusedImport]

if TYPE_CHECKING:
    from pytest_asyncbench._glue.blocking_calls import BlockingCalls
    from pytest_asyncbench._glue.concurrently import Concurrently
    from pytest_asyncbench._glue.run import Run
    from pytest_asyncbench._outside.watching import BlockingSeen, watching
    from pytest_asyncbench._words.decided import Finding, TaskTrace
    from pytest_asyncbench._words.errors import (
        BackgroundTaskError,
        BackgroundTaskWarning,
        BlockingCallError,
        BlockingCallWarning,
        BudgetExceeded,
        CancellationError,
        ConcurrencyError,
        Deadlock,
        NotConcurrent,
        PluginProblem,
        PolicyError,
        RealLimitExceeded,
        UnmeasuredError,
        UnmeasuredWarning,
        VirtualTimeError,
    )
    from pytest_asyncbench._words.promised import Rule
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = [
    "BackgroundTaskError",
    "BackgroundTaskWarning",
    "BlockingCallError",
    "BlockingCallWarning",
    "BlockingCalls",
    "BlockingSeen",
    "BudgetExceeded",
    "CancellationError",
    "ConcurrencyError",
    "Concurrently",
    "Deadlock",
    "Finding",
    "NotConcurrent",
    "PluginProblem",
    "PolicyError",
    "RealLimitExceeded",
    "Rule",
    "Run",
    "TaskTrace",
    "UnmeasuredError",
    "UnmeasuredWarning",
    "VirtualClock",
    "VirtualTimeError",
    "watching",
]

# pytest imports this package at every start, and most runs use none of these.
_HOME = {
    "BlockingCalls": "_glue.blocking_calls",
    "BlockingSeen": "_outside.watching",
    "Concurrently": "_glue.concurrently",
    "Finding": "_words.decided",
    "Rule": "_words.promised",
    "Run": "_glue.run",
    "TaskTrace": "_words.decided",
    "VirtualClock": "virtual_time",
    "watching": "_outside.watching",
}
"""Where each name is defined that is not one of the exceptions and warnings."""

if not TYPE_CHECKING:  # a checker would take any name for one that exists
    # There is no `__dir__`: freezegun asks each module for all that it lists, and would
    # load all of it in a run that asks for nothing of ours, with its time frozen.
    def __getattr__(name):
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = _HOME.get(name, "_words.errors")
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
