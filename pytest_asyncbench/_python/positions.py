"""Where a thread was at work before the point at which it was seen.

Problem: a thread hands the GIL over at few points of its bytecode only: after a call
into C, at a jump back, at the start of a function. An operator (``x in big``) is none
of them, so who waited for the GIL all along sees the thread at the next such point,
often on a later line. What we do: look from there back to the point before it, and
take the last operator in between. What still fails: where there are several on
different lines, it may have been another; and where the step ends before any such
point, nobody sees it at all.
"""

from __future__ import annotations

import dis
import functools
import sys
import types
from types import CodeType, FrameType, FunctionType

from pytest_asyncbench._words.values import NamedTuple

__all__ = ["IMPORTERS", "begins", "is_jump", "line_of_operator", "loads_lazily"]

# What the evaluation loop of 3.10, or of later versions, stops at; names are prefixes.
_BACK = ("JUMP_BACKWARD", "JUMP_ABSOLUTE", "POP_JUMP_BACKWARD")
_POINTS = ("CALL", *_BACK, "RESUME")
_JUMPS = ("JUMP_BACKWARD", "JUMP_ABSOLUTE", "POP_JUMP")
_ENTRIES = ("SEND", "YIELD", "RETURN", "RERAISE")
_OPERATORS = (
    *("BINARY_", "INPLACE_", "UNARY_", "COMPARE_OP", "CONTAINS_OP", "FORMAT_"),
    *("BUILD_STRING", "CONVERT_VALUE", "LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE"),
    *("DICT_MERGE", "STORE_SUBSCR", "STORE_SLICE", "DELETE_SUBSCR", "UNPACK_"),
)
_RESUME = dis.opmap.get("RESUME")
_LOADS = frozenset(op for name, op in dis.opmap.items() if name.startswith("LOAD_"))

IMPORTERS: frozenset[CodeType] = frozenset(
    each.__code__
    for each in vars(sys.modules["_frozen_importlib"]).values()
    if isinstance(each, FunctionType) and hasattr(types, "LazyImportType")
)
"""What C calls to import a module, on a Python that can import lazily; else none."""


class _Instruction(NamedTuple):
    offset: int
    name: str
    line: int
    target: int
    """Where a jump goes; -1 for what is no jump."""


def begins(frame: FrameType) -> bool:
    """Tell whether a function was seen at its start: nothing of it has run yet."""
    if frame.f_lasti < 0:
        return True
    at = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return len(at) == 2 and at[0] == _RESUME and at[1] == 0


def loads_lazily(frame: FrameType) -> bool:
    """Tell whether `frame`, which asked for an import, only used a name to do so.

    An import statement has an instruction of its own, and a function is called.
    """
    return frame.f_code.co_code[frame.f_lasti] in _LOADS


def is_jump(code: CodeType, offset: int) -> bool:
    """Tell whether `code` stood where no call was in progress, but behind them all."""
    here = [at for at in _instructions(code) if at.offset <= offset][-1:]
    return any(at.name.startswith(_JUMPS) for at in here)


def line_of_operator(code: CodeType, offset: int) -> int | None:
    """Give the line of the last operator that ran before a point where `code` stood.

    None where there was none since the point before it.
    """
    before = [at for at in _instructions(code) if at.offset <= offset]
    if not before:
        return None
    here = before.pop()
    # A coroutine that is called and awaited at once starts no sooner than that.
    is_awaited = here.name.startswith(("SEND", "YIELD_FROM"))
    for at in reversed(before):
        if at.offset < here.target or at.name.startswith(_ENTRIES):
            return None
        if at.name.startswith(_POINTS):
            if not is_awaited:
                return None
            is_awaited = False
        if at.name.startswith(_OPERATORS):
            return at.line
    return None


@functools.lru_cache(maxsize=64)
def _instructions(code: CodeType) -> tuple[_Instruction, ...]:
    lines = {start: line or 0 for start, _, line in code.co_lines()}
    found, line = [], code.co_firstlineno
    for at in dis.get_instructions(code):
        line = lines.get(at.offset, line)
        back = at.argval if at.opname.startswith(_BACK) else -1
        found.append(_Instruction(at.offset, at.opname, line, back))
    return tuple(found)
