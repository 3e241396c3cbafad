"""Frozen values and named tuples, but for what making such classes takes at a start.

Problem: for each frozen dataclass six functions are written as text and compiled. For
some forty classes, which every run that watches needs, that is a quarter of its start.
What does not do: classes written by hand, whose fields nobody can list or replace.
What we do: every class is given the same functions, which go by its annotations, and
`dataclasses` finds the fields when somebody asks for them. So `dataclasses.replace`,
`fields` and the type checkers go on to work. What is lost: the signature does not name
the fields, and no class can inherit from another.

`typing.NamedTuple` compiles the annotation of each field besides: for some thirty
classes that was more than half of it. Ours leaves them the texts that they are.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_asyncbench._words import legible

__all__ = ["FieldError", "NamedTuple", "changed", "dataclass"]

T = TypeVar("T")


def changed(value: T, **fields: Any) -> T:
    """Give a frozen value with other fields, as `dataclasses.replace` does.

    That asks for each field by its name, which takes longer.

    Raises:
        TypeError: its class has no such field.
    """
    return type(value)(**{**vars(value), **fields})


class FieldError(TypeError):
    """A value was to be made with a field that its class lacks, or without one."""

    def __init__(
        self, of: type, fields: tuple[str, ...], given: Collection[str]
    ) -> None:
        self.of = of
        self.fields = fields
        self.unknown = next((each for each in given if each not in fields), None)
        """The first of those that are no field."""
        self.missing = tuple(each for each in fields if each not in given)
        super().__init__(f"{of.__qualname__}.__init__() {self._told()}")

    def _told(self) -> str:
        if self.unknown is not None:
            return f"got an unexpected keyword argument {self.unknown!r}"
        needed = ", ".join(map(repr, self.missing))
        return f"lacks the keyword-only arguments: {needed}"


if TYPE_CHECKING:
    from dataclasses import dataclass
    from typing import NamedTuple
else:

    def dataclass(*, frozen, kw_only):
        """Make frozen values of a class; all of its fields are given by keyword."""
        assert frozen
        assert kw_only

        def made(cls):
            cls.__dataclass_fields__ = _Fields(cls)
            cls.__init__ = _initializer(cls)
            if "__repr__" not in vars(cls):
                cls.__repr__ = _repr
            cls.__eq__, cls.__hash__ = _eq, _hash
            cls.__setattr__, cls.__delattr__ = _frozen, _frozen
            return cls

        return made

    class _Fields:
        """Stands where `dataclasses` looks for a class's fields, until it does."""

        def __init__(self, cls):
            self._cls = cls

        def __get__(self, value, cls):
            # It puts the fields in the place of this.
            find = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=True)
            found = find(self._cls)
            found.__dataclass_params__.frozen = True
            return found.__dataclass_fields__

    def _initializer(cls):
        names = frozenset(cls.__annotations__)
        defaults, factories = {}, []
        for name in names & vars(cls).keys():
            default = vars(cls)[name]
            if not isinstance(default, dataclasses.Field):
                defaults[name] = default
            elif default.default_factory is dataclasses.MISSING:
                defaults[name] = default.default
            else:
                factories.append((name, default.default_factory))

        def __init__(self, /, **given):  # noqa: N807 - it becomes a class's
            has = self.__dict__
            if given.keys() == names:  # of strands there may be ten thousand
                has.update(given)
                return
            has.update(defaults)
            has.update(given)
            for name, factory in factories:
                if name not in given:
                    has[name] = factory()
            if has.keys() != names:
                raise FieldError(type(self), tuple(cls.__annotations__), has)

        return __init__

    def _repr(self):
        # What a test raised is among them, and its own `repr` may raise.
        told = {
            name: legible.told(functools.partial(repr, value))
            for name, value in vars(self).items()
        }
        fields = (f"{name}={told[name]}" for name in self.__dataclass_fields__)
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def _eq(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def _hash(self):
        has = vars(self)
        return hash(tuple([has[name] for name in self.__dataclass_fields__]))

    def _frozen(self, name, *value):
        raise dataclasses.FrozenInstanceError(f"cannot set or delete {name!r}")

    class _NamedTupleMeta(type):
        """Make a named tuple of a class that says it is one."""

        def __new__(cls, name, bases, namespace):
            if not bases:  # the one below
                return super().__new__(cls, name, bases, namespace)
            fields = [*namespace.get("__annotations__", ())]
            defaults = [namespace.pop(each) for each in fields if each in namespace]
            made = collections.namedtuple(name, fields, defaults=defaults)
            for each, value in namespace.items():
                setattr(made, each, value)
            return made

    class NamedTuple(metaclass=_NamedTupleMeta):
        """Be the base of those."""
