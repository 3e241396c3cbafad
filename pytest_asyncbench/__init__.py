"""Concurrency assertions for pytest: budgets, speedups and blocking calls.

The fixtures and markers need no import; these names are for annotations,
``pytest.raises``, ``-W`` filters and hooks.
"""

from pytest_asyncbench._blocking_calls import BlockingCalls
from pytest_asyncbench._concurrently import Concurrently
from pytest_asyncbench._errors import (
    BlockingCallError,
    BlockingCallWarning,
    BudgetExceeded,
    ConcurrencyError,
    NotConcurrent,
    PluginProblem,
    PolicyError,
    UnmeasuredError,
    UnmeasuredWarning,
)
from pytest_asyncbench._model import Finding, Rule, TaskTrace
from pytest_asyncbench._run import Run

__all__ = [
    "BlockingCallError",
    "BlockingCallWarning",
    "BlockingCalls",
    "BudgetExceeded",
    "ConcurrencyError",
    "Concurrently",
    "Finding",
    "NotConcurrent",
    "PluginProblem",
    "PolicyError",
    "Rule",
    "Run",
    "TaskTrace",
    "UnmeasuredError",
    "UnmeasuredWarning",
]
