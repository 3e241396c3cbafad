"""The values that the floors hand each other: frozen, each with a sentence."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_asyncbench._words import decided, problems, promised, record, seen
from pytest_asyncbench._words.decided import Comparison, TaskTrace
from pytest_asyncbench._words.seen import Frame

COMPARISON = Comparison(tasks=(), wall=0.5, serial=2.0)


def test_speedup_is_unknown_where_nothing_took_time():
    """Zero over zero is no number."""
    assert Comparison(tasks=(), wall=0.0, serial=0.0).speedup is None
    assert COMPARISON.speedup == 4.0


def test_errors_are_laid_over_a_comparison():
    """Each task gets its own, and the rest stays."""
    tasks = tuple(TaskTrace(name=n, started=0.0, finished=1.0) for n in "ab")
    error = ValueError()
    changed = Comparison(tasks=tasks, wall=1.0, serial=2.0).with_errors([None, error])
    assert [task.exception for task in changed.tasks] == [None, error]
    assert (changed.wall, changed.serial) == (1.0, 2.0)


@pytest.mark.parametrize(
    "kind",
    [
        each
        for module in (promised, problems, seen, decided, record)
        for each in map(vars(module).get, module.__all__)
        if dataclasses.is_dataclass(each)
    ],
)
def test_every_word_is_a_frozen_value_with_a_sentence(kind):
    """Nobody changes a fact or a decision after it was made."""
    assert kind.__dataclass_params__.frozen
    assert kind.__doc__.split("\n")[0].endswith((".", ":"))
    assert all(field.kw_only for field in dataclasses.fields(kind))


def test_a_frame_is_matched_by_its_qualified_name():
    """A frame without a module still has a name."""
    frame = Frame(file="f.py", line=1, function="Cart.price", module="shop.cart")
    assert frame.qualified == "shop.cart.Cart.price"
    assert Frame(file="f.py", line=1, function="f").qualified == "f"
