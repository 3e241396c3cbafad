"""Methods of types in C: put in their place, and put back."""

from __future__ import annotations

import io

import pytest

from pytest_asyncbench._python import gil, types_in_c
from pytest_asyncbench._python.types_in_c import replace_methods

RAW = vars(io.StringIO)["read"]


def test_a_method_is_replaced_for_all_who_call_it_by_its_name_until_undone():
    """Also where the interpreter has learned where the call leads."""

    def read(text):
        return text.read()

    text = io.StringIO("x")
    for _ in range(100):
        read(text)
    undo = replace_methods(io.StringIO, {"read": lambda self, *size: "ours"})
    assert undo is not None
    try:
        assert {read(text) for _ in range(100)} == {"ours"}
    finally:
        undo()
    assert {read(text) for _ in range(100)} == {""}
    assert vars(io.StringIO)["read"] is RAW


def test_what_somebody_else_has_put_there_since_stays():
    """Another detector may come after us, and takes its own back itself."""
    ours = replace_methods(io.StringIO, {"read": lambda self: "ours"})
    theirs = replace_methods(io.StringIO, {"read": lambda self: "theirs"})
    assert ours is not None
    assert theirs is not None
    ours()
    assert io.StringIO().read() == "theirs"
    theirs()
    assert io.StringIO().read() == "ours"
    again = replace_methods(io.StringIO, {"read": RAW})
    assert again is not None


@pytest.mark.parametrize("lacking", ["a GIL", "ctypes", "such a method"])
def test_where_it_cannot_be_done_nothing_is_changed(lacking, monkeypatch):
    """Without a GIL another thread may look into the dict meanwhile."""
    if lacking == "a GIL":
        monkeypatch.setattr(gil, "_is_enabled", lambda: False)
    if lacking == "ctypes":
        monkeypatch.setattr(types_in_c, "_modified", lambda: None)
    methods = {"read": RAW, "shout" if lacking == "such a method" else "read": RAW}
    assert replace_methods(io.StringIO, methods) is None
    assert "shout" not in vars(io.StringIO)
