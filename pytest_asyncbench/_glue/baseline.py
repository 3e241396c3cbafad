"""The baseline of a run: read before the first test, held against it, written anew.

Workers know no file. The controller gives them the text that it has read, so that all
judge by the same places; and it alone writes, when all have ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._glue.settings import folder_of, unusable
from pytest_asyncbench._glue.whole import Node, Whole
from pytest_asyncbench._outside.baseline import update_baseline
from pytest_asyncbench._outside.files import insist_on_writing
from pytest_asyncbench._reports.baseline import (
    Occurring,
    read_baseline,
    written_baseline,
)
from pytest_asyncbench._rules.looked_for import is_looked_for
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.baseline import Baseline
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.units import many, seconds

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import Record

__all__ = ["Keeper", "baseline_file", "with_baseline"]

_INPUT = "asyncbench_baseline"
"""Under this name the controller gives a worker the baseline's text."""

_MOST = 3


def baseline_file(config: pytest.Config, policy: Policy) -> Path | None:
    """Give the file of the baseline; None where there is none."""
    if policy.baseline is None:
        return None
    return folder_of(config, policy.sources["baseline"]) / policy.baseline


def with_baseline(config: pytest.Config, policy: Policy) -> Policy:
    """Give the policy of the run with what its baseline accepts.

    Raises:
        pytest.UsageError: the file can't be used; it is as it was.
    """
    file = baseline_file(config, policy)
    if file is None:
        if policy.update_baseline:
            raise pytest.UsageError(
                "asyncbench (command line): update_baseline: no file is given; say "
                "which with asyncbench_baseline or --asyncbench-baseline=FILE"
            )
        return policy
    try:
        text = _text(config, file, policy)
        accepted = read_baseline(text, file.name) if text else Baseline()
    except (OSError, ValueError) as error:
        raise unusable(policy, "baseline", policy.baseline, error) from None
    return _watching(replace(policy, accepted=accepted))


def _watching(policy: Policy) -> Policy:
    """Have an updating run watch, too, where nothing else asks for that."""
    if policy.blocking != "off" or not policy.update_baseline:
        return policy
    sources = {**policy.sources, "blocking": "update_baseline"}
    return replace(policy, blocking="report", sources=sources)


def _text(config: pytest.Config, file: Path, policy: Policy) -> str:
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    if given is not None:
        return given.get(_INPUT, "")
    if policy.update_baseline:
        insist_on_writing(file)
        if not file.exists():
            return ""
    elif not file.exists():
        raise PolicyError(
            "there is no such file; --asyncbench-update-baseline makes it"
        )
    text = file.read_bytes().decode()
    # What has no version is refused, be it empty.
    return text or "\n"


class Keeper:
    """A plugin that hears which places of the baseline occur, and writes it anew."""

    def __init__(self, file: Path, policy: Policy, whole: Whole) -> None:
        self._file = file
        self._policy = policy
        self._before = policy.accepted or Baseline()
        self._whole = whole
        self._found = Occurring(self._before)
        self._near: set[str] = set()
        self._seconds = 0.0
        self._count = 0
        self._told: list[str] = []
        self.failed = False
        """Whether the file could not be written at the end, and nothing follows."""

    # ---------------------------------------------------------------- hooks

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Node) -> None:
        """Give a worker the places by which it is to judge."""
        node.workerinput[_INPUT] = written_baseline(self._before)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the baseline, or find out which of its entries are of no use."""
        if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        if self._policy.update_baseline:
            self.failed = True
            failed = "the baseline was not written, and is as it was"
            self._told += self._whole.finish(failed, self._update)
        else:
            self._told += self._compared()

    # ----------------------------------------------------------- of a test

    def add(self, record: Record) -> None:
        """Take the places from the record of a test."""
        self._near.update(record.near_stalls)
        for entry in record.blocking:
            if entry.baseline is not None:
                self._seconds += entry.seconds
                self._count += entry.count
                self._found.add(entry.baseline, stall=entry.sampled)

    def lacks(self, nodeid: str) -> None:
        """Hear that the record of a test could not be read."""
        self._whole.note(f"the record of {nodeid} could not be read")

    # ------------------------------------------------------------ at the end

    def lines(self) -> Iterator[str]:
        """Give the lines of the summary that tell of the baseline."""
        if self._found:
            yield (
                f"the baseline accepted {many(len(self._found), 'place')}, "
                f"{many(self._count, 'time')}, for {seconds(self._seconds)}"
            )
        yield from self._told

    def _gone(self) -> list[str]:
        """Give the entries that no longer occur; none where the run can't tell."""
        if self._whole.partial or self._policy.blocking == "off":
            return []
        rules, families = (*RULES, *self._policy.calls), self._policy.rules
        return self._found.gone(
            self._near, lambda call: is_looked_for(call, rules, families)
        )

    def _compared(self) -> Iterator[str]:
        gone = self._gone()
        if gone:
            entries = "an entry" if len(gone) == 1 else f"{len(gone):,} entries"
            yield (
                f"the baseline has {entries} of which nothing is left "
                "(--asyncbench-update-baseline takes out what is gone):"
            )
            yield from _some(gone)

    def _update(self) -> Iterator[str]:
        try:
            made = update_baseline(self._file, self._found.entries, self._gone())
        except (OSError, ValueError) as error:
            yield (
                f"the baseline was not written, and is as it was: {error}; "
                "the outcomes stand"
            )
            return
        self.failed = False
        yield made.told(str(self._policy.baseline))
        yield from _some([f"+ {name}" for name in made.added])
        yield from _some([f"- {name}" for name in made.removed])
        partial = self._whole.partial
        if partial:
            yield f"  nothing was removed, since the run was partial: {partial}"


def _some(names: list[str]) -> Iterator[str]:
    shown = names if len(names) <= _MOST + 1 else names[:_MOST]
    yield from (f"  {name}" for name in shown)
    if len(shown) < len(names):
        yield f"  … and {len(names) - len(shown):,} more"
