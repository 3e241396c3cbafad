"""One failure out of many: what its notes tell of the others."""

from __future__ import annotations

from pytest_asyncbench._glue.failures import with_others


def notes(*texts):
    failed = [(f"copy {n}", ValueError(text)) for n, text in enumerate(texts, 1)]
    error = with_others(failed, f"of {len(texts)}")
    return getattr(error, "__notes__", [])


def test_a_few_are_told_of_one_by_one():
    """Also where they are alike."""
    assert notes("a", "b", "b", "b") == [
        "in copy 1 of 4",
        "copy 2 of 4 failed, too: ValueError: b",
        "copy 3 of 4 failed, too: ValueError: b",
        "copy 4 of 4 failed, too: ValueError: b",
    ]


def test_many_alike_are_told_of_once():
    """By the first of them, with how many more there are."""
    assert notes("a", *["b"] * 29, "c") == [
        "in copy 1 of 31",
        "copy 2 of 31 failed, too: ValueError: b; so did 28 more",
        "copy 31 of 31 failed, too: ValueError: c",
    ]
