"""The tokens of a call name what it calls, as its syntax tree would."""

from __future__ import annotations

import ast
import sys

import pytest

from pytest_asyncbench._python.callees import callee
from pytest_asyncbench._python.written import called_in


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("f()", "f"),
        ("time.sleep(0.1)", "time.sleep"),
        ("await asyncio.to_thread(f, g())", "asyncio.to_thread"),
        ("await (f(1))", "f"),
        ("(f(1))", "f"),
        ("open(p).read()", "open(...).read"),
        ("session(1)(2)(3)", "session(...)(...)"),
        ("a.b(\n    c,  # and so on\n    d[0], {e: (f)},\n)", "a.b"),
        ("a . b (c)", "a.b"),
        ("print(f'{g(x)!r:>{width}}', ')')", "print"),
        ("match(case)", "match"),
        ("größe.messen(1)", "größe.messen"),
        ("f(lambda: g(), *h(), **i())", "f"),
        ("f(x for x in y)", "f"),
    ],
)
def test_a_call_is_named(source, name):
    """Whatever stands in its brackets, and however it is laid out."""
    assert called_in(source) == name


@pytest.mark.parametrize(
    "source",
    [
        *("", "f", "f.a", "1", "f()[0]", "f().a", "f() + g()", "not f()", "-f()"),
        *("table[0]()", "(a or b)()", "'text'.join(x)", "[f()]", "lambda: f()"),
        *(
            "f() if a else b",
            "None()",
            "f(",
            ")f(",
            "f()(",
            "await f",
            "x = f()",
        ),
        *("f().await()", "...()", "f(); g()", "'unclosed", "\\"),
    ],
)
def test_what_is_no_call_of_a_name_is_not_named(source):
    """Nor is what can't be read: the place is told without it."""
    assert called_in(source) is None


def looked_at(frame):
    return callee(frame, frame.f_lasti, frame.f_lineno)


def calling():
    return looked_at(sys._getframe())


def test_no_syntax_tree_is_made_of_what_runs(monkeypatch):
    """Two at a time, of which one is pytest's, end in an error of some versions."""
    if sys.version_info < (3, 11):
        pytest.skip("without columns the line's only call is found in its tree")
    monkeypatch.delattr(ast, "parse")
    assert calling() == f"{__name__}.looked_at"
