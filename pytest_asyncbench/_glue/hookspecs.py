"""Hooks that this plugin offers to conftest files and other plugins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_asyncbench._words.promised import Rule

__all__ = ["AsyncbenchSpecs"]


class AsyncbenchSpecs:
    """What others can add to, and listen to."""

    @pytest.hookspec
    def pytest_asyncbench_rules(self, config: pytest.Config) -> Iterable[Rule]:
        """Return more rules: calls that are known to block in your project.

        Called once, when the run is configured. A rule for a target that the table
        has already replaces that row.
        """
        raise NotImplementedError

    @pytest.hookspec
    def pytest_asyncbench_verdict(
        self, item: pytest.Item, record: dict[str, Any]
    ) -> None:
        """Hear the record of each watched test, as it goes into the reports."""
