"""The text that names a schedule of one test: ``v1:TEST:DEVIATIONS:CHECK``.

It says which test it is of, and holds nothing that a shell would read. The deviations
themselves stand in it and no seed, which another version would read differently.
"""

from __future__ import annotations

import hashlib
import re

from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.schedules import Replay, Schedule

__all__ = ["mark_of", "replay_of", "seed_of", "text_of"]

_FORM = "v1:TEST:DEVIATIONS:CHECK, as a failure prints it"
_TEXT = r"(v1:([0-9a-f]{8}):([^:]+)):([0-9a-f]{4})"


def mark_of(nodeid: str) -> str:
    """Give eight digits that tell a test from others, in every process."""
    return _digits(nodeid, 8)


def seed_of(nodeid: str) -> int:
    """Give the seed of a test for which nobody has chosen one."""
    return int(_digits(nodeid, 15), 16)


def text_of(nodeid: str, schedule: Schedule) -> str:
    """Write down a schedule of a test."""
    text = f"v1:{mark_of(nodeid)}:{schedule}"
    return f"{text}:{_digits(text, 4)}"


def replay_of(text: str) -> Replay:
    """Read what `text_of` has written.

    Raises:
        PolicyError: it is damaged, or something else.
    """
    if not isinstance(text, str):
        raise PolicyError(f"{text!r} is no schedule; accepted: {_FORM}")
    found = re.fullmatch(_TEXT, text.strip())
    if found is None:
        raise PolicyError(f"{text!r} is no schedule; accepted: {_FORM}")
    told, mark, deviations, check = found.groups()
    if _digits(told, 4) != check:
        raise PolicyError(
            f"the schedule {text!r} is damaged: its last four digits are not of what "
            f"stands before them; accepted: {_FORM}"
        )
    return Replay(mark=mark, schedule=Schedule.from_text(deviations))


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:count]
