"""Every value that a person can write for a setting or at a marker, read and checked.

An error names the wrong word and what is accepted. People write what they like, so
each reader looks at what it is given, whatever its signature says.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Literal, TypeVar, get_args

from pytest_asyncbench._rules.families import FAMILIES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import (
    Annotations,
    Background,
    Budget,
    HistoryMode,
    Mode,
    Once,
    Seed,
    Starvation,
    Summarised,
    Timers,
    Unsaid,
    Virtually,
)

__all__ = [
    "OF_ANY_CODE",
    "Duration",
    "Serial",
    "annotated_for",
    "background",
    "budget",
    "caller",
    "choice",
    "copies",
    "duration",
    "factor",
    "history_mode",
    "limit",
    "mode",
    "once",
    "reason",
    "repeat",
    "reports",
    "rules",
    "schedules",
    "scope",
    "seed",
    "serial",
    "several",
    "speedup",
    "starvation",
    "suggest",
    "summary",
    "words",
]

Duration = float | str | timedelta
"""Seconds, or ``"250ms"``, or a timedelta."""

Serial = Literal["derived", "measured"] | float
"""How the time one after another is known: worked out, measured, or given."""

Word = TypeVar("Word", bound=str)

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*", re.IGNORECASE)


def duration(value: Duration) -> float:
    """Read seconds from a number, ``"250ms"``, ``"1.5s"`` or a timedelta."""
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _written_duration(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = _as_float(value, "duration")
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


def factor(value: str) -> float:
    """Read by what budgets are multiplied."""
    try:
        read = float(value)
    except ValueError:
        read = math.nan
    if not (math.isfinite(read) and read > 0):
        raise PolicyError(
            f"{value!r} is no factor; a number above 0 is accepted, such as 2"
        )
    return read


def speedup(value: float) -> float:
    """Read a factor; one below 1 would promise to be slower than one after another."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PolicyError(f"{value!r} is no speedup; a number such as 3 is accepted")
    factor = _as_float(value, "speedup")
    if not (math.isfinite(factor) and factor >= 1):
        raise PolicyError(
            f"a speedup of {value!r} promises nothing; 1 or more is accepted, or None "
            "where none is promised"
        )
    return factor


def _as_float(value: float, what: str) -> float:
    try:
        return float(value)
    except OverflowError:  # an int; very long ones can't even be written out
        raise PolicyError(f"a number above 1e308 is no {what}") from None


_MOST_COPIES = 100_000
"""More of them take gigabytes before the first one runs."""


def copies(value: int) -> int:
    """Read how many copies of a test run at once."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(f"{value!r} is no number of copies; an int is accepted")
    if value < 1:
        raise PolicyError(f"{value!r} copies can't run; 1 or more are accepted")
    if value > _MOST_COPIES:
        raise PolicyError(
            f"so many copies can't run; up to {_MOST_COPIES} are accepted"
        )
    return value


def repeat(value: int) -> int:
    """Read how often a test's body is run in turn."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(f"{value!r} is no number of runs; an int is accepted")
    if not 1 <= value <= _MOST_RUNS:
        raise PolicyError(f"1 to {_MOST_RUNS:,} runs are accepted, not {value!r}")
    return value


_MOST_RUNS = 10_000


def schedules(value: int | str) -> int:
    """Read under how many schedules a test is run; 0 means that it is not."""
    read = int(value) if isinstance(value, str) and value.isdecimal() else value
    if isinstance(read, bool) or not isinstance(read, int):
        raise PolicyError(
            f"{value!r} is no number of runs; 0 to {_MOST_SCHEDULES:,} are accepted"
        )
    if not 0 <= read <= _MOST_SCHEDULES:
        raise PolicyError(f"0 to {_MOST_SCHEDULES:,} runs are accepted, not {value!r}")
    return read


_MOST_SCHEDULES = 1_000_000


def seed(value: Seed | str) -> Seed:
    """Read which schedules are tried: a number, or ``random``."""
    if isinstance(value, str):
        if value == "random":
            return "random"
        if value.isdecimal() and len(value) < _LONG_SEED:
            return int(value)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise PolicyError(
        f"{value!r} is no seed; a whole number from 0 on or 'random' is accepted"
    )


_LONG_SEED = 30


def limit(value: int) -> int:
    """Read how many may be in flight at one moment."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PolicyError(f"limit={value!r} is no number; 1 or more is accepted")
    if value < 1:
        raise PolicyError(f"limit={value!r} lets nothing run; 1 or more is accepted")
    return value


def serial(value: Serial) -> Serial:
    """Read how the time one after another is known: by a word, or as seconds."""
    if not isinstance(value, str):
        return duration(value)
    if value in _SERIAL:
        return value
    if _DURATION.fullmatch(value):
        return duration(value)
    raise PolicyError(
        f"serial={value!r} is not known{suggest(value, _SERIAL)}; "
        f"accepted: {', '.join(_SERIAL)}, or seconds as a number"
    )


_SERIAL = ("derived", "measured")


def choice(value: str, accepted: Sequence[Word]) -> Word:
    """Read one of the accepted words."""
    for word in accepted:
        if value == word:
            return word
    raise PolicyError(
        f"{value!r} is not known{suggest(str(value), accepted)}; "
        f"accepted: {', '.join(accepted)}"
    )


_MODES: tuple[Mode, ...] = get_args(Mode)
_STARVATION: tuple[Starvation, ...] = get_args(Starvation)
_BACKGROUND: tuple[Background, ...] = get_args(Background)
_ANNOTATIONS: tuple[Annotations, ...] = get_args(Annotations)
_ONCE: tuple[Once, ...] = get_args(Once)
_SUMMARISED: tuple[Summarised, ...] = get_args(Summarised)
_HISTORY_MODES: tuple[HistoryMode, ...] = get_args(HistoryMode)
_TIMERS: tuple[Timers, ...] = get_args(Timers)
_VIRTUALLY: tuple[Virtually, ...] = get_args(Virtually)


def mode(value: str) -> Mode:
    """Read what a blocking call does to a test."""
    return choice(value, _MODES)


def starvation(value: str) -> Starvation:
    """Read whether starved time counts."""
    return choice(value, _STARVATION)


def background(value: str) -> Background:
    """Read what a background task that died unseen does to a test."""
    return choice(value, _BACKGROUND)


def timers(value: str) -> Timers:
    """Read when schedules change the order of timers."""
    return choice(value, _TIMERS)


def virtual_time(value: str) -> Virtually:
    """Read whether async tests live in virtual time."""
    return choice(value, _VIRTUALLY)


def annotated_for(value: str) -> Annotations:
    """Read for whose CI annotations are made."""
    return choice(value, _ANNOTATIONS)


def once(value: str) -> Once:
    """Read whether what a process does once counts."""
    return choice(value, _ONCE)


def summary(value: str) -> Summarised:
    """Read how much the summary tells."""
    return choice(value, _SUMMARISED)


def history_mode(value: str) -> HistoryMode:
    """Read whether a run is added to the history."""
    return choice(value, _HISTORY_MODES)


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


def reason(value: str) -> str:
    """Read why blocking is accepted; without that nobody may accept it."""
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{value!r} is no reason; say why blocking is fine here")
    return value


def caller(value: str) -> str:
    """Read a glob over the qualified names of functions."""
    if not isinstance(value, str) or not _CALLER.fullmatch(value):
        raise PolicyError(
            f"no function can have the name {value!r}; "
            "accepted: names as in shop.pricing.price_of, or shop.*"
        )
    return value


_CALLER = re.compile(r"[\w.*?\[\]!<>-]+")
"""Globs over qualified names; the module's may have a hyphen in a folder of tests."""


def scope(value: str | Iterable[str]) -> tuple[str, ...]:
    """Read names of packages."""
    names = words(value)
    if isinstance(value, str) and not names:
        raise PolicyError(f"{value!r} names no package")
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise PolicyError(
                f"{name!r} is no package; a name as in import is accepted"
            )
    return tuple(names)


OF_ANY_CODE = (".html", ".json", ".md", ".sarif")
"""The suffixes of the reports that need no tests, as a timeline does."""

_SUFFIXES = (*OF_ANY_CODE, ".trace.json")


def reports(
    value: str | Iterable[str], accepted: Sequence[str] = _SUFFIXES
) -> tuple[str, ...]:
    """Read names of files, each with the suffix of a report that there is."""
    lines = value.splitlines() if isinstance(value, str) else several(value)
    names = tuple(line.strip() for line in lines if line.strip())
    for name in names:
        if not name.endswith((*accepted,)):
            raise PolicyError(
                f"{name!r} has no suffix of a report; accepted: {', '.join(accepted)}"
            )
    return names


def words(value: str | Iterable[str]) -> list[str]:
    """Split at commas and blanks; a sequence of words is taken as it is."""
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,]+", value) if word]
    return several(value)


def several(value: Iterable[str]) -> list[str]:
    """Take a sequence of texts as it is, but nothing else for one."""
    if not isinstance(value, Iterable):
        raise PolicyError(f"{value!r} is neither text nor a list of words")
    if isinstance(value, Iterator):
        # Each parameter of a test has the same marker, and the first would use it up.
        raise PolicyError(
            f"a {type(value).__name__} can be read once, and a marker is read for each "
            "test that it stands at; a list is accepted"
        )
    several = list(value)
    for each in several:
        if not isinstance(each, str):
            raise PolicyError(f"{each!r} in {value!r} is no text")
    return several


def budget(
    within: Duration | None = None,
    speedup_: float | Unsaid | None = Unsaid.UNSAID,
    source: str = "marker",
) -> Budget:
    """Make a budget of what was written; either part alone is fine."""
    if within is None and isinstance(speedup_, Unsaid):
        raise PolicyError("a budget without within or speedup= promises nothing")
    promised = None if isinstance(speedup_, Unsaid) else speedup_
    return Budget(
        within=None if within is None else duration(within),
        speedup=None if promised is None else speedup(promised),
        unpromised=speedup_ is None,
        source=source,
    )


def suggest(word: str, accepted: Iterable[str]) -> str:
    """Give `` (did you mean 'x'?)`` where an accepted word is near, else nothing."""
    near = difflib.get_close_matches(word, list(accepted), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
