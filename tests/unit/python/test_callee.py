"""A syntax tree is made where no other one is under way, where versions need that."""

from __future__ import annotations

import ast
import sys

import pytest

from pytest_asyncbench._python.callee import callee

module = sys.modules[callee.__module__]


def calling(function):
    """Give the frame of a call to `function`, while that runs."""
    frame = sys._getframe()
    return function(frame)


@pytest.fixture
def one_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "_ONE_AT_A_TIME", True)
    module._written.cache_clear()
    yield
    module._written.cache_clear()


def named(frame):
    return callee(frame, frame.f_lasti, frame.f_lineno)


def test_while_a_tree_is_made_elsewhere_nothing_is_named(one_at_a_time, monkeypatch):
    """To make another would break that one; a later look names it all the same."""
    seen = []

    def looks(frame):
        def within(*_, **__):
            seen.append(named(frame))
            return ast.Expression(body=ast.Constant(value=1))

        with monkeypatch.context() as patch:
            patch.setattr("builtins.compile", within)
            ast.parse("1")
        seen.append(named(frame))

    calling(looks)
    assert seen[0] is None
    assert seen[1] is not None
