"""The values that the floors hand each other: frozen, each with a sentence."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest

from pytest_asyncbench._words import decided, problems, promised, record, seen
from pytest_asyncbench._words.decided import Comparison, TaskTrace
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.values import FieldError, NamedTuple, changed, dataclass

COMPARISON = Comparison(tasks=(), wall=0.5, serial=2.0)


def test_speedup_is_unknown_where_nothing_took_time():
    """Zero over zero is no number."""
    assert Comparison(tasks=(), wall=0.0, serial=0.0).speedup is None
    assert COMPARISON.speedup == 4.0


def test_a_value_is_changed_as_dataclasses_would():
    """All other fields stay, and a name that is no field is refused."""
    assert changed(COMPARISON, wall=1.0) == dataclasses.replace(COMPARISON, wall=1.0)
    with pytest.raises(TypeError, match="unexpected keyword argument 'walls'"):
        changed(COMPARISON, walls=1.0)


def test_errors_are_laid_over_a_comparison():
    """Each task gets its own, and the rest stays."""
    tasks = tuple(TaskTrace(name=n, started=0.0, finished=1.0) for n in "ab")
    error = ValueError()
    with_errors = Comparison(tasks=tasks, wall=1.0, serial=2.0).with_errors
    laid_over = with_errors([None, error])
    assert [task.exception for task in laid_over.tasks] == [None, error]
    assert (laid_over.wall, laid_over.serial) == (1.0, 2.0)


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


@dataclass(frozen=True, kw_only=True)
class Cart:
    """A value of ours."""

    owner: str
    places: tuple[str, ...] = ()
    prices: dict[str, int] = dataclasses.field(default_factory=dict)


CART = Cart(owner="me", places=("here",))


def test_a_value_has_what_was_given_and_what_is_left_out():
    """A default, and a new one from a factory for each."""
    assert (CART.owner, CART.places, CART.prices) == ("me", ("here",), {})
    assert Cart(owner="me").places == ()
    assert CART.prices is not Cart(owner="me").prices


def test_fields_are_found_when_somebody_asks():
    """By the class or by a value, and those of a class itself."""

    @dataclass(frozen=True, kw_only=True)
    class Till:
        """Another one."""

        open: bool = True
        coins: int = dataclasses.field(default=0, metadata={"unit": "cents"})

    assert (Till().open, Till().coins) == (True, 0)
    assert [field.name for field in dataclasses.fields(Till())] == ["open", "coins"]
    assert dataclasses.fields(Till)[1].metadata == {"unit": "cents"}
    assert Till.coins == 0


def test_values_are_equal_where_their_fields_are():
    """In whatever order they were given, and only to values of the same class."""
    assert Cart(places=("here",), owner="me") == CART
    assert dataclasses.replace(CART, owner="you") != CART
    assert Cart.__eq__(CART, "me") is NotImplemented
    frames = [Frame(line=1, function="f", file="f.py") for _ in range(2)]
    assert len(set(frames)) == 1


def test_a_value_is_shown_with_its_fields_in_order():
    """As dataclasses show themselves, unless the class has its own way."""
    shown = repr(Cart(places=(), owner="me"))
    assert shown == "Cart(owner='me', places=(), prices={})"


class Unspeakable(Exception):
    """It can't be shown."""

    def __repr__(self):
        raise RuntimeError


def test_a_value_is_shown_whatever_a_test_has_put_into_it():
    """`print(run.tasks)` must not fail for what one of these failed with."""
    task = TaskTrace(name="job", started=0, finished=1, exception=Unspeakable())
    assert "exception=<RuntimeError in the place of its text>)" in repr(task)


def test_a_value_can_not_be_changed():
    """Neither is a field set, nor deleted."""
    with pytest.raises(dataclasses.FrozenInstanceError, match="'owner'"):
        CART.owner = "you"
    with pytest.raises(dataclasses.FrozenInstanceError, match="'owner'"):
        del CART.owner


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"owner": "me", "ower": 1}, "unexpected keyword argument 'ower'"),
        ({"ower": "me"}, "unexpected keyword argument 'ower'"),
        ({"places": ()}, "lacks the keyword-only arguments: 'owner'"),
    ],
)
def test_a_wrong_field_is_named(given, told):
    """One that is not there, before one that is missing."""
    with pytest.raises(TypeError, match=told):
        Cart(**given)


@pytest.mark.parametrize(
    ("given", "unknown", "missing"),
    [({"ower": "me"}, "ower", ("owner",)), ({"places": ()}, None, ("owner",))],
)
def test_a_wrong_field_is_told_in_parts_too(given, unknown, missing):
    """Who knows where it was written can say what is accepted there."""
    with pytest.raises(FieldError) as caught:
        Cart(**given)
    assert (caught.value.unknown, caught.value.missing) == (unknown, missing)
    assert (caught.value.of, caught.value.fields) == (
        Cart,
        ("owner", "places", "prices"),
    )


def test_a_value_can_be_copied_and_pickled():
    """It crosses to other processes as any other."""
    frame = Frame(file="f.py", line=1, function="f")
    assert pickle.loads(pickle.dumps(frame)) == copy.deepcopy(frame) == frame


class Parcel(NamedTuple):
    """One of several."""

    label: str
    grams: int = 100

    @property
    def heavy(self) -> bool:
        """Whether two carry it."""
        return self.grams > 20_000


def test_a_named_tuple_is_as_typing_makes_it():
    """It has its fields, defaults and methods, and crosses to other processes."""
    parcel = Parcel("a")
    assert parcel == ("a", 100) == pickle.loads(pickle.dumps(parcel))
    assert repr(parcel) == "Parcel(label='a', grams=100)"
    assert parcel._replace(grams=30_000).heavy
    assert (Parcel._fields, Parcel.__doc__) == (("label", "grams"), "One of several.")
    assert (Parcel.__module__, Parcel.__qualname__) == (__name__, "Parcel")
    with pytest.raises(TypeError, match="label"):
        Parcel()
