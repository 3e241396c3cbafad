"""Frozen values as JSON's own types, and back; what the values mean is not known here.

A value is an object, a tuple is a list. What is read must have each key whose field has
no default, of the type that the field is annotated with. Keys that nobody knows are
passed over, since a later version may have added them.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypeVar, Union

__all__ = ["VALUE_ONLY", "Json", "read", "written", "written_names"]


class Instance(Protocol):
    """An instance of a dataclass, as the type checkers know it."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


Json: TypeAlias = "str | float | bool | list[Json] | dict[str, Json] | None"
"""What the standard library's ``json`` reads and writes."""

Value: TypeAlias = "str | float | bool | tuple[Value, ...] | Instance | None"
"""What a field of a frozen value holds."""

VALUE_ONLY: Mapping[str, bool] = {"value only": True}
"""Metadata of a field that is not written; it has a default."""

T = TypeVar("T", bound="Instance")


@functools.cache
def written_names(kind: type[Instance]) -> tuple[str, ...]:
    """Give the names of the fields of a value that are written."""
    fields = dataclasses.fields(kind)
    return tuple(field.name for field in fields if field.metadata != VALUE_ONLY)


def written(value: Instance) -> dict[str, Json]:
    """Give a value in JSON's own types."""
    names = written_names(type(value))
    return {name: _written(getattr(value, name)) for name in names}


def _written(value: Value) -> Json:
    if value is None or isinstance(value, (str, float, int)):
        return value
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    return written(value)


def read(kind: type[T], json: Json, where: str) -> T:
    """Make a value of what `written` gave.

    Args:
        kind: what to make.
        json: what was written.
        where: how an error calls it.

    Raises:
        ValueError: a key is missing, or what it has is of another type.
    """
    if not isinstance(json, dict):
        raise ValueError(f"{where} is {json!r}, which is no object")
    given = {}
    for name, needed, reader in _fields(kind):
        if name in json:
            given[name] = reader(json[name], f"{where}.{name}")
        elif needed:
            raise ValueError(f"{where} lacks {name!r}")
    return kind(**given)


_Reader = Callable[[Json, str], Value]
_Hint = type | types.UnionType | types.GenericAlias


@functools.cache
def _fields(kind: type[Instance]) -> list[tuple[str, bool, _Reader]]:
    """Give the fields to read: whether each is needed, and the function that reads it.

    Once for each class, since records come by thousands.
    """
    hints, names = typing.get_type_hints(kind), written_names(kind)
    return [
        (field.name, field.default is dataclasses.MISSING, _reader(hints[field.name]))
        for field in dataclasses.fields(kind)
        if field.name in names
    ]


def _reader(hint: _Hint) -> _Reader:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        (some,) = (each for each in inner if each is not types.NoneType)
        return _optional(some)
    if origin is tuple:
        return _listed(inner[0])
    if origin is Literal:
        return _scalar(str)  # a later version may know more words
    assert isinstance(hint, type)
    if dataclasses.is_dataclass(hint):
        return functools.partial(read, hint)
    return _scalar(hint)


# How to read what is within is found out with the first that is there: most records
# lack most of it, and to look at all these classes takes a part of each start.


def _optional(hint: _Hint) -> _Reader:
    some = functools.cache(lambda: _reader(hint))
    return lambda json, where: None if json is None else some()(json, where)


def _listed(hint: _Hint) -> _Reader:
    each = functools.cache(lambda: _reader(hint))

    def read_list(json: Json, where: str) -> Value:
        if not isinstance(json, list):
            raise ValueError(f"{where} is {json!r}, which is no list")
        return tuple(each()(one, where) for one in json)

    return read_list


def _scalar(kind: type) -> _Reader:
    # True is an int in Python, and 1 is as good as 1.0 in JSON.
    accepted = (int, float) if kind is float else (kind,)

    def read_scalar(json: Json, where: str) -> Value:
        is_it = isinstance(json, accepted) and isinstance(json, bool) == (kind is bool)
        if not is_it or isinstance(json, (list, dict)):
            raise ValueError(f"{where} is {json!r}, which is no {kind.__name__}")
        return json

    return read_scalar
