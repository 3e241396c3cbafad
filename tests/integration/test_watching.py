"""``pytest_asyncbench.watching``: what blocks in any code, without pytest."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from asyncio.events import Handle
from pathlib import Path

import pytest

import pytest_asyncbench
from pytest_asyncbench import PolicyError, watching
from pytest_asyncbench._python import has_gil

PACKAGES = Path(pytest_asyncbench.__file__).parents[1]

NO_STALLS = "1h"
"""What a busy machine does to a step is no question here."""


async def blocks():
    await asyncio.sleep(0)
    time.sleep(0.001)


def calls(seen):
    return [(one.call, one.function.rpartition(".")[2], one.count) for one in seen]


def test_sync_code_that_runs_loops_is_watched():
    """And `seen` is a sequence of findings, which grows and stays."""
    with watching(threshold=NO_STALLS) as seen:
        assert list(seen) == []
        asyncio.run(blocks())
        assert calls(seen) == [("time.sleep", "blocks", 1)]
        asyncio.run(blocks())
    assert calls(seen) == [("time.sleep", "blocks", 2)]
    assert (len(seen), seen[0].file, seen == [*seen]) == (1, __file__, True)
    assert seen.problems == ()
    told = str(seen)
    assert f":{seen[0].line} in blocks: time.sleep, 2 times" in told
    assert "use: await asyncio.sleep(...)" in told
    asyncio.run(blocks())
    assert str(seen) == told


def test_code_within_a_running_loop_is_watched():
    """From the very step on in which the block begins, to that in which it ends."""

    async def main():
        with watching(threshold=NO_STALLS) as seen:
            time.sleep(0.001)
            await blocks()
            time.sleep(0.001)
        await blocks()
        return seen

    seen = asyncio.run(main())
    assert sorted(calls(seen)) == [
        ("time.sleep", "blocks", 1),
        ("time.sleep", "main", 1),
        ("time.sleep", "main", 1),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="no account of each thread")
@pytest.mark.skipif(not has_gil(), reason="no thread can keep the interpreter")
def test_a_thread_that_keeps_the_interpreter_is_told_of():
    """With what it was given to do, or the very call; as of a test that is watched."""

    def keeps():
        return pow(3, 3_000_000)

    async def main():
        async def tick():
            while True:
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        await asyncio.to_thread(keeps)
        await asyncio.sleep(0.1)
        ticking.cancel()

    with watching(threshold=0.04) as seen:
        for _ in range(50):  # on a busy machine it may be the machine's all the same
            asyncio.run(main())
            if any(one.kind == "kept" for one in seen):
                break
        told = [one for one in seen if one.kind == "kept"]
    assert {one.call.rpartition(".")[2] for one in told} <= {"pow", "keeps"}
    assert told[0].handed.function.endswith("main")
    assert seen.problems == ()


@pytest.mark.skipif(sys.platform != "linux", reason="no account of each thread")
@pytest.mark.skipif(not has_gil(), reason="no thread can keep the interpreter")
def test_threads_that_take_turns_are_told_in_a_line():
    """As in the summary of tests, and in the record of a report."""
    over = threading.Event()

    def share():
        while not over.is_set():
            sum(range(100))

    async def main():
        for _ in range(60):
            await asyncio.sleep(0.005)

    threads = [threading.Thread(target=share) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with watching(threshold=NO_STALLS) as seen:
            for _ in range(50):  # on a busy machine it may be the machine's
                asyncio.run(main())
                told = [line for line in str(seen).splitlines() if "turns" in line]
                if told:
                    break
    finally:
        over.set()
        for thread in threads:
            thread.join()
    (line,) = told
    assert re.fullmatch(r"late by \d+ to \d+ ms, [2-4] threads took turns", line)
    assert [*seen] == []


def test_arguments_are_those_of_the_marker():
    """What is allowed is listed with its reason; what means nothing is refused."""
    allow = "*.blocks > time.sleep  # since ever"
    with watching(threshold=NO_STALLS, allow=allow, rules=["sleep"]) as seen:
        asyncio.run(blocks())
    assert [one.allowed for one in seen] == ["since ever"]
    assert "blocking that is accepted: 1 place, 1 time" in str(seen)
    with watching(threshold=NO_STALLS, rules="none") as seen:
        asyncio.run(blocks())
    assert list(seen) == []
    with watching(threshold=NO_STALLS, scope="elsewhere") as seen:
        asyncio.run(blocks())
    assert list(seen) == []
    for wrong in (
        {"threshold": "soon"},
        {"rules": "sleeep"},
        {"scope": "a b-c"},
        {"allow": "time.sleep"},
        {"allow": "* > time.sleeep  # a slip"},
    ):
        with pytest.raises(PolicyError):
            watching(**wrong)


def test_a_second_one_is_refused_and_the_first_goes_on():
    """In whichever thread: a step can be looked at by one only."""
    with watching(threshold=NO_STALLS) as seen:
        with pytest.raises(RuntimeError, match="is on already in this process"):
            watching().__enter__()
        asyncio.run(blocks())
    assert calls(seen) == [("time.sleep", "blocks", 1)]
    with watching(threshold=NO_STALLS) as seen:
        pass
    assert list(seen) == []


def test_all_is_put_back_and_the_block_ends_as_it_would():
    """Also where it ends by an exception, or by the end of the program."""
    before = time.sleep, vars(Handle)["_run"]
    for error in (ValueError("own"), SystemExit(3)):
        with pytest.raises(type(error)) as raised, watching():
            raise error
        assert raised.value is error
    assert (time.sleep, vars(Handle)["_run"]) == before


def test_what_fails_in_it_is_told_and_never_raised(monkeypatch):
    """Neither where it begins, nor while it watches."""

    def fail(*args, **kwargs):
        raise KeyError("no luck")

    before = time.sleep, vars(Handle)["_run"]
    monkeypatch.setattr("pytest_asyncbench._outside.watching.findings", fail)
    with watching(threshold=NO_STALLS) as seen:
        asyncio.run(blocks())
    assert "what was seen can't be kept: KeyError('no luck')" in str(seen)
    monkeypatch.setattr("pytest_asyncbench._outside.watching.Watch.begin_here", fail)
    with watching(threshold=NO_STALLS) as seen:
        asyncio.run(blocks())
    assert "could not begin to watch: KeyError('no luck')" in str(seen)
    assert (time.sleep, vars(Handle)["_run"]) == before


def test_reports_are_written_by_their_suffix(tmp_path, monkeypatch):
    """The same as of a run; an unknown suffix and a folder that lacks are refused."""
    monkeypatch.chdir(tmp_path)
    with watching(threshold=NO_STALLS) as seen:
        asyncio.run(blocks())
        seen.report("now.json")
    (told,) = json.loads((tmp_path / "now.json").read_text())["tests"]
    assert [one["call"] for one in told["record"]["blocking"]] == ["time.sleep"]
    seen.report(tmp_path / "it.md")
    assert "1 watched block and" in (tmp_path / "it.md").read_text()
    seen.report(tmp_path / "it.sarif")
    assert json.loads((tmp_path / "it.sarif").read_text())["runs"][0]["results"]
    accepted = r"accepted: \.html, \.json, \.md, \.sarif$"
    with pytest.raises(PolicyError, match=f"has no suffix of a report; {accepted}"):
        seen.report("it.txt")
    with pytest.raises(PolicyError, match="of tests alone"):
        seen.report("it.trace.json")
    with pytest.raises(FileNotFoundError, match="there is no folder 'nowhere' in "):
        seen.report("nowhere/it.md")
    assert not (tmp_path / "nowhere").exists()


WRONG = """
import pytest
from pytest_asyncbench import watching

@pytest.mark.parametrize("given", [
    {"threshold": "soon"},
    {"rules": "sleeep"},
    {"scope": "a b-c"},
    {"allow": "time.sleep"},
    {"allow": "* > time.sleeep  # a slip"},
])
def test_given(given):
    watching(**given)

@pytest.mark.parametrize("name", ["it.txt", "it.trace.json", "nowhere/it.md"])
def test_report(name):
    with watching(threshold="1h") as seen:
        pass
    seen.report(name)
"""


def test_what_is_wrong_is_told_at_the_line_of_who_wrote_it(play_once):
    """No line of the plugin's is shown."""
    run = play_once(WRONG)
    assert len(run.outcomes) == 8
    for name, outcome in run.outcomes.items():
        assert outcome == "failed"
        text = run[name].text
        assert "test_it.py:" in text
        assert "pytest_asyncbench/" not in text.replace("\\", "/")


ALONE = """
import asyncio, sys, time
import pytest_asyncbench

async def main():
    time.sleep(0.001)

with pytest_asyncbench.watching(threshold="1h") as seen:
    asyncio.run(main())
print(seen)
print(sorted({"pytest", "_pytest", "pluggy", "pytest_asyncio"} & sys.modules.keys()))
"""


def test_a_service_that_is_watched_loads_no_pytest(tmp_path):
    """It is a dependency, and nothing that a service should have to import."""
    (tmp_path / "alone.py").write_text(ALONE)
    ran = subprocess.run(
        [sys.executable, "alone.py"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
    )
    lines = ran.stdout.splitlines()
    assert "alone.py:6 in main: time.sleep, 1 time" in lines[1]
    assert (lines[-1], ran.stderr) == ("[]", "")


def test_a_test_that_is_watched_has_its_own_fixture(play_once):
    """Two that look at one step would each see the other."""
    run = play_once(
        """
        import asyncio, pytest
        from pytest_asyncbench import watching

        @pytest.mark.no_blocking(threshold="30s")
        async def test_watched():
            with pytest.raises(RuntimeError, match="fixture blocking_calls"):
                watching().__enter__()

        async def test_innocent():
            with watching(threshold="1h") as seen:
                await asyncio.sleep(0)
            assert list(seen) == []
        """
    )
    assert run.status == 0
