"""The lock that has threads take turns in the interpreter, and builds that have none.

What changes without it stands in docs/blocking.md, *Without a GIL*.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

__all__ = ["has_gil", "switch_interval"]

_is_enabled: Callable[[], bool] | None = getattr(sys, "_is_gil_enabled", None)
"""None before Python 3.13, where there always is one. Tests have a fake."""


def has_gil() -> bool:
    """Tell whether threads take turns in the interpreter.

    Where they do not, to read the locals of a frame that another thread runs may crash
    the interpreter, see
    https://docs.python.org/3/howto/free-threading-python.html#frame-objects

    To be asked each time: a free-threaded build turns the GIL on when it imports an
    extension that needs it.
    """
    return _is_enabled is None or _is_enabled()


def switch_interval() -> float:
    """Tell after how many seconds who waits for the GIL asks again; 0 without one."""
    return sys.getswitchinterval() if has_gil() else 0.0
