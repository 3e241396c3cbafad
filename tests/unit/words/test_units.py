"""How durations, counts and places are written."""

from __future__ import annotations

import os

import pytest

from pytest_asyncbench._words.units import NOWHERE, plural, seconds, shown, where

FILE = "/home/user/shop/test_orders.py"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1234.56, "1234.6 s"),
        (12.3456, "12.346 s"),
        (0.1, "0.100 s"),
        (0.0999, "99.9 ms"),
        (0.001, "1.0 ms"),
        (0.00099, "990 µs"),
        (0.0, "0 µs"),
    ],
)
def test_a_duration_shows_its_size_at_once(value, written):
    """Seconds, milliseconds, microseconds."""
    assert seconds(value) == written


def test_a_noun_is_in_the_plural_but_for_one():
    """For none, too."""
    assert [plural(number, "test") for number in range(3)] == ["tests", "test", "tests"]


def test_a_place_is_its_path_its_line_and_its_function():
    """In the form that editors open."""
    assert where(FILE, 41, "test_checkout") == f"{FILE}:41 in test_checkout"


def test_what_no_line_has_done_is_at_no_place():
    """A function in C that the loop calls by itself."""
    assert where(NOWHERE, 0, "a callback of the loop") == "in a callback of the loop"


def test_a_path_is_relative_where_it_lies_below(tmp_path, monkeypatch):
    """As people write it."""
    monkeypatch.chdir(tmp_path)
    assert shown(str(tmp_path / "a" / "b.py")) == str(
        (tmp_path / "a" / "b.py").relative_to(tmp_path)
    )
    assert shown(FILE) == FILE
    assert shown("?") == "?"


def test_a_path_is_whole_where_the_current_folder_is_gone(tmp_path, monkeypatch):
    """A test that left its folder and removed it has a verdict all the same."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert shown(str(tmp_path / "b.py")) == str(tmp_path / "b.py")


def test_a_path_is_whole_where_it_lies_on_another_drive(monkeypatch):
    """Windows has no way from one to the other."""

    def relpath(path, start):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", relpath)
    assert shown("D:\\tests\\b.py") == "D:\\tests\\b.py"
