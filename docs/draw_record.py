"""Draw the record's reference page and JSON schema from its classes.

``python docs/draw_record.py`` writes ``record.md`` and ``record.schema.json`` anew,
beside this file.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import textwrap
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union

from pytest_asyncbench._words.plain import written_names
from pytest_asyncbench._words.record import VERSION, Record

__all__ = ["PAGE", "SCHEMA", "page", "schema"]

PAGE = Path(__file__).parent / "record.md"
SCHEMA = Path(__file__).parent / "record.schema.json"

_UNITS = {
    "In seconds": "seconds",
    "In seconds, of a speedup a factor": "seconds; factor",
    "In microseconds": "microseconds",
    "A moment": "seconds",
    "A factor": "factor",
    "A count": "count",
    "A line number": "line",
    "A number": "",
}
"""How the sentence under a number begins, and the unit that it names."""

_JSON_NAMES = {float: "number", int: "integer", str: "string", bool: "boolean"}
_LISTS = (tuple, Sequence)

_OPENING = f"""\
<!-- drawn by docs/draw_record.py: change the classes that it reads, and run it -->

# The record

Each report of a test that the plugin watched carries one user property, `asyncbench`,
whose value is a JSON text: what was promised to the test, and what happened. JUnit XML
has it, and so have the reports that pytest-xdist's workers send; the summary at the end
of a run is made of these records and of nothing else. The hook
`pytest_asyncbench_verdict(item, record)` gets the same as a dictionary.

This is version {VERSION}. A later release may add fields within a version, and changes
none; so pass over what you do not know. [record.schema.json](record.schema.json) says
the same to a validator.

"""

_VALUE_ONLY = """\
## In the value only

In the code a record is a value of the class `Record`, with `to_json` and `from_json`,
where null is None. Its following fields are not written.

"""


class _Row(NamedTuple):
    name: str
    hint: Any
    said: str
    unit: str
    text: str
    required: bool
    is_written: bool


# -------------------------------------------------------------- what is drawn


def page() -> str:
    """Give the text of the reference page."""
    parts = [_OPENING]
    for kind in _kinds(Record):
        rows = [row for row in _rows(kind) if row.is_written]
        parts.append(f"## {_title(kind)}\n\n{_sentence(kind)}\n\n{_table(rows)}\n")
    unwritten = [row for row in _rows(Record) if not row.is_written]
    parts.append(_VALUE_ONLY + _table(unwritten) + "\n")
    for row in unwritten:
        for kind in _kinds_in(row.hint):
            heading = f"### {_title(kind)}\n\n{_sentence(kind)}\n\n"
            parts.append(heading + _table(_rows(kind)) + "\n")
    return "".join(parts).rstrip() + "\n"


def schema() -> str:
    """Give the text of the JSON schema."""
    record, *parts = _kinds(Record)
    drawn = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The record of a test that pytest-asyncbench watched",
        **_object(record),
        "$defs": {_title(kind): _object(kind) for kind in parts},
    }
    drawn["properties"]["version"]["const"] = VERSION
    return json.dumps(drawn, indent=2) + "\n"


# ----------------------------------------------------------- what is read of it


def _rows(kind: type) -> Iterator[_Row]:
    """Give the fields of a class, each with what is said of it."""
    hints, said = typing.get_type_hints(kind), _sentences_under_fields(kind)
    written = written_names(kind)
    for field in dataclasses.fields(kind):
        unit, text = _apart(field.name, hints[field.name], said[field.name])
        yield _Row(
            name=field.name,
            hint=hints[field.name],
            said=said[field.name],
            unit=unit,
            text=text,
            required=field.default is dataclasses.MISSING,
            is_written=field.name in written,
        )


def _sentences_under_fields(kind: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(kind))
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, below in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = below.value if isinstance(below, ast.Expr) else None
            if not isinstance(text, ast.Constant):
                raise ValueError(f"{kind.__name__}.{field.target.id} has no sentence")
            found[field.target.id] = " ".join(str(text.value).split())
    return found


def _apart(name: str, hint: Any, said: str) -> tuple[str, str]:
    """Take the unit off the sentence under a field."""
    if not {float, int} & {hint, *typing.get_args(hint)}:
        return "", said
    opening, colon, text = said.partition(": ")
    if not colon or opening not in _UNITS:
        raise ValueError(f"the sentence under {name} names no unit: {said}")
    return _UNITS[opening], text[0].upper() + text[1:]


def _kinds(kind: type) -> list[type]:
    """Give a class and those that its written fields are made of, each once."""
    found = {kind: None}
    for row in _rows(kind):
        if row.is_written:
            found.update(
                (one, None) for part in _kinds_in(row.hint) for one in _kinds(part)
            )
    return list(found)


def _kinds_in(hint: Any) -> Iterator[type]:
    if _is_value(hint):
        yield hint
    for inner in typing.get_args(hint):
        yield from _kinds_in(inner)


def _is_value(hint: Any) -> bool:
    return dataclasses.is_dataclass(hint)


def _title(kind: type) -> str:
    return kind.__name__.removesuffix("Entry")


def _sentence(kind: type) -> str:
    return " ".join((inspect.getdoc(kind) or "").split())


# --------------------------------------------------------------------- the page


def _table(rows: typing.Iterable[_Row]) -> str:
    lines = ["| field | type | unit | meaning |", "| --- | --- | --- | --- |"]
    for row in rows:
        text = row.text.replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{row.name}` | {_type(row.hint)} | {row.unit} | {text} |")
    return "\n".join(lines) + "\n"


def _type(hint: Any) -> str:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(each) for each in inner)
    if origin in _LISTS:
        return f"list of {_type(inner[0])}"
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in inner)
    if hint is types.NoneType:
        return "null"
    if _is_value(hint):
        title = _title(hint)
        return f"[{title}](#{title.lower()})"
    return _JSON_NAMES.get(hint, f"`{hint.__name__}`")


# ------------------------------------------------------------------- the schema


def _object(kind: type) -> dict[str, Any]:
    rows = [row for row in _rows(kind) if row.is_written]
    return {
        "description": _plain(_sentence(kind)),
        "type": "object",
        "properties": {row.name: _property(row) for row in rows},
        "required": [row.name for row in rows if row.required],
    }


def _property(row: _Row) -> dict[str, Any]:
    return {"description": _plain(row.said), **_shape(row.hint)}


def _shape(hint: Any) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_shape(each) for each in inner]}
    if origin in _LISTS:
        return {"type": "array", "items": _shape(inner[0])}
    if origin is Literal:
        return {"enum": list(inner)}
    if hint is types.NoneType:
        return {"type": "null"}
    if _is_value(hint):
        return {"$ref": f"#/$defs/{_title(hint)}"}
    return {"type": _JSON_NAMES[hint]}


def _plain(text: str) -> str:
    return re.sub(r"`+", "", text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_text(schema(), encoding="utf-8")
