"""Who made a call, seen from its frame outwards, and whether the rules allow it.

Names of modules and functions, and where they lie, are all that is looked at; knows
no wrapper.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Set as AbstractSet
from types import FrameType

from pytest_asyncbench._interception.signatures import Function
from pytest_asyncbench._loops import caller_in_c, names
from pytest_asyncbench._python import outside_here
from pytest_asyncbench._rules.callers import DETECTORS, ONCE, TOOLS
from pytest_asyncbench._words import whose
from pytest_asyncbench._words.globs import Globs, any_of

__all__ = [
    "PACKAGE",
    "STEP_ENDS",
    "is_allowed",
    "is_anybodys",
    "is_ours",
    "is_standard",
    "is_users",
    "top",
]

PACKAGE = __name__.partition(".")[0]

_WRAPPERS = DETECTORS | {PACKAGE}
"""Whose frames are passed over: they make a call for somebody else."""

# These run a step: nothing beyond them has to do with the call.
_STEP_RUNNERS = frozenset(
    {
        ("asyncio.events", names.RUN.name),
        ("asyncio.base_events", names.RUN_ONCE.name),
        ("asyncio.base_events", "run_forever"),
        ("asyncio.base_events", "run_until_complete"),
        ("asyncio.runners", "run"),
        ("_pytest.python", "pytest_pyfunc_call"),
    }
)

STEP_ENDS = frozenset(
    {
        id(names.RUN_ONCE.of(asyncio.BaseEventLoop).__code__),
        # Loops that are written in C have no frame of their own.
        id(asyncio.BaseEventLoop.run_until_complete.__code__),
        id(getattr(asyncio, "Runner", asyncio).run.__code__),
    }
)
"""The ids of code objects whose frame stands around all steps; these never go away."""

_never_within = any_of({**TOOLS, **ONCE})


def top(module: str) -> str:
    """Give the first part of a dotted name."""
    return module.partition(".")[0]


def is_standard(frame: FrameType) -> bool:
    """Tell whether a frame is the standard library's."""
    return top(_module_name(frame)) in sys.stdlib_module_names


def is_ours(frame: FrameType) -> bool:
    """Tell whether a frame is this plugin's."""
    return top(_module_name(frame)) == PACKAGE


def is_anybodys(frame: FrameType | None, ends: AbstractSet[int]) -> bool:
    """Tell whether a frame before the `ends` is neither Python's own nor a wrapper."""
    while frame is not None and id(frame.f_code) not in ends:
        if not is_standard(frame) and top(_module_name(frame)) not in _WRAPPERS:
            return True
        frame = frame.f_back or outside_here(frame)
    return False


def is_users(code_of: FrameType | Function) -> bool:
    """Tell whether a frame, or a function, is the user's; what is in C is not."""
    frame = code_of if isinstance(code_of, FrameType) else None
    code = frame.f_code if frame else getattr(code_of, "__code__", None)
    return code is not None and whose.is_users(code.co_filename)


def _module_name(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))  # exec() may put anything there


def is_allowed(allowed: Globs, frame: FrameType | None) -> bool:
    """Look through the callers, from `frame` outwards to the step's own."""
    near = True
    while frame is not None:
        module = _module_name(frame)
        if top(module) in _WRAPPERS:
            in_c = caller_in_c() if near else None
            if in_c is not None and allowed.match(in_c.qualified):
                return True
        else:
            code = frame.f_code
            caller = f"{module}.{getattr(code, 'co_qualname', code.co_name)}"
            if _never_within.match(caller):
                return True
            if near and allowed.match(caller):
                return True
            if (module, code.co_name) in _STEP_RUNNERS:
                return False
            near = near and is_standard(frame)
        frame = frame.f_back or outside_here(frame)
    return False
