"""What the baseline accepts of a test's findings, and which stalls are still near."""

from __future__ import annotations

from dataclasses import replace

from by_hand import user

from pytest_asyncbench._judging.acceptance import near_stalls, of_baseline
from pytest_asyncbench._words.baseline import Baseline, BaselineEntry, in_order
from pytest_asyncbench._words.decided import Finding
from pytest_asyncbench._words.promised import Policy
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    Elapsed,
    LoopStall,
    Observations,
    Sample,
)

ENTRY = BaselineEntry(fingerprint="shop.price > time.sleep", reason="until #12")
BARE = BaselineEntry(fingerprint="shop.rate > json.loads", stall=True)
POLICY = Policy(blocking="error", accepted=in_order([ENTRY, BARE]), threshold=0.1)

FOUND = Finding(
    kind="call",
    call="time.sleep",
    file="/home/user/shop.py",
    line=3,
    module="shop",
    function="price",
    seconds=0.1,
)


def test_a_place_of_the_baseline_is_accepted_for_its_reason():
    """Whatever its line is now; where nobody gave a reason, for being there."""
    found = of_baseline(POLICY, FOUND)
    assert (found.allowed, found.baseline) == ("until #12", ENTRY.fingerprint)
    assert of_baseline(POLICY, replace(FOUND, line=88)).allowed == "until #12"
    bare = replace(FOUND, function="rate", call="json.loads", sampled=True)
    assert of_baseline(POLICY, bare).allowed == "in the baseline"


def test_another_place_counts():
    """And without a baseline every one does."""
    new = replace(FOUND, function="tax")
    assert of_baseline(POLICY, new) is new
    assert of_baseline(Policy(), FOUND) is FOUND


def test_an_allowance_comes_first():
    """Then the entry is of no use, and a full run says so."""
    allowed = replace(FOUND, allowed="by hand", allowance="x")
    assert of_baseline(POLICY, allowed) is allowed


def test_an_updating_run_accepts_what_it_is_going_to_write():
    """With the fingerprint that the new entry has."""
    policy = replace(POLICY, accepted=Baseline(), update_baseline=True)
    found = of_baseline(policy, FOUND)
    assert (found.allowed, found.baseline) == (
        "new in the baseline",
        "shop.price > time.sleep",
    )


def test_a_step_that_nobody_looked_at_is_known_by_its_function():
    """What its task is called differs from run to run."""
    unseen = replace(FOUND, call="Task-12", unseen=True, sampled=True)
    assert unseen.fingerprint == "shop.price > shop.price"


def near(seconds, *functions, accepted=(), **more):
    """Name the functions that are near a stall, after a step that ran some."""
    stack = tuple(user(function=each, module="shop") for each in functions)
    stall = LoopStall(
        began=1.0,
        seconds=seconds,
        samples=(Sample(at=1.0 + seconds / 2, stack=stack),),
        task=None,
        held_up=0,
        **more,
    )
    seen = Observations(
        elapsed=Elapsed(wall=1.0), stalls=(stall,), accepted=tuple(accepted)
    )
    return near_stalls(POLICY, seen)


def test_a_function_is_near_a_stall_from_half_the_threshold_on():
    """Whoever called it, and whatever it called."""
    assert near(0.06, "rate") == ("shop.rate",)
    assert near(0.06, "inner", "rate", "test_it") == ("shop.rate",)
    assert near(0.04, "rate") == ()


def test_only_functions_with_a_stall_in_the_baseline_are_named():
    """A known call is found again in each run."""
    assert near(0.06, "price", "tax") == ()


def test_time_that_is_forgiven_brings_no_stall_near():
    """What other processes took, and what was paused."""
    assert near(0.06, "rate", starved=0.05) == ()
    pause = AcceptedSpan(began=1.0, ended=1.05, reason=None)
    assert near(0.06, "rate", accepted=[pause]) == ()


def test_a_step_that_nobody_looked_at_may_have_been_any_of_them():
    """The watchdog may have come too late; no entry goes for that."""
    stall = LoopStall(began=1.0, seconds=0.06, samples=(), task=None, held_up=0)
    seen = Observations(elapsed=Elapsed(wall=1.0), stalls=(stall,))
    assert near_stalls(POLICY, seen) == ("shop.rate",)
