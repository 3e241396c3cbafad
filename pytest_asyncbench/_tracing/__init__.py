"""Follow tasks: who ran when, who woke whom, and what ended each wait."""

from pytest_asyncbench._tracing.ownership import Owners
from pytest_asyncbench._tracing.readings import critical_path, saved
from pytest_asyncbench._tracing.recorder import Recorder
from pytest_asyncbench._tracing.strands import Group
from pytest_asyncbench._tracing.timelines import timeline

__all__ = [
    "Group",
    "Owners",
    "Recorder",
    "critical_path",
    "saved",
    "timeline",
]
