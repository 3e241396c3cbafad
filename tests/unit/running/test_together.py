"""Running several coroutines at once: what is accepted, started, limited, cancelled."""

from __future__ import annotations

import asyncio
import functools
import gc
import warnings

import pytest

from pytest_asyncbench._running.together import (
    Job,
    Together,
    close_unstarted,
    in_turn,
    jobs_from,
)


async def give(value, turns=0):
    """Give a value after so many turns of the loop: no real time passes."""
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


async def fail(error, turns=0):
    await give(None, turns)
    raise error


async def forever():
    await asyncio.get_running_loop().create_future()


def run(*work, **settings):
    """Run work together in a loop of its own; give the Together and any error."""

    async def main():
        together = Together(jobs_from(work), **settings)
        try:
            await asyncio.wait_for(together.run(), 30)
        finally:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert left == set(), "nothing outlives it"
        return together

    return asyncio.run(main())


def results(together):
    return [task.result() for task in together.tasks]


# ------------------------------------------------------- what is accepted


def test_a_task_has_the_coroutine_of_a_function_that_only_makes_one():
    """Whatever else is called runs in its task, and so does what is called wrongly."""

    class Has:
        async def one(self):
            return "of a method"

    work = (forever, functools.partial(give, 1), Has().one)
    made = [job.coroutine() for job in jobs_from(work)]
    assert [one.__qualname__.rpartition(".")[2] for one in made] == [
        "forever",
        "give",
        "one",
    ]
    close_unstarted(made)
    together = run(lambda: give(2), Has().one, functools.partial(give, 3))
    assert results(together) == [2, "of a method", 3]
    together = run(functools.partial(give, 1, 2, 3), give(4), keep_going=True)
    assert isinstance(together.tasks[0].exception(), TypeError)
    assert together.tasks[1].result() == 4


def test_coroutines_callables_and_awaitables_are_jobs():
    """Each under the name of its function or type, numbered where two are alike."""

    async def main():
        future = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(give(1), name="mine")
        coroutine = give(2)
        jobs = jobs_from([coroutine, lambda: give(3), functools.partial(give, 4)])
        assert [job.name for job in jobs] == ["give[0]", "<lambda>", "give[2]"]
        assert [job.repeatable for job in jobs] == [False, True, True]
        assert [job.name for job in jobs_from([future, task])] == ["Future", "mine"]
        close_unstarted([coroutine])
        await task

    asyncio.run(main())


def test_a_task_that_nobody_named_is_called_by_its_coroutine():
    """As everywhere, and not by what awaits it for us."""

    async def main():
        task = asyncio.create_task(give(1))
        (job,) = jobs_from([task])
        assert job.name == f"give ({task.get_name()})"
        await task

    asyncio.run(main())


def test_a_mapping_names_its_jobs():
    """One mapping alone; its values are what it would be given without."""
    assert [j.name for j in jobs_from([{"user": lambda: give(1), 2: forever}])] == [
        "user",
        "2",
    ]


def test_nothing_to_run_is_refused():
    """An empty call is a mistake, no success."""
    for nothing in ([], [{}]):
        with pytest.raises(ValueError, match="given nothing to run"):
            jobs_from(nothing)


def test_a_coroutine_given_twice_is_refused():
    """By the name that it has."""
    coroutine = give(1)
    with pytest.raises(ValueError, match=r"the same coroutine 'give\[1\]' twice"):
        jobs_from([coroutine, coroutine])
    coroutine.close()


def test_a_callable_may_be_given_twice():
    """It makes a new coroutine each time."""
    work = functools.partial(give, 7)
    assert results(run(work, work)) == [7, 7]


@pytest.mark.parametrize("wrong", [42, "text", None, [1]])
def test_what_can_be_neither_awaited_nor_called_is_refused(wrong):
    """Its place among the arguments, itself, and what is accepted."""
    with pytest.raises(TypeError) as caught:
        jobs_from([forever, wrong])
    text = str(caught.value)
    assert text.startswith(f"concurrently() argument 2 is {wrong!r}; a coroutine")


def test_a_callable_that_needs_arguments_is_refused():
    """At once, not when it is its turn."""
    with pytest.raises(TypeError, match=r"argument 1, give, can't be called without"):
        jobs_from([give])


@pytest.mark.parametrize(
    ("container", "shown"),
    [
        (list, "a list of 2"),
        (tuple, "a tuple of 2"),
        (set, "a set of 2"),
        (lambda works: dict(zip("ab", works, strict=True)), "a dict of 2"),
    ],
)
def test_several_in_one_argument_are_counted_and_closed(container, shown):
    """Not spelt out; what to write instead is said, and nothing is left unawaited."""
    works = [give(1), give(2)]
    given = [forever, container(works)]
    with pytest.raises(TypeError, match=f"argument 2 is {shown}; .* is accepted; "):
        jobs_from(given)
    close_unstarted(given)
    assert [work.cr_frame for work in works] == [None, None]


def test_a_generator_of_work_is_to_be_unpacked():
    """Nothing is taken from it."""
    with pytest.raises(TypeError, match=r"is the generator <genexpr>; .*y\(\*items\)"):
        jobs_from([(give(1) for _ in "ab")])


def test_an_asynchronous_generator_is_to_be_iterated_over():
    """It is no coroutine, though `async def` began it."""

    async def numbers():
        yield 1

    with pytest.raises(TypeError, match=r"async_generator numbers; .*with async for"):
        jobs_from([numbers()])


def test_what_is_wrong_in_a_mapping_is_named_by_its_key():
    """It has no place among the arguments."""
    with pytest.raises(TypeError, match=r"concurrently\(\) argument 'user' is 42; "):
        jobs_from([{"ads": forever, "user": 42}])


def test_a_long_value_is_not_spelt_out():
    """The line still says what it is."""
    with pytest.raises(TypeError) as caught:
        jobs_from(["x" * 10_000])
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("given", "argument"),
    [((forever, lambda: 42), "2, <lambda>"), (({"ads": lambda: 42},), "'ads', ads")],
)
def test_a_callable_that_returns_nothing_awaitable_fails_as_that_job(given, argument):
    """By its place or key, with what it returned."""
    with pytest.raises(TypeError, match="await") as caught:
        run(*given).tasks[-1].result()
    assert str(caught.value).startswith(
        f"concurrently() argument {argument}, returned 42, "
    )


def test_a_callable_that_returns_a_list_of_work_is_told_and_the_work_closed():
    """The list can be unpacked."""
    works = [give(1), give(2)]
    with pytest.raises(TypeError, match=r"returned a list of 2, .*unpack it"):
        results(run(lambda: works))
    assert [work.cr_frame for work in works] == [None, None]


# ----------------------------------------------------------------- running


def test_results_come_in_the_order_given_and_order_tells_who_ended_when():
    """Whoever ends first."""
    together = run(give("a", 9), give("b", 0), give("c", 4))
    assert results(together) == ["a", "b", "c"]
    assert together.order == [1, 2, 0]


def test_all_are_in_flight_at_once():
    """Each waits for all the others, which in a row would never end."""

    async def main():
        arrived = []
        everybody = asyncio.Event()

        async def meet():
            arrived.append(1)
            if len(arrived) == 3:
                everybody.set()
            await everybody.wait()

        await Together([Job("m", meet) for _ in range(3)]).run()
        return len(arrived)

    assert asyncio.run(main()) == 3


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_limit_holds(limit):
    """No more than so many at once, and that many."""
    flying, most = 0, 0

    async def fly():
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0)
        flying -= 1

    together = run(*[lambda: fly() for _ in range(7)], limit=limit)
    assert most == limit
    assert len(together.tasks) == 7


def test_each_has_its_own_context_variables():
    """What one sets, no other sees."""
    from contextvars import ContextVar

    variable = ContextVar("variable", default=0)

    async def count():
        variable.set(variable.get() + 1)
        await asyncio.sleep(0)
        return variable.get()

    assert results(run(count, count)) == [1, 1]


# ---------------------------------------------------- failures and the rest


def test_where_one_fails_the_rest_is_cancelled_and_awaited():
    """Including the clean-up of the rest."""
    cleaned = []

    async def tidy():
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    together = run(tidy(), fail(KeyError("x"), 1), tidy())
    assert cleaned == [True, True]
    assert [task.cancelled() for task in together.tasks] == [True, False, True]
    assert isinstance(together.tasks[1].exception(), KeyError)


def test_one_that_fails_just_before_it_would_be_cancelled_has_ended_too():
    """Its failure is not lost, though the loop has not told of its end yet."""

    async def main():
        together = Together(jobs_from([fail(KeyError("x")), fail(ValueError("y"), 1)]))
        await together.run()
        assert together.order == [0, 1]
        assert isinstance(together.tasks[1].exception(), ValueError)

    asyncio.run(main())


def test_keeping_going_lets_the_rest_end():
    """One failure stops nobody."""
    together = run(fail(KeyError("x")), give("late", 5), keep_going=True)
    assert together.tasks[1].result() == "late"


def test_what_was_not_started_when_one_failed_is_closed_unwarned():
    """A limit leaves coroutines that were never awaited; nobody is to be warned."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        coroutines = [fail(KeyError("x")), give(1), give(2)]
        together = run(*coroutines, limit=1)
        gc.collect()
    assert len(together.tasks) == 1
    assert coroutines[2].cr_frame is None


def test_cancelling_the_whole_cancels_each():
    """And the cancellation goes on outwards once they have ended."""
    ended = []

    async def main():
        async def tidy():
            try:
                await forever()
            finally:
                await give(None, 3)
                ended.append(True)

        outer = asyncio.create_task(Together([Job("t", tidy)] * 2).run())
        await give(None, 2)
        outer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await outer
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert ended == [True, True]


def test_one_that_ignores_its_cancellation_is_waited_for():
    """It is told again, and not left behind."""
    ends = []

    async def stubborn():
        for _ in range(2):
            try:
                await forever()
            except asyncio.CancelledError:
                ends.append("caught")
                await give(None, 2)
                break
        ends.append("done")

    run(stubborn(), fail(KeyError("x"), 2))
    assert ends == ["caught", "done"]


def test_expiring_cancels_what_is_still_in_flight():
    """And only that is called expired."""

    async def main():
        together = Together(jobs_from([give("quick"), forever()]))
        asyncio.get_running_loop().call_later(0.01, together.expire)
        await together.run()
        return together

    together = asyncio.run(main())
    assert together.expired
    assert [task.cancelled() for task in together.tasks] == [False, True]
    together.expire()
    assert not run(give(1)).expired


def test_expiring_again_cancels_what_caught_its_cancellation():
    """As often as it is called: a job may catch several."""
    caught = []

    async def stubborn():
        for _ in range(3):
            try:
                await forever()
            except asyncio.CancelledError:
                caught.append(1)
        await forever()

    async def main():
        together = Together(jobs_from([stubborn()]))
        running = asyncio.ensure_future(together.run())
        while not running.done():
            await give(None, 2)
            together.expire()
        return together

    together = asyncio.run(main())
    assert together.tasks[0].cancelled()
    assert len(caught) == 3


# ---------------------------------------------------------------- the rest


def test_only_coroutines_that_never_began_are_closed():
    """One that is in the middle belongs to somebody."""
    fresh, begun = give(1), give(1, 5)
    begun.send(None)
    close_unstarted([fresh, begun, {"named": (named := give(2))}, forever, 42])
    assert fresh.cr_frame is named.cr_frame is None
    assert begun.cr_frame is not None
    begun.close()


def test_in_turn_runs_one_after_another():
    """In the order given, and never two at once."""
    flying, done = [], []

    async def work(number):
        assert flying == []
        flying.append(number)
        await asyncio.sleep(0)
        done.append(flying.pop())

    jobs = [Job("w", functools.partial(work, number)) for number in range(3)]
    asyncio.run(in_turn(jobs))
    assert done == [0, 1, 2]
