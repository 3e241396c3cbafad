"""Run one test under many schedules, once it has passed in asyncio's own order.

The first run is the test's ordinary call, watched as ever. The further ones are only
looked at for whether they fail: each has fresh fixtures of the test's own, a fresh
loop, and the time of its own budget.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.copies import in_copies
from pytest_asyncbench._glue.fixtures import OURS, fixtures_of
from pytest_asyncbench._loops import AnyTask
from pytest_asyncbench._policy.replaying import seed_of
from pytest_asyncbench._reports.budgets import OF_PHASE
from pytest_asyncbench._running import (
    AsksForMore,
    Explorer,
    Holdings,
    Order,
    RunsOn,
    Sweep,
    run_alone,
    told,
    unrepeatable,
)
from pytest_asyncbench._words.cancellations import Swept
from pytest_asyncbench._words.clock import SYSTEM_CLOCK
from pytest_asyncbench._words.errors import BudgetExceeded, UnmeasuredError
from pytest_asyncbench._words.explored import Cancelled, Explored, Leak, Leaked
from pytest_asyncbench._words.schedules import Schedule
from pytest_asyncbench._words.seen import Frame
from pytest_asyncbench._words.undo import Undo
from pytest_asyncbench._words.units import seconds

if TYPE_CHECKING:
    from pytest_asyncbench._glue.trial import Trial
    from pytest_asyncbench._words.promised import Policy, When

__all__ = ["Exploring"]

_Test = Callable[[], Coroutine[Any, Any, None]]

_BY_THEMSELVES = frozenset({"virtual_clock"})
"""The fixtures of ours that need not be made anew."""

_DROPS = 50
"""After so many runs what they have printed and logged is dropped."""

_FAILURES = (Exception, pytest.fail.Exception)
"""`pytest.fail`, and with it `pytest.raises`, raises what is no Exception."""


class Exploring:
    """One test under many schedules.

    Args:
        item: the test.
        trial: its trial, with its policy.
        first: a schedule that is tried before all others, since it failed before.
    """

    def __init__(
        self, item: pytest.Item, trial: Trial, first: Schedule | None = None
    ) -> None:
        self._item = item
        self._trial = trial
        policy = trial.watched.policy
        self._policy: Policy = policy
        free = policy.schedules_timers == "free"
        # One whose timers are free is nothing to a test whose timers are not, any more.
        self._first = first if first is not None and free >= first.free else None
        seed = policy.schedules_seed
        if seed is None:
            seed = seed_of(item.nodeid)
        elif seed == "random":
            seed = random.SystemRandom().getrandbits(32)
        self._explorer = Explorer(
            runs=policy.schedules or 1,
            seed=seed,
            within=policy.schedules_within,
            clock=SYSTEM_CLOCK,
            free=free,
        )
        self._runs = 0
        self._alone: _Test | None = None
        """The test as a coroutine function, while it needs nothing else."""
        self._replayed: Order | None = None
        self._refused: UnmeasuredError | None = None
        self.own: BaseException | None = None
        """What the tear-down of the first run has failed with."""
        self._holdings = Holdings()
        self._leaks: Counter[str] = Counter()
        """In how many runs each was seen."""
        self._places: dict[str, Frame] = {}
        """Where a task that was left waited, at first."""
        self._looked_at = 0
        """In how many it was looked for."""

    # --------------------------------------------------------- the first run

    def begin(self) -> Undo:
        """Have the test's ordinary call be the first run; return what ends that."""
        order, replay = self._explorer.own_order(), self._policy.replay
        if replay is not None:
            order = self._replayed = Order(replay.schedule)
            order.counts = True
            order.begin()
        with ExitStack() as undo:
            undo.enter_context(self._holdings.noting(only_made=True))
            try:
                undo.enter_context(self._ordered(order))
            except UnmeasuredError as error:
                self._refused = error
            return undo.pop_all().close

    @property
    def refused(self) -> UnmeasuredError | None:
        """Why the test can't be run in another order, after the first run."""
        if self._refused is None and not self._explorer.own_order().queues:
            return UnmeasuredError(
                "not run in another order: no event loop ran in this test"
            )
        return self._refused

    @contextmanager
    def _ordered(self, order: Order) -> Iterator[None]:
        """Have the test's loops run in an order."""
        time, loop = self._trial.watched.time, host.loop_of(self._item)
        with ExitStack() as undo:
            time.order = order.bring
            undo.callback(setattr, time, "order", None)
            if loop is not None:
                undo.callback(order.bring(loop))
            yield

    # ------------------------------------------------------ the further ones

    def explore(self) -> Explored:
        """Run the test under further schedules, until one fails or all are seen."""
        explorer = self._explorer
        self._choose_a_way()
        if not self._first_is_over():
            return Explored(runs=1)
        with self._apart():
            found = explorer.explore(self._run, self._first)
            if found.failure is None and found.problem is None:
                without = self._leave_as_it_was()
                if without is not None:
                    found = replace(found, problem=unrepeatable(without))
            return found

    def sweep(self) -> tuple[Swept, list[Cancelled]]:
        """Run the test with each of its tasks cancelled at each of their awaits."""
        asked = self._policy.cancellations
        assert asked is not None
        self._choose_a_way()
        if not self._first_is_over():
            return Swept(points=0, tried=0, failed=0), []
        with self._apart():
            swept = Sweep(asked.tasks, partial(self._broken, asked.check)).sweep(
                self._run
            )
            self._leave_as_it_was()
            return swept

    def _first_is_over(self) -> bool:
        """Tear down what the first run was set up with; tell if that went well.

        It is watched, as an ordinary test's is: what blocks in it is told of when
        pytest's own tear-down is over.
        """
        order, loop = self._explorer.own_order(), host.loop_of(self._item)
        if self._alone is not None and loop is not None:
            order.over(loop)
        elif host.is_set_up(self._item):
            leave = self._trial.watched.fixtures()
            try:
                self._tear_down(order)
            except _FAILURES as error:
                self.own = error
            finally:
                leave()
        # Of others it is not known which of the tasks in their loop is the test.
        if self._runs == 0 and (loop is not None or not host.is_async(self._item)):
            self._note_leaks(order)
        return self.own is None

    def _tear_down(self, order: Order) -> None:
        """Tear down what the test was set up with, and see what is left then."""
        with self._held_to_budget("teardown"), ExitStack() as undo:
            undo.callback(order.closing())
            host.tear_down_alone(self._item)

    def _note_leaks(self, order: Order) -> None:
        """Count what a run has left that went well."""
        self._looked_at += 1
        taken = self._holdings.taken()
        if not taken and not order.leaks:
            return
        self._leaks.update({*told(taken, compared=False)})
        self._leaks.update({leak.what for leak in order.leaks})
        for leak in order.leaks:
            if leak.place is not None:
                self._places.setdefault(leak.what, leak.place)

    @property
    def leaks(self) -> tuple[Leaked, ...]:
        """What runs have left when they were over, what was seen most often first."""
        return tuple(
            Leaked(
                leak=Leak(what=what, place=self._places.get(what)),
                runs=runs,
                of=self._looked_at,
            )
            for what, runs in self._leaks.most_common()
        )

    def _leave_as_it_was(self) -> BaseException | None:
        """Have pytest tear down a run in asyncio's own order; give what that ends with.

        A fixture may well ask then for what only a whole run has brought about.
        """
        if self._alone is not None:
            return None
        return self._held(partial(self._body, Order()))

    def _broken(self, check: Callable[..., Any] | None) -> Iterator[str]:
        """Tell if what a test's own check says does not hold."""
        if check is None:
            return
        given = getattr(self._item, "funcargs", {})
        wanted = inspect.signature(check).parameters
        try:
            held = check(**{name: given[name] for name in wanted if name in given})
        except _FAILURES as error:
            # What pytest adds to an assertion's own words follows in further lines.
            said = str(error).partition("\n")[0]
            yield f"check: {type(error).__name__}: {said}"
        else:
            if held is False:
                yield f"check: {getattr(check, '__name__', check)} gave False"

    def _choose_a_way(self) -> None:
        virtual = self._trial.watched.time.virtual is not None
        if virtual and not self._explorer.needs_a_whole_loop:
            self._alone = host.function_alone(self._item, _BY_THEMSELVES)

    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Make what further runs need, and take off what they do not."""
        with self._holdings.noting(only_made=True), self._unwatched():
            yield

    @contextmanager
    def _unwatched(self) -> Iterator[None]:
        """Take our instruments off, unless the test itself asks for what they see."""
        watched = self._trial.watched
        if OURS.isdisjoint({*fixtures_of(self._item)} - _BY_THEMSELVES):
            watched.watch.stop()
        else:
            with watched.watch.accepting(None):
                yield
            return
        yield

    def _run(self, order: Order) -> BaseException | None:
        """Run the test once more in an order; give what it fails with."""
        self._holdings.begin()
        failure = self._failure_of(order)
        if failure is None and not order.is_disturbed:
            self._note_leaks(order)
        return failure

    def _failure_of(self, order: Order) -> BaseException | None:
        self._runs += 1
        if order.counts or self._runs % _DROPS == 0:
            host.drop_output(self._item)
        if self._alone is not None:
            try:
                return self._held(partial(self._run_alone, self._alone, order))
            except AsksForMore:
                self._alone = None
                order.begin()
        return self._held(partial(self._run_whole, order))

    def _held(self, run: Callable[[], None]) -> BaseException | None:
        """Run it, and give what it fails with, or how it breaks its budget."""
        try:
            run()
        except host.NO_FAILURE:
            return None
        except (AsksForMore, *host.INTERRUPTS):
            raise
        except RunsOn:
            return UnmeasuredError(
                "it goes on and on under this schedule: a hundred times as many steps "
                "as in asyncio's own order"
            )
        except BaseException as error:
            return error
        return None

    def _run_alone(self, function: _Test, order: Order) -> None:
        clock, copies = self._trial.watched.time.virtual, self._policy.copies
        assert clock is not None
        clock.rewind()
        if copies is not None:
            function = partial(in_copies, function, copies)
        run_alone(function, order, clock)
        self._hold_to_budget("call", clock.elapsed)

    def _run_whole(self, order: Order) -> None:
        """Run the test whole; what its tear-down fails with, it fails with as well."""
        self._body(order)
        order.note_unseen()
        self._tear_down(order)

    def _body(self, order: Order) -> None:
        """Set the test up and run it, and leave it set up."""
        item, clock = self._item, self._trial.watched.time.virtual
        if host.is_set_up(item):
            # The run before has failed; what its tear-down says is no news.
            with suppress(*_FAILURES):
                host.tear_down_alone(item)
        wide = _wide_loop_of(item)
        if clock is not None and wide is None:
            clock.rewind()
        with self._held_to_budget("setup"):
            host.set_up_again(item)
        host.drop_records(item)
        with self._held_to_budget("call"):
            self._call(order, wide)

    def _call(self, order: Order, wide: asyncio.AbstractEventLoop | None) -> None:
        """Run what stands between a test's set-up and its tear-down."""
        item = self._item
        function = host.async_function(item)
        if function is not None:
            order.awaits_body()
        with ExitStack() as undo:
            undo.callback(_settle, host.loop_of(item))
            undo.callback(self._trial.watched.time.adopt())
            undo.enter_context(self._ordered(order))
            if function is not None:
                told_to = partial(self._told_to, order)
                undo.callback(host.enter(item, function, told_to))
            undo.callback(_empty, wide, _tasks_of(wide))
            try:
                item.runtest()
            finally:
                loop = host.loop_of(item)
                if loop is not None:
                    order.ended(loop)
        failure = host.own_failure(item)
        if failure is not None:
            host.drop_own_failure(item)
            raise failure

    def replayed(self, ended: BaseException | None) -> Explored:
        """Tell what came of the one run by a given schedule."""
        order = self._replayed
        assert order is not None
        return Explored(
            runs=1,
            found_at=None if ended is None else 1,
            schedule=order.schedule,
            failure=ended,
            passages=order.passages,
            called=order.called,
            unused=tuple(order.unused),
        )

    def _told_to(
        self, order: Order, function: Callable[..., Awaitable[None]]
    ) -> Callable[..., Awaitable[None]]:
        """Have an order hear when the test's body begins, and in whose task."""
        function = self._in_copies(function)

        @wraps(function)
        async def told(*args: Any, **kwargs: Any) -> None:
            with order.body():
                await function(*args, **kwargs)

        return told

    def _in_copies(
        self, function: Callable[..., Awaitable[None]]
    ) -> Callable[..., Awaitable[None]]:
        copies = self._policy.copies
        if copies is None:
            return function

        @wraps(function)
        async def copied(*args: Any, **kwargs: Any) -> None:
            await in_copies(partial(function, *args, **kwargs), copies)

        return copied

    @contextmanager
    def _held_to_budget(self, when: When) -> Iterator[None]:
        """Hold a phase of a run to its budget, where that is one in virtual time."""
        clock = self._trial.watched.time.virtual
        before = clock.elapsed if clock is not None else 0.0
        yield
        if clock is not None:
            self._hold_to_budget(when, clock.elapsed - before)

    def _hold_to_budget(self, when: When, virtual: float) -> None:
        within = self._policy.within(when)
        if within is not None and virtual > within:
            raise BudgetExceeded(
                f"virtual time {seconds(virtual)}{OF_PHASE[when]}, "
                f"budget {seconds(within)}"
            )


def _wide_loop_of(item: pytest.Item) -> asyncio.AbstractEventLoop | None:
    """Give the loop of a test that it shares with others."""
    owner = host.loop_owner(item)
    return None if owner is None or owner.node is item else host.loop_of(item)


def _tasks_of(loop: asyncio.AbstractEventLoop | None) -> set[AnyTask]:
    return set() if loop is None else asyncio.all_tasks(loop)


def _settle(loop: asyncio.AbstractEventLoop | None) -> None:
    """Let asyncio close what the run has closed, before the loop is closed over it."""

    async def turns() -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    if loop is not None and not loop.is_closed():
        loop.run_until_complete(turns())


_TURNS = 5


def _empty(loop: asyncio.AbstractEventLoop | None, but: set[AnyTask]) -> None:
    """End the tasks that a run has left in a loop which the next one shares."""
    left = _tasks_of(loop) - but
    for task in left:
        task.cancel()
    if loop is not None and left:
        loop.run_until_complete(asyncio.wait(left))
