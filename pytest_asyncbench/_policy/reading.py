"""What was written → what holds: default < ini < command line < nearest marker.

Every value that a person can write is parsed here, and an error names the wrong
word and what is accepted. Nothing here knows pytest; the glue brings the words.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import (
    Allowance,
    Budget,
    Mode,
    Once,
    Policy,
    Rule,
    Starvation,
)

__all__ = [
    "DEFAULT",
    "allowances",
    "budget",
    "calls",
    "choice",
    "copies",
    "duration",
    "mode",
    "once",
    "reason",
    "rules",
    "scope",
    "speedup",
    "starvation",
    "suggest",
    "with_settings",
]

DEFAULT = Policy(rules=DEFAULT_FAMILIES)

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)


def duration(value: Any) -> float:
    """Read seconds from a number, ``"250ms"``, ``"1.5s"`` or a timedelta."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _written_duration(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise PolicyError(f"{value!r} is no duration; {_DURATIONS}")
    if not math.isfinite(seconds):
        raise PolicyError(f"{value!r} is no duration; {_DURATIONS}")
    if seconds <= 0:
        raise PolicyError(f"{value!r} must be more than zero; {_DURATIONS}")
    return seconds


_DURATIONS = 'seconds as a number, "250ms", "1.5s", "2min" or a timedelta are accepted'


def _written_duration(text: str) -> float:
    match = _DURATION.fullmatch(text)
    unit = match[2].lower() or "s" if match else ""
    if match is None or unit not in _UNITS:
        raise PolicyError(f"{text!r} is no duration; {_DURATIONS}")
    return float(match[1]) * _UNITS[unit]


def speedup(value: Any) -> float:
    """Read a factor above zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PolicyError(f"{value!r} is no speedup; a number such as 3 is accepted")
    if not (math.isfinite(value) and value > 0):
        raise PolicyError(f"a speedup of {value!r} means nothing; it is more than zero")
    return float(value)


def copies(value: Any) -> int:
    """Read how many copies of a test run at once."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(f"{value!r} is no number of copies; an int is accepted")
    if value < 1:
        raise PolicyError(f"{value!r} copies can't run; 1 or more are accepted")
    return value


def choice(value: Any, accepted: Sequence[str]) -> str:
    """Read one of the accepted words."""
    if value not in accepted:
        raise PolicyError(
            f"{value!r} is not known{suggest(str(value), accepted)}; "
            f"accepted: {', '.join(accepted)}"
        )
    return str(value)


def mode(value: Any) -> Mode:
    """Read what a blocking call does to a test."""
    return choice(value, get_args(Mode))  # type: ignore[return-value]


def starvation(value: Any) -> Starvation:
    """Read whether starved time counts."""
    return choice(value, get_args(Starvation))  # type: ignore[return-value]


def once(value: Any) -> Once:
    """Read whether what a process does once counts."""
    return choice(value, get_args(Once))  # type: ignore[return-value]


def rules(value: str | Iterable[str]) -> frozenset[str]:
    """Read names of rule families, of which ``all`` and ``none`` mean what they say."""
    names, accepted = set(words(value)), (*FAMILIES, "all", "none")
    if isinstance(value, str) and not names:
        raise PolicyError(f"{value!r} names no family; 'none' means that none counts")
    for name in sorted(names.difference(accepted)):
        raise PolicyError(
            f"unknown rule family {name!r}{suggest(name, accepted)}; "
            f"accepted: {', '.join(accepted)}"
        )
    if "none" in names and len(names) > 1:
        raise PolicyError("rule family 'none' cannot be combined with others")
    return frozenset(FAMILIES if "all" in names else names - {"none"})


def reason(value: Any) -> str:
    """Read why blocking is accepted; without that nobody may accept it."""
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{value!r} is no reason; say why blocking is fine here")
    return value


def scope(value: str | Iterable[str]) -> tuple[str, ...]:
    """Read names of packages."""
    names = words(value)
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise PolicyError(
                f"{name!r} is no package; a name as in import is accepted"
            )
    return tuple(names)


def words(value: str | Iterable[str]) -> list[str]:
    """Split at commas and blanks; a sequence of words is taken as it is."""
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,]+", value) if word]
    return _several(value)


def _several(value: Iterable[str]) -> list[str]:
    if not isinstance(value, Iterable):
        raise PolicyError(f"{value!r} is neither text nor a list of words")
    several = list(value)
    for each in several:
        if not isinstance(each, str):
            raise PolicyError(f"{each!r} in {value!r} is no text")
    return several


def allowances(value: str | Iterable[str], source: str) -> tuple[Allowance, ...]:
    """Read lines of the form ``caller > call  # reason``; both are globs."""
    return tuple(_allowance(line, source) for line in _lines(value))


def _lines(value: str | Iterable[str]) -> Iterator[str]:
    lines = value.splitlines() if isinstance(value, str) else _several(value)
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


def budget(within: Any = None, speedup_: Any = None, source: str = "marker") -> Budget:
    """Make a budget of what was written; either part alone is fine."""
    if within is None and speedup_ is None:
        raise PolicyError("a budget without within or speedup= promises nothing")
    return Budget(
        within=None if within is None else duration(within),
        speedup=None if speedup_ is None else speedup(speedup_),
        source=source,
    )


def suggest(word: str, accepted: Iterable[str]) -> str:
    """Give `` (did you mean 'x'?)`` where an accepted word is near, else nothing."""
    near = difflib.get_close_matches(word, list(accepted), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


_PARSERS: Mapping[str, Callable[[Any, str], Any]] = {
    "blocking": lambda value, source: mode(value),
    "threshold": lambda value, source: duration(value),
    "rules": lambda value, source: rules(value),
    "scope": lambda value, source: () if value == NONE else scope(value),
    "allow": allowances,
    "calls": lambda value, source: calls(value),
    "budget": lambda value, source: (
        None if value == NONE else budget(value, source=source)
    ),
    "starvation": lambda value, source: starvation(value),
    "once": lambda value, source: once(value),
    "real_limit": lambda value, source: duration(value),
}
"""How the value of each setting is read, by the setting's name."""


NONE = "none"
"""Takes back what was set at a place of less weight."""

_ADD_UP = ("allow", "calls")


def with_settings(policy: Policy, settings: Mapping[str, Any], source: str) -> Policy:
    """Lay settings that were written at one place over a policy.

    Allowances and calls add up; every other setting replaces what held before.

    Raises:
        PolicyError: a value means nothing; the message begins with the setting.
    """
    for name, value in settings.items():
        try:
            parsed = _PARSERS[name](value, source)
        except PolicyError as error:
            raise PolicyError(f"{name}: {error}") from None
        if name in _ADD_UP:
            parsed = getattr(policy, name) + parsed
        changed: dict[str, Any] = {name: parsed}
        policy = replace(policy, sources={**policy.sources, name: source}, **changed)
    return policy
