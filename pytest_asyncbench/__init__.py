"""Concurrency assertions for pytest: budgets, speedups and blocking calls.

The fixtures and markers need no import; these names are for annotations,
``pytest.raises``, ``-W`` filters and hooks.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pytest_asyncbench._errors import (
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
from pytest_asyncbench._model import Finding, Rule, TaskTrace

if TYPE_CHECKING:
    from pytest_asyncbench._blocking_calls import BlockingCalls
    from pytest_asyncbench._concurrently import Concurrently
    from pytest_asyncbench._run import Run
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
    "BlockingCalls": "_blocking_calls",
    "Concurrently": "_concurrently",
    "Run": "_run",
    "VirtualClock": "virtual_time",
}


def __getattr__(name: str) -> Any:
    if name not in _LOADED_LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LOADED_LATER[name]}")
    return getattr(module, name)
