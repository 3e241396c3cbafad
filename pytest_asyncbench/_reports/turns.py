"""How late a loop came as threads took turns at the interpreter, in a line."""

from __future__ import annotations

from typing import Protocol

__all__ = ["turns_line"]


class _Turns(Protocol):
    @property
    def threads(self) -> int: ...
    @property
    def least(self) -> float: ...
    @property
    def most(self) -> float: ...


def turns_line(turns: _Turns) -> str:
    """Write down by how many milliseconds it came late, and for how many threads."""
    late = f"{1e3 * turns.least:.0f} to {1e3 * turns.most:.0f} ms"
    return f"late by {late}, {turns.threads} threads took turns"
