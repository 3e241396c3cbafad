"""The history's file: who else writes, who was killed, and what is none of ours."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from pytest_asyncbench._judging.experience import FIRST
from pytest_asyncbench._outside import history
from pytest_asyncbench._outside.history import HistoryError, HistoryFile
from pytest_asyncbench._words.history import PassedRun

HERE = "this machine"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "50% of #1?.db"


@pytest.fixture
def file(path):
    return HistoryFile(path)


def run(wall=1.0, **more):
    return PassedRun(wall=wall, **more)


def sql(path, statement):
    with closing(sqlite3.connect(path)) as file, file:
        return file.execute(statement).fetchall()


def test_what_is_added_is_read_back(file):
    """In order, by test, and by class of machine."""
    first = run(starved=0.25, speedup=2.0, blocked=0.5)
    file.add(HERE, {"a": first, "b": run(3.0)})
    file.add("another", {"a": run(9.0)})
    file.add(HERE, {"a": run(2.0)})
    assert file.passed(HERE) == {"a": [first, run(2.0)], "b": [run(3.0)]}
    assert file.machines() == ["another", HERE]


def test_the_first_and_the_newest_runs_are_kept(file):
    """The rule asks the first, people ask for the newest; the file stays small."""
    for _ in range(FIRST):
        file.add("another", {"a": run(100.0)})
    for wall in range(45):
        file.add(HERE, {"a": run(float(wall))})
    kept = [each.wall for each in file.passed(HERE)["a"]]
    assert kept == [*map(float, range(FIRST)), *map(float, range(25, 45))]
    assert len(file.passed("another")["a"]) == FIRST


def test_a_run_with_an_identity_is_added_once(file, path):
    """Whatever the class of machine; one without is another run each time."""
    assert file.add(HERE, {"a": run(1.0)}, part="one")
    assert not file.add(HERE, {"a": run(2.0), "b": run(2.0)}, part="one")
    assert file.add(HERE, {"a": run(3.0)}, part="another")
    assert file.add(HERE, {"a": run(4.0)})
    assert file.passed(HERE) == {"a": [run(1.0), run(3.0), run(4.0)]}


def test_a_file_of_an_earlier_release_learns_of_identities(file, path):
    """It has no table of them, and is of no other version for that."""
    file.add(HERE, {"a": run(1.0)})
    assert sql(path, "SELECT count(*) FROM sqlite_master WHERE name = 'parts'") == [
        (0,)
    ]
    assert file.add(HERE, {"a": run(2.0)}, part="one")
    assert not file.add(HERE, {"a": run(2.0)}, part="one")


def test_so_many_identities_are_remembered(file, path, monkeypatch):
    """The newest; the file stays small."""
    monkeypatch.setattr(history, "_PARTS_KEPT", 3)
    for number in range(5):
        assert file.add(HERE, {"a": run()}, part=str(number))
    assert sql(path, "SELECT id FROM parts ORDER BY rowid") == [("2",), ("3",), ("4",)]


def test_a_test_that_three_full_runs_in_a_row_lacked_is_taken_out(file, path):
    """Of that class of machine alone; a run that has it, or is partial, counts not."""
    file.add(HERE, {"a": run(1.0), "b": run(2.0)})
    file.add("another", {"b": run(9.0)})

    def add(*ran, full=True):
        return file.add(HERE, {"a": run(1.0)}, ran=ran if full else None).gone

    assert add("a") == add("a") == ()
    assert add("a", "b") == ()
    assert add("a") == add("a") == ()
    assert add(full=False) == ()
    assert set(file.passed(HERE)) == {"a", "b"}
    assert add("a") == ("b",)
    assert set(file.passed(HERE)) == {"a"}
    assert file.passed("another") == {"b": [run(9.0)]}
    assert sql(path, "SELECT * FROM lacked") == []


def test_a_test_that_no_class_of_machine_knows_any_more_leaves_nothing(file, path):
    """And is learned anew where it comes back."""
    file.add(HERE, {"a": run(1.0), "b": run(2.0)})
    for _ in range(3):
        file.add(HERE, {"a": run(1.0)}, ran=["a"])
    assert sql(path, "SELECT nodeid FROM tests") == [("a",)]
    file.add(HERE, {"b": run(5.0)}, ran=["a", "b"])
    assert file.passed(HERE)["b"] == [run(5.0)]


def test_a_run_that_is_known_already_takes_nothing_out(file):
    """It has been counted."""
    file.add(HERE, {"a": run(1.0), "b": run(2.0)})
    for _ in range(5):
        file.add(HERE, {"a": run(1.0)}, part="one", ran=["a"])
    assert set(file.passed(HERE)) == {"a", "b"}


def test_which_tests_are_on_their_way_out_is_told(file):
    """With how many full runs lacked each; a file that knows of none is no error."""
    file.add(HERE, {"a": run(), "b": run(), "c": run()})
    assert file.lacked(HERE) == {}
    file.add(HERE, {"a": run()}, ran=["a", "b"])
    file.add(HERE, {"a": run()}, ran=["a"])
    assert file.lacked(HERE) == {"b": 1, "c": 2}
    assert file.lacked("another") == {}


def test_a_full_run_that_was_added_in_parts_is_counted_when_all_are_there(file):
    """As one that was added at once."""
    file.add(HERE, {"a": run(), "b": run(), "gone": run()})
    taken_out = []
    for _ in range(3):
        file.add(HERE, {"a": run()}, part=None)
        file.add(HERE, {"b": run()}, part=None)
        taken_out.append(file.take_out(HERE, ["a", "b"]))
    assert taken_out == [(), (), ("gone",)]
    assert set(file.passed(HERE)) == {"a", "b"}


def test_a_test_that_a_person_took_out_is_learned_anew(file, path):
    """And gets nothing of what was known of it before."""
    file.add(HERE, {"a": run(1.0), "b": run(2.0)})
    sql(path, "DELETE FROM tests WHERE nodeid = 'b'")
    assert file.passed(HERE) == {"a": [run(1.0)]}
    file.add(HERE, {"b": run(5.0)})
    assert file.passed(HERE) == {"a": [run(1.0)], "b": [run(5.0)]}
    assert sql(path, "SELECT count(*) FROM passed") == [(2,)]


def test_two_runs_at_once_lose_nothing(file):
    """One waits for the other, be it the first that makes the file."""
    start = threading.Barrier(3)

    def add(name):
        start.wait()
        for wall in range(4):
            file.add(HERE, {name: run(float(wall)), "both": run()})

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: len(known) for name, known in file.passed(HERE).items()} == {
        "a": 4,
        "b": 4,
        "c": 4,
        "both": 12,
    }


KILLED = """
import os, sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("PRAGMA cache_size = 1")
file.execute("BEGIN IMMEDIATE")
for number in range(2000):
    file.execute("INSERT INTO tests (nodeid) VALUES (?)", (f"{number:0500}",))
os._exit(9)
"""


def test_a_run_that_is_killed_leaves_what_was_there(file, path):
    """Even where the half of its change is in the file already."""
    file.add(HERE, {"a": run()})
    size = path.stat().st_size
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert path.stat().st_size > size, "the change was not half written"
    assert file.passed(HERE) == {"a": [run()]}
    file.add(HERE, {"a": run(2.0)})
    assert file.passed(HERE) == {"a": [run(), run(2.0)]}


def test_what_fails_in_the_middle_leaves_all_as_it_was(file, path):
    """A full disk, as one: nothing of the run is there then."""
    file.add(HERE, {"a": run()})
    sql(
        path,
        "CREATE TRIGGER full BEFORE INSERT ON passed WHEN NEW.wall > 1 "
        "BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
    )
    with pytest.raises(sqlite3.Error, match="disk is full"):
        file.add(HERE, {"b": run(1.0), "c": run(2.0)})
    assert file.passed(HERE) == {"a": [run()]}
    assert sql(path, "SELECT nodeid FROM tests") == [("a",)]


def test_an_empty_file_is_a_new_one(file, path):
    """So a first run leaves it that is killed."""
    path.touch()
    file.insist(on_writing=True)
    assert file.passed(HERE) == {}
    file.add(HERE, {"a": run()})
    assert file.passed(HERE) == {"a": [run()]}


def test_what_is_no_history_of_ours_is_refused_and_left(file, path):
    """Text, somebody's database, a later version's."""

    def refused():
        before = path.read_bytes()
        told = []
        for use in (
            lambda: file.insist(on_writing=True),
            lambda: file.insist(on_writing=False),
            lambda: file.passed(HERE),
            lambda: file.add(HERE, {"a": run()}),
        ):
            with pytest.raises(HistoryError) as caught:
                use()
            told.append(str(caught.value))
        assert path.read_bytes() == before
        (text,) = set(told)
        return text

    path.write_text("asyncbench baseline" * 100)
    assert refused() == "file is not a database"
    path.unlink()
    sql(path, "CREATE TABLE theirs (id)")
    assert refused() == "it is no history of asyncbench's"
    path.unlink()
    file.add(HERE, {"a": run()})
    sql(path, "PRAGMA user_version = 2")
    assert refused() == (
        "it is of version 2; known here is 1; another release of pytest-asyncbench "
        "wrote it"
    )


def test_to_look_whether_it_can_be_written_makes_nothing(file, path, tmp_path):
    """A folder, or a folder that is missing, can't; nor can one read what is not."""
    file.insist(on_writing=True)
    assert [*tmp_path.iterdir()] == []
    with pytest.raises(HistoryError, match="there is no such file"):
        file.insist(on_writing=False)
    path.mkdir()
    for on_writing in (True, False):
        with pytest.raises(HistoryError, match="it is a folder"):
            file.insist(on_writing=on_writing)
    with pytest.raises(HistoryError, match="there is no folder 'gone'"):
        HistoryFile(tmp_path / "gone" / "h.db").insist(on_writing=True)
