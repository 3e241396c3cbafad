"""Let other tools that try orders of what is ready look for the races of ``races/``.

Each is asked by its own explorer, as its documentation has it, less what makes a
failing order small. One whose explorer takes no whole test, or that is not installed,
is left out, and said so.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Find", "Test", "installed", "left_out"]

Test = Callable[[], Coroutine[Any, Any, None]]

Find = Callable[[Test, int, int], "int | None"]
"""Runs a test so often at most, by one seed; gives the number of the failing run."""


def _detangle(test: Test, seed: int, runs: int) -> int | None:
    import detangle

    try:
        detangle.explore(test, runs=runs, seed=seed, database=False)
    except detangle.BugFound as bug:
        return int(bug.report.runs)
    return None


def _simloom(test: Test, seed: int, runs: int) -> int | None:
    import simloom

    found = simloom.explore(test, runs=runs, start_seed=seed * runs)
    return found.runs if found.failures else None


def _simloop(test: Test, seed: int, runs: int) -> int | None:
    import simloop

    found = simloop.explore(test, range(seed * runs, (seed + 1) * runs))
    return None if found is None else found.seeds_passed + 1


def _seedloop(test: Test, seed: int, runs: int) -> int | None:
    import seedloop

    seeds = range(seed * runs, (seed + 1) * runs)
    found = seedloop.check(lambda world: test(), seeds=seeds, on_failure="return")
    return None if found.failing_seed is None else found.checked


_PEERS: dict[str, Find] = {
    "detangle": _detangle,
    "simloom": _simloom,
    "simloop": _simloop,
    "seedloop": _seedloop,
}

_TAKES_NO_TEST = {
    "frontrun": "its explorer takes workers and an invariant, and orders these; not "
    "what a test starts by itself",
}


def installed() -> dict[str, Find]:
    """Give those that can be asked."""
    return {name: find for name, find in _PEERS.items() if _is_there(name)}


def left_out() -> dict[str, str]:
    """Give those that can't, and why."""
    missing = {name: "not installed" for name in _PEERS if not _is_there(name)}
    return {**missing, **_TAKES_NO_TEST}


def _is_there(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
