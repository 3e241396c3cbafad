"""What a line was calling at one moment: the name of a callee that has no frame.

Functions written in C leave none. The bytecode's positions say which expression of
the line was being evaluated, and its source names the callee. On 3.10, whose bytecode
has no columns, only a line with a single call can be told.
"""

from __future__ import annotations

import _thread
import ast
import builtins
import functools
import gc
import inspect
import itertools
import linecache
import sys
from collections.abc import Iterator, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

from pytest_asyncbench._python.gil import has_gil
from pytest_asyncbench._python.written import called_in
from pytest_asyncbench._words import held

__all__ = ["callee", "public_name"]

_WITHOUT_CODE = frozenset({BuiltinFunctionType, FunctionType})
"""Whose attributes are read by C alone, which is ten times as quick as to look how."""

_PUBLIC = {"posix": "os", "nt": "os"}
"""Modules in C, and under which name people know them."""

_NAMED = {
    id(held.open_file): "builtins.open",  # says that it is _io.open
    id(_thread.LockType): "threading.Lock",
    id(_thread.RLock): "threading.RLock",
}
"""What does not tell the name by which people know it; these never go away."""

_RUN_LATER = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def callee(frame: FrameType, offset: int, line: int) -> str | None:
    """Name what `frame` was calling at an offset of its bytecode; None if nothing.

    The name of a coroutine function is empty: to call it takes no time.
    """
    written = _written(frame.f_code, offset, line)
    if written is None or "(" in written:
        return written
    try:
        return _qualified(written, frame)
    except Exception:  # foreign objects may do anything when they are looked at
        return written


# To read the source makes many objects, and the collector, which they start, would run
# a test's finalizers in the thread that looks.
@functools.lru_cache(maxsize=1024)
def _written(code: CodeType, offset: int, line: int) -> str | None:
    source = _source(code, offset, line)
    return None if source is None else called_in(source)


def _source(code: CodeType, offset: int, line: int) -> str | None:
    if not hasattr(code, "co_positions"):
        return _only_call_of(linecache.getline(code.co_filename, line).strip())
    first, last, column, end_column = next(
        itertools.islice(code.co_positions(), offset // 2, None)
    )
    if None in (first, last, column, end_column):
        return None
    # Columns count bytes of UTF-8.
    lines = [
        linecache.getline(code.co_filename, number).encode()
        for number in range(first, last + 1)
    ]
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    return b"".join(lines).decode(errors="replace")


def _only_call_of(text: str) -> str | None:
    """Give the source of a line's call, where it has one; on 3.10 only."""
    try:
        tree = ast.parse(text.rstrip(":"))
    except (SyntaxError, ValueError):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return ast.unparse(calls[0]) if len(calls) == 1 else None


def _qualified(written: str, frame: FrameType) -> str:
    # getattr_static, and types instead of isinstance(), so that no property or
    # __getattr__ of the user's runs here: it would in another thread than its own.
    name, *attributes = written.split(".")
    for scope in _scopes(frame, name):
        if name in scope:
            value = scope[name]
            break
    else:
        return written
    if not attributes:
        return "" if _runs_later(value) else public_name(value) or written
    for attribute in attributes[:-1]:
        value = inspect.getattr_static(value, attribute)
    if _runs_later(inspect.getattr_static(value, attributes[-1], None)):
        return ""
    # The name that was written, not where it lives: hashlib.scrypt is _hashlib's.
    if issubclass(type(value), ModuleType):
        return f"{_plain(value, '__name__')}.{attributes[-1]}"
    kind = value if issubclass(type(value), type) else type(value)
    return f"{public_name(kind)}.{attributes[-1]}"


def _scopes(frame: FrameType, name: str) -> Iterator[Mapping[str, object]]:
    # Before 3.13 the frame of a function keeps the values that it is asked for, and
    # what it gave to locals() changes by it. So only for a name of its own is it asked.
    code = frame.f_code
    own = (*code.co_varnames, *code.co_cellvars, *code.co_freevars)
    # And without a GIL, never: the frame may run in another thread at this moment.
    if has_gil() and (name in own or not code.co_flags & inspect.CO_OPTIMIZED):
        yield _locals_of(frame)
    yield frame.f_globals
    yield vars(builtins)


def _locals_of(frame: FrameType) -> Mapping[str, object]:
    # A collection in the middle of this would run finalizers, and with them perhaps the
    # thread whose frame it is, which up to 3.12 is a crash.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return frame.f_locals
    finally:
        if was_enabled:
            gc.enable()


def _runs_later(value: object) -> bool:
    # A generator function, too: nothing of it runs yet.
    return type(value) is FunctionType and bool(value.__code__.co_flags & _RUN_LATER)


def public_name(value: object) -> str:
    """Give the name by which people know a function; empty where it has none."""
    if type(value) is MethodType:
        value = value.__func__
    if id(value) in _NAMED:
        return _NAMED[id(value)]
    module = _plain(value, "__module__") or _plain(
        _plain(value, "__self__"), "__name__"
    )
    qualname = _plain(value, "__qualname__")
    if not isinstance(module, str) or not isinstance(qualname, str):
        return ""
    public = _PUBLIC.get(module, module.lstrip("_"))
    if getattr(sys.modules.get(public), "__dict__", {}).get(qualname) is value:
        module = public
    return f"{module}.{qualname}"


def _plain(value: object, name: str) -> object:
    """Read an attribute and run no Python code for that; None where there is none."""
    if type(value) in _WITHOUT_CODE:
        return getattr(value, name, None)
    found = inspect.getattr_static(value, name, None)
    if type(found) in (GetSetDescriptorType, MemberDescriptorType):
        return found.__get__(value, type(value))
    return found
