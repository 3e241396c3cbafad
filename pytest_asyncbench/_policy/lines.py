"""What is written in lines: where blocking is accepted, and more calls that block.

Each line ends with a reason or advice, after ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pytest_asyncbench._policy.values import choice, several
from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Allowance, Rule

__all__ = ["allowances", "calls"]


def allowances(value: str | Iterable[str], source: str) -> tuple[Allowance, ...]:
    """Read lines of the form ``caller > call  # reason``; both are globs."""
    return tuple(_allowance(line, source) for line in _lines(value))


def _lines(value: str | Iterable[str]) -> Iterator[str]:
    lines = value.splitlines() if isinstance(value, str) else several(value)
    return (line for line in lines if line.strip())


_PAIR = re.compile(r"((?:<\w+>|[^>])*)>((?:<\w+>|[^>])*)")
"""Caller and call; the caller may be a ``<lambda>``."""


def _allowance(line: str, source: str) -> Allowance:
    pair, _, reason = line.partition("#")
    found = _PAIR.fullmatch(pair)
    caller, call = map(str.strip, found.groups()) if found else ("", "")
    if not (caller and call and reason.strip()):
        missing = "its reason" if caller and call else "caller or call"
        raise PolicyError(
            f"allowance {line.strip()!r} lacks {missing}; "
            "accepted: caller > call  # reason"
        )
    # Not of the call: a report may name one by its source, as in `get(...).json`.
    if not _CALLER.fullmatch(caller):
        raise PolicyError(
            f"allowance {line.strip()!r}: no function can have the name {caller!r}; "
            "accepted: names as in shop.pricing.price_of, or shop.*"
        )
    return Allowance(caller=caller, call=call, reason=reason.strip(), source=source)


_CALLER = re.compile(r"[\w.*?\[\]!<>-]+")
"""Globs over qualified names; the module's may have a hyphen in a folder of tests."""


def calls(value: str | Iterable[str]) -> tuple[Rule, ...]:
    """Read lines of the form ``family: call  # what to use instead``."""
    return tuple(_row(line) for line in _lines(value))


def _row(line: str) -> Rule:
    pair, _, advice = line.partition("#")
    family, colon, target = (part.strip() for part in pair.partition(":"))
    names = target.split(".")
    if not (colon and len(names) > 1 and all(name.isidentifier() for name in names)):
        raise PolicyError(f"{line.strip()!r} names no call; {_ROW}")
    if not advice.strip():
        raise PolicyError(f"{line.strip()!r} does not say what to use instead; {_ROW}")
    return Rule(target=target, family=choice(family, FAMILIES), advice=advice.strip())


_ROW = "accepted: family: module.call  # what to use instead"
