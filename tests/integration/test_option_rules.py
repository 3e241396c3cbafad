"""``asyncbench_rules``: which known calls count even when they were quick."""

from __future__ import annotations

SUITE = """
import os, socket, time
import pytest

pytestmark = pytest.mark.no_blocking

async def test_sleep():
    time.sleep(0.001)

async def test_socket():
    a, b = socket.socketpair()
    with a, b:
        b.send(b"x")
        a.recv(1)

async def test_file():
    with open(__file__):
        pass

@pytest.mark.no_blocking(rules="sleep, files")
async def test_own():
    with open(__file__):
        pass
"""


def outcomes(sleep, socket, file):
    given = {"test_sleep": sleep, "test_socket": socket, "test_file": file}
    return {**given, "test_own": "failed"}


def test_by_default_all_but_files_count(play_once):
    """Quick files are healthy."""
    assert play_once(SUITE).outcomes == outcomes("failed", "failed", "passed")


def test_ini_names_families(play_once):
    """Separated by commas or blanks."""
    run = play_once(SUITE, ini="asyncbench_rules = sleep, files")
    assert run.outcomes == outcomes("failed", "passed", "failed")


def test_none_leaves_the_stalls(play_once):
    """The marker of a test still means what it says."""
    run = play_once(SUITE, "--asyncbench-rules=none")
    assert run.outcomes == outcomes("passed", "passed", "passed")


def test_all_on_the_command_line_wins_over_ini(play):
    """Files included."""
    run = play(SUITE, "--asyncbench-rules=all", ini="asyncbench_rules = none")
    assert run.outcomes == outcomes("failed", "failed", "failed")


OPENED_ELSEWHERE = """
import logging
import pytest

@pytest.fixture
def file(tmp_path):
    with (tmp_path / "new").open("w+") as file:
        yield file

@pytest.fixture
def logger(tmp_path):
    logger = logging.getLogger("of_the_test")
    logger.addHandler(logging.FileHandler(tmp_path / "log"))
    yield logger
    logger.handlers.pop().close()

async def test_lines(file):
    for line in file:
        pass

async def test_write(file):
    file.write("x")

async def test_log(logger):
    logger.error("hello")

async def test_print():
    print("hello", flush=True)
    logging.error("hello")

async def test_its_own():
    with open(__file__) as file:
        file.read()
"""


def test_files_are_those_that_were_opened_elsewhere_too(play):
    """Each place once; who logs to a file is told how to log from elsewhere."""
    found = {}
    run = play(OPENED_ELSEWHERE, "--asyncbench-rules=files", "--asyncbench")
    for test in run.outcomes:
        found[test] = [each["call"] for each in run[test].record["blocking"]]
    assert found == {
        "test_lines": ["io.FileIO.readinto"],
        "test_write": ["io.TextIOWrapper.write"],
        "test_log": ["logging.Logger.error"],
        "test_print": [],
        "test_its_own": ["builtins.open"],
    }
    (logged,) = run["test_log"].record["blocking"]
    assert logged["advice"].startswith("logging.handlers.QueueHandler")


def test_by_default_nobody_asks_for_these(play_once):
    """As nobody asks who opened them."""
    run = play_once(OPENED_ELSEWHERE, "--asyncbench-blocking=error")
    assert set(run.outcomes.values()) == {"passed"}
