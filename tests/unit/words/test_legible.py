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


class Stream:
    def __init__(self, encoding):
        self.encoding = encoding


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("utf-8", "|━| 5 µs …\n\tä \\udcff"),
        ("latin-1", "|=| 5 µs ...\n\tä \\udcff"),
        ("cp1252", "|=| 5 µs …\n\tä \\udcff"),
        ("ascii", "|=| 5 us ...\n\t\\xe4 \\udcff"),
    ],
)
def test_lines_are_made_of_what_a_stream_takes(encoding, printed):
    """Plain characters for those of ours, escapes for others, lines as they were."""
    given = "|━| 5 µs …\n\tä \udcff"
    assert legible.printable(given, Stream(encoding)) == printed


def test_a_stream_that_is_not_there_takes_all_but_halves():
    """Python has none where it runs without a console."""
    assert legible.printable("━\udcff", None) == "━\\udcff"
