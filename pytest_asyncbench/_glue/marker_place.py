"""Where a marker was written, by file and line: a mark itself does not know."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING

import pytest

from pytest_asyncbench._words.units import shown

if TYPE_CHECKING:
    from _pytest.nodes import Node

__all__ = ["marker_place"]

_DEFINES = ("def ", "async def ", "class ")


def marker_place(node: Node, marker: str = "") -> str:
    """Give file and line of a node's marker, or of the node where none is seen."""
    if isinstance(node, pytest.Module):
        return _at(str(node.path), _of_module(str(node.path)))
    if not hasattr(node, "reportinfo"):
        return shown(str(node.path))
    path, line, _ = node.reportinfo()
    return _at(str(path), _of_decorator(str(path), (line or 0) + 1, marker))


def _at(file: str, line: int) -> str:
    return f"{shown(file)}:{line}"


def _of_module(file: str) -> int:
    lines = enumerate(linecache.getlines(file), 1)
    return next((n for n, line in lines if line.startswith("pytestmark")), 1)


def _of_decorator(file: str, first: int, marker: str) -> int:
    """Look for a marker among the decorators, which begin with the first line."""
    if not marker:
        return first
    for number, line in enumerate(linecache.getlines(file)[first - 1 :], first):
        if f"mark.{marker}" in line:
            return number
        if line.lstrip().startswith(_DEFINES):
            break
    return first
