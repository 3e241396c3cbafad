"""Texts of the user's objects: whatever they are, verdicts and failures stand."""

from __future__ import annotations

import re

import pytest

SUITE = r"""
import asyncio
import pytest

class Unnamed(asyncio.Task):
    def get_name(self):
        raise RuntimeError("no name")

NAMES = ["job-²", "half \udcff", "line\nbreak \x1b[31m"]
NAMES += ["x" * 10_000, "job-" + "9" * 5000]

@pytest.mark.budget(0.3)
async def test_hung():
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(asyncio.sleep(60), name=name) for name in NAMES]
    tasks.append(Unnamed(asyncio.sleep(60), loop=loop))
    await asyncio.gather(*tasks)

class Untold(Exception):
    def __str__(self):
        raise RuntimeError("no text")

async def fail(error):
    await asyncio.sleep(0)
    raise error

async def test_together(concurrently):
    half = fail(ValueError("\udcff"))
    await concurrently(fail(KeyError("mine")), fail(Untold()), half)

COPIES = []

@pytest.mark.concurrent(3)
async def test_copies():
    COPIES.append(1)
    number = len(COPIES)
    await asyncio.sleep(0)
    raise [KeyError("mine"), Untold(), ValueError("\udcff")][number - 1]

class Unasked:
    def __getattr__(self, name):
        raise RuntimeError(name)
    async def __call__(self):
        return 5

async def test_what_may_not_be_asked_is_called(concurrently):
    key = "line\nbreak"
    run = await concurrently({key: Unasked(), "half \udcff": Unasked()})
    assert list(run) == [5, 5]
    assert run[key] == 5
    assert "half \\udcff" in str(run)
    assert list(await concurrently(Unasked(), Unasked())) == [5, 5]

@pytest.mark.no_blocking
@pytest.mark.allow_blocking("half \udcff")
async def test_a_reason():
    import time
    time.sleep(0.001)
"""


@pytest.fixture
def suite(play):
    """All of it."""
    return play(SUITE)


def test_a_hung_test_is_ended_whatever_its_tasks_are_called(suite):
    """Each is listed with a name that a terminal, a file and a worker can carry."""
    told = suite["test_hung"]
    assert told.outcome == "failed"
    assert told.lines[0].startswith("wall clock ")
    assert not suite.section("warnings summary")
    # As many alike are told of by one of them, in the record.
    names = [task["name"] for task in told.record["overrun"]["alive"]]
    for name in (
        "job-²",
        r"half \udcff",
        r"line\nbreak \x1b[31m",
        "x" * 99 + "…",
        "job-" + "9" * 95 + "…",
        "<RuntimeError in the place of its text>",
    ):
        assert name in names


def test_the_test_s_own_failure_stands_beside_one_that_has_no_text(suite):
    """Which is told by its kind."""
    for name in ("test_together", "test_copies"):
        told = suite[name]
        assert told.outcome == "failed"
        assert "KeyError: 'mine'" in told.text
        assert "Untold: <RuntimeError in the place of its text>" in told.text
        assert r"ValueError: \udcff" in told.text


def test_what_may_not_be_asked_is_called(suite):
    """And results are found by the names that they were given by."""
    assert suite["test_what_may_not_be_asked_is_called"].outcome == "passed"


def test_a_reason_is_told_as_it_can_be(suite):
    """In the summary, which a stream takes line by line."""
    assert suite["test_a_reason"].outcome == "passed"
    assert r"allowed 1 time: half \udcff" in suite.summary


NARROW = """
import asyncio, time
import pytest

@pytest.mark.budget(30, speedup=3)
async def test_serial():
    async def größe():
        time.sleep(0.02)
    await asyncio.gather(größe(), größe())

async def test_run(concurrently):
    print(await concurrently(asyncio.sleep(0.01), asyncio.sleep(0.01)))
"""


@pytest.mark.parametrize(
    ("encoding", "name"), [("ascii", r"gr\xf6\xdfe"), ("utf-8", "größe")]
)
def test_a_report_is_made_of_what_standard_output_takes(
    play_once, monkeypatch, encoding, name
):
    """Line by line: a pipe on Windows, say, takes no bars."""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    run = play_once(f"# {encoding}\n{NARROW}", "-s", subprocess=True)
    assert run.outcomes == {"test_serial": "failed", "test_run": "passed"}
    bar = "=" if encoding == "ascii" else "━"
    drawn = [line for line in run.lines if re.search(rf"\| *{bar}+ *\|", line)]
    assert len(drawn) == 4
    of_failure = [line for line in drawn if line.startswith(f"E     {name} (Task-")]
    assert len(of_failure) == 2
