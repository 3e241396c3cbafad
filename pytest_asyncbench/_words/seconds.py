"""Whose seconds a number counts: real, virtual, or those that a test lives in.

All are floats, and a type checker tells them apart: who hands a moment of virtual time
to what waits in real time is told so before anything runs. It holds for moments, which
count from where their clock began, and for durations. What is worked out from them is a
plain number again, until somebody says whose it is.
"""

from __future__ import annotations

from typing import NewType

__all__ = ["LivedSeconds", "RealSeconds", "VirtualSeconds"]

RealSeconds = NewType("RealSeconds", float)
"""Of a clock that no test can move."""

VirtualSeconds = NewType("VirtualSeconds", float)
"""Of a clock that a test moves, and that jumps."""

LivedSeconds = RealSeconds | VirtualSeconds
"""Of the time that a test lives in: virtual where it asked for that, else real.

Promises and the accounts of tasks are in these. Nothing may take them for real ones.
"""
