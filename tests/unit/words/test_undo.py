"""Replacing an attribute, and putting it right again."""

from __future__ import annotations

import pytest

from pytest_asyncbench._words.undo import Undos, replace


class Base:
    inherited = "base's"


class Owner(Base):
    own = "original"


def test_what_was_there_is_restored():
    """The very same object."""
    original = Owner.own
    undo = replace(Owner, "own", "ours")
    assert Owner.own == "ours"
    undo()
    assert Owner.own is original


def test_what_was_inherited_or_absent_is_deleted_again():
    """Restoring it as the owner's own would hide later changes of the base."""
    for name in ("inherited", "absent"):
        undo = replace(Owner, name, "ours")
        undo()
        assert name not in vars(Owner)
    assert Owner.inherited == "base's"


def test_what_somebody_else_has_put_there_since_is_left_standing():
    """Their patch is theirs to undo."""
    owner = Owner()
    undo = replace(owner, "own", "ours")
    owner.own = "theirs"
    undo()
    assert owner.own == "theirs"


def test_undoing_twice_changes_nothing():
    """Every path may end in it."""
    owner = Owner()
    undo = replace(owner, "own", "ours")
    undo()
    owner.own = "later"
    undo()
    assert owner.own == "later"


def test_patches_over_each_other_come_off_in_turn():
    """Last on, first off, and the original is back."""
    owner = Owner()
    first, second = replace(owner, "own", 1), replace(owner, "own", 2)
    second()
    assert owner.own == 1
    first()
    assert owner.own == "original"
    assert "own" not in vars(owner)


def test_what_was_done_is_undone_in_turn_and_once():
    """Last first, and only when it is asked for."""
    undone: list[str] = []
    with Undos() as undo:
        undo.add(lambda: undone.append("first"))
        undo.add(lambda: undone.append("second"))
    assert not undone
    undo.close()
    undo.close()
    assert undone == ["second", "first"]


def test_what_a_block_has_done_is_undone_where_it_fails():
    """A start that is half-finished is rolled back."""
    undone: list[str] = []
    with pytest.raises(OSError, match="half"), Undos() as undo:
        undo.add(lambda: undone.append("first"))
        raise OSError("half")
    assert undone == ["first"]


def test_all_is_undone_though_one_of_them_fails():
    """What failed is told all the same."""
    undone: list[str] = []

    def fails():
        raise OSError("gone")

    undo = Undos()
    undo.add(lambda: undone.append("first"))
    undo.add(fails)
    undo.add(lambda: undone.append("third"))
    with pytest.raises(OSError, match="gone"):
        undo.close()
    assert undone == ["third", "first"]
