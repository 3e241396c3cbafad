"""What a process does once is told apart: forgiven and said so, or counted."""

from __future__ import annotations

import pytest
from by_hand import library, observations, stall, standard, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._judging.once import begun_by, done_once
from pytest_asyncbench._words.promised import Allowance, Policy
from pytest_asyncbench._words.seen import Frame

HERE = user(line=7, function="view", module="shop.views")
LOAD = standard("_find_and_load", module="importlib._bootstrap")
EXEC = standard("_call_with_frames_removed", module="importlib._bootstrap")
BODY = library("<module>", package="pandas")
FIRST_USE = Frame(file="<built-in>", line=0, function="lazy import")
IMPORTING = (BODY, EXEC, LOAD, HERE)
LOOKING = (
    standard("stat", module="pathlib"),
    standard("distribution", module="importlib.metadata"),
    standard("version", module="importlib.metadata"),
    HERE,
)
WORKING = (user(line=9, function="count", module="shop.views", call="sum"),)

FORGIVE, COUNT = Policy(once="forgive"), Policy(once="count")


def found(policy, *stacks, seconds=1.0):
    return findings(policy, observations(stalls=(stall(*stacks, seconds=seconds),)))


@pytest.mark.parametrize("stack", [IMPORTING, LOOKING], ids=["import", "metadata"])
def test_what_is_done_once_is_known_by_its_frames(stack):
    """Wherever in the stack they stand."""
    assert done_once(stack)
    assert done_once(WORKING) is None


def test_an_import_is_asked_for_by_who_wrote_it():
    """Not by the body of the module that is imported, nor by one further in."""
    nested = (library("<module>", package="numpy"), EXEC, LOAD, *IMPORTING)
    for stack in IMPORTING, nested:
        (place,) = begun_by(stack)
        assert (place.qualified, place.call) == ("shop.views.view", "import")


def test_what_is_imported_lazily_is_asked_for_by_who_first_uses_it():
    """Told by another word, with other advice: at the top is where it stands."""
    lazily = (BODY, EXEC, LOAD, FIRST_USE, HERE)
    nested = (library("<module>", package="numpy"), EXEC, LOAD, *lazily)
    for stack in lazily, nested:
        (place,) = begun_by(stack)
        assert (place.qualified, place.call) == ("shop.views.view", "lazy import")
    (one,) = found(COUNT, lazily, lazily, seconds=0.3)
    assert (one.call, one.line, one.via) == ("lazy import", 7, ())
    assert (
        one.advice
        == "the name once before the loop runs, or an import that is not lazy"
    )
    (one,) = found(FORGIVE, lazily, lazily, seconds=0.3)
    assert one.allowed == "a module is imported once"


def test_by_default_it_is_accepted_and_said_so():
    """At the line that asked for it, with the reason, and in one piece."""
    (one,) = found(FORGIVE, IMPORTING, IMPORTING, IMPORTING, WORKING, seconds=0.4)
    assert (one.call, one.line, one.function) == ("import", 7, "view")
    assert one.allowed == "a module is imported once"
    assert one.seconds == pytest.approx(0.3)
    assert (one.kind, one.count) == ("stall", 1)


def test_what_remains_of_a_stall_is_judged_by_itself():
    """Too little is no stall, and enough is, beside what is accepted."""
    little = found(FORGIVE, IMPORTING, IMPORTING, IMPORTING, WORKING, seconds=0.36)
    assert [one.allowed is None for one in little] == [False]
    enough = found(FORGIVE, IMPORTING, IMPORTING, WORKING, WORKING, seconds=0.8)
    assert {(one.function, one.allowed is None) for one in enough} == {
        ("view", False),
        ("count", True),
    }


def test_a_short_one_is_not_worth_a_word():
    """Below the threshold it would not have counted in any case."""
    assert found(FORGIVE, IMPORTING, WORKING, seconds=0.15) == []


def test_counted_it_is_a_stall_as_any_other():
    """Blamed on who asked, with what to do instead."""
    (one,) = found(COUNT, IMPORTING, IMPORTING, seconds=0.3)
    assert (one.call, one.line, one.allowed) == ("import", 7, None)
    assert one.seconds == pytest.approx(0.3)
    assert one.advice == "the import at the top of a module, or before the loop runs"
    (one,) = found(COUNT, LOOKING, LOOKING, seconds=0.3)
    assert (one.call, one.line) == ("importlib.metadata.version", 7)


def test_an_allowance_of_the_users_goes_before_ours():
    """Its own reason is the one to audit."""
    row = Allowance(caller="shop.*", call="import", reason="lazily", source="ini")
    (one,) = found(Policy(allow=(row,)), IMPORTING, IMPORTING, seconds=0.3)
    assert one.allowed == "lazily"
