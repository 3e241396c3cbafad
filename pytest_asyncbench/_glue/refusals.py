"""End a run for what was written wrong, before any test of it.

A worker of pytest-xdist finds that out for its controller, which collects nothing: a
usage error there would look like a crash, so it says what is wrong when it ends.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

import pytest

__all__ = ["Refusals", "refuse"]

_OUTPUT = "asyncbench_refused"
"""Under which a worker's output has what is wrong."""


class _Node(Protocol):
    """A worker, as its controller sees it."""

    workeroutput: dict[str, list[str]]


def refuse(config: pytest.Config, items: list[pytest.Item], wrong: list[str]) -> None:
    """End the run for what is wrong; in a worker, have no test run.

    Raises:
        pytest.UsageError: always, except in a worker.
    """
    output = getattr(config, "workeroutput", None)
    if output is None:
        raise pytest.UsageError(*wrong)
    items.clear()
    output[_OUTPUT] = wrong


class Refusals:
    """Ends the run of a controller whose workers have refused it."""

    def __init__(self) -> None:
        self._wrong: dict[str, None] = {}
        """Each once: every worker has read the same."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: _Node) -> None:
        """Hear from a worker that ends."""
        # One that died has said nothing.
        output = getattr(node, "workeroutput", {})
        self._wrong.update(dict.fromkeys(output.get(_OUTPUT, ())))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """End the run as it ends without workers.

        Raises:
            pytest.UsageError: what was written means nothing.
        """
        result = yield
        if self._wrong:
            raise pytest.UsageError(*self._wrong)
        return result
