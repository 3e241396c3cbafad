"""A list of findings that grows while somebody looks at it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import overload

from pytest_asyncbench._words.decided import Finding

__all__ = ["LiveFindings"]


class LiveFindings(Sequence[Finding]):
    """Findings as they are at the moment of asking; equal to a list of the same."""

    @abstractmethod
    def _now(self) -> list[Finding]:
        """Give those so far."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, tuple, LiveFindings)):
            return NotImplemented
        return self._now() == list(other)

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __len__(self) -> int:
        return len(self._now())

    @overload
    def __getitem__(self, key: int) -> Finding: ...
    @overload
    def __getitem__(self, key: slice) -> list[Finding]: ...
    def __getitem__(self, key: int | slice) -> Finding | list[Finding]:
        return self._now()[key]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._now())

    def __repr__(self) -> str:
        return repr(self._now())
