"""The judge: facts against promises, without a clock."""

from __future__ import annotations

import pytest
from by_hand import call, observations, stall, user

from pytest_asyncbench._judging.judge import judge
from pytest_asyncbench._words.decided import Violation
from pytest_asyncbench._words.problems import Problem
from pytest_asyncbench._words.promised import Allowance, Budget, Policy
from pytest_asyncbench._words.seen import (
    Elapsed,
    NotFollowed,
    Observations,
    Overrun,
    StrandTrace,
)


def side_by_side(count=2, seconds=1.0):
    """Strands that sleep at once, each for so long."""
    return tuple(
        StrandTrace(name=f"job {n}", started=0.0, finished=seconds, waiting=seconds)
        for n in range(count)
    )


IN_A_ROW = (
    StrandTrace(name="a", started=0.0, finished=1.0, running=1.0),
    StrandTrace(name="b", started=0.0, finished=2.0, running=1.0, queued=1.0),
)
"""Strands that work, each for so long, and one waits in the queue meanwhile."""


def broken(policy, **seen):
    return list(judge(policy, observations(**seen)).violations)


def within(seconds, **more):
    return Policy(budget=Budget(within=seconds), **more)


def speedup(factor, **more):
    return Policy(budget=Budget(speedup=factor), **more)


# -------------------------------------------------------------------- wall


def test_without_a_promise_nothing_is_broken():
    """And no finding is made of what nobody asked for."""
    verdict = judge(Policy(), observations(calls=(call(),), wall=100.0))
    assert (verdict.violations, verdict.findings, verdict.budget_met) == ((), (), None)


def test_a_wall_time_within_its_budget_is_fine():
    """At most so much includes exactly so much."""
    verdict = judge(within(1.0), observations(wall=1.0))
    assert (verdict.violations, verdict.budget_met) == ((), True)


def test_a_wall_time_over_its_budget_is_a_violation():
    """With the limit and what was seen."""
    verdict = judge(within(1.0), observations(wall=1.5))
    assert verdict.violations == (Violation(kind="wall", limit=1.0, actual=1.5),)
    assert verdict.budget_met is False


@pytest.mark.parametrize(("wall", "met"), [(2.0, True), (2.5, False)])
def test_on_a_slow_machine_a_budget_is_multiplied(wall, met):
    """A speedup is a factor already, and a threshold is no promise of the test's."""
    policy = within(1.0, budget_scale=2.0, blocking="error")
    verdict = judge(policy, observations(wall=wall, stalls=(stall(seconds=0.2),)))
    assert verdict.budget_met is met
    limits = [broken.limit for broken in verdict.violations]
    assert limits == [*([] if met else [2.0]), 0.1]


def test_starved_time_is_forgiven_in_a_budget():
    """The figure that is shown stays the real one."""
    assert broken(within(1.0), wall=1.5, starved=0.6) == []
    (wall,) = broken(within(1.0), wall=1.5, starved=0.4)
    assert wall.actual == 1.5


def test_strict_starvation_counts_and_unknown_one_is_not_made_up():
    """Only what is known and forgiven is taken off."""
    strict = within(1.0, starvation="strict")
    assert [v.kind for v in broken(strict, wall=1.5, starved=0.6)] == ["wall"]
    assert [v.kind for v in broken(within(1.0), wall=1.5, starved=None)] == ["wall"]


def test_a_test_that_was_cancelled_at_its_budget_broke_it():
    """Though clock readings a moment apart may say otherwise."""
    overrun = Overrun(cancelled=True)
    assert [v.kind for v in broken(within(1.0), wall=0.999, overrun=overrun)] == [
        "wall"
    ]


def test_a_persons_time_in_a_debugger_breaks_no_budget():
    """What was lost is kept apart, to be told; a budget that was kept, was kept."""
    policy = Policy(budget=Budget(within=1.0, speedup=3.0))
    facts = {"strands": side_by_side(2), "debugged": True}
    verdict = judge(policy, observations(wall=60.0, **facts))
    assert (verdict.violations, verdict.budget_met) == ((), True)
    assert verdict.accepted == (
        Violation(kind="wall", limit=1.0, actual=60.0),
        Violation(kind="speedup", limit=3.0, actual=2.0),
    )
    kept = judge(within(1.0), observations(wall=0.5, debugged=True))
    assert (kept.accepted, kept.debugged) == ((), True)


def test_with_a_debugger_nothing_is_accepted_but_lost_time():
    """Not a budget that was over before, nor blocking, nor what never was measured."""
    over = Overrun(cancelled=True)
    verdict = judge(within(1.0), observations(wall=9.0, debugged=True, overrun=over))
    assert ([v.kind for v in verdict.violations], verdict.accepted) == (["wall"], ())
    policy = Policy(blocking="error", budget=Budget(speedup=2.0))
    kinds = [v.kind for v in broken(policy, calls=(call(),), debugged=True)]
    assert kinds == ["speedup", "blocking"]


def test_virtual_time_stands_still_in_a_debugger():
    """So its budget is judged as ever."""
    elapsed = Elapsed(wall=60.0, virtual=1.5)
    seen = Observations(elapsed=elapsed, steps=1, debugged=True)
    assert [v.kind for v in judge(within(1.0), seen).violations] == ["wall"]


def test_what_broke_a_budget_is_looked_for_unasked():
    """A blocking call may well explain it."""
    verdict = judge(within(0.1), observations(wall=1.0, calls=(call(),)))
    assert [finding.call for finding in verdict.findings] == ["time.sleep"]


# ----------------------------------------------------------------- speedup


@pytest.mark.parametrize(("factor", "met"), [(1.5, True), (2.0, True), (2.1, False)])
def test_a_speedup_must_be_reached(factor, met):
    """Two of one second at once are twice as fast, no more."""
    verdict = judge(speedup(factor), observations(strands=side_by_side(2)))
    assert verdict.budget_met is met
    assert [v.actual for v in verdict.violations] == ([] if met else [2.0])


def test_a_speedup_of_no_tasks_is_broken():
    """Promised of a test that started nothing."""
    assert broken(speedup(2.0)) == [Violation(kind="speedup", limit=2.0, actual=None)]


def test_a_given_serial_time_replaces_the_derived_one():
    """Measured or given by the user: it is taken as it is."""
    verdict = judge(speedup(2), observations(strands=side_by_side(2), serial=1.2))
    assert verdict.comparison.serial == 1.2
    assert verdict.violations[0].actual == pytest.approx(1.2)


def test_starved_time_is_forgiven_in_a_speedup():
    """Side by side they would have been faster on a quiet machine."""
    strands = side_by_side(2)
    seen = {"strands": strands, "together": 1.5, "starved": 0.5}
    assert broken(speedup(2.0), **seen) == []
    assert len(broken(speedup(2.0, starvation="strict"), **seen)) == 1


def test_starved_time_makes_no_speedup():
    """What ran one after another was starved as it ran: alone it was not faster."""
    in_a_row = (
        StrandTrace(name="a", started=0.0, finished=1.5, running=1.5),
        StrandTrace(name="b", started=0.0, finished=3.0, running=1.5, queued=1.5),
    )
    seen = {"strands": in_a_row, "together": 3.0, "starved": 1.0}
    (slow,) = broken(speedup(1.2), **seen)
    assert slow.actual == 1.0
    assert len(broken(Policy(copies=2), **seen)) == 1
    # A figure that was measured or given knows nothing of it.
    assert broken(speedup(1.2), **seen, serial=3.0) == []


def test_only_what_was_lost_while_they_were_in_flight_is_forgiven():
    """Not what the test was starved of before it started them."""
    in_a_row = (
        StrandTrace(name="a", started=0.0, finished=1.0, waiting=1.0),
        StrandTrace(name="b", started=0.0, finished=2.0, waiting=1.0),
    )
    seen = {"strands": in_a_row, "wall": 9.0, "starved": 1.5}
    (slow,) = broken(speedup(1.5), **seen, starved_together=0.1)
    assert slow.actual == pytest.approx(2.0 / 1.9)


def test_figures_of_a_failed_speedup_are_those_of_the_comparison():
    """What is told beside the number is what it was worked out from."""
    seen = observations(strands=side_by_side(4), together=1.5, starved=0.3)
    verdict = judge(speedup(5), seen)
    compared = verdict.comparison
    assert verdict.violations[0].actual == compared.serial / compared.wall
    assert compared.wall == pytest.approx(1.2)
    assert compared.forgiven == pytest.approx(0.3)


@pytest.mark.parametrize("starvation", ["forgive", "strict"])
def test_tasks_that_take_no_time_tell_nothing(starvation):
    """Copies pass; a number that was named can't be told; nothing depends on noise."""
    brief = tuple(
        StrandTrace(name="a", started=0.0, finished=0.2, running=running)
        for running in (0.0002, 0.05)
    )
    seen = observations(strands=brief, starved_together=0.0499)
    copies = judge(Policy(copies=2, starvation=starvation), seen)
    assert (copies.violations, copies.too_short) == ((), True)
    named = judge(speedup(1.5, copies=2, starvation=starvation), seen)
    assert named.violations == (Violation(kind="unmeasured", limit=1.5),)
    assert named.budget_met is False
    assert judge(Policy(), seen).too_short is False


def test_copies_that_block_in_turn_are_compared_however_busy_the_machine_is():
    """What all of them were starved of is not taken off each of them."""
    five = tuple(
        StrandTrace(name="a", started=0.0, finished=0.2, running=0.04) for _ in range(5)
    )
    seen = observations(strands=five, starved_together=0.041)
    verdict = judge(Policy(copies=5), seen)
    assert [each.kind for each in verdict.violations] == ["speedup"]
    assert not verdict.too_short


def test_copies_must_take_longer_than_a_turn_at_the_interpreter():
    """What is shorter tells of the machine, unless somebody named a speedup."""
    seen = observations(
        strands=(StrandTrace(name="a", started=0.0, finished=0.003, running=0.003),)
    )
    assert judge(Policy(copies=2), seen).too_short
    assert not judge(speedup(1.5, copies=2), seen).too_short


CUT = Overrun(cancelled=True)


def test_tasks_that_a_budget_has_cut_short_are_not_said_to_be_one_after_another():
    """Who would have waited for what is not known; that it took too long is."""
    asleep = tuple(StrandTrace(name=n, started=0.0, finished=1.0) for n in "abc")
    one_ended = StrandTrace(name="d", started=0.0, finished=1.0, waiting=1.0)
    seen = observations(strands=(*asleep, one_ended), overrun=CUT)
    policy = Policy(budget=Budget(within=0.5, speedup=2.0))
    verdict = judge(policy, seen)
    assert [each.kind for each in verdict.violations] == ["wall"]
    assert [each.kind for each in judge(Policy(copies=4), seen).violations] == []
    assert (verdict.cut_short, verdict.comparison) == (True, None)


def test_tasks_that_ran_one_after_another_up_to_the_budget_are_said_to():
    """What they did with all of their time is known, as where they block."""
    seen = observations(strands=IN_A_ROW, overrun=CUT)
    policy = Policy(budget=Budget(within=0.5, speedup=2.0))
    verdict = judge(policy, seen)
    assert [each.kind for each in verdict.violations] == ["wall", "speedup"]
    assert not verdict.cut_short
    assert [each.kind for each in judge(Policy(copies=2), seen).violations] == [
        "speedup"
    ]


@pytest.mark.parametrize("copies", [2, 50])
def test_copies_must_beat_one_after_another(copies):
    """More than one, not one, where no number is given."""
    policy = Policy(copies=copies)
    assert broken(policy, strands=side_by_side(copies)) == []
    (slow,) = broken(policy, strands=IN_A_ROW)
    assert (slow.limit, slow.actual) == (1.0, 1.0)


def test_a_single_copy_need_not_beat_itself():
    """There is nothing to run beside."""
    assert broken(Policy(copies=1), strands=side_by_side(1)) == []


def test_copies_with_a_number_of_their_own_are_held_to_that():
    """Of 1, too, which is less than to beat serial."""
    strands = side_by_side(2)
    assert broken(speedup(1.0, copies=2), strands=IN_A_ROW) == []
    assert len(broken(speedup(2.5, copies=2), strands=strands)) == 1


def test_copies_of_which_no_speedup_is_promised_may_take_as_long_as_in_a_row():
    """It was said so, and then no budget was met or broken, either."""
    policy = Policy(copies=2, budget=Budget(unpromised=True))
    verdict = judge(policy, observations(strands=IN_A_ROW))
    assert (verdict.violations, verdict.budget_met) == ((), None)
    assert not verdict.too_short


# ---------------------------------------------------------------- blocking


def test_blocking_is_a_violation_under_error_only():
    """Report and warn list it and break nothing."""
    for mode in ("report", "warn"):
        verdict = judge(Policy(blocking=mode), observations(calls=(call(),)))
        assert (len(verdict.findings), verdict.violations) == (1, ())
    (broke,) = broken(
        Policy(blocking="error"), calls=(call(began=5.0),), stalls=(stall(),)
    )
    assert broke.kind == "blocking"
    assert broke.actual == pytest.approx(1.01)


def test_blocking_that_is_allowed_breaks_nothing():
    """It is listed with its reason."""
    row = Allowance(caller="*", call="time.sleep", reason="why", source="ini")
    policy = Policy(blocking="error", allow=(row,))
    verdict = judge(policy, observations(calls=(call(),)))
    assert verdict.violations == ()
    assert [finding.allowed for finding in verdict.findings] == ["why"]


def test_every_broken_promise_is_told():
    """Budget, speedup and blocking at once, in this order."""
    policy = Policy(blocking="error", budget=Budget(within=0.5, speedup=3.0))
    seen = observations(wall=1.0, strands=side_by_side(2), calls=(call(),))
    kinds = [violation.kind for violation in judge(policy, seen).violations]
    assert kinds == ["wall", "speedup", "blocking"]


# -------------------------------------------------------------- unmeasured


@pytest.mark.parametrize(
    ("policy", "steps", "unmeasured"),
    [
        (Policy(blocking="error", asked=True), 0, True),
        (Policy(blocking="report", asked=True), 0, True),
        (Policy(blocking="error", asked=True), 1, False),
        (Policy(blocking="error"), 0, False),
        (Policy(), 0, False),
    ],
)
def test_who_asked_and_was_not_measured_is_told(policy, steps, unmeasured):
    """Silence would look like proof."""
    verdict = judge(policy, observations(steps=steps))
    assert verdict.unmeasured is unmeasured
    failed = unmeasured and policy.blocking == "error"
    assert [v.kind for v in verdict.violations] == ["unmeasured"] * failed


FASTER = Budget(within=5.0, speedup=2.0)


@pytest.mark.parametrize(
    ("of_all", "steps", "kinds"),
    [(True, 0, []), (True, 1, ["speedup"]), (False, 0, ["speedup"])],
)
def test_a_speedup_for_all_tests_is_not_for_one_that_runs_no_loop(of_all, steps, kinds):
    """It is not async, and its class or module alone is marked; else it fails."""
    policy = Policy(budget=FASTER, of_all=of_all)
    verdict = judge(policy, observations(steps=steps))
    assert [v.kind for v in verdict.violations] == kinds


def test_a_time_for_all_tests_is_for_one_that_runs_no_loop_too():
    """Where the speedup that was promised beside it is not."""
    policy = Policy(budget=FASTER, of_all=True)
    verdict = judge(policy, observations(wall=6.0, steps=0))
    assert [v.kind for v in verdict.violations] == ["wall"]


def test_a_loop_that_is_not_followed_is_one_for_a_speedup_of_all_tests():
    """None of its steps is seen, and yet it was run."""
    lost = NotFollowed(kind="loops.Other", missing="_ready")
    seen = observations(not_followed=(lost,), steps=0)
    verdict = judge(Policy(budget=FASTER, of_all=True), seen)
    assert [v.kind for v in verdict.violations] == ["unmeasured"]


def test_a_speedup_on_a_loop_that_is_not_followed_is_unmeasured():
    """No tasks were seen there, and nobody knows whether any were started."""
    policy = Policy(budget=Budget(within=1.0, speedup=3.0, source="marker"))
    loop = NotFollowed(kind="loops.Other", missing="_ready")
    verdict = judge(policy, observations(wall=2.0, not_followed=(loop,)))
    assert list(verdict.violations) == [
        Violation(kind="wall", limit=1.0, actual=2.0),
        Violation(kind="unmeasured", limit=3.0),
    ]
    assert (verdict.budget_met, verdict.not_followed) == (False, (loop,))


def test_a_speedup_is_judged_by_the_tasks_that_were_followed():
    """Another loop of the same test may be one that is."""
    loop = NotFollowed(kind="loops.Other", missing="_ready")
    seen = observations(strands=side_by_side(2), not_followed=(loop,))
    assert judge(speedup(1.5), seen).violations == ()
    (broken,) = judge(speedup(3), seen).violations
    assert (broken.kind, broken.actual) == ("speedup", 2.0)


def test_problems_and_overruns_are_handed_on():
    """The judge drops no fact."""
    overrun = Overrun(stuck=(user(),))
    problems = (Problem(kind="failed", text="x"),)
    seen = observations(problems=problems, overrun=overrun, steps=3)
    verdict = judge(Policy(), seen)
    assert (verdict.problems, verdict.overrun, verdict.steps) == (problems, overrun, 3)


def test_a_run_that_only_waited_for_a_processor_tells_nothing():
    """With all of its time forgiven there is no speedup to speak of."""
    strands = side_by_side(2)
    seen = {"strands": strands, "together": 0.5, "starved": 0.5}
    assert broken(speedup(2.0), **seen) == []


@pytest.mark.parametrize("learned", [True, False])
def test_a_learned_speedup_that_cannot_be_measured_is_no_failure(learned):
    """Nobody promised it; that nothing ran side by side any more is one."""
    policy = Policy(budget=Budget(speedup=1.3, learned_speedup=learned))
    short, other = (
        side_by_side(seconds=0.0001),
        NotFollowed(kind="a.Loop", missing="_b"),
    )
    kinds = [
        [one.kind for one in broken(policy, wall=1.0, **seen)]
        for seen in ({"strands": short}, {"not_followed": (other,)}, {})
    ]
    unmeasured = [] if learned else ["unmeasured"]
    assert kinds == [unmeasured, unmeasured, ["speedup"]]
