"""The baseline: the blocking places that a project accepts as of today."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property

from pytest_asyncbench._words.fingerprints import fingerprint
from pytest_asyncbench._words.values import dataclass

__all__ = ["Baseline", "BaselineEntry", "in_order"]


@dataclass(frozen=True, kw_only=True)
class BaselineEntry:
    """A place that is accepted."""

    fingerprint: str
    stall: bool = False
    """Whether it was known by a long step alone, and no rule names the call."""
    reason: str = ""
    """Why it is accepted, where a person wrote that."""
    comments: tuple[str, ...] = ()
    """The lines that a person wrote above it."""

    @property
    def caller(self) -> str:
        """The qualified name of the function."""
        return self.fingerprint.partition(" > ")[0]

    @property
    def names(self) -> frozenset[str]:
        """The names that its function may have on this Python."""
        return frozenset(_names(self.caller))

    @property
    def call(self) -> str:
        """The qualified name of the call; the function's own where that was busy."""
        return self.fingerprint.partition(" > ")[2]


# What it works out of its entries it keeps, which a value of ours would compare, too.
@dataclasses.dataclass(frozen=True)
class Baseline:
    """All places that are accepted, in order."""

    entries: tuple[BaselineEntry, ...] = ()
    comments: tuple[str, ...] = ()
    """The lines that a person wrote below the last of them."""

    @cached_property
    def _by_fingerprint(self) -> dict[str, BaselineEntry]:
        return {entry.fingerprint: entry for entry in self.entries}

    @cached_property
    def _by_caller(self) -> dict[str, list[BaselineEntry]]:
        by_caller: dict[str, list[BaselineEntry]] = {}
        for entry in self.entries:
            for caller in entry.names:
                by_caller.setdefault(caller, []).append(entry)
        return by_caller

    @cached_property
    def stalls(self) -> frozenset[str]:
        """The functions of which a stall is accepted, by each name they may have."""
        return frozenset(
            name for entry in self.entries if entry.stall for name in entry.names
        )

    def get(self, fingerprint: str) -> BaselineEntry | None:
        """Give the entry of exactly this fingerprint."""
        return self._by_fingerprint.get(fingerprint)

    def accepting(self, caller: str, call: str, *, stall: bool) -> BaselineEntry | None:
        """Give the entry that accepts a place.

        Where a step was long and no rule names what was called in it, the samples of
        one run may show a call, and those of the next only that the function was busy.
        That is the same place, and no news.
        """
        exact = self.get(fingerprint(caller, call))
        if exact is not None:
            return exact
        for entry in self._by_caller.get(caller, ()):
            same = entry.call == call
            itself = entry.call == entry.caller or call == caller
            if same or (itself and stall and entry.stall):
                return entry
        return None


_QUALIFIES = sys.version_info >= (3, 11)


def _names(caller: str) -> Iterator[str]:
    """Give the names that a function of the baseline has on this Python.

    Before 3.11 the interpreter knows no outer function of one, and not always a class;
    which of the names in front are those, the name alone does not tell.
    """
    yield caller
    if not _QUALIFIES:
        outer, _, function = caller.replace(".<locals>", "").rpartition(".")
        while "." in outer:
            outer = outer.rpartition(".")[0]
            yield f"{outer}.{function}"


def in_order(
    entries: Iterable[BaselineEntry], comments: tuple[str, ...] = ()
) -> Baseline:
    """Make the baseline of some entries."""
    return Baseline(
        tuple(sorted(entries, key=lambda entry: entry.fingerprint)), comments
    )
