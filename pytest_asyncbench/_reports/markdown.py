"""A run in Markdown, for a job's summary: short, the dearest places first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pytest_asyncbench._reports.blamed import was_looked_for
from pytest_asyncbench._reports.ranking import Ranking
from pytest_asyncbench._words.units import many, seconds

if TYPE_CHECKING:
    from pytest_asyncbench._words.record import Record, ViolationEntry

__all__ = ["markdown_report"]

_MOST = 50
"""So many rows of a table are shown: a job's summary has a limit, and a reader, too."""

_TIMES = {
    "wall": "wall clock",
    "setup": "the set-up of its fixtures",
    "teardown": "the teardown of its fixtures",
}
_WITHOUT_FIGURES = {
    "background": ("no background task dies unseen", "a task died"),
    "unawaited": ("`concurrently()` is awaited", "it was not"),
    "unmeasured": ("is watched", "no step of a loop was seen"),
}


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
        yield ""
        yield "| test | promised | was |"
        yield "| --- | --- | --- |"
        yield from _rows([*_broken_rows(records)], "broken promises")
        yield ""
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
    rows = [f"| {' | '.join(map(_safe, row))} |" for row in ranking.rows(root)]
    yield from _rows(rows, "places")


def _rows(rows: Sequence[str], what: str) -> Iterator[str]:
    yield from rows[:_MOST]
    if len(rows) > _MOST:
        yield ""
        yield f"… and {len(rows) - _MOST:,} more {what}."


def _broken_rows(records: Mapping[str, Record]) -> Iterator[str]:
    for nodeid, record in records.items():
        for broken in record.violations:
            promised, was = _told(broken, is_virtual=record.virtual is not None)
            yield f"| {_safe(nodeid)} | {promised} | {was} |"


def _told(broken: ViolationEntry, *, is_virtual: bool) -> tuple[str, str]:
    """Say what was promised, and what was instead."""
    kind, limit, actual = broken.kind, broken.limit, broken.actual
    if kind == "blocking":
        lost = "" if actual is None else f" for {seconds(actual)}"
        return "nothing blocks the loop", f"blocked{lost}"
    if limit is None:
        return _WITHOUT_FIGURES[kind]
    if kind in _TIMES:
        was = "" if actual is None else seconds(actual)
        time = "virtual clock" if kind == "wall" and is_virtual else _TIMES[kind]
        return f"{time} at most {seconds(limit)}", was
    least = f"at least {limit:g}" if limit > 1 else "over 1"
    was = "not to be told" if actual is None else f"{actual:.2f}"
    return f"speedup {least}", was


def _safe(text: str) -> str:
    """Write a text so that it neither ends a cell nor becomes markup."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for char in "\\`*_[]|":
        plain = plain.replace(char, f"\\{char}")
    return plain
