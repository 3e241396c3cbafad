"""Why a target cannot be wrapped; each is told as a problem and stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_asyncbench._words.problems import ProblemKind

__all__ = ["AbsentError", "CannotWrapError", "NoSuchNameError"]


class CannotWrapError(Exception):
    """A target that has no seam on this interpreter; the text says why."""

    kind: ProblemKind = "unwrappable"


class AbsentError(CannotWrapError):
    """A target that does not exist here."""


class NoSuchNameError(AbsentError):
    """A target that does not exist, though its module or class does."""

    kind = "absent"
