"""The baseline's file: what is read, what is refused, what an update makes of it."""

from __future__ import annotations

import pytest

from pytest_asyncbench._reports.baseline import (
    read_baseline,
    updated,
    written_baseline,
)
from pytest_asyncbench._words.baseline import Baseline, BaselineEntry, in_order
from pytest_asyncbench._words.errors import PolicyError

FIRST = "# asyncbench baseline, version 1"


def text_of(*lines, first=FIRST):
    return "\n".join([first, *lines]) + "\n"


def entry(fingerprint, **more):
    return BaselineEntry(fingerprint=fingerprint, **more)


def test_there_is_one_entry_a_line_in_order():
    """So that a review shows what came and what went, and two branches merge."""
    baseline = in_order(
        [
            entry("shop.tax.rate > json.loads", stall=True, reason="until #12"),
            entry("shop.cart.Cart.total > time.sleep"),
            entry("shop.cart.Cart.total > socket.socket.recv", reason="legacy"),
        ]
    )
    lines = written_baseline(baseline).splitlines()
    assert lines[0] == FIRST
    assert lines[-3:] == [
        "shop.cart.Cart.total > socket.socket.recv  # legacy",
        "shop.cart.Cart.total > time.sleep",
        "shop.tax.rate > json.loads [stall]  # until #12",
    ]
    assert read_baseline(written_baseline(baseline), "x") == baseline


def test_what_people_write_is_read():
    """One blank before the reason, blank lines, a byte order mark, ends of Windows'."""
    text = "\ufeff" + text_of("", "a.f > g # why", "b.f.<locals>.<lambda> > h")
    read = read_baseline(text.replace("\n", "\r\n"), "x")
    assert read.entries == (
        entry("a.f > g", reason="why"),
        entry("b.f.<locals>.<lambda> > h"),
    )


def test_comments_stay_above_their_entry():
    """Whatever comes between by the order; those at the end stay there."""
    text = text_of("# of the old till", "b.f > g", "a.f > g", "# that is all")
    lines = written_baseline(read_baseline(text, "x")).splitlines()
    assert lines[-4:] == ["a.f > g", "# of the old till", "b.f > g", "# that is all"]


def test_two_lines_of_one_place_are_one_entry():
    """A merge that keeps both sides loses no reason."""
    text = text_of("a.f > g  # one", "a.f > g [stall]", "a.f > g  # two", "a.f > g")
    assert read_baseline(text, "x").entries == (
        entry("a.f > g", stall=True, reason="one; two"),
    )


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "=======", "||||||| base"])
def test_the_markers_of_a_merge_conflict_are_refused(marker):
    """With the line, wherever they stand, the first one included."""
    with pytest.raises(PolicyError, match=r"^b\.txt:3: a merge left its conflict here"):
        read_baseline(text_of("a.f > g", marker, "b.f > g"), "b.txt")
    with pytest.raises(PolicyError, match=r"^b\.txt:1: a merge left"):
        read_baseline(f"{marker}\n{text_of('a.f > g')}", "b.txt")


@pytest.mark.parametrize("text", ["", "\n", "a.f > g\n", "# asyncbench\n", "\x00\x01"])
def test_what_is_no_baseline_is_refused(text):
    """An empty file, too: an update would take all reasons out of what was one."""
    with pytest.raises(PolicyError, match=r"^b\.txt: is no baseline"):
        read_baseline(text, "b.txt")


def test_another_version_is_refused():
    """And it is said which."""
    with pytest.raises(PolicyError, match=r"is of version 2; known here is 1"):
        read_baseline(text_of(first="# asyncbench baseline, version 2"), "b.txt")


@pytest.mark.parametrize("line", ["shop.f", "shop.f >", "> time.sleep", "a>b"])
def test_a_line_that_is_no_entry_is_refused(line):
    """With its number and what is accepted."""
    with pytest.raises(PolicyError, match=r"^b\.txt:3: .* is no entry; accepted: "):
        read_baseline(text_of("a.f > g", line), "b.txt")


OLD = in_order([entry("a.f > g", reason="why"), entry("b.f > g"), entry("c.f > g")])


def test_an_update_adds_what_is_found_and_keeps_reasons():
    """What is found again is as it was."""
    made = updated(OLD, [entry("a.f > g"), entry("d.f > g")], gone=())
    assert made.baseline == in_order([*OLD.entries, entry("d.f > g")])
    assert (made.added, made.removed) == (["d.f > g"], [])


def test_an_update_takes_out_what_is_gone_and_nothing_else():
    """What another run has written meanwhile is neither found nor gone."""
    made = updated(OLD, [entry("a.f > g")], gone=["b.f > g", "x.f > g"])
    assert [each.fingerprint for each in made.baseline.entries] == [
        "a.f > g",
        "c.f > g",
    ]
    assert made.removed == ["b.f > g"]


def test_what_is_found_is_never_gone():
    """Whatever else is said of it."""
    made = updated(Baseline(), [entry("a.f > g")], gone=["a.f > g"])
    assert made.baseline.entries == (entry("a.f > g"),)


def test_an_entry_becomes_one_of_a_stall_and_keeps_its_reason():
    """Where no rule names the call any more, a quick run says nothing of it."""
    made = updated(OLD, [entry("a.f > g", stall=True)], gone=())
    assert made.baseline.entries[0] == entry("a.f > g", stall=True, reason="why")
