"""What is true of each case of the corpus, as it stands in the corpus itself.

The kind of case is in the file's name, the guilty line in a comment::

    time.sleep(0.1)  # <- blocks: time.sleep

The call may be a glob, or several with `|` between. `blocks one of` marks lines of
which one must be named, `blocks nowhere` a call with no line of the user's, and
`test_x blocks` a line outside the function of the test that reaches it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

__all__ = ["CORPUS", "Case", "Culprit", "cases"]

CORPUS = Path(__file__).parent / "corpus"

_MARK = re.compile(
    r"# <- (?:(?P<tests>test_\w+(?:, test_\w+)*) )?"
    r"blocks(?P<how> one of| nowhere)?: (?P<calls>\S+)"
)


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """A place that blocks: one of these lines, calling one of these."""

    lines: frozenset[int]
    calls: tuple[str, ...]
    placeless: bool = False

    def is_named(self, line: int, call: str) -> bool:
        """Tell whether a finding names this place and its call."""
        return (self.placeless or line in self.lines) and any(
            fnmatchcase(call, glob) for glob in self.calls
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test of the corpus and what is true of it."""

    kind: str
    file: Path
    name: str
    nodeid: str
    culprits: tuple[Culprit, ...] = ()


def cases() -> Iterator[Case]:
    """Read the corpus."""
    for file in sorted(CORPUS.glob("*_*.py")):
        text = file.read_text()
        marks = list(_marks(text))
        for node, outer in _tests(ast.parse(text)):
            inside = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            mine = [
                (line, mark)
                for line, mark in marks
                if (
                    node.name in mark["tests"].split(", ")
                    if mark["tests"]
                    else line in inside
                )
            ]
            yield Case(
                kind=file.stem.partition("_")[0],
                file=file,
                name=f"{file.stem}.{node.name}",
                nodeid=f"{file}::{outer}{node.name}",
                culprits=tuple(_culprits(mine)),
            )


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _tests(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((inner, f"{node.name}::") for inner, _ in _tests(node))
        elif isinstance(node, _FUNCTIONS) and node.name.startswith("test_"):
            yield node, ""


def _marks(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MARK.search(line)
        if mark:
            yield number, mark


def _culprits(marks: Iterable[tuple[int, re.Match[str]]]) -> Iterator[Culprit]:
    either: dict[int, tuple[str, ...]] = {}
    for line, mark in marks:
        calls = tuple(mark["calls"].split("|"))
        if mark["how"] == " one of":
            either[line] = calls
        else:
            yield Culprit(
                lines=frozenset({line}),
                calls=calls,
                placeless=mark["how"] == " nowhere",
            )
    if either:
        calls = tuple({call for several in either.values() for call in several})
        yield Culprit(lines=frozenset(either), calls=calls)
