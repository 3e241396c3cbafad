"""Texts of the user's objects: nothing fails, and anything can carry them."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words import legible


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("job 1", "job 1"),
        ("größe\u3000²", "größe\u3000²"),
        ("a\nb\tc\x1b[0m\x7f", r"a\nb\tc\x1b[0m\x7f"),
        ("half \ud800", r"half \ud800"),
        ("two\u2028lines", r"two\u2028lines"),
        (5, "5"),
    ],
)
def test_a_name_is_one_line_that_anything_can_carry(given, shown):
    """What is legible stays as it is."""
    assert legible.name(lambda: given) == shown
    shown.encode()


def test_a_text_keeps_its_lines_and_not_its_length():
    """An assertion that failed has several lines."""
    assert legible.text(lambda: "a\nb\x00") == "a\nb\\x00"
    assert legible.text(lambda: "x" * 10**6) == "x" * 1999 + "…"
    assert legible.name(lambda: "x" * 10**6) == "x" * 99 + "…"


def test_what_raises_is_told_by_what_it_raised():
    """In the place of what nobody can read."""

    class Odd(Exception):
        def __getattr__(self, name):
            raise RuntimeError(name)

        def __repr__(self):
            raise KeyError

        __str__ = __repr__

    for read in (legible.name, legible.text, legible.told):
        assert read(lambda: str(Odd())) == "<KeyError in the place of its text>"
    assert legible.error_of_ours(Odd()) == "<KeyError in the place of its text>"
    assert legible.attribute(Odd(), "__qualname__") is None


def test_lines_of_any_text_can_be_encoded():
    """Halves of characters are written out; all else is as it was."""
    assert legible.encodable("a\tb\n\udcff²") == "a\tb\n\\udcff²"
