"""Stacks as values: of a thread inside a step.

Taking a stack must be quick, because the thread that it belongs to goes on right
after; so `capture` stores code objects and offsets, and `to_stack` makes words of
them later. Only what the innermost line was calling is worked out on the spot:
it needs the frame's locals, which will not wait.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import linecache
import sys
from collections.abc import Mapping
from types import CodeType, FrameType
from typing import Any

from pytest_asyncbench._model import Frame, Stack

__all__ = ["RawStack", "capture", "describe_callback", "task_label", "to_stack"]

RawFrame = tuple[CodeType, int, Mapping[str, Any]]
RawStack = tuple[str | None, tuple[RawFrame, ...]]
"""What the innermost line was calling; then code, line and globals of each frame."""

_MOST_FRAMES = 200


def capture(frame: FrameType | None, within: frozenset[CodeType]) -> RawStack | None:
    """Take the stack from `frame` outwards to the step around it.

    `within` are the code objects that run a step. Returns None where none of them
    is on the stack: the thread is between two steps, or runs no loop at all.
    """
    innermost = frame
    found: list[RawFrame] = []
    while frame is not None and frame.f_code not in within:
        if len(found) < _MOST_FRAMES:
            found.append((frame.f_code, frame.f_lineno or 0, frame.f_globals))
        frame = frame.f_back
    if frame is None or innermost is None or not found:
        return None
    return _call_in_progress(innermost), tuple(found)


def to_stack(raw: RawStack) -> Stack:
    """Put a captured stack into words, innermost frame first."""
    call, frames = raw
    stack = [
        Frame(
            file=code.co_filename,
            line=line,
            function=getattr(code, "co_qualname", code.co_name).replace(
                "<locals>.", ""
            ),
            module=_public_module(code, scope),
        )
        for code, line, scope in frames
    ]
    if call is not None:
        first = stack[0]
        stack[0] = Frame(
            file=first.file,
            line=first.line,
            function=first.function,
            module=first.module,
            call=call,
        )
    return tuple(stack)


def _public_module(code: CodeType, scope: Mapping[str, Any]) -> str:
    # requests.api.get is what runs and requests.get what people write: take the
    # shortest package that offers the very same function or class.
    module = scope.get("__name__")
    if not isinstance(module, str):
        return ""
    outer = getattr(code, "co_qualname", code.co_name).split(".")[0]
    original = scope.get(outer)
    if original is None:
        return module
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        if getattr(sys.modules.get(package), "__dict__", {}).get(outer) is original:
            return package
    return module


# ------------------------------------------------- what a line was calling


def _call_in_progress(frame: FrameType) -> str | None:
    # C functions have no frame. The bytecode's positions say which expression of
    # the line was being evaluated, and its source names the callee.
    written = _written_call(frame)
    if written is None:
        return None
    try:
        return _qualified(written, frame)
    except Exception:  # foreign objects may do anything when they are looked at
        return written


def _written_call(frame: FrameType) -> str | None:
    source = _source_in_progress(frame)
    if source is None:
        return None
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if isinstance(tree, ast.Await):
        tree = tree.value
    return _dotted(tree.func) if isinstance(tree, ast.Call) else None


def _source_in_progress(frame: FrameType) -> str | None:
    code = frame.f_code
    line: int | None = frame.f_lineno
    if not hasattr(code, "co_positions"):  # 3.10 knows the line only
        text = linecache.getline(code.co_filename, line or 0).strip()
        return _only_call_of(text)
    positions = list(code.co_positions())
    line, end_line, column, end_column = positions[frame.f_lasti // 2]
    if None in (line, column, end_column) or line != end_line:
        return None
    text = linecache.getline(code.co_filename, line or 0)
    # Columns count bytes of UTF-8.
    return text.encode()[column:end_column].decode(errors="replace")


def _only_call_of(text: str) -> str | None:
    try:
        tree = ast.parse(text.rstrip(":"))
    except (SyntaxError, ValueError):
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return ast.unparse(calls[0]) if len(calls) == 1 else None


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else None
    return None


def _qualified(written: str, frame: FrameType) -> str:
    # getattr_static, so that no property or __getattr__ of the user's runs here.
    name, *attributes = written.split(".")
    for scope in (frame.f_locals, frame.f_globals, vars(builtins)):
        if name in scope:
            value = scope[name]
            break
    else:
        return written
    for attribute in attributes:
        owner = value
        value = inspect.getattr_static(owner, attribute)
        if not (inspect.ismodule(owner) or inspect.isclass(owner)):
            kind = type(owner)
            return f"{kind.__module__}.{kind.__qualname__}.{attribute}"
    module = getattr(value, "__module__", None) or getattr(
        getattr(value, "__self__", None), "__name__", None
    )
    qualname = getattr(value, "__qualname__", None)
    return f"{module}.{qualname}" if module and qualname else written


def task_label(task: asyncio.Task[Any]) -> str:
    """Name a task: as it was named, or by its coroutine where nobody named it."""
    name = task.get_name()
    if not name.startswith("Task-"):
        return name
    coroutine = getattr(task.get_coro(), "__qualname__", None)
    return (
        f"{str(coroutine).rpartition('<locals>.')[2]} ({name})" if coroutine else name
    )


def describe_callback(callback: Any, running: asyncio.Task[Any] | None = None) -> str:
    """Name the step that ran `callback`: a task by its name, else the function."""
    owner = running or getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return task_label(owner)
    inner = getattr(callback, "func", callback)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)
