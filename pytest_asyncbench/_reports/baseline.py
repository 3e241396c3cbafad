"""The baseline's file: text → entries, and back, and what an update makes of it.

One entry a line, in order, so that a review shows what came and what went:
``caller > call  # reason``. The text knows no file; who writes it does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Set
from dataclasses import replace

from pytest_asyncbench._words.baseline import Baseline, BaselineEntry, in_order
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.values import NamedTuple

__all__ = ["Change", "Occurring", "read_baseline", "updated", "written_baseline"]

_VERSION = 1
_FIRST = re.compile(r"# asyncbench baseline, version (.+)")
_HEADER = (
    f"# asyncbench baseline, version {_VERSION}",
    "# Places that block the event loop and are accepted: caller > call  # reason",
    "# --asyncbench-update-baseline writes them anew, and keeps what stands behind #.",
)
_ENTRY = re.compile(
    r"(?P<place>\S.*? > \S.*?)(?P<stall> \[stall\])?(?:\s+#\s*(?P<reason>.*))?"
)
_CONFLICT = re.compile(r"(<{7}|={7}|>{7}|\|{7})(\s|$)")


def read_baseline(text: str, name: str) -> Baseline:
    """Read the text of a baseline.

    Args:
        text: what the file holds.
        name: how an error calls the file.

    Raises:
        PolicyError: it is of another version, or some line is no entry; says which.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    for number, line in enumerate(lines, 1):
        if _CONFLICT.match(line):
            raise PolicyError(
                f"{name}:{number}: a merge left its conflict here; keep the lines of "
                "both sides and remove the markers"
            )
    first = _FIRST.fullmatch(lines[0].strip()) if lines else None
    if first is None:
        raise PolicyError(
            f"{name}: is no baseline; the first line of one is {_HEADER[0]!r}"
        )
    if first[1] != str(_VERSION):
        raise PolicyError(
            f"{name}: is of version {first[1]}; known here is {_VERSION}; a later "
            "release of pytest-asyncbench wrote it"
        )
    return _entries(lines, name)


def _entries(lines: list[str], name: str) -> Baseline:
    found: dict[str, BaselineEntry] = {}
    comments: list[str] = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text in _HEADER:
            continue
        if text.startswith("#"):
            comments.append(text)
            continue
        entry = _entry(text, tuple(comments))
        if entry is None:
            raise PolicyError(
                f"{name}:{number}: {text!r} is no entry; accepted: "
                "caller > call  # reason"
            )
        comments.clear()
        known = found.get(entry.fingerprint)
        found[entry.fingerprint] = entry if known is None else _both(known, entry)
    return in_order(found.values(), tuple(comments))


def _entry(text: str, comments: tuple[str, ...]) -> BaselineEntry | None:
    match = _ENTRY.fullmatch(text)
    if match is None:
        return None
    return BaselineEntry(
        fingerprint=match["place"],
        stall=match["stall"] is not None,
        reason=(match["reason"] or "").strip(),
        comments=comments,
    )


def _both(one: BaselineEntry, other: BaselineEntry) -> BaselineEntry:
    """Make one entry of two, as a merge that keeps both sides leaves them."""
    reasons = dict.fromkeys(filter(None, (one.reason, other.reason)))
    return replace(
        one,
        stall=one.stall or other.stall,
        reason="; ".join(reasons),
        comments=(*dict.fromkeys((*one.comments, *other.comments)),),
    )


def written_baseline(baseline: Baseline) -> str:
    """Write the text of a baseline."""
    lines = [*_HEADER]
    for entry in baseline.entries:
        lines += entry.comments
        stall = " [stall]" if entry.stall else ""
        reason = f"  # {entry.reason}" if entry.reason else ""
        lines.append(f"{entry.fingerprint}{stall}{reason}")
    lines += baseline.comments
    return "\n".join(lines) + "\n"


class Change(NamedTuple):
    """What an update does to a baseline."""

    baseline: Baseline
    added: Collection[str]
    removed: Collection[str]

    def told(self, name: str) -> str:
        """Say how much that is, of the baseline in the file of this name."""
        kept = len(self.baseline.entries) - len(self.added)
        return (
            f"baseline {name}: {len(self.added):,} added, "
            f"{len(self.removed):,} removed, {kept:,} kept"
        )


class Occurring:
    """The places that occur, as entries; of a known one with what a person wrote."""

    def __init__(self, before: Baseline) -> None:
        self._before = before
        self._entries: dict[str, BaselineEntry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> Collection[BaselineEntry]:
        """One for each place, in the order in which they were added."""
        return self._entries.values()

    def add(self, fingerprint: str, *, stall: bool) -> None:
        """Add a place, which a long step alone may have shown."""
        known = self._entries.get(fingerprint) or self._before.get(fingerprint)
        if known is None:
            known = BaselineEntry(fingerprint=fingerprint)
        self._entries[fingerprint] = replace(known, stall=known.stall or stall)

    def gone(
        self, near: Set[str] | None, looked_for: Callable[[str], bool]
    ) -> list[str]:
        """Give the entries before of which nothing is left, in a full run.

        Args:
            near: the functions that were nearly stalls; None where nobody knows.
            looked_for: tells whether a call would have been seen.
        """
        return [
            entry.fingerprint
            for entry in self._before.entries
            if entry.fingerprint not in self._entries
            and not (entry.stall and (near is None or entry.names & near))
            and looked_for(entry.call)
        ]


def updated(
    now: Baseline, found: Iterable[BaselineEntry], gone: Collection[str]
) -> Change:
    """Add what a run has found to what the file holds, and take out what is gone.

    What another run has written since this one began stays: it is neither found nor
    gone here.
    """
    entries = {entry.fingerprint: entry for entry in now.entries}
    added = []
    for entry in found:
        if entry.fingerprint not in entries:
            added.append(entry.fingerprint)
            entries[entry.fingerprint] = entry
        elif entry.stall and not entries[entry.fingerprint].stall:
            entries[entry.fingerprint] = replace(entries[entry.fingerprint], stall=True)
    removed = [name for name in entries if name in gone and name not in added]
    for name in removed:
        del entries[name]
    return Change(in_order(entries.values(), now.comments), added, removed)
