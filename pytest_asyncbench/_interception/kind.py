"""The type of types of ours that pass for types written in C.

What asks for an object from outside the standard library gets ours; the standard
library keeps the raw one, whose waits have rules of their own. What the types do
otherwise is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_asyncbench._interception.callers import is_standard
from pytest_asyncbench._python import getframe

if TYPE_CHECKING:
    from pytest_asyncbench._interception.signatures import Function

__all__ = ["Kind"]


class Kind(type):
    """The type of our types: makes their objects, and passes for the raw type.

    What users derive from such a type is theirs, and is treated as any class is.
    """

    _raw: Function
    _raw_type: type

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "_stands_in" in vars(cls) and is_standard(getframe(1)):
            return cls._raw(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        if "_stands_in" in vars(cls):
            return isinstance(instance, cls._raw_type)
        return super().__instancecheck__(instance)

    def stand_in(cls, target: str) -> Kind:
        """Make a type for one installation, which may write to it.

        `target` is where pickle finds it, in a new process, too: ``queue.SimpleQueue``.
        """
        module, _, name = target.rpartition(".")
        names = {"__slots__": (), "__module__": module, "_stands_in": True}
        return type(cls)(name, (cls,), names)
