"""What stands around a phase of a test, and around what we do there ourselves.

A watched run comes through here with every test, also with those that run no loop. So
neither the engines nor the decisions are known here.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Generator, Iterable
from types import TracebackType

import pytest

from pytest_asyncbench._words.errors import PluginProblem
from pytest_asyncbench._words.legible import error_of_ours, printable
from pytest_asyncbench._words.promised import When

__all__ = ["Shield", "around", "say"]


def around(
    end: Callable[[BaseException | None], BaseException | None],
) -> Generator[None]:
    """Be around a phase of a test: `end` is given what it raised, and gives what to."""
    __tracebackhide__ = True
    raised: BaseException | None = None
    try:
        yield
    except BaseException as error:
        raised = error
    if (ended := end(raised)) is not None:
        raise ended


def say(item: pytest.Item, when: When, lines: Iterable[str]) -> None:
    """Add a section to the reports from this phase on, if there is anything to say."""
    text = printable("\n".join(lines), sys.__stdout__)
    if text:
        item.add_report_section(when, "asyncbench", text)


class Shield:
    """Around a block of ours: an error in it is shown as the plugin's, and no more.

    No generator, which is more calls for each: every test comes through ten of these.
    """

    __slots__ = ("_item", "_what", "_when")

    def __init__(self, item: pytest.Item, when: When, what: str) -> None:
        self._item, self._when, self._what = item, when, what

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Tell of an error, and of nothing else that ends the block."""
        if not isinstance(error, Exception):
            return False
        told = error_of_ours(error)
        problem = f"pytest-asyncbench itself {self._what}: {told}; the outcome stands"
        say(self._item, self._when, [problem])
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            self._item.warn(PluginProblem(problem))
        return True
