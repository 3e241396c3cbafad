"""The public API as users write it; read by type checkers, never executed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_asyncbench import (
    BlockingCallError,
    BlockingCalls,
    BlockingCallWarning,
    BlockingSeen,
    BudgetExceeded,
    CancellationError,
    ConcurrencyError,
    Concurrently,
    Finding,
    NotConcurrent,
    PluginProblem,
    PolicyError,
    Rule,
    Run,
    TaskTrace,
    UnmeasuredError,
    UnmeasuredWarning,
    watching,
)
from pytest_asyncbench.testing import ManualClock

if TYPE_CHECKING:
    from pytest_asyncbench._words.clock import Clock


def use(*values: object) -> None:
    """Do with values what a test would."""


async def fetch(number: int, pause: float = 0.1) -> str:
    await asyncio.sleep(pause)
    return str(number)


@pytest.mark.budget(1.5, speedup=3)
@pytest.mark.no_blocking(threshold="50ms", rules=["sleep"])
async def test_fixture(concurrently: Concurrently) -> None:
    run: Run[str | BaseException] = await concurrently(
        fetch(1),
        lambda: fetch(2),
        within="1.5s",
        speedup=2,
        serial="derived",
        limit=2,
        return_exceptions=True,
    )
    named_run: Run[Any] = await concurrently(
        {"user": fetch(1), "ads": lambda: fetch(2)}, within=1.0
    )
    await concurrently(fetch(1), within=timedelta(seconds=1), serial=2.0)
    await concurrently(lambda: fetch(1), serial="measured")
    mapped: Run[str] = await concurrently.map(
        fetch, range(3), [0.1, 0.2, 0.3], within=1
    )
    text: str = mapped[0].upper()
    texts: tuple[str, ...] = mapped[0:2]
    started: asyncio.Task[Run[str]] = asyncio.create_task(concurrently(fetch(1)))
    kept: Run[str | BaseException] = await concurrently.map(
        fetch, range(3), return_exceptions=True
    )
    # What is misspelt, or never awaited, does not pass.
    concurrently.map(fetch, range(3), typo=3)  # type: ignore[call-overload]
    concurrently(fetch(1), wihtin=3)  # type: ignore[call-overload]
    concurrently(fetch(1))  # type: ignore[unused-coroutine]
    use(named_run, text, texts, started, kept)
    first: str | BaseException = run[0]
    named: object = run["user"]
    several: tuple[str | BaseException, ...] = run[0:2]
    figures: tuple[float, float, float] = (run.wall, run.serial, run.speedup)
    order: tuple[int, ...] = run.order
    most: int = run.peak
    starved: float | None = run.starved
    results: Sequence[str | BaseException] = run
    tasks: Iterable[TaskTrace] = run.tasks
    for task in tasks:
        name: str = task.name
        waited: float = task.running + task.waiting + task.queued
        error: BaseException | None = task.exception
        use(name, waited, error)
    blocking: Sequence[Finding] = run.blocking
    use(first, named, several, figures, order, most, starved, results, blocking)


def test_sync(concurrently: Concurrently) -> None:
    run: Run[str] = concurrently.run(fetch(1), fetch(2), within=1)
    assert list(run) == ["1", "2"]


async def test_list(blocking_calls: BlockingCalls) -> None:
    finding: Finding = blocking_calls[0]
    findings: list[Finding] = blocking_calls[:2]
    where: tuple[str, int, str] = (finding.file, finding.line, finding.function)
    count: int = len(blocking_calls)
    allowed: AbstractContextManager[None] = blocking_calls.allowed("why")
    with allowed, blocking_calls.paused():
        blocking_calls.clear()
    use(findings, where, count)


def pytest_asyncbench_rules(config: pytest.Config) -> list[Rule]:
    return [Rule(target="shop.charge", family="network", advice="await ...")]


def pytest_asyncbench_verdict(item: pytest.Item, record: dict[str, Any]) -> None:
    use(item.name, record["wall"])


def watch_a_script() -> None:
    with watching(threshold="50ms", rules=["sleep"], scope="shop", allow=[]) as seen:
        asyncio.run(fetch(1))
    kept: BlockingSeen = seen
    findings: Sequence[Finding] = seen
    problems: tuple[str, ...] = seen.problems
    seen.report(Path("it.json"))
    watching(treshold=1)  # type: ignore[call-arg]
    use(kept, findings, problems)


def test_exceptions() -> None:
    kinds: list[type[ConcurrencyError]] = [
        BudgetExceeded,
        CancellationError,
        NotConcurrent,
        BlockingCallError,
        UnmeasuredError,
    ]
    failures: list[type[AssertionError]] = [*kinds]
    words: type[ValueError] = PolicyError
    warnings: list[type[UserWarning]] = [
        BlockingCallWarning,
        UnmeasuredWarning,
        PluginProblem,
    ]
    use(failures, words, warnings)


def test_clock() -> None:
    clock: Clock = ManualClock(start=1.0, accounts=False)
    now: float = clock.now()
    use(now)
