"""Concurrency assertions for pytest: budgets, speedups and blocking calls.

The fixtures and markers need no import; these names are for annotations,
``pytest.raises``, ``-W`` filters and hooks.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._words.decided import Finding, TaskTrace
from pytest_asyncbench._words.errors import (
    BlockingCallError,
    BlockingCallWarning,
    BudgetExceeded,
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

if TYPE_CHECKING:
    from pytest_asyncbench._glue.blocking_calls import BlockingCalls
    from pytest_asyncbench._glue.concurrently import Concurrently
    from pytest_asyncbench._glue.run import Run
    from pytest_asyncbench.virtual_time import VirtualClock

__all__ = [
    "BlockingCallError",
    "BlockingCallWarning",
    "BlockingCalls",
    "BudgetExceeded",
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
]

# pytest imports this package at every start; the engines only load when used.
_LOADED_LATER = {
    "BlockingCalls": "_glue.blocking_calls",
    "Concurrently": "_glue.concurrently",
    "Run": "_glue.run",
    "VirtualClock": "virtual_time",
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}")
    return getattr(module, name)
