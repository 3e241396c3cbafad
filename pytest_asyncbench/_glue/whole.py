"""Whether a run was full: all tests of the project were collected and run to the end.

Only a full run tells that something no longer occurs. Why one was partial is kept in
words, for people.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest

__all__ = ["Node", "Whole", "paths_of"]

_OUTPUT = "asyncbench_partial"
"""Under this name a worker tells the controller why its part was none of a full run."""
_LEFT_OUT = "asyncbench_left_out"
"""And under this one which tests it has left out."""

_DESELECTED = "tests were deselected"
_DROPPED = "tests were left out"
_NOT_ALL_PATHS = (
    "not all paths were run; a full run has all that testpaths names, "
    "as one without paths has"
)
_NOT_ALL_FOLDERS = (
    "not all paths were run; a full run has the whole root folder, unless "
    "testpaths (ini) names the folders of the tests"
)
_CHOICES = frozenset({_DESELECTED, _DROPPED, _NOT_ALL_PATHS, _NOT_ALL_FOLDERS})
"""The reasons that say no more than which tests were chosen: parts of a run, on several
machines, may be whole together."""


class Node(Protocol):
    """A worker of pytest-xdist's, as its controller has it."""

    workerinput: dict[str, str]
    workeroutput: dict[str, list[str]]
    """What it said at its end; missing where it died."""


class Whole:
    """A plugin that hears of all that makes a run a partial one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._collected: list[tuple[pytest.Item, str]] = []
        """With what each was called then; empty when it is known which are run."""
        self.identity = uuid4().hex
        """By this a history knows the run, and what unites the reports of many."""
        self._left_out: dict[str, None] = {}
        self._run = False
        self._hurried = False
        """Whether somebody has interrupted what is written at the end."""
        self._reasons: dict[str, None] = dict.fromkeys(_asked_for(config))

    @property
    def partial(self) -> str | None:
        """Why the run was partial; None where it was full."""
        if not self._reasons and not self._run:
            return "no test was run"
        return next(iter(self._reasons), None)

    @property
    def cut_short(self) -> list[str]:
        """Why the run was partial, but for which tests were chosen."""
        none = [] if self._reasons or self._run else ["no test was run"]
        return [each for each in self._reasons if each not in _CHOICES] + none

    @property
    def left_out(self) -> list[str]:
        """The tests that were collected and not chosen, by node id."""
        return [*self._left_out]

    def note(self, reason: str) -> None:
        """Take down a reason for which this run is a partial one."""
        self._reasons[reason] = None

    def finish(self, failed: str, lines: Callable[[], Iterator[str]]) -> Iterator[str]:
        """Have something written at the end of the run, unless that is interrupted.

        An interrupt ends what is written, and what would be written after it, and no
        more: raised through here it would end pytest, too, before it has told how the
        tests went.

        Args:
            failed: says what was not written.
            lines: writes it, and gives what is to be told of it.
        """
        if not self._hurried:
            try:
                yield from lines()
            except KeyboardInterrupt:
                self._hurried = True
        if self._hurried:
            yield f"{failed}: interrupted; the outcomes stand"

    # ------------------------------------------------------------ collected

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Take down what there was before anybody chose among it."""
        self._collected.append((item, item.nodeid))

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Hear of ``-k``, ``-m``, ``--lf`` and whoever else chooses."""
        if items:
            self.note(_DESELECTED)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Find out whether tests were left out that nobody told of."""
        if len(session.items) < len(self._collected):
            self.note(_DROPPED)
        if not _CHOICES.isdisjoint(self._reasons):
            chosen = {*map(id, session.items)}
            self._left_out = {
                nodeid: None
                for item, nodeid in self._collected
                if id(item) not in chosen
            }
        self._collected = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Hear of what could not be collected, or did not want to be."""
        if not report.passed:
            self.note(f"{report.nodeid} was not collected")

    # ------------------------------------------------------------------ run

    def pytest_runtest_logreport(self) -> None:
        """Hear that there is a test at all."""
        self._run = True

    def pytest_keyboard_interrupt(self) -> None:
        """Hear of an interrupt, of ``pytest.exit``, and of xdist's own end."""
        self.note("the run was interrupted")

    def pytest_internalerror(self) -> None:
        """Hear of a failure of pytest's."""
        self.note("pytest failed")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Find out whether the run was cut short; in a worker, tell its controller."""
        if session.shouldfail or session.shouldstop:
            self.note("the run was cut short")
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = list(self._reasons)
            output[_LEFT_OUT] = self.left_out

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Node, error: object) -> None:
        """Hear from a worker that ends, or of one that died."""
        if error is not None or not hasattr(node, "workeroutput"):
            self.note("a worker died")
        else:
            self._reasons.update(dict.fromkeys(node.workeroutput.get(_OUTPUT, ())))
            self._left_out.update(dict.fromkeys(node.workeroutput.get(_LEFT_OUT, ())))


def _asked_for(config: pytest.Config) -> Iterator[str]:
    """Give why the command line asks for a part of the tests."""
    option = config.option
    if getattr(option, "lf", False):
        yield "--lf chooses tests"
    if getattr(option, "ignore", None) or getattr(option, "ignore_glob", None):
        yield "--ignore leaves tests out"
    if getattr(option, "setuponly", False) or getattr(option, "setupplan", False):
        yield "the tests were not called"
    given = _given(config)
    if not all(_lies_in(each, given) for each in _all_tests(config)):
        yield _NOT_ALL_PATHS if config.getini("testpaths") else _NOT_ALL_FOLDERS


def paths_of(config: pytest.Config) -> tuple[list[str], list[str]]:
    """Give the paths that were run, and those of the whole suite, from the root."""
    root = config.rootpath.resolve()
    return [_from(root, each) for each in _given(config)], [
        _from(root, each) for each in _all_tests(config)
    ]


def _from(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _given(config: pytest.Config) -> list[Path]:
    """Give the folders and files that are run; none where tests are named."""
    here = config.invocation_params.dir
    return [(here / arg).resolve() for arg in config.args if "::" not in arg]


def _all_tests(config: pytest.Config) -> list[Path]:
    """Give the folders and files of the whole suite."""
    root = config.rootpath
    paths = [
        Path(found)
        for pattern in config.getini("testpaths")
        # A Path globs no absolute pattern, and pytest does.
        for found in glob.iglob(str(root / pattern), recursive=True)  # noqa: PTH207
    ]
    return [path.resolve() for path in paths or [root]]


def _lies_in(path: Path, given: list[Path]) -> bool:
    return any(path == each or each in path.parents for each in given)
