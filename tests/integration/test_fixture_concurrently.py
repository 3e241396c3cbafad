"""The `concurrently` fixture: run, compare, hold to a budget, clean up."""

from __future__ import annotations

import pytest

SUITE = """
import asyncio, time
import pytest
from pytest_asyncbench import BudgetExceeded, NotConcurrent, PolicyError, Run

async def give(value, seconds=0.0):
    await asyncio.sleep(seconds)
    return value

async def fail(error, seconds=0.0):
    await asyncio.sleep(seconds)
    raise error

def alone():
    return asyncio.all_tasks() == {asyncio.current_task()}

@pytest.mark.virtual_time
async def test_results(concurrently):
    run = await concurrently(give("a", 10), give("b", 1), lambda: give("c", 5))
    a, b, c = run
    assert (a, b, c) == ("a", "b", "c")
    assert isinstance(run, Run)
    assert run.order == (1, 2, 0)
    assert run.peak == 3
    assert (run.virtual, run.serial, run.speedup) == (10, 16, 1.6)
    assert [task.name.rpartition(".")[2] for task in run.tasks] == [
        "give[0]", "give[1]", "<lambda>"
    ]
    assert run.blocking == ()
    assert "give" in str(run)

async def test_in_real_time(concurrently):
    run = await concurrently.map(give, range(40), [0.1] * 40)
    assert list(run) == list(range(40))
    assert 0.1 <= run.wall < 10
    assert 1 < run.serial < 400
    assert run.speedup > 1.5
    assert run.virtual is None

async def test_names(concurrently):
    run = await concurrently({"user": give(1), "ads": lambda: give(2)})
    assert (run["user"], run["ads"], list(run)) == (1, 2, [1, 2])

@pytest.mark.virtual_time
async def test_map(concurrently):
    run = await concurrently.map(give, "abc", [2, 1, 0])
    assert list(run) == ["a", "b", "c"]
    assert run.order == (2, 1, 0)

def test_sync(concurrently):
    many = [give(number, 0.05) for number in range(40)]
    run = concurrently.run(*many, within=30, speedup=1.2)
    assert list(run) == list(range(40))

async def test_run_inside_a_loop(concurrently):
    with pytest.raises(RuntimeError, match="await concurrently"):
        concurrently.run(give(1))

async def test_limit(concurrently):
    run = await concurrently.map(give, range(6), [0.01] * 6, limit=2)
    assert (run.peak, list(run)) == (2, list(range(6)))

@pytest.mark.virtual_time
async def test_peak_of_no_time(concurrently):
    run = await concurrently.map(give, range(6), [0] * 6)
    assert (run.virtual, run.peak) == (0, 6)
    run = await concurrently.map(give, range(6), [0] * 6, limit=2)
    assert (run.virtual, run.peak) == (0, 2)

async def test_within(concurrently):
    with pytest.raises(BudgetExceeded) as caught:
        await concurrently(give(1), give(2, 60), within=0.15)
    assert "budget 0.150 s (concurrently())" in str(caught.value)
    assert "await asyncio.sleep(seconds)" in str(caught.value)
    assert alone()

async def test_speedup(concurrently):
    with pytest.raises(NotConcurrent, match="promised at least 5"):
        await concurrently(give(1, 0.05), give(2, 0.05), speedup=5)
    await concurrently.map(give, range(40), [0.1] * 40, speedup=1.5)

async def test_blocking_is_named(concurrently):
    async def nap():
        time.sleep(0.05)
    with pytest.raises(NotConcurrent, match="time.sleep|busy for"):
        await concurrently(nap, nap, speedup=1.5)

async def test_measured(concurrently):
    started = []
    async def work():
        started.append(1)
        await asyncio.sleep(0.05)
    run = await concurrently(*[work] * 6, serial="measured")
    assert len(started) == 12
    assert 0.3 <= run.serial < 30
    assert run.wall < run.serial

async def test_measured_past_failures(concurrently):
    error = ValueError("mine")
    run = await concurrently(
        lambda: fail(error, 0.01),
        lambda: give(1, 0.01),
        serial="measured",
        return_exceptions=True,
    )
    assert list(run) == [error, 1]
    assert run.serial >= 0.02

async def test_a_skip_hides_no_failure(concurrently):
    async def skips():
        pytest.skip("not today")
    async def fails():
        raise KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        await concurrently(skips(), fails())

async def ask(requests, number):
    answer = asyncio.get_running_loop().create_future()
    requests.put_nowait((number, answer))
    return await answer

@pytest.mark.virtual_time
@pytest.mark.parametrize("workers", [1, 2])
async def test_workers_that_the_body_started(concurrently, workers):
    requests = asyncio.Queue()
    async def work():
        while True:
            number, answer = await requests.get()
            await asyncio.sleep(1)
            answer.set_result(number)
    running = [asyncio.create_task(work()) for _ in range(workers)]
    run = await concurrently(*(ask(requests, number) for number in range(4)))
    assert list(run) == [0, 1, 2, 3]
    assert run.speedup == pytest.approx(workers, rel=0.01)
    for task in running:
        task.cancel()

@pytest.mark.virtual_time
async def test_a_reader_that_the_body_started(concurrently):
    answers = [asyncio.get_running_loop().create_future() for _ in range(4)]
    async def read():
        await asyncio.sleep(1)  # for what comes from outside, and is of all of them
        for answer in answers:
            answer.set_result(None)
    running = asyncio.create_task(read())
    async def wait(answer):
        await answer
    run = await concurrently(*(wait(answer) for answer in answers))
    assert run.speedup == pytest.approx(4, rel=0.01)
    await running

async def test_given(concurrently):
    run = await concurrently(give(1, 0.05), serial=100)
    assert run.serial == 100.0

async def test_first_exception(concurrently):
    with pytest.raises(KeyError, match="first"):
        await concurrently(
            fail(ValueError("later"), 60), fail(KeyError("first"), 0.01), give(1, 60)
        )
    assert alone()

async def test_further_exceptions(concurrently):
    async def clean_up_badly():
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("second")
    with pytest.raises(KeyError) as caught:
        await concurrently(fail(KeyError("first"), 0.01), clean_up_badly())
    assert "ValueError: second" in caught.value.__notes__[0]

async def test_return_exceptions(concurrently):
    run = await concurrently(fail(KeyError("x")), give(1, 0.02), return_exceptions=True)
    assert isinstance(run[0], KeyError)
    assert isinstance(run.tasks[0].exception, KeyError)
    assert (run[1], run.tasks[1].exception) == (1, None)

async def test_cancelled_from_outside(concurrently):
    outer = asyncio.create_task(concurrently(give(1, 60), give(2, 60)))
    await asyncio.sleep(0.02)
    outer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await outer
    assert alone()

async def test_timeout_around(concurrently):
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(concurrently(give(1, 60)), 0.05)
    assert alone()

async def test_nested(concurrently):
    async def inner():
        return list(await concurrently(give(1, 0.01), give(2, 0.01)))
    run = await concurrently(inner, inner)
    assert list(run) == [[1, 2], [1, 2]]

@pytest.mark.parametrize("options, error, text", [
    ({"within": "soon"}, PolicyError, "'soon' is no duration"),
    ({"within": 0}, PolicyError, "more than zero"),
    ({"speedup": -1}, PolicyError, "promises nothing"),
    ({"speedup": 0.5}, PolicyError, "promises nothing"),
    ({"serial": "guessed"}, PolicyError, "'guessed' is not known"),
    ({"serial": "measurd"}, PolicyError, "did you mean 'measured'"),
    ({"serial": 0}, PolicyError, "more than zero"),
    ({"serial": "measured"}, TypeError, "can be awaited once"),
    ({"limit": 0}, PolicyError, "1 or more"),
    ({"limit": True}, PolicyError, "1 or more"),
    ({"limit": "4"}, PolicyError, "'4' is no number"),
    ({"limit": 1.5}, PolicyError, "1.5 is no number"),
    ({"widthin": 1}, TypeError, "widthin"),
])
async def test_bad_options(concurrently, options, error, text):
    work = give(1)
    with pytest.raises(error, match=text):
        await concurrently(work, **options)
    assert work.cr_frame is None or work.close() is None

async def test_bad_work(concurrently):
    work, other = give(1), give(2)
    with pytest.raises(ValueError, match="twice"):
        await concurrently(work, other, work)
    assert work.cr_frame is other.cr_frame is None
    work = give(1)
    with pytest.raises(TypeError, match="argument 2 is 42"):
        await concurrently(work, 42)
    assert work.cr_frame is None
    with pytest.raises(ValueError, match="nothing to run"):
        await concurrently()
    with pytest.raises(TypeError, match="without arguments"):
        await concurrently(give)

async def test_never_started(concurrently):
    never = [give(n) for n in range(3)]
    with pytest.raises(KeyError):
        await concurrently(fail(KeyError("x")), *never, limit=1)
    assert all(work.cr_frame is None for work in never)

async def test_uncaught(concurrently):
    await concurrently(give(1, 60), within=0.15)

async def test_uncaught_failure(concurrently):
    await concurrently(give(1, 0.01), fail(KeyError("mine"), 0.02))

async def test_unused(concurrently):
    pass

@pytest.mark.budget(30, speedup=1.5)
async def test_with_a_marker(concurrently):
    await concurrently.map(give, range(40), [0.1] * 40)
"""


@pytest.fixture
def suite(play):
    # -W error: a coroutine that was never awaited would fail its test.
    return play(SUITE, "-W", "error")


def test_every_use_is_right(suite):
    """What each inner test asserts of its runs holds; two are meant to fail."""
    failed = {n for n, outcome in suite.outcomes.items() if outcome != "passed"}
    assert failed == {"test_uncaught", "test_uncaught_failure"}, suite.out


def test_an_overrun_is_shown_with_the_users_line(suite):
    """Promise and fact in the headline, and where each task stood."""
    text = suite["test_uncaught"].text
    assert "BudgetExceeded: wall clock " in text
    assert ", budget 0.150 s (concurrently())" in text
    assert "await concurrently(give(1, 60), within=0.15)" in text
    assert "await asyncio.sleep(seconds)" in text


def test_the_short_summary_has_the_figure_first(suite):
    """And no name of a package before it, which takes half of a line."""
    told = [line for line in suite.lines if line.startswith("FAILED ")]
    begin = "FAILED test_it.py::test_uncaught - wall clock "
    assert any(line.startswith(begin) for line in told)


def test_a_failure_is_raised_as_itself(suite):
    """With the line in the user's coroutine."""
    text = suite["test_uncaught_failure"].text
    assert "KeyError: 'mine'" in text
    assert "raise error" in text


def test_the_record_has_the_speedup_of_a_marked_test(suite):
    """The tasks of the fixture are those that the body started."""
    assert suite["test_with_a_marker"].record["speedup"] > 1.5


POINTED_AT = """
import asyncio
import pytest

async def give(seconds=0.0):
    await asyncio.sleep(seconds)

async def fail():
    try:
        {}[1]
    except KeyError:
        raise ValueError("mine")

async def test_within(concurrently):
    await concurrently(give(9), within=0.15)  # here

async def test_map(concurrently):
    await concurrently.map(give, [9, 9], within=0.15)  # here

def test_run(concurrently):
    concurrently.run(give(9), within=0.15)  # here

async def test_speedup(concurrently):
    await concurrently(give(0.05), give(0.05), speedup=9)  # here

def test_run_speedup(concurrently):
    concurrently.run(give(0.05), give(0.05), speedup=9)  # here

async def test_list(concurrently):
    await concurrently([give(), give()])  # here

async def test_lambda(concurrently):
    await concurrently(lambda: 1)  # here

def test_run_lambda(concurrently):
    concurrently.run(lambda: 1)  # here

def test_run_limit(concurrently):
    concurrently.run(give(), limit=0)  # here

async def test_option(concurrently):
    await concurrently(give(), within="soon")  # here

async def test_measured(concurrently):
    await concurrently(fail, serial="measured")  # here

def test_run_failure(concurrently):
    concurrently.run(fail())  # here
"""
POINTED_AT_THE_TEST = [
    part.partition("(")[0] for part in POINTED_AT.split("def ") if part[:5] == "test_"
]


@pytest.fixture
def pointed_at(play):
    # -W error: work that was handed over and never awaited would fail its test.
    return play(POINTED_AT, "-W", "error", "--tb=short")


@pytest.mark.parametrize("name", POINTED_AT_THE_TEST)
def test_a_failure_points_at_the_tests_line(pointed_at, name):
    """Whoever finds it out: none of the plugin's, nor of what runs a loop, is shown."""
    told = pointed_at[name]
    assert told.outcome == "failed"
    frames = [line for line in told.lines if ".py:" in line and ": in " in line]
    assert any(line.endswith(f": in {name}") for line in frames)
    assert "# here" in told.text
    assert frames[-1].startswith("test_it.py:")
    assert "pytest_asyncbench/" not in told.text
    assert "_entered" not in told.text, "no task is called by a function of ours"
    assert "runners.py" not in told.text
    assert "never awaited" not in told.text


@pytest.mark.parametrize("name", ["test_measured", "test_run_failure"])
def test_a_failure_of_a_coroutine_keeps_its_line_and_its_context(pointed_at, name):
    """Only what stands between the test and the coroutine is left out."""
    text = pointed_at[name].text
    assert 'raise ValueError("mine")' in text
    assert "KeyError: 1" in text
    assert "During handling of the above exception" in text


FORGOTTEN = """
import asyncio
import pytest

async def give(seconds=0.0):
    await asyncio.sleep(seconds)

async def test_call(concurrently):
    concurrently(give(), give())

async def test_map(concurrently):
    run = concurrently.map(give, [0, 0])

def test_sync(concurrently):
    concurrently({"one": give()})

async def test_fails(concurrently):
    concurrently(give())
    raise KeyError("mine")

async def test_awaited(concurrently):
    later = concurrently(give())
    await asyncio.gather(concurrently.map(give, [0]), later)
    started = asyncio.create_task(concurrently(give()))
    await started

async def test_cancelled_before_it_began(concurrently):
    started = asyncio.create_task(concurrently(give()))
    started.cancel()
    await asyncio.wait([started])
"""


@pytest.fixture
def forgotten(play):
    # -W error: what was never awaited would fail its test in any case.
    return play(FORGOTTEN, "-W", "error")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("test_call", "concurrently(give(), give())"),
        ("test_map", "run = concurrently.map(give, [0, 0])"),
        ("test_sync", 'concurrently({"one": give()})'),
        ("test_fails", "concurrently(give())"),
    ],
)
def test_a_run_that_nobody_awaits_fails_its_test(forgotten, name, line):
    """It has promised nothing and run nothing; the line that lacks the `await`."""
    told = forgotten[name]
    assert told.outcome == "failed"
    assert "concurrently() was not awaited, so nothing was run" in told.text
    assert line in told.lines
    assert "use: await concurrently(...)" in told.text
    assert told.record["violations"][-1]["kind"] == "unawaited"
    assert "never awaited" not in forgotten.out


def test_a_forgotten_run_hides_no_failure_of_the_tests_own(forgotten):
    """It is only added to that."""
    assert "KeyError: 'mine'" in forgotten["test_fails"].text


@pytest.mark.parametrize("name", ["test_awaited", "test_cancelled_before_it_began"])
def test_a_run_that_is_awaited_later_or_by_another_task_is_none(forgotten, name):
    """Whoever awaits it, and also where that is cancelled first."""
    assert forgotten[name].outcome == "passed"


UNEQUAL = """
import asyncio, itertools

async def give(*values):
    return values

async def test_unequal(concurrently):
    await concurrently.map(give, [1, 2, 3], "ab")

async def test_endless(concurrently):
    await concurrently.map(give, [1, 2], itertools.count())

async def test_number(concurrently):
    await concurrently.map(give, "ab", 2)

async def test_called(concurrently):
    await concurrently.map(give(1), [1])

async def test_equal(concurrently):
    run = await concurrently.map(give, iter([1, 2]), "ab")
    assert list(run) == [(1, "a"), (2, "b")]

async def test_misspelt(concurrently):
    await concurrently.map(give, [1], wihtin=3)

def test_run_misspelt(concurrently):
    concurrently.run(give(), wihtin=3)

async def test_call_misspelt(concurrently):
    await concurrently(give(), wihtin=3)
"""


@pytest.fixture
def unequal(play_once):
    return play_once(UNEQUAL, "-W", "error")


def test_iterables_of_unequal_length_are_refused(unequal):
    """None of their items is left out in silence; equal ones may be of any kind."""
    text = unequal["test_unequal"].text
    assert "unequal length: number 2 ends after 2 items, number 1 does not" in text
    text = unequal["test_endless"].text
    assert "unequal length: number 1 ends after 2 items, number 2 does not" in text
    assert unequal["test_equal"].outcome == "passed"


@pytest.mark.parametrize("name", ["test_unequal", "test_number"])
def test_what_is_wrong_with_iterables_is_told_at_the_tests_line(unequal, name):
    """No line of the plugin's is shown, and it is said which of them is none."""
    told = unequal[name]
    assert "concurrently.py" not in told.text
    if name == "test_number":
        assert "can't go through iterable number 2: 'int' object" in told.text


def test_what_a_function_gives_in_its_place_is_told_at_the_tests_line(unequal):
    """And that it is the function that is wanted; a coroutine is closed."""
    text = unequal["test_called"].text
    assert "concurrently.map() can't call <coroutine object give at " in text
    assert "a function is accepted, which is called for each item" in text
    assert "concurrently.py" not in text
    assert "never awaited" not in unequal.out


@pytest.mark.parametrize(
    "name", ["test_misspelt", "test_run_misspelt", "test_call_misspelt"]
)
def test_a_misspelt_argument_is_told_with_the_accepted_ones(unequal, name):
    """Whichever way the work is handed over; and that is closed."""
    text = unequal[name].text
    assert "no argument 'wihtin' (did you mean 'within'?); accepted: within, " in text
    assert "never awaited" not in unequal.out


UNNAMED = """
import pytest

@pytest.mark.parametrize("name", ["blocking_calls", "concurrently"])
def test_late(request, name):
    request.getfixturevalue(name)
"""


@pytest.mark.parametrize("name", ["blocking_calls", "concurrently"])
def test_who_asks_too_late_is_told_how_to_ask(play_once, name):
    """A test that is not watched from its start has nothing to give."""
    (line,) = play_once(UNNAMED)[f"test_late[{name}]"].lines
    assert line.startswith(f"{name} needs a test that is watched from its start: ")
