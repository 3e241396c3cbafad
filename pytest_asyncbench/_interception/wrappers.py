"""What stands where a target stood, and looks like it; the hot path of this room.

Knows whether anybody listens and whether a loop runs; whether a call counts is
decided behind `Intercept`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pytest_asyncbench._loops import running_loop

if TYPE_CHECKING:
    from pytest_asyncbench._interception.compiled import CompiledRule, Intercept
    from pytest_asyncbench._interception.signatures import Function

__all__ = ["Builtin", "intercepted"]

P = ParamSpec("P")
T = TypeVar("T")


def intercepted(
    rule: CompiledRule, function: Callable[P, T], intercept: Intercept
) -> Callable[P, T]:
    """Give a function as it looks to its callers while its rule may be active."""
    call: Callable[..., T] = function  # the checker wants both * and ** from a P

    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        if rule.active and running_loop() is not None:
            return intercept(rule, call, args, kwargs)
        # To pass on an empty dict would cost a fifth of the whole wrapper.
        return call(*args, **kwargs) if kwargs else call(*args)

    return wrapper


class Builtin:
    """Stands where a function written in C stood, and binds no more than it did.

    Such a function is no descriptor: ``class Backoff: sleep = time.sleep`` works and
    must go on working, so it is replaced by an object and not by a function.
    `__call__` is the slot's own descriptor, so that a call goes on to what the slot
    holds without a frame in between: while the rule is not active, to the `plain`
    function. Most calls of `open` and `os.stat` are made then, in any thread.

    Args:
        wrapper: what is called while the rule is active.
        original: what stood here, and how this is to look.
        module: where it can be found, for pickle: os.stat says that it is posix.stat.
        plain: what is called else.
    """

    __slots__ = ("__dict__", "__weakref__", "_call", "_plain", "_wrapper")

    __call__: Function

    def __init__(
        self, wrapper: Function, original: Function, module: str, plain: Function
    ) -> None:
        self._call = self._wrapper = wrapper
        self._plain = plain
        functools.update_wrapper(self, original)
        self.__module__ = module
        self.__qualname__ = getattr(original, "__qualname__", "")

    def switch(self, *, active: bool) -> None:
        """Go through the wrapper, or past it."""
        self._call = self._wrapper if active else self._plain

    def __reduce__(self) -> str:
        return self.__qualname__

    def __repr__(self) -> str:
        return repr(vars(self)["__wrapped__"])


Builtin.__call__ = Builtin.__dict__["_call"]  # type: ignore[method-assign]  # a slot
