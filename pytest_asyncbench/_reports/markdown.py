"""A run in Markdown, for a job's summary: short, the dearest places first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pytest_asyncbench._reports.blamed import was_looked_for
from pytest_asyncbench._reports.ranking import Ranking
from pytest_asyncbench._words.units import many

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import Record

__all__ = ["markdown_report"]

_MOST = 50
"""So many places are shown: a job's summary has a limit, and a reader, too."""


def markdown_report(
    records: Mapping[str, Record],
    root: str,
    partial: str | None = None,
    unit: str = "test",
) -> str:
    """Write a run in Markdown.

    Args:
        records: those of its tests, by node id.
        root: the folder from which places are told.
        partial: why it was no full one.
        unit: what each record is of.
    """
    return "\n".join(_lines(records, root, partial, unit)) + "\n"


def _lines(
    records: Mapping[str, Record], root: str, partial: str | None, unit: str
) -> Iterator[str]:
    ranking = Ranking()
    accepted = 0
    for nodeid, record in records.items():
        for entry in record.blocking:
            if entry.allowed is None:
                ranking.add(nodeid, entry)
            else:
                accepted += entry.count
    steps = sum(record.steps for record in records.values())
    measured = sum(not record.unmeasured for record in records.values())
    yield "## asyncbench"
    yield ""
    yield f"{many(measured, unit)} and {many(steps, 'step')} measured."
    if partial is not None:
        yield f"The run was partial: {_safe(partial)}."
    broken = [nodeid for nodeid, record in records.items() if record.violations]
    if broken:
        yield f"{many(len(broken), 'test')} broke a promise."
    if accepted:
        yield f"Blocking that is accepted: {many(accepted, 'time')}."
    if not ranking.places:
        if records and not was_looked_for(records.values()):
            yield "What blocks was not looked for: `asyncbench_blocking` is off."
        else:
            yield "Nothing blocked the event loop that is not accepted."
        return
    yield ""
    yield "| lost | whose | place | call | times | tests | use instead |"
    yield "| ---: | --- | --- | --- | ---: | ---: | --- |"
    rows = [*ranking.rows(root)]
    for row in rows[:_MOST]:
        yield f"| {' | '.join(map(_safe, row))} |"
    if len(rows) > _MOST:
        yield ""
        yield f"… and {len(rows) - _MOST:,} more places."


def _safe(text: str) -> str:
    """Write a text so that it neither ends a cell nor becomes markup."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for char in "\\`*_[]|":
        plain = plain.replace(char, f"\\{char}")
    return plain
