"""What the files of this package say to each other; knows none of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pytest_asyncbench._words.problems import ProblemKind
    from pytest_asyncbench._words.promised import Rule

__all__ = [
    "AbsentError",
    "Args",
    "Call",
    "CannotWrapError",
    "Kwargs",
    "Listener",
    "NoSuchNameError",
    "Predicate",
    "Row",
    "Watch",
]

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
Call = Callable[..., Any]
Predicate = Callable[[Args, Kwargs], bool]


class Listener(Protocol):
    """Who is told of blocking calls, on the thread that made them."""

    def __call__(
        self, rule: Rule, began: float, seconds: float, frame: FrameType
    ) -> None:
        """Take note of a call; `frame` is the caller of the wrapped function.

        `seconds` are less those of calls within it that are told of themselves.
        """


@dataclass(slots=True)
class Row:
    """A rule, made ready to be asked; `on` while its family is listened to."""

    rule: Rule
    harmless: Predicate | None
    allowed: re.Pattern[str]
    on: bool = False


Watch = Callable[[Row, Call, Args, Kwargs], Any]
"""Makes a call on the thread of a running loop; called by a wrapper itself."""


class CannotWrapError(Exception):
    """A target that has no seam on this interpreter; the text says why."""

    kind: ProblemKind = "unwrappable"


class AbsentError(CannotWrapError):
    """A target that does not exist here."""


class NoSuchNameError(AbsentError):
    """A target that does not exist, though its module or class does."""

    kind = "absent"
