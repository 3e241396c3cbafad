"""What went wrong on our side, and with what: told beside the tests' own outcomes."""

from __future__ import annotations

from typing import Literal

from pytest_asyncbench._words.values import dataclass

__all__ = ["Problem", "ProblemKind"]

ProblemKind = Literal["failed", "absent", "unwrappable"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong on our side, or can't be watched; it changes no outcome."""

    kind: ProblemKind
    """``failed``: something inside the plugin did. The others are of a rule whose
    target is not watched: ``absent``, there is no such name; ``unwrappable``, what
    stands there can't be replaced."""
    text: str
    """A sentence that says what, and with what."""
    target: str | None = None
    """The qualified name of the call that it is about, ``time.sleep``; null where it
    is about none."""

    @property
    def is_ours(self) -> bool:
        """Whether the plugin itself failed."""
        return self.kind == "failed"

    @property
    def sentence(self) -> str:
        """The text as the record has it: it says first that a rule is not watched."""
        return self.text if self.is_ours else f"not watched: {self.text}"
