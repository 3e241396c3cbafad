"""Follow tasks: who ran when, who woke whom, and what ended each wait."""

from pytest_asyncbench._tracing.census import Census
from pytest_asyncbench._tracing.eager import has_begun
from pytest_asyncbench._tracing.strands import Group

__all__ = ["Census", "Group", "has_begun"]
