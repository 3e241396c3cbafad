"""What stands where a target stood, and looks like it; the hot path of this package.

Knows whether anybody listens and whether a loop runs; whether a call counts is
decided behind `Watch`.
"""

from __future__ import annotations

import functools
from typing import Any

from pytest_asyncbench._interception.words import Call, Row, Watch
from pytest_asyncbench._loops import running_loop

__all__ = ["Builtin", "watched"]


def watched(row: Row, call: Call, watch: Watch) -> Call:
    """Give `call` as it looks to its callers."""

    def watched(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if row.on and running_loop() is not None:
            return watch(row, call, args, kwargs)
        # To pass on an empty dict would cost a fifth of the whole wrapper.
        return call(*args, **kwargs) if kwargs else call(*args)

    return watched


class Builtin:
    """Stands where a function written in C stood, and binds no more than it did.

    Such a function is no descriptor: ``class Backoff: sleep = time.sleep`` works and
    must go on working, so it is replaced by an object and not by a function.
    `__call__` is the slot's own descriptor, so that a call goes on to what the slot
    holds without a frame in between: while nobody listens, to the raw function. Most
    calls of `open` and `os.stat` are made then, in any thread.
    """

    __slots__ = ("__dict__", "__weakref__", "_call", "_raw", "_watched")

    def __init__(
        self, call: Call, original: Call, module: str, raw: Call | None = None
    ) -> None:
        self._call = self._watched = call
        self._raw = raw or call
        functools.update_wrapper(self, original)  # type: ignore[arg-type]  # callable below
        # Where it can be found, for pickle: os.stat says that it is posix.stat.
        self.__module__ = module
        self.__qualname__ = getattr(original, "__qualname__", "")

    def switch(self, on: bool) -> None:
        """Go through the watching function, or past it."""
        self._call = self._watched if on else self._raw

    def __reduce__(self) -> str:
        return self.__qualname__

    def __repr__(self) -> str:
        return repr(vars(self)["__wrapped__"])


# mypy sees a method added to a class, which is what this is.
Builtin.__call__ = Builtin.__dict__["_call"]  # type: ignore[method-assign]
