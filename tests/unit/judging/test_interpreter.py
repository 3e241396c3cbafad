"""Whether a thread would help: what a call did with the interpreter, and the advice."""

from __future__ import annotations

import dataclasses

import pytest
from by_hand import call, observations, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._words.promised import Policy, Rule
from pytest_asyncbench._words.seen import LoopStall, Sample, Turn

LOADS = user(call="json.loads")
WORKED = {"working": 1.0, "blocked": 0.0, "others": 0.01}
BLOCKED = {"working": 0.0, "blocked": 1.0, "others": 0.01}
RULE = Rule(target="lib.read", family="files", advice="await asyncio.to_thread(...)")


def look(since, at, *, asked=None, waited=None, frame=LOADS, worked=None):
    """A sample that was wanted at one moment, and taken at another.

    By default all of the time between them was asked for the interpreter in vain.
    """
    asked = at - since if asked is None else asked
    waited = asked > 0 if waited is None else waited
    turn = Turn(since=since, at=at, waited=waited, asked=asked)
    return Sample(at=at, stack=(frame,), turn=turn, worked=worked)


def at_once(frame=LOADS):
    """Samples of a second, each taken when it was wanted."""
    return [look(n / 10, n / 10, frame=frame) for n in range(1, 10)]


def one(*looks, calls=(), **facts):
    stall = LoopStall(
        began=0.0,
        seconds=1.0,
        samples=looks,
        task="Task-1",
        held_up=0,
        **{**WORKED, **facts},
    )
    seen = observations(stalls=(stall,), calls=calls)
    (found,) = findings(Policy(), seen, (RULE,))
    return found


def way(*looks, **facts):
    held = one(*looks, **facts).holds
    return None if held is None else held.way


def test_who_lets_nobody_in_to_its_end_keeps_the_interpreter():
    """A thread would not help, and the advice names none."""
    found = one(look(0.1, 1.0))
    assert found.holds.way == "keeps"
    assert "process" in found.advice
    assert "sleep(0)" in found.advice
    assert "to_thread" not in found.advice


def test_who_lets_others_in_at_once_lets_go_and_a_thread_is_right():
    """No process is needed for it."""
    found = one(*at_once())
    assert found.holds.way == "lets go"
    assert found.advice.startswith("`await asyncio.to_thread(...)`")


def test_who_gives_it_up_when_asked_shares_and_the_longest_stretch_is_told():
    """Python's own code does so after each switch interval."""
    looks = [look(n / 10, n / 10 + 0.005) for n in range(1, 9)]
    found = one(*looks, look(0.9, 0.930))
    assert found.holds.way == "shares"
    assert "30.0 ms at a time" in found.advice


def test_who_keeps_a_part_of_its_time_shares():
    """Another call of the same line lets others in."""
    assert way(look(0.1, 0.5), look(0.6, 0.605), look(0.7, 0.705)) == "shares"


def test_who_makes_others_wait_seldom_lets_go():
    """What is done before and after it in C is no matter."""
    assert way(*at_once(), look(0.95, 0.96)) == "lets go"


def test_who_lets_others_in_again_and_again_lets_go():
    """It has the interpreter when it is asked for, and not for a millisecond more."""
    looks = [look(n / 10 - 0.0005, n / 10) for n in range(1, 10)]
    assert one(*looks).holds.way == "lets go"


def test_who_keeps_a_long_stretch_does_not_let_go_however_seldom():
    """As `zlib.decompress` does, which joins what it has at the end."""
    found = one(*[look(n / 20, n / 20) for n in range(1, 11)], look(0.55, 0.95))
    assert found.holds.way == "shares"
    assert found.holds.longest == pytest.approx(0.4)


def test_a_watchdog_that_the_system_starved_is_no_witness():
    """It hardly asked for the interpreter while it was late."""
    assert way(look(0.1, 1.0, asked=0.1)) is None
    assert way(look(0.1, 1.0, asked=0.0, waited=True)) is None
    assert way(look(0.1, 1.0, asked=0.0)) is None
    assert "to_thread" in one(look(0.1, 1.0, asked=0.1)).advice


def test_a_watchdog_that_also_stood_in_the_run_queue_still_is_one():
    """Beside busy processes it is late each time that it asks again."""
    assert way(look(0.1, 1.0, asked=0.5)) == "keeps"


def test_who_had_no_processor_may_have_kept_it_only_for_that():
    """Python's own code would have given it up, had it run."""
    looks = [look(0.1, 0.105), look(0.1, 0.9), look(0.95, 0.955)]
    starved = {"working": 0.3, "starved": 0.7}
    assert way(*looks) == "keeps"
    assert way(*looks, **starved) is None
    assert way(look(0.1, 1.0), **starved) == "keeps"
    shared = [look(0.1, 0.105), look(0.2, 0.7), look(0.95, 0.955)]
    assert one(*shared).holds.longest == pytest.approx(0.5)
    assert one(*shared, **starved).holds.longest == pytest.approx(0.005)


def test_who_worked_while_it_was_asked_in_vain_keeps_it_however_starved_it_was():
    """On a busy machine both lack a processor for most of the time."""
    starved = {"working": 0.3, "starved": 0.7}
    done, after = look(0.1, 0.9, worked=0.2), look(0.95, 0.955, worked=0.01)
    assert way(done, after, **starved) == "keeps"
    # What it did before anybody asked, or when it was asked with success, counts too.
    first = look(0.05, 0.1, worked=0.06)
    assert way(first, done, after, **starved) is None
    assert way(first, dataclasses.replace(done, worked=None), **starved) is None
    assert way(dataclasses.replace(done, worked=0.015), after, **starved) is None


def test_what_was_worked_before_the_step_is_no_part_of_it():
    """The look before may have been in another one."""
    starved = {"working": 0.3, "starved": 0.7}
    first = look(-0.3, 0.02, worked=0.3)
    assert way(first, look(0.1, 0.9, worked=0.2), **starved) == "keeps"


def test_where_other_threads_worked_nobody_is_said_to_keep_it():
    """Either may have kept the watchdog out; and where that can't be told, too."""
    assert way(look(0.1, 1.0), others=0.6) is None
    assert way(look(0.1, 1.0), others=None) is None
    assert way(look(0.1, 1.0), kept_out=0.6) is None


def test_who_lets_go_does_so_whatever_other_threads_do():
    """Somebody got the interpreter at once, so nobody had it."""
    assert way(*at_once(), others=5.0) == "lets go"


def test_a_wait_that_was_too_short_tells_nothing_of_a_call():
    """A step that was looked at once, and for a moment."""
    assert way(look(0.99, 1.0), others=0.0) is None
    assert way(look(0.5, 0.5), others=0.0) is None


def test_what_kept_others_out_before_the_step_is_not_its_own():
    """Whoever ran then had the interpreter."""
    found = one(look(-0.5, 0.1), look(0.5, 0.505), look(0.9, 0.905))
    assert found.holds.way == "shares"
    assert found.holds.longest == pytest.approx(0.1)


def test_each_place_of_a_long_step_is_told_of_by_its_own_samples():
    """One keeps the interpreter, the other one lets go."""
    other = user(50, "pack", call="zlib.compress")
    looks = [dataclasses.replace(one, at=one.at + 1) for one in at_once(other)]
    looks = [
        dataclasses.replace(one, turn=dataclasses.replace(one.turn, since=one.at))
        for one in looks
    ]
    stall = LoopStall(
        began=0.0,
        seconds=2.0,
        samples=(look(0.1, 1.0), *looks),
        task="Task-1",
        held_up=0,
        **WORKED,
    )
    seen = findings(Policy(), observations(stalls=(stall,)))
    assert {f.call: f.holds.way for f in seen} == {
        "json.loads": "keeps",
        "zlib.compress": "lets go",
    }


def test_a_wait_is_a_wait_unless_it_keeps_the_interpreter():
    """An async version is right for both; a thread only for one that lets go."""
    for looks in (at_once(), [look(0.1, 0.15)]):
        assert "or `await asyncio.to_thread(...)`" in one(*looks, **BLOCKED).advice
    kept = one(look(0.1, 1.0), **BLOCKED).advice
    assert "async version" in kept
    assert "process" in kept
    assert "to_thread" not in kept


def test_what_a_rule_advises_stays_and_is_added_to_where_a_thread_would_not_help():
    """The rule knows its call, and not that this one kept the interpreter."""
    read = user(call="lib.read")
    known = call("lib.read", seconds=1.0, step=0.0, stack=(read,))
    assert one(*at_once(read), calls=(known,)).advice == RULE.advice
    kept = one(look(0.1, 0.9, frame=read), calls=(known,)).advice
    assert kept.startswith(RULE.advice)
    assert "keeps the interpreter" in kept
