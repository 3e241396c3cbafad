"""Every exception and warning of the plugin, one sentence each."""

from __future__ import annotations

__all__ = [
    "BackgroundTaskError",
    "BackgroundTaskWarning",
    "BlockingCallError",
    "BlockingCallWarning",
    "BudgetExceeded",
    "CancellationError",
    "ConcurrencyError",
    "Deadlock",
    "NotConcurrent",
    "PluginProblem",
    "PolicyError",
    "RealLimitExceeded",
    "UnmeasuredError",
    "UnmeasuredWarning",
    "VirtualTimeError",
]


class ConcurrencyError(AssertionError):
    """A promise about concurrency, time or blocking was broken."""


class BudgetExceeded(ConcurrencyError):
    """The work took longer than its budget's wall-clock time."""


class NotConcurrent(ConcurrencyError):
    """The work was not faster than one after another by as much as promised."""


class BlockingCallError(ConcurrencyError):
    """The event loop was kept from its other tasks by a blocking call."""


class CancellationError(ConcurrencyError):
    """A task that was cancelled at one of its awaits left something wrong behind."""


class BackgroundTaskError(ConcurrencyError):
    """A background task died of an exception, and nobody looked at it."""


class UnmeasuredError(ConcurrencyError):
    """What was promised can't be told: no step of a loop was seen, or no task."""


class Deadlock(ConcurrencyError):
    """Nothing is left that could ever wake a task of the loop."""


class PolicyError(ValueError):
    """An option, marker argument or rule does not mean anything."""


class VirtualTimeError(RuntimeError):
    """Virtual time was asked for something that it cannot do."""


class RealLimitExceeded(VirtualTimeError):
    """Virtual time waited for something real, which kept silent for too long."""


class BlockingCallWarning(UserWarning):
    """A blocking call in a test whose setting is ``blocking = warn``."""


class BackgroundTaskWarning(UserWarning):
    """A background task died unseen, where the setting is ``background = warn``."""


class UnmeasuredWarning(UserWarning):
    """A test asked to be watched, and no step of a loop was seen."""


class PluginProblem(UserWarning):
    """The plugin itself failed; the outcome of the test stands."""


# Users meet these names in tracebacks and in ``-W`` filters: show the public one.
for _name in __all__:
    globals()[_name].__module__ = "pytest_asyncbench"
