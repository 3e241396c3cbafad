"""The name of what a call calls, as it stands in the source of that call.

Problem: ``ast.parse`` would tell, but the watchdog asks, in a thread of its own, and
CPython 3.11 up to 3.11.7 and 3.12 up to 3.12.1 count the depth of all syntax trees in
one place (https://github.com/python/cpython/issues/106905): where one is made while
another one is, that one ends in a SystemError, and it may be the one that pytest makes
of a failing test. To look first whether one is under way does not do, since a
collection in the middle of either lets other threads run. What we do: no tree is made,
the tokens tell.
"""

from __future__ import annotations

import io
import keyword
import tokenize
from collections.abc import Iterator

__all__ = ["called_in"]

_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_NO_PART = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER}


def called_in(source: str) -> str | None:
    """Name what is called by an expression that is a call, or an awaited one.

    That is ``a.b`` in ``a.b(c)``, and ``a(...).b`` in ``await a(1).b()``. None where it
    is no call, or of what has no name: an item, a literal, the result of an operator.
    """
    try:
        tokens = list(_tokens(source))
    except (SyntaxError, tokenize.TokenError):
        return None
    tokens = _bare(tokens)
    if tokens[:1] == ["await"]:
        tokens = _bare(tokens[1:])
    written = _primary(tokens)
    if written is None or not written.endswith("(...)"):
        return None
    return written.removesuffix("(...)")


def _tokens(source: str) -> Iterator[str]:
    # In brackets, so that line breaks are none.
    for token in tokenize.generate_tokens(io.StringIO(f"({source})").readline):
        if token.type not in _NO_PART:
            yield token.string


def _bare(tokens: list[str]) -> list[str]:
    """Take off the brackets around all of it."""
    while tokens[:1] == ["("] and _end_of(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _primary(tokens: list[str]) -> str | None:
    """Write down names, attributes and calls in a row; None where there is more."""
    if not tokens or not _is_name(tokens[0]):
        return None
    written, at = tokens[0], 1
    while at < len(tokens):
        if tokens[at] == "." and _is_name("".join(tokens[at + 1 : at + 2])):
            written += f".{tokens[at + 1]}"
            at += 2
        elif tokens[at] == "(":
            written += "(...)"
            at = _end_of(tokens, at) + 1
        else:
            return None
    return written


def _end_of(tokens: list[str], at: int) -> int:
    """Find the bracket that closes the one which stands there."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += (tokens[index] in _OPENING) - (tokens[index] in _CLOSING)
        if not depth:
            return index
    return len(tokens)


def _is_name(token: str) -> bool:
    return token.isidentifier() and not keyword.iskeyword(token)
