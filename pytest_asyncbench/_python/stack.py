"""Stacks as values: of a thread inside a step.

Taking a stack must be quick, because the thread that it belongs to goes on right
after; so `capture` stores code objects and offsets, and `to_stack` makes words of
them later. Only what the innermost line was calling is worked out on the spot:
it needs the frame's locals, which will not wait.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import inspect
import itertools
import linecache
import re
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType, FunctionType

from pytest_asyncbench._python.callees import callee
from pytest_asyncbench._python.greenlets import Outside, outside_here, outside_of
from pytest_asyncbench._python.positions import (
    IMPORTERS,
    begins,
    is_jump,
    line_of_operator,
    loads_lazily,
)
from pytest_asyncbench._python.sources import read_source
from pytest_asyncbench._rules.callers import DEBUGGERS
from pytest_asyncbench._words.globs import any_of
from pytest_asyncbench._words.seen import LAZY_IMPORT, Frame, Stack
from pytest_asyncbench._words.values import NamedTuple

__all__ = [
    "Position",
    "RawStack",
    "capture",
    "capture_all",
    "capture_lines",
    "is_debugged",
    "not_ours",
    "raised_at",
    "raw_frame",
    "to_frame",
    "to_stack",
]

Scope = Mapping[str, object]
"""The globals of a frame."""

RawFrame = tuple[CodeType, int, Scope]
"""Code, line and globals."""


class Position(NamedTuple):
    """Where exactly the innermost frame stood."""

    call: str | None
    """What the line was calling, that has no frame."""
    offset: int
    """In the bytecode."""
    begun: RawFrame | None
    """What it had just called, of which nothing has run yet."""


RawStack = tuple[Position | None, tuple[RawFrame | Frame, ...]]
"""The position, where it was not at a call that is known; then each frame."""


_MOST_FRAMES = 200

_QUICK = frozenset(
    {
        "",  # what `callee` says of a coroutine function
        *("builtins.callable", "builtins.id", "builtins.isinstance", "builtins.iter"),
        *("builtins.len", "builtins.list.append", "builtins.range"),
    }
)
"""Calls too quick to take any time. Where a thread is seen at one of them, an operator
that stands before it took the time."""

_debuggers = any_of(DEBUGGERS).match

_UNDER_FILES = frozenset(
    {socket.SocketIO.readinto.__code__, socket.SocketIO.write.__code__}
)
"""What a file of `socket.makefile()` calls, from C, when it is read or written."""

_BELOW_C = _UNDER_FILES | IMPORTERS
"""What is called from C that has no frame and is to be seen on the stack."""

_PACKAGE = __name__.partition(".")[0]
_WRAPPERS = (
    f"{_PACKAGE}._interception.",
    f"{_PACKAGE}._watching.calls",
    f"{_PACKAGE}._watching.handing",
    f"{_PACKAGE}._watching.watch",
    f"{__package__}.collector",
)
"""Modules of ours that no stack shows: those that stand around a known call or count
it, the one that takes down a long step, and the one that Python calls at a garbage
collection. Who made the call is to be seen, and the line at which the collection came.
"""

_OURS_ALONE = frozenset({"_counts", "_long_step", "_tell", "_tell_at"})
"""The functions among them that work for us alone. What they call is ours as well,
though it may lie in the standard library."""

_DEEPEST_OF_OURS = 30
"""So many frames further in such a function may be."""


def capture(
    frame: FrameType | None,
    within: frozenset[CodeType],
    outside: Outside = outside_here,
) -> RawStack | None:
    """Take the stack from `frame` outwards to the step around it.

    `within` are the code objects that run a step. Returns None where none of them
    is on the stack: the thread is between two steps, or runs no loop at all. A
    callback in C that a wrapper of ours stands around has a stack of no frames.
    `outside` leads out of a greenlet; unless it is given, the stack is this thread's.
    """
    return _taken(frame, within, outside, to_its_end=False)


def capture_all(
    frame: FrameType | None,
    within: frozenset[CodeType],
    between: Callable[[], None] | None = None,
) -> RawStack:
    """Take the stack from `frame` outwards, to the step around it or to its end.

    `between` is called around each call of the system, where a file is to be read.
    """
    outside = outside_of(None)
    taken = _taken(frame, within, outside, to_its_end=True, between=between)
    return taken or (None, ())


def capture_lines(frame: FrameType | None, within: frozenset[CodeType]) -> RawStack:
    """Take the lines of the same stack alone, in the thread itself and quickly.

    What the innermost calls is known then, and that it is no function of ours further
    in. To find out these two takes longer than all the rest.
    """
    found: list[RawFrame] = []
    ends = {*map(id, within)}  # to hash a code goes through all of it
    while frame is not None and id(frame.f_code) not in ends:
        if len(found) < _MOST_FRAMES and (found or not _is_wrapper(frame)):
            found.append((frame.f_code, frame.f_lineno or 0, frame.f_globals))
        frame = frame.f_back or outside_here(frame)
    return None, tuple(found)


def _taken(
    frame: FrameType | None,
    within: frozenset[CodeType],
    outside: Outside,
    *,
    to_its_end: bool,
    between: Callable[[], None] | None = None,
) -> RawStack | None:
    frame = not_ours(frame, within)
    begun = None
    if frame is not None and begins(frame):
        caller = not_ours(frame.f_back, within)
        if caller is not None and caller.f_code not in within:
            begun, frame = raw_frame(frame), caller
    innermost = frame
    # The thread may go on while we look: its position now is what counts.
    position = (0, 0) if frame is None else (frame.f_lasti, frame.f_lineno or 0)
    found: list[RawFrame | Frame] = []
    while frame is not None and frame.f_code not in within:
        if len(found) < _MOST_FRAMES:
            found += raw_frame(frame), *_in_c_before(frame)
        frame = frame.f_back or outside(frame)
    if innermost is None or (frame is None and not to_its_end):
        return None
    if not found:
        return None, ()
    if between is not None:
        read_source(innermost.f_code.co_filename, between)
    call = callee(innermost, *position) if begun is None else None
    return Position(call, position[0], begun), tuple(found)


def _in_c_before(frame: FrameType) -> tuple[Frame, ...]:
    """Stand in for what called `frame` from C.

    That is the method of a file that reads from a socket, or the first use of a name
    which was imported lazily.
    """
    if frame.f_code not in _BELOW_C:
        return ()
    # A wrapper of ours may stand around that method.
    caller = not_ours(frame.f_back)
    if caller is None:
        return ()
    if frame.f_code in _UNDER_FILES:
        call = callee(caller, caller.f_lasti, caller.f_lineno or 0)
    else:
        call = LAZY_IMPORT if loads_lazily(caller) else None
    return () if not call else (Frame(file="<built-in>", line=0, function=call),)


def raw_frame(frame: FrameType) -> RawFrame:
    """Take one frame as it stands."""
    return frame.f_code, frame.f_lineno or 0, frame.f_globals


def not_ours(
    frame: FrameType | None, within: frozenset[CodeType] = frozenset()
) -> FrameType | None:
    """Give the first frame from here outwards that is no wrapper of ours.

    Nor is it anybody's whom one has called for itself, or whom the garbage collector
    tells of a collection, as Hypothesis is told: the line that this met is looked for.
    """
    inside, told = frame, _told_of_collections()
    for _ in range(_DEEPEST_OF_OURS):
        if inside is None or inside.f_code in within:
            break
        if inside.f_code.co_name in _OURS_ALONE and _is_wrapper(inside):
            frame = inside
        if inside.f_code in told:
            frame = inside.f_back
        inside = inside.f_back
    while frame is not None and _is_wrapper(frame) and frame.f_code not in within:
        frame = frame.f_back
    return frame


def _told_of_collections() -> set[CodeType]:
    functions = [getattr(each, "__func__", each) for each in [*gc.callbacks]]
    return {one.__code__ for one in functions if isinstance(one, FunctionType)}


def _is_wrapper(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith(_WRAPPERS)


def is_debugged(raw: RawStack) -> bool:
    """Tell whether a debugger stands on a captured stack."""
    # Of many frames few are of different functions, and the watchdog has no time.
    return any(
        not isinstance(each, Frame)
        and _is_debuggers(str(each[2].get("__name__", "")), each[0].co_name)
        for each in raw[1]
    )


@functools.lru_cache(maxsize=1024)
def _is_debuggers(module: str, function: str) -> bool:
    return _debuggers(f"{module}.{function}")


def to_stack(raw: RawStack) -> Stack:
    """Put a captured stack into words, innermost frame first."""
    position, frames = raw
    stack = _as_written(
        [each if isinstance(each, Frame) else to_frame(each) for each in frames]
    )
    innermost = frames[0] if frames else None
    if position is not None and isinstance(innermost, tuple):
        line, call = _at_work(position, innermost)
        stack[0] = dataclasses.replace(stack[0], line=line, call=call)
    return tuple(stack)


def _as_written(stack: Sequence[Frame]) -> list[Frame]:
    """Call each function that has several names as the line does that called it."""
    return [
        _named_as_in(caller, frame) if frame.aliases and caller else frame
        for frame, caller in itertools.zip_longest(stack, stack[1:])
    ]


def _named_as_in(caller: Frame, frame: Frame) -> Frame:
    line = linecache.getline(caller.file, caller.line)
    written = (name for name in frame.aliases if re.search(rf"\b{name}\b", line))
    name = next(written, frame.function)
    others = {frame.function, *frame.aliases} - {name}
    return dataclasses.replace(frame, function=name, aliases=tuple(sorted(others)))


def raised_at(error: BaseException) -> Stack:
    """Put into words where an exception was raised, innermost frame first."""
    found: list[Frame] = []
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        found.append(to_frame((frame.f_code, traceback.tb_lineno, frame.f_globals)))
        traceback = traceback.tb_next
    return tuple(reversed(found[-_MOST_FRAMES:]))


def to_frame(raw: RawFrame) -> Frame:
    """Put a captured frame into words."""
    code, line, scope = raw
    return Frame(
        file=code.co_filename,
        line=line,
        function=_qualname(code, scope).replace("<locals>.", ""),
        module=_public_module(code, scope),
        aliases=_aliases(code, str(scope.get("__name__"))),
    )


@functools.lru_cache(maxsize=1024)
def _aliases(code: CodeType, module: str) -> tuple[str, ...]:
    # On 3.15 `re.match` is another name of `re.prefixmatch`.
    scope = getattr(sys.modules.get(module), "__dict__", {})
    original = scope.get(code.co_name)
    if getattr(original, "__code__", None) is not code:
        return _names_of_heirs(code, scope)
    names = (name for name, value in list(scope.items()) if value is original)
    return tuple(sorted(name for name in names if name != code.co_name))


def _names_of_heirs(code: CodeType, scope: Scope) -> tuple[str, ...]:
    # What people call Connection.recv is _ConnectionBase.recv.
    owner, _, name = _qualname(code, scope).rpartition(".")
    base = scope.get(owner)
    if not owner.startswith("_") or not isinstance(base, type):
        return ()
    heirs = (
        kind
        for kind in list(scope.values())
        if isinstance(kind, type) and kind is not base and base in kind.__mro__
    )
    method = vars(base).get(name)
    if method is None:  # before 3.11 the class of that name may be another's
        return ()
    return tuple(
        sorted(
            f"{kind.__qualname__}.{name}"
            for kind in heirs
            if inspect.getattr_static(kind, name, None) is method
        )
    )


def _qualname(code: CodeType, scope: Scope) -> str:
    known: str | None = getattr(code, "co_qualname", None)
    return known or _method_name(code, str(scope.get("__name__"))) or code.co_name


@functools.lru_cache(maxsize=1024)
def _method_name(code: CodeType, module: str) -> str | None:
    # Python 3.10: look for the class that has this code under this name.
    for kind in list(getattr(sys.modules.get(module), "__dict__", {}).values()):
        if isinstance(kind, type) and kind.__module__ == module:
            with contextlib.suppress(Exception):  # foreign objects may do anything
                if _has_code(vars(kind)[code.co_name], code):
                    return f"{kind.__qualname__}.{code.co_name}"
    return None


def _has_code(method: Callable[..., object], code: CodeType) -> bool:
    function: Callable[..., object] = getattr(method, "__func__", method)
    function = getattr(method, "fget", None) or function
    return getattr(inspect.unwrap(function), "__code__", None) is code


def _at_work(position: Position, innermost: RawFrame) -> tuple[int, str | None]:
    """Choose line and call of the innermost frame: that of an operator, or its own."""
    code, line, _ = innermost
    call, offset, begun = position
    # Else the thread stands within an instruction that let others run, as `with` does:
    # then the line at which it was seen is the right one.
    is_behind = begun is not None or call in _QUICK or is_jump(code, offset)
    if not is_behind:
        return line, call
    worked_at = line_of_operator(code, offset)
    if worked_at is not None and (begun is None or worked_at != line):
        return worked_at, None
    return line, to_frame(begun).qualified if begun is not None else call or None


def _public_module(code: CodeType, scope: Scope) -> str:
    # requests.api.get is what runs and requests.get what people write: take the
    # shortest package that offers the very same function or class.
    module = scope.get("__name__")
    if not isinstance(module, str):
        return ""
    outer = _qualname(code, scope).split(".")[0]
    original = scope.get(outer)
    if original is None:
        return module
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(sys.modules.get(package), "__dict__", {}).get(outer) is original:
            return package
    return module
