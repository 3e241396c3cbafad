"""A sample of the corpus of blocking calls, judged as the comparison judges it.

Only cases whose verdict a busy machine cannot turn: what is slow waits for its time
to pass, what is quick is known by name, and what is innocent leaves the loop idle.
The whole corpus, against peers: `python benchmarks/blocking/compare.py --tool all`.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("fcntl", reason="the corpus is written for POSIX")
for library in ("aiohttp", "aiosqlite", "anyio", "requests"):
    pytest.importorskip(library, reason="the corpus uses it")

HERE = Path(__file__).parents[2] / "benchmarks" / "blocking"

SLOW = (
    "slow_sleep.test_default_argument",
    "slow_sleep.test_in_a_task",
    "slow_sleep.test_three_culprits_in_three_steps",
    "slow_waits.test_event",
    "slow_waits.test_subprocess_run",
    "slow_io.test_accept_times_out",
    "slow_places.test_stream_handler",
)
QUICK = (
    "quick_calls.test_sleep_swallowed",
    "quick_calls.test_sqlite_execute",
    "quick_calls.test_path_open",
)
INNOCENT = (
    "innocent_async.test_to_thread_sleep",
    "innocent_calls.test_free_lock",
    "innocent_calls.test_zero_sleep",
)


@pytest.fixture(scope="module")
def compare() -> Any:
    """Import the parts of the comparison from its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        parts = ("expectations", "tools", "verdicts")
        return SimpleNamespace(
            **{name: importlib.import_module(name) for name in parts}
        )


@pytest.fixture(scope="module")
def results(compare: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the sample, in two processes; give each case's result."""
    told = tmp_path_factory.mktemp("corpus") / "told.json"
    every = ("--asyncbench-rules=all",)
    return {
        **run(compare, SLOW, (), told),
        **run(compare, QUICK + INNOCENT, every, told),
    }


def run(
    compare: Any, names: tuple[str, ...], options: tuple[str, ...], told: Path
) -> dict[str, Any]:
    """Run cases of the corpus in one process; give the result of each."""
    cases = {
        case.name: case for case in compare.expectations.cases() if case.name in names
    }
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pytest.ini"]
    ours = compare.tools.TOOLS["ours"].options
    done = subprocess.run(
        [*command, *ours, *options, *(case.nodeid for case in cases.values())],
        env={**os.environ, "CORPUS_TOOL": "ours", "CORPUS_RESULT": str(told)},
        cwd=compare.expectations.CORPUS,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    reports = json.loads(told.read_text())["reports"]
    return {
        name: compare.verdicts.judged(case, "ours", of(case, reports), done.stdout)
        for name, case in cases.items()
    }


def of(case: Any, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep the reports of one case."""
    name = f"{case.file.name}::{case.nodeid.partition('::')[2]}"
    return {"reports": [r for r in reports if r["nodeid"] == name], "alarms": []}


@pytest.mark.parametrize("case", SLOW + QUICK)
def test_what_blocks_fails_its_test_and_is_named(
    results: dict[str, Any], case: str
) -> None:
    """The line and the call that stand in the corpus are reported, and no others."""
    result = results[case]
    assert (result.failed, result.named, result.extra, result.broken) == (
        True,
        True,
        [],
        "",
    ), result.text


@pytest.mark.parametrize("case", INNOCENT)
def test_what_is_innocent_passes(results: dict[str, Any], case: str) -> None:
    """Nothing is reported, with every family of rules switched on."""
    result = results[case]
    assert result.text
    assert not result.failed, result.text
    assert not result.broken, result.text


def test_the_sample_is_of_the_corpus(compare: Any, results: dict[str, Any]) -> None:
    """A case that is renamed is missed here, and each one that blocks has its mark."""
    assert set(results) == {*SLOW, *QUICK, *INNOCENT}
    for name in SLOW + QUICK:
        assert results[name].case.culprits, name
