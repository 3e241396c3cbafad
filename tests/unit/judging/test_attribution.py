"""Culprits: who blocked the loop, where and for how long, from hand-made facts."""

from __future__ import annotations

import dataclasses

import pytest
from by_hand import call, library, observations, samples, stall, standard, user

from pytest_asyncbench._judging.attribution import findings
from pytest_asyncbench._words.decided import GARBAGE, OWN_TURN
from pytest_asyncbench._words.promised import Allowance, Policy, Rule
from pytest_asyncbench._words.seen import (
    AcceptedSpan,
    BlockingCall,
    Collection,
    LoopStall,
    Sample,
    Turn,
    Wait,
)

RULES = (
    Rule(target="io.BufferedReader.readline", family="files", advice="aiofiles"),
    Rule(target="time.sleep", family="sleep", advice="await asyncio.sleep(...)"),
    Rule(target="socket.recv", family="network", advice="a stream"),
    Rule(target="requests.api.get", family="network", advice="await client.get(...)"),
)
SLEEP = user(call="time.sleep")
SEND = library("send_message", "mail")


def found(policy=None, **seen):
    return findings(policy or Policy(), observations(**seen), RULES)


def one(policy=None, **seen):
    (finding,) = found(policy, **seen)
    return finding


def allow(caller="*", called="*", reason="why"):
    row = Allowance(caller=caller, call=called, reason=reason, source="marker")
    return Policy(allow=(row,))


# ------------------------------------------------------------- one of each


def test_nothing_seen_is_nothing_found():
    """No facts, no opinion."""
    assert found() == []


def test_a_known_call_counts_however_quick():
    """With its own exact time, the user's line and the rule's advice."""
    seen = one(calls=(call(seconds=0.0001, held_up=4),))
    assert (seen.kind, seen.call, seen.seconds) == ("call", "time.sleep", 0.0001)
    assert (seen.file, seen.line, seen.function) == (
        "/home/user/shop/test_orders.py",
        41,
        "test_checkout",
    )
    assert seen.advice == "await asyncio.sleep(...)"
    assert (seen.held_up, seen.count, seen.allowed) == (4, 1, None)


def test_the_advice_tells_ruffs_rule_for_the_same_mistake():
    """It finds the plain cases before any test runs."""
    row = Rule(target="time.sleep", family="sleep", advice="sleep()", ruff="ASYNC251")
    (seen,) = findings(Policy(), observations(calls=(call(),)), (row,))
    assert seen.advice == "sleep() (ruff ASYNC251)"


def test_a_stall_is_blamed_on_the_line_that_its_samples_show():
    """With the whole time of the step where nothing else filled it."""
    seen = one(
        stalls=(stall((SLEEP,), (SLEEP,), seconds=0.5, held_up=2, held_up_for=0.4),)
    )
    assert (seen.kind, seen.call, seen.line) == ("stall", "time.sleep", 41)
    assert seen.seconds == pytest.approx(0.5)
    assert (seen.held_up, seen.held_up_for) == (2, 0.4)


def test_a_step_within_the_threshold_is_no_stall():
    """The threshold is the longest step that is fine."""
    assert found(stalls=(stall((SLEEP,), seconds=0.1),)) == []
    assert len(found(stalls=(stall((SLEEP,), seconds=0.11),))) == 1


def test_a_stall_without_samples_still_is_reported():
    """Where the watchdog never got the processor, the task's name is all we have."""
    seen = one(stalls=(stall(seconds=0.5, task="Task-7"),))
    assert (seen.kind, seen.call, seen.seconds) == ("stall", "Task-7", 0.5)


def in_turn(step):
    """Have all samples but those of `SLEEP` be of the loop's own turn."""
    seen = (
        dataclasses.replace(sample, own_turn=sample.stack != (SLEEP,))
        for sample in step.samples
    )
    return dataclasses.replace(step, samples=tuple(seen))


def test_what_a_loop_did_in_no_step_is_its_own():
    """The step that follows has its part, and no more."""
    turn = (
        standard("TimerHandle.__lt__", "asyncio.events"),
        standard("BaseEventLoop._run_once", "asyncio.base_events"),
    )
    seen = one(stalls=(in_turn(stall(turn, turn, seconds=0.5)),))
    assert (seen.kind, seen.call) == ("stall", OWN_TURN)
    assert seen.function == "BaseEventLoop._run_once"
    assert "fewer timers" in seen.advice
    step = in_turn(stall(turn, turn, turn, (SLEEP,), seconds=0.8))
    first, then = found(stalls=(step,))
    assert (first.call, first.seconds) == (OWN_TURN, pytest.approx(0.6))
    assert (then.call, then.seconds) == ("time.sleep", pytest.approx(0.2))
    accepted = one(allow(called=OWN_TURN), stalls=(in_turn(stall(turn, seconds=0.5)),))
    assert accepted.allowed == "why"


@pytest.mark.parametrize(
    ("working", "blocked", "busy"),
    [(0.5, 0.0, True), (0.0, 0.5, False), (None, None, False)],
)
def test_who_was_seen_at_nothing_is_busy_if_it_worked(working, blocked, busy):
    """A step that waited was not, whatever for; nor one of which nobody can tell."""
    step = stall(seconds=0.5, working=working, blocked=blocked)
    assert one(stalls=(step,)).busy is busy


def test_a_blocked_step_is_told_from_a_busy_one_by_its_advice():
    """One is to be split up or moved to a thread; for the other there may be an API."""
    busy = one(stalls=(stall((user(),), working=0.9, blocked=0.1),))
    assert "asyncio.sleep(0)" in busy.advice
    waiting = one(stalls=(stall((user(call="lib.wait"),), working=0.1, blocked=0.9),))
    assert "async version" in waiting.advice


def test_where_the_system_tells_no_work_the_code_seen_tells_it():
    """Who was seen in no call has none of which there may be an async version."""
    assert "asyncio.sleep(0)" in one(stalls=(stall((user(),)),)).advice
    called = one(stalls=(stall((user(call="lib.wait"),)),))
    assert "async version" in called.advice


# ------------------------------------------------- one thing, reported once


def test_a_call_that_stalled_is_reported_once():
    """Both instruments saw it; the known call is the better witness."""
    seen = one(
        stalls=(stall((SLEEP,), (SLEEP,), began=5.0, seconds=0.5),),
        calls=(call(began=5.0, seconds=0.499, step=5.0, held_up=1),),
    )
    assert (seen.kind, seen.count) == ("stall", 1)
    assert seen.seconds == pytest.approx(0.499)


def test_what_calls_leave_of_a_stall_is_shared_among_its_samples():
    """A known sleep and a busy line in one step: each gets its own time."""
    busy = user(50)
    step = stall((SLEEP,), (SLEEP,), (busy,), (busy,), began=0.0, seconds=1.0)
    seen = found(stalls=(step,), calls=(call(began=0.0, seconds=0.5, step=0.0),))
    assert [(f.line, f.kind) for f in seen] == [(41, "stall"), (50, "stall")]
    assert [f.seconds for f in seen] == [pytest.approx(0.5)] * 2


def test_a_call_in_another_step_takes_nothing_from_a_stall():
    """Steps are named by their beginning."""
    seen = found(
        stalls=(stall((user(50),), began=0.0, seconds=1.0),),
        calls=(call(began=3.0, seconds=0.5),),
    )
    assert [(f.line, f.seconds) for f in seen] == [(50, 1.0), (41, 0.5)]


def test_the_time_of_a_stall_is_shared_by_the_count_of_samples():
    """Three quarters of the samples, three quarters of the time."""
    a, b = user(50, "f"), user(60, "g")
    seen = found(stalls=(stall((a,), (a,), (a,), (b,), seconds=2.0),))
    assert [(f.line, f.seconds) for f in seen] == [
        (50, pytest.approx(1.5)),
        (60, pytest.approx(0.5)),
    ]


def test_a_call_that_kept_the_interpreter_has_the_time_of_that():
    """It is seen once, at its end, beside one that was seen as often."""
    short = Sample(at=0.2, stack=(user(50, "f"),))
    asked = Turn(since=0.2, at=1.0, waited=True, asked=0.7)
    kept = Sample(at=1.0, stack=(user(60, "g"),), turn=asked)
    step = dataclasses.replace(stall(seconds=1.0), samples=(short, kept))
    seen = found(stalls=(step,))
    assert [(f.line, f.seconds) for f in seen] == [
        (60, pytest.approx(0.8)),
        (50, pytest.approx(0.2)),
    ]


def test_who_only_looked_late_gives_nobody_more_than_its_part():
    """The watchdog had no processor; what ran before is not known."""
    early = [Sample(at=at, stack=(user(50, "f"),)) for at in (0.1, 0.2, 0.3)]
    lacked = Turn(since=0.4, at=1.0, waited=True, asked=0.01)
    late = Sample(at=1.0, stack=(user(60, "g"),), turn=lacked)
    step = dataclasses.replace(stall(seconds=1.0), samples=(*early, late))
    seen = found(stalls=(step,))
    assert [(f.line, f.seconds) for f in seen] == [
        (50, pytest.approx(0.75)),
        (60, pytest.approx(0.25)),
    ]


def test_who_filled_nearly_all_of_a_step_has_that_share_of_how_its_time_was_spent():
    """So that the parts add up to what is told of it."""
    samples = ((SLEEP,),) * 9 + ((SEND,),)
    step = stall(*samples, seconds=2.0, working=1.0, blocked=0.6, starved=0.4)
    seen = found(Policy(starvation="strict"), stalls=(step,))[0]
    assert seen.seconds == pytest.approx(1.8)
    assert [seen.working, seen.blocked, seen.starved] == pytest.approx(
        [0.9, 0.54, 0.36]
    )


def test_how_the_time_was_spent_is_known_of_the_whole_step_only():
    """It says nothing of a culprit that filled only a part of it."""
    a, b = user(50, "f"), user(60, "g")
    spent = {"seconds": 2.0, "working": 1.0, "blocked": 0.6, "starved": 0.4}
    strict = Policy(starvation="strict")
    for part in found(strict, stalls=(stall((a,), (b,), **spent),)):
        assert part.working is part.blocked is part.starved is None
    whole = one(strict, stalls=(stall((a,), (a,), **spent),))
    assert (whole.working, whole.blocked, whole.starved) == (1.0, 0.6, 0.4)


def test_a_line_that_hardly_filled_a_stall_is_not_named():
    """One sample in ten, below the threshold: chance, not a culprit."""
    main, aside = user(50, "f"), user(60, "g")
    step = stall(*[(main,)] * 9, (aside,), seconds=0.5)
    assert [f.line for f in found(stalls=(step,))] == [50]


def test_a_line_beyond_the_threshold_is_named_however_small_its_part():
    """A tenth of ten seconds is a second."""
    main, aside = user(50, "f"), user(60, "g")
    step = stall(*[(main,)] * 9, (aside,), seconds=10.0)
    assert [f.line for f in found(stalls=(step,))] == [50, 60]


# ------------------------------------------------------------------ merging


def test_the_same_place_is_reported_once_with_its_count():
    """Time adds up; how many were held up at once does not."""
    seen = one(
        calls=(call(began=1, held_up=2, held_up_for=0.4), call(began=2, held_up=5))
    )
    assert (seen.count, seen.held_up, seen.held_up_for) == (2, 5, 0.4)
    assert seen.seconds == pytest.approx(0.02)


def test_another_line_is_another_place():
    """The one that cost most comes first."""
    other = (user(99, call="time.sleep"),)
    seen = found(calls=(call(began=1), call(began=2, seconds=0.05, stack=other)))
    assert [f.line for f in seen] == [99, 41]


def test_quick_and_stalled_calls_at_one_place_are_one_stall():
    """The worse kind is the kind of the whole."""
    seen = one(
        stalls=(stall((SLEEP,), began=5.0, seconds=0.5),),
        calls=(call(began=5.0, seconds=0.5, step=5.0), call(began=7.0)),
    )
    assert (seen.kind, seen.count) == ("stall", 2)
    assert seen.seconds == pytest.approx(0.51)


def test_a_busy_function_is_one_place_though_its_line_moves():
    """Samples show it at ever other lines, which are all the same loop."""
    lines = [(user(line, "crunch"),) for line in (50, 51, 51, 52)]
    seen = one(stalls=(stall(*lines),))
    assert (seen.line, seen.function, seen.seconds) == (51, "crunch", 1.0)


def test_many_short_calls_blame_the_function_that_makes_them():
    """No single call filled the time, so none is accused."""
    shown = [user(50, "crunch", call=name) for name in ("a", "b", "c", "d")]
    seen = one(stalls=(stall(*[(frame,) for frame in shown]),))
    assert seen.call == "test_orders.crunch"


def test_one_call_that_fills_the_samples_is_blamed_itself():
    """Four in five show it: that is the call."""
    shown = [user(50, "f", call="zlib.compress")] * 4 + [user(51, "f", call="len")]
    seen = one(stalls=(stall(*[(frame,) for frame in shown]),))
    assert (seen.line, seen.call) == (50, "zlib.compress")


def test_two_calls_of_a_library_from_different_lines_are_two_places():
    """The line stands still while a function that it called is busy."""
    a, b = user(50, "f"), user(51, "f")
    step = stall((library(), a), (library(), b), seconds=1.0)
    assert sorted(f.line for f in found(stalls=(step,))) == [50, 51]


def test_what_is_told_of_a_place_is_its_longest_calls():
    """Not the first one's: a line that connects and then waits for the reply."""
    connecting = (standard("connect", "imaplib", 7), user())
    replying = (standard("getreply", "imaplib", 9), user())
    dns, reply = Wait(call="connect"), Wait(call="recvfrom")
    stall_of_both = LoopStall(
        began=5.0,
        seconds=1.0,
        samples=(
            *(Sample(at=5.1, stack=connecting, wait=dns) for _ in range(3)),
            Sample(at=5.7, stack=replying, wait=reply),
        ),
        task="Task-1",
        held_up=0,
    )
    # The same library function for the user; by another way further in.
    seen = findings(
        Policy(),
        observations(
            stalls=(stall_of_both,),
            calls=tuple(
                call(target, began=began, seconds=seconds, step=5.0, stack=stack)
                for target, began, seconds, stack in (
                    ("socket.connect", 5.0, 0.2, (*connecting[:1], SEND, user())),
                    ("socket.recv", 5.2, 0.8, (*replying[:1], SEND, user())),
                )
            ),
        ),
        (
            Rule(target="socket.connect", family="network", advice="connect later"),
            Rule(target="socket.recv", family="network", advice="a stream"),
        ),
    )
    (only,) = seen
    assert only.via[0].line == 9
    assert only.waits == ((reply, 1),)
    assert only.advice == "a stream"


def test_calls_that_were_counted_together_are_counted_once():
    """In steps and in calls, those of a long step and of all others alike."""
    spans = tuple((5.0 + 0.1 * n, 5.1 + 0.1 * n) for n in range(3))
    seen = one(
        stalls=(stall(began=5.0, seconds=0.3),),
        calls=(
            call(began=1.0, seconds=0.04, step=2.0, earlier=(1.0,), count=4),
            call(began=5.0, seconds=0.3, step=5.0, count=3, spans=spans),
        ),
    )
    assert (seen.kind, seen.count, len(seen.steps)) == ("stall", 7, 3)
    assert seen.seconds == pytest.approx(0.34)


def test_a_library_that_waits_several_times_in_a_step_was_called_once_there():
    """Also where the calls of many steps are told together."""
    sending = (standard("send"), library("get"), user())
    receiving = (standard("recv"), library("get"), user())
    seen = one(
        calls=(
            call("socket.send", step=2.0, earlier=(1.0,), count=2, stack=sending),
            call("socket.recv", step=2.0, earlier=(1.0,), count=9, stack=receiving),
        ),
    )
    assert (seen.count, len(seen.steps)) == (2, 2)


# ------------------------------------------------------------------- advice


def test_advice_for_the_users_own_call_comes_first():
    """What to write instead of `requests.get` beats what to write for its socket."""
    stack = (standard("recv"), library("get"), user())
    seen = one(calls=(call(target="socket.recv", stack=stack),))
    assert seen.call == "requests.api.get"
    assert seen.advice == "await client.get(...)"


def test_advice_is_looked_for_further_in():
    """A helper of the library nobody has a row for: its socket has one."""
    stack = (standard("recv"), library("fetch", "unknown"), user())
    seen = one(calls=(call(target="socket.recv", stack=stack),))
    assert (seen.call, seen.advice) == ("unknown.fetch", "a stream")


def test_a_buffer_around_a_socket_is_advised_as_the_socket():
    """A file's own advice is for one that is read by itself."""
    stack = (user(call="io.BufferedReader.readline"),)
    for target, advice in (
        ("socket.recv", "a stream"),
        ("io.BufferedReader.readline", "aiofiles"),
    ):
        seen = one(calls=(call(target=target, stack=stack),))
        assert (seen.call, seen.advice) == ("io.BufferedReader.readline", advice)


# --------------------------------------------------------- scope, allowances


def test_out_of_scope_is_not_reported():
    """Neither calls nor stalls without a frame of the packages named."""
    policy = Policy(scope=("shop",))
    elsewhere = (standard("recv"), library())
    assert found(policy, calls=(call(stack=elsewhere),)) == []
    assert found(policy, stalls=(stall(elsewhere),)) == []


def test_in_scope_is_any_frame_of_the_package():
    """The package may stand further out than the library that blocked."""
    stack = (standard("recv"), library(), user(module="shop.cart"))
    assert len(found(Policy(scope=("shop",)), calls=(call(stack=stack),))) == 1


@pytest.mark.parametrize(
    ("caller", "called", "allowed"),
    [
        ("*", "time.sleep", "why"),
        ("test_orders.*", "time.*", "why"),
        ("test_orders.test_checkout", "*", "why"),
        ("*", "time.slee", None),
        ("shop.*", "time.sleep", None),
        ("*", "test_orders.test_checkout", "why"),
    ],
)
def test_an_allowance_is_two_globs_over_qualified_names(caller, called, allowed):
    """Caller and call must both match; the finding then carries the reason."""
    assert one(allow(caller, called), calls=(call(),)).allowed == allowed


def test_an_allowance_matches_any_call_on_the_way_in():
    """Whoever allows `requests` allows the sockets under it."""
    stack = (standard("recv"), library("get"), user())
    seen = one(allow(called="requests.*"), calls=(call(stack=stack),))
    assert seen.allowed == "why"
    seen = one(allow(called="socket.recv"), calls=(call("socket.recv", stack=stack),))
    assert seen.allowed == "why"


def test_a_part_of_a_stall_knows_the_whole():
    """Its own time may be less than the threshold; merged, the longest step counts."""
    slept = call(step=1.0, began=1.0, seconds=0.06)
    waited = call("os.waitpid", step=1.0, began=1.06, seconds=0.05)
    first = stall(began=1.0, seconds=0.11)
    one_stalled, other = found(stalls=(first,), calls=(slept, waited))
    assert (one_stalled.seconds, one_stalled.step) == (0.06, 0.11)
    assert (other.kind, other.step) == ("call", None)
    again = call(began=2.0, seconds=0.3)
    both = found(
        stalls=(first, stall(began=2.0, seconds=0.3)), calls=(slept, waited, again)
    )
    assert [one.step for one in both] == [0.3, None]


def test_an_allowance_may_use_any_name_of_what_was_called():
    """On 3.15 `re.match` is another name of a function called otherwise."""
    inner = dataclasses.replace(library("prefixmatch", "re"), aliases=("match",))
    seen = one(allow(called="re.match"), stalls=(stall((inner, user())),))
    assert (seen.call, seen.allowed) == ("re.prefixmatch", "why")


def test_an_allowed_stall_is_listed_with_its_reason():
    """Allowed is not hidden."""
    seen = one(allow(called="time.sleep"), stalls=(stall((SLEEP,)),))
    assert (seen.kind, seen.allowed) == ("stall", "why")


def test_allowed_and_not_allowed_at_one_place_stay_apart():
    """What is accepted for one pass of a loop is not for the next."""
    span = AcceptedSpan(began=0.5, ended=1.5, reason="warm-up")
    seen = found(calls=(call(began=1.0), call(began=2.0)), accepted=(span,))
    assert sorted(str(f.allowed) for f in seen) == ["None", "warm-up"]


def test_an_allowed_finding_says_by_which_allowance():
    """Two may have the same reason; a block of the test is none."""
    rows = (*allow("nobody").allow, *allow(called="time.sleep").allow)
    both = Policy(allow=rows)
    assert one(both, calls=(call(),)).allowance == "* > time.sleep  # why (marker)"
    span = AcceptedSpan(began=0.5, ended=1.5, reason="why")
    assert one(both, calls=(call(began=1.0),), accepted=(span,)).allowance is None


# ----------------------------------------------------------- accepted spans


def test_what_the_test_paused_is_not_even_listed():
    """A span without a reason makes it as if it had not been."""
    span = AcceptedSpan(began=0.5, ended=2.5, reason=None)
    seen = found(calls=(call(began=1.0), call(began=3.0)), accepted=(span,))
    assert len(seen) == 1
    assert found(stalls=(stall((SLEEP,), began=1.0),), accepted=(span,)) == []


def test_a_stall_partly_paused_counts_with_the_rest():
    """What is left must itself be longer than the threshold."""
    span = AcceptedSpan(began=0.0, ended=0.95, reason=None)
    assert found(stalls=(stall((SLEEP,), seconds=1.0),), accepted=(span,)) == []
    short = AcceptedSpan(began=0.0, ended=0.2, reason=None)
    assert len(found(stalls=(stall((SLEEP,), seconds=1.0),), accepted=(short,))) == 1


def test_pauses_that_overlap_are_not_counted_twice():
    """As when one is cleared of in the middle of the other."""
    spans = [AcceptedSpan(began=began, ended=0.5, reason=None) for began in (-1.0, 0.0)]
    step = stall(*[(SLEEP,)] * 8, seconds=1.0)
    (one,) = found(stalls=(step,), accepted=spans)
    assert one.seconds == pytest.approx(0.5)


# --------------------------------------------------------------- starvation


def test_starved_time_is_forgiven_unless_strict():
    """The machine was busy elsewhere; the code was not slow."""
    step = stall((SLEEP,), seconds=0.5, starved=0.45, working=0.05, blocked=0.0)
    assert found(stalls=(step,)) == []
    assert len(found(Policy(starvation="strict"), stalls=(step,))) == 1


def test_where_starvation_is_unknown_the_stall_counts():
    """Nothing is forgiven that nobody saw."""
    assert len(found(stalls=(stall((SLEEP,), seconds=0.5, starved=None),))) == 1


@pytest.mark.parametrize("named", ["Thread.start", "start"])
def test_a_thread_that_is_not_let_run_is_starved_like_the_one_that_started_it(named):
    """Whoever starts a thread waits until it runs; Python 3.10 knows no classes."""
    starting = (
        standard("Event.wait", module="threading"),
        standard(named, module="threading"),
        user(),
    )
    step = stall(starting, seconds=0.5, starved=0.0, working=0.0, blocked=0.5)
    assert found(stalls=(step,)) == []
    assert len(found(Policy(starvation="strict"), stalls=(step,))) == 1


def test_the_helpers_make_what_the_instruments_make():
    """The hand-made facts are of the same types."""
    assert isinstance(stall(), LoopStall)
    assert isinstance(call(), BlockingCall)
    assert [s.at for s in samples((SLEEP,), (SLEEP,), seconds=3.0)] == [1.0, 2.0]


def test_a_library_that_waits_several_times_in_one_step_was_called_once():
    """Its waits are its own; a second step is a second call."""
    stack = (standard(), library(), user())
    waits = [call("socket.recv", began=at, step=0.0, stack=stack) for at in (0.0, 0.1)]
    later = call("socket.recv", began=5.0, stack=stack)
    assert one(calls=tuple(waits)).count == 1
    assert one(calls=(*waits, later)).count == 2
    assert one(calls=(call(step=0.0), call(began=0.1, step=0.0))).count == 2


# --------------------------------------------------- the garbage collector


STRICT = Policy(blocking="error", threshold=0.1, starvation="strict")


def test_the_garbage_collector_makes_no_stall():
    """It runs when it likes, for as long as the process is large."""
    met = (user(line=50, call="lib.small"),)
    collections = (Collection(began=0.01, seconds=0.95, stack=met),)
    assert found(stalls=(stall(met, collections=collections),)) == []


def test_what_it_left_of_a_stall_may_be_one():
    """Beside it the collector is named, and accepted."""
    met = (user(line=50, call="lib.small"),)
    half = (Collection(began=0.1, seconds=0.6, stack=met),)
    collected, own = found(stalls=(stall(met, collections=half),))
    assert (collected.call, own.call) == (GARBAGE, "lib.small")
    assert own.seconds == pytest.approx(0.4)
    assert collected.allowed is not None
    assert own.allowed is None


def test_strictly_the_garbage_collector_is_blamed_and_not_the_line_that_it_met():
    """With what to do about it."""
    met = (user(line=50, call="lib.small"),)
    collections = (Collection(began=0.01, seconds=0.95, stack=met),)
    (seen,) = found(STRICT, stalls=(stall(met, collections=collections),))
    assert (seen.kind, seen.call, seen.line) == ("stall", GARBAGE, 50)
    assert seen.seconds == pytest.approx(0.95)
    assert seen.allowed is None
    assert "gc.freeze()" in seen.advice


def test_a_finalizer_is_not_forgiven_with_the_collection_that_ran_it():
    """It is code like any other, and was seen at work."""
    met = (user(line=50, call="lib.small"),)
    finalizer = (user(line=7, function="Connection.__del__"), *met)
    collections = (Collection(began=0.01, seconds=0.95, stack=met),)
    assert found(stalls=(stall(finalizer, collections=collections),))


def test_a_collection_that_was_asked_for_is_the_lines_own():
    """It called gc.collect."""
    met = (user(line=50, call="gc.collect"),)
    asked = (Collection(began=0.01, seconds=0.95, stack=met, called=True),)
    seen = one(stalls=(stall(met, collections=asked),))
    assert (seen.call, seen.line) == ("gc.collect", 50)
    assert seen.advice.startswith("`gc.collect()` before the loop runs")


@pytest.mark.parametrize("called", [True, False])
def test_a_callback_in_c_has_no_frame_and_a_verdict_all_the_same(called):
    """The collector that was put into the queue itself, or one that came upon it."""
    collections = (Collection(began=0.01, seconds=0.95, stack=(), called=called),)
    seen = found(stalls=(stall((), task="gc.collect", collections=collections),))
    assert [one.call for one in seen] == (["gc.collect"] if called else [])
    assert all("before the loop runs" in one.advice for one in seen)


@pytest.mark.parametrize("name", ["_freeze_time.start", "start"])
def test_a_collection_within_a_tools_work_is_the_tools(name):
    """Freezegun's, under either name that an interpreter knows it by."""
    freezing = (library(name, "freezegun.api"), user())
    collections = (Collection(began=0.1, seconds=0.5, stack=freezing),)
    stacks = (freezing, (user(call="lib.small"),))
    seen = found(stalls=(stall(*stacks, collections=collections),))
    assert [one.call for one in seen] == ["lib.small"]


def test_a_collection_within_a_known_call_is_part_of_it():
    """Its time is not counted twice."""
    within = call(began=0.0, seconds=0.95)
    collections = (Collection(began=0.1, seconds=0.5, stack=(SLEEP,)),)
    seen = one(stalls=(stall((SLEEP,), collections=collections),), calls=(within,))
    assert (seen.call, seen.seconds) == ("time.sleep", 0.95)


def test_a_known_call_within_a_collection_is_named_alone():
    """A finalizer's; the collection took hardly any time of its own."""
    met = (user(line=50, call="gc.collect"),)
    finalizer = (user(line=40, function="__del__", call="time.sleep"), *met)
    within = call(began=0.02, seconds=0.9, stack=finalizer, step=0.0)
    asked = (Collection(began=0.01, seconds=0.95, stack=met, called=True),)
    seen = one(stalls=(stall(finalizer, collections=asked),), calls=(within,))
    assert (seen.call, seen.line, seen.seconds) == ("time.sleep", 40, 0.9)


# ------------------------------------------------------- what it waited for

LOCK = Wait(call="futex", on="a lock")
PEER = Wait(call="recvfrom", on="127.0.0.1:5432")


def waiting(*waits, stack=(SLEEP,)):
    """A stall of one second with these waits in its samples."""
    gap = 1.0 / (len(waits) + 1)
    shown = tuple(
        Sample(at=gap * (number + 1), stack=stack, wait=wait)
        for number, wait in enumerate(waits)
    )
    return LoopStall(began=0.0, seconds=1.0, samples=shown, task="Task-1", held_up=0)


def test_a_finding_has_the_waits_of_its_samples():
    """The one that was seen most often first."""
    seen = one(stalls=(waiting(LOCK, PEER, PEER, None),))
    assert seen.waits == ((PEER, 2), (LOCK, 1))


def test_a_known_call_has_the_waits_of_the_samples_within_it():
    """And not those of what filled the rest of the step."""
    stack = (user(line=50, call="socket.recv"),)
    within = call("socket.recv", began=0.3, seconds=0.7, stack=stack, step=0.0)
    seen = found(stalls=(waiting(LOCK, PEER, PEER),), calls=(within,))
    assert seen[0].waits == ((PEER, 2),)


def test_who_mostly_works_waited_for_nothing():
    """A short wait that was met by chance explains nothing."""
    assert one(stalls=(waiting(LOCK, None, None, None),)).waits == ()


def test_waits_at_one_place_are_added_up():
    """Over all the stalls of that place."""
    stalls = (waiting(LOCK, PEER), waiting(PEER, PEER))
    assert one(stalls=stalls).waits == ((PEER, 3), (LOCK, 1))


def test_a_stall_says_who_starved_it():
    """In all, and without a sample as well."""
    spent = {"seconds": 1.0, "working": 0.0, "blocked": 0.4, "starved": 0.6}
    whose = {"stopped": 0.2, "kept_out": 0.3}
    for stacks in ((), ((SLEEP,),)):
        seen = one(stalls=(stall(*stacks, **spent, **whose),))
        assert (seen.stopped, seen.kept_out) == (0.2, 0.3)


def test_what_we_took_of_a_step_is_nobodys():
    """It is taken off before a step is held against the threshold, and off its line."""
    seen = stall((user(),), seconds=0.5, ours=0.45)
    assert found(stalls=(seen,)) == []
    slow = one(stalls=(dataclasses.replace(seen, ours=0.25),))
    assert (slow.seconds, slow.step) == (0.25, 0.25)
