"""Texts of the user's objects, made so that nothing fails: names, errors, values.

What is made of such an object may raise, be of any length, and hold what no terminal
shows, no XML takes and no worker can send: control characters, halves of characters.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable
from typing import TextIO

__all__ = ["attribute", "error_of_ours", "name", "printable", "text", "told"]

_MOST_OF_NAME = 100
_MOST_OF_TEXT = 2000
"""Of an error's text, which may have lines."""

_UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""The Unicode categories of what is written as an escape: controls, halves, ends of
lines. Other spaces than the plain one are legible."""


def name(read: Callable[[], object]) -> str:
    """Give what `read` gives as one line that is not long, whatever it is."""
    try:
        line = str(read())
    except Exception as error:
        line = _untold(error)
    if len(line) <= _MOST_OF_NAME and line.isprintable():  # as of ten thousand tasks
        return line
    return _shortened(_shown(line), _MOST_OF_NAME)


def text(read: Callable[[], object]) -> str:
    """Give what `read` gives as lines that are not too many."""
    try:
        lines = str(read())[: _MOST_OF_TEXT + 1].split("\n")
    except Exception as error:
        return _untold(error)
    return _shortened("\n".join(map(_shown, lines)), _MOST_OF_TEXT)


def told(read: Callable[[], object]) -> str:
    """Give what `read` gives as one line, however long."""
    try:
        return _shown(str(read()))
    except Exception as error:
        return _untold(error)


def error_of_ours(error: Exception) -> str:
    """Give an error as a problem of the plugin's shows it: it may be the user's."""
    return text(functools.partial(repr, error))


def attribute(owner: object, called: str) -> object | None:
    """Read an attribute that may be missing, or raise; None then."""
    try:
        found: object | None = getattr(owner, called, None)
    except Exception:  # of a `__getattr__`, or a property
        return None
    return found


_PLAIN = {"━": "=", "…": "...", "µ": "u"}
"""What stands for a character of ours where a stream can't take that."""


def printable(lines: str, stream: TextIO | None) -> str:
    """Give lines with plain characters for those that a stream can't take."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        lines.encode(encoding)
    except UnicodeEncodeError:
        return "".join(_taken(character, encoding) for character in lines)
    return lines


def _taken(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        plain = _PLAIN.get(character)
        return plain or character.encode("unicode_escape").decode("ascii")
    return character


def _untold(error: Exception) -> str:
    return f"<{type(error).__name__} in the place of its text>"


def _shortened(whole: str, most: int) -> str:
    return whole if len(whole) <= most else f"{whole[: most - 1]}…"


def _shown(line: str) -> str:
    return line if line.isprintable() else "".join(map(_legible, line))


def _legible(character: str) -> str:
    if unicodedata.category(character) not in _UNSHOWN:
        return character
    return character.encode("unicode_escape").decode("ascii")
