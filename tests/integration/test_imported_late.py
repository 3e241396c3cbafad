"""What is in a module of the standard library is known from its import on."""

from __future__ import annotations

import pytest

REPORT = "--asyncbench-blocking=report"

UNLOADED = """
import sys
import pytest

LATE = ("sqlite3", "multiprocessing", "concurrent.futures.process", "getpass", "uvloop")

def pytest_collection(session):
    there = [name for name in LATE if name in sys.modules]
    assert not there, there

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.add_cleanup(is_as_it_was)  # the first to be added is the last to be called

def is_as_it_was():
    import sqlite3
    assert type(sqlite3.connect(":memory:")) is sqlite3.Connection
    assert not [each for each in sys.meta_path if "asyncbench" in repr(each)]
"""
"""Fails a run that has loaded what nobody asked for, or leaves it replaced."""

ALONE = ("-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:xdist", "-p", "no:cov")
"""Others load some of it on accounts of their own."""

SUITE = """
import asyncio, threading

def run(blocks):
    async def main():
        blocks()
    asyncio.run(main())

def test_within_a_step():
    def blocks():
        import sqlite3
        database = sqlite3.connect(":memory:")
        database.execute("select 1")
    run(blocks)

def test_of_another_process():
    import multiprocessing
    here, there = multiprocessing.Pipe()
    later = threading.Timer(0.01, there.send, ["a message"])
    later.start()
    run(here.recv)
    later.join()

def test_without_any():
    run(lambda: None)
"""


BLOCKED = {
    "test_within_a_step": {"sqlite3.connect", "sqlite3.Connection.execute"},
    "test_of_another_process": {"multiprocessing.connection.Connection.recv"},
    "test_without_any": set(),
}


def test_what_is_imported_within_a_test_is_known_there(play_once):
    """An object that it makes is one of those that can be watched."""
    run = play_once(SUITE, REPORT, *ALONE, conftest=UNLOADED, subprocess=True)
    assert run.outcomes == dict.fromkeys(BLOCKED, "passed"), run.out
    for name, calls in BLOCKED.items():
        assert {row["call"] for row in run[name].record["blocking"]} == calls, name


def test_a_row_of_the_projects_own_must_be_there(pytester):
    """So its module is imported at once, and a wrong name ends the run."""
    calls = "--asyncbench-calls=files: sqlite3.conect"
    pytester.makepyfile("def test_one(): pass")
    result = pytester.runpytest_subprocess(REPORT, calls, *ALONE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*sqlite3.conect*"])
