"""A loop kept waiting by another thread: who did it, and what counts, by hand."""

from __future__ import annotations

import dataclasses

import pytest
from by_hand import observations, standard, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.decided import GARBAGE
from pytest_asyncbench._words.promised import Allowance, Policy, Rule
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    Collection,
    HandedOver,
    Keeper,
    LateTurn,
)

RULES = (
    Rule(target="queue.Queue.get", family="locks", advice="asyncio.Queue"),
    Rule(target="time.sleep", family="sleep", advice="await asyncio.sleep(...)"),
)
LINE = user(7, "test_view", "test_shop")
TO_THREAD = HandedOver(
    function="json.loads",
    stack=(standard("to_thread", "asyncio.threads"), LINE),
)
POOL = (
    standard("_WorkItem.run", "concurrent.futures.thread"),
    standard("_worker", "concurrent.futures.thread"),
    standard("Thread.run", "threading"),
)
LOADS = (
    standard("raw_decode", "json.decoder", call="json.scanner.scan_once"),
    standard("loads", "json"),
)


def turn(stack=(*LOADS, *POOL), *, seconds=0.4, share=1.0, others=0.0, **facts):
    given = {"handed": TO_THREAD, **facts}
    keeper = Keeper(stack=stack, share=share, others=others, **given)
    return LateTurn(
        began=1.0, seconds=seconds, keeper=keeper, held_up=2, held_up_for=seconds
    )


def found(*turns, policy=None):
    return findings(policy or Policy(), observations(late=turns), RULES)


def one(*turns, policy=None):
    (finding,) = found(*turns, policy=policy)
    return finding


def test_a_call_of_the_users_own_is_told_at_its_line_in_the_thread():
    """The line that handed the work over is told beside it."""
    work = user(3, "work", "shop")
    seen = one(turn((*LOADS, work, *POOL)))
    assert (seen.kind, seen.line, seen.call) == ("kept", 3, "json.loads")
    assert seen.seconds == pytest.approx(0.4)
    assert (seen.held_up, seen.held_up_for) == (2, 0.4)
    assert seen.handed == LINE
    assert not seen.is_handed_here


def test_a_librarys_function_is_told_where_it_was_handed_over():
    """No line of the user's stands in the thread then."""
    seen = one(turn())
    assert (seen.line, seen.call, seen.function) == (7, "json.loads", "test_view")
    assert seen.via[0].function == "raw_decode"
    assert seen.is_handed_here


def test_a_function_in_c_is_told_by_its_name():
    """It has no frame, in the thread or anywhere."""
    handed = dataclasses.replace(TO_THREAD, function="builtins.sorted")
    seen = one(turn(POOL, handed=handed))
    assert (seen.line, seen.call) == (7, "builtins.sorted")


def test_a_thread_that_waits_by_now_was_at_something_else():
    """Then only what it was given to do is known: the wait is not to blame."""
    wait = standard("Queue.get", "queue")
    work = user(3, "work", "shop")
    job = dataclasses.replace(TO_THREAD, function="shop.work")
    seen = one(turn((wait, work, *POOL), handed=job))
    assert (seen.line, seen.call) == (7, "shop.work")
    assert found(turn((wait, work, *POOL), handed=None)) == []


@pytest.mark.parametrize(("share", "others"), [(0.5, 0.5), (0.1, 0.9), (0.6, 0.3)])
def test_several_threads_at_work_are_not_one_that_keeps(share, others):
    """They take turns, or one of them needs no interpreter: nobody can tell which."""
    assert found(turn(seconds=2.0, share=share, others=others)) == []


def test_time_without_a_processor_is_the_machines():
    """The keeper worked for a quarter of it; where nothing is forgiven all counts."""
    late = turn(seconds=0.3, share=0.25)
    assert found(late) == []
    strict = one(late, policy=Policy(starvation="strict"))
    assert strict.seconds == pytest.approx(0.3)
    in_step = dataclasses.replace(late, in_step=True)
    assert found(in_step, policy=Policy(starvation="strict")) == []  # a stall tells


def test_a_collection_in_the_thread_is_not_the_calls():
    """The garbage collector runs when it likes, in whichever thread it meets.

    It is told of as one that met a step: accepted, and at the line at which it ran.
    """
    met = Collection(
        began=1.0, seconds=0.35, stack=(user(3, "work", "shop"), *POOL), starved=0.0
    )
    seen = one(turn(seconds=0.4, collections=(met,)))
    assert (seen.kind, seen.call, seen.line) == ("kept", GARBAGE, 3)
    assert seen.seconds == pytest.approx(0.35)
    assert seen.allowed == "the garbage collector runs when it likes"
    assert "gc.freeze" in seen.advice
    strict = one(
        turn(seconds=0.4, collections=(met,)), policy=Policy(starvation="strict")
    )
    assert (strict.call, strict.allowed) == (GARBAGE, None)


def test_a_collection_that_was_asked_for_is_not_to_be_moved_into_a_process():
    """It would look through the objects of that one."""
    job = dataclasses.replace(TO_THREAD, function="gc.collect")
    seen = one(turn(POOL, handed=job))
    assert (seen.call, seen.allowed) == ("gc.collect", None)
    assert "process" not in seen.advice
    assert "gc.freeze" in seen.advice


def test_what_is_paused_or_accepted_is_so_in_a_thread_too():
    """As of any blocking: by the moment, and by the names on the stack."""
    pause = AcceptedSpan(began=0.5, ended=1.5, reason=None)
    span = dataclasses.replace(pause, reason="starts up")
    for accepted, reasons in (pause, []), (span, ["starts up"]):
        seen = observations(late=(turn(),), accepted=(accepted,))
        assert [each.allowed for each in findings(Policy(), seen, RULES)] == reasons
    row = Allowance(
        caller="test_shop.*", call="json.loads", reason="small", source="ini"
    )
    assert one(turn(), policy=Policy(allow=(row,))).allowed == "small"


def test_it_fails_a_test_as_a_stall_does():
    """Where blocking is an error, with the seconds that were lost."""
    verdict = judge(Policy(blocking="error"), observations(late=(turn(),)), RULES)
    (broken,) = verdict.violations
    assert (broken.kind, broken.actual) == ("blocking", pytest.approx(0.4))
