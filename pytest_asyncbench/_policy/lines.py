"""What is written in lines: where blocking is accepted, and more calls that block.

Each line ends with a reason or advice, after ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pytest_asyncbench._policy import values
from pytest_asyncbench._policy.rows import faults
from pytest_asyncbench._policy.values import several
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
    try:
        values.caller(caller)
    except PolicyError as error:
        raise PolicyError(f"allowance {line.strip()!r}: {error}") from None
    return Allowance(caller=caller, call=call, reason=reason.strip(), source=source)


def calls(value: str | Iterable[str]) -> tuple[Rule, ...]:
    """Read lines of the form ``family: call  # what to use instead``."""
    return tuple(_row(line) for line in _lines(value))


def _row(line: str) -> Rule:
    pair, _, advice = line.partition("#")
    family, colon, target = (part.strip() for part in pair.partition(":"))
    if not colon:
        raise PolicyError(f"{line.strip()!r} is no row; {_ROW}")
    rule = Rule(target=target, family=family, advice=advice.strip())
    for fault in faults(rule):
        raise PolicyError(f"{line.strip()!r} {fault}; {_ROW}")
    return rule


_ROW = "accepted: family: module.call  # what to use instead"
