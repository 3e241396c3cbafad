"""The baseline's file: read anew as it is changed, since others may have written."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from pytest_asyncbench._outside.files import change_file
from pytest_asyncbench._reports.baseline import (
    Change,
    read_baseline,
    updated,
    written_baseline,
)
from pytest_asyncbench._words.baseline import Baseline, BaselineEntry

__all__ = ["update_baseline"]


def update_baseline(
    file: Path, found: Iterable[BaselineEntry], gone: Collection[str]
) -> Change:
    """Add what was found to the file, and take out what is gone; give what that did.

    Raises:
        OSError, ValueError: it can't be read or written; it is as it was.
    """
    changes: list[Change] = []

    def change(text: str | None) -> str:
        now = Baseline() if text is None else read_baseline(text, file.name)
        changes.append(updated(now, found, gone))
        return written_baseline(changes[-1].baseline)

    change_file(file, change)
    return changes[-1]
