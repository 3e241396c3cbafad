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
from collections.abc import Callable
from typing import Any, Literal, Union

__all__ = ["VALUE_ONLY", "read", "written", "written_fields"]

VALUE_ONLY = {"value only": True}
"""Metadata of a field that is not written; it has a default."""


@functools.cache
def written_fields(kind: type) -> tuple[dataclasses.Field[Any], ...]:
    """Give the fields of a value that are written."""
    fields = dataclasses.fields(kind)
    return tuple(field for field in fields if field.metadata != VALUE_ONLY)


def written(value: Any) -> Any:
    """Give a value in JSON's own types."""
    if isinstance(value, tuple):
        return [written(each) for each in value]
    if dataclasses.is_dataclass(value):
        names = (field.name for field in written_fields(value.__class__))
        return {name: written(getattr(value, name)) for name in names}
    return value


def read(kind: type, json: Any, where: str) -> Any:
    """Make a value of what `written` gave.

    Args:
        kind: what to make.
        json: what was written.
        where: how an error calls it.

    Raises:
        ValueError: a key is missing, or what it has is of another type.
    """
    return _reader(kind)(json, where)


_Reader = Callable[[Any, str], Any]


@functools.cache
def _reader(kind: Any) -> _Reader:
    """Make the function that reads this type; once, since records come by thousands."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        (some,) = (each for each in inner if each is not types.NoneType)
        return _optional(_reader(some))
    if origin is tuple:
        return _listed(_reader(inner[0]))
    if origin is Literal:
        return _reader(str)  # a later version may know more words
    if dataclasses.is_dataclass(kind):
        return _value(kind)
    return _scalar(kind)


def _optional(some: _Reader) -> _Reader:
    return lambda json, where: None if json is None else some(json, where)


def _listed(each: _Reader) -> _Reader:
    def read_list(json: Any, where: str) -> Any:
        if not isinstance(json, list):
            raise ValueError(f"{where} is {json!r}, which is no list")
        return tuple(each(one, where) for one in json)

    return read_list


def _value(kind: Any) -> _Reader:
    hints = typing.get_type_hints(kind)
    fields = [
        (field.name, _has_default(field), _reader(hints[field.name]))
        for field in written_fields(kind)
    ]

    def read_value(json: Any, where: str) -> Any:
        if not isinstance(json, dict):
            raise ValueError(f"{where} is {json!r}, which is no object")
        given = {}
        for name, can_lack, reader in fields:
            if name in json:
                given[name] = reader(json[name], f"{where}.{name}")
            elif not can_lack:
                raise ValueError(f"{where} lacks {name!r}")
        return kind(**given)

    return read_value


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING


def _scalar(kind: type) -> _Reader:
    # True is an int in Python, and 1 is as good as 1.0 in JSON.
    accepted = (int, float) if kind is float else (kind,)

    def read_scalar(json: Any, where: str) -> Any:
        if not isinstance(json, accepted) or isinstance(json, bool) != (kind is bool):
            raise ValueError(f"{where} is {json!r}, which is no {kind.__name__}")
        return json

    return read_scalar
