"""The file of the history: SQLite, through the standard library.

What a run adds is one transaction at its end: a run that is killed, or a disk that is
full, leaves the file as it was, and of two runs at once one waits for the other. There
is one file: SQLite's write-ahead log would keep two more beside it, which CI's caches
would lose, and it does not work on a network's file systems.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_asyncbench._judging.experience import FIRST
from pytest_asyncbench._outside.files import insist_on_writing
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.history import GONE_AFTER, PassedRun

__all__ = ["Added", "HistoryError", "HistoryFile"]

HistoryError = (sqlite3.Error, OSError, ValueError)
"""What reading or writing the file may raise."""

_VERSION = 1
_OURS = 0x61736279
"""By this number SQLite's header tells our files from others'."""

_PATIENCE = 30.0
"""In seconds: for how long the end of another run is waited for, which takes
milliseconds."""

_LAST = 20
"""So many of a test's newest runs are kept, besides the first; those between go."""

_SCHEMA = f"""
PRAGMA application_id = {_OURS};
PRAGMA user_version = {_VERSION};
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    machine TEXT NOT NULL,
    ended TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE tests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    nodeid TEXT NOT NULL UNIQUE
);
CREATE TABLE passed (
    test INTEGER NOT NULL,
    run INTEGER NOT NULL,
    wall REAL NOT NULL,
    starved REAL NOT NULL,
    speedup REAL,
    blocked REAL,
    PRIMARY KEY (test, run)
) WITHOUT ROWID
"""

_PARTS = """
CREATE TABLE IF NOT EXISTS parts (id TEXT PRIMARY KEY)
"""
"""Which runs are in here, by the identity that their reports have. Files of an earlier
release have no such table."""

_PARTS_KEPT = 10_000
"""So many are remembered, the newest: a CI of twenty machines has months in them."""

_LACKED = """
CREATE TABLE IF NOT EXISTS lacked (
    test INTEGER NOT NULL,
    machine TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (test, machine)
) WITHOUT ROWID;
CREATE TEMP TABLE ran (nodeid TEXT PRIMARY KEY) WITHOUT ROWID
"""
"""How many full runs in a row a test of a class of machine was not in."""

_IS_BACK = """
DELETE FROM lacked WHERE machine = ? AND test IN (
    SELECT id FROM tests JOIN ran ON ran.nodeid = tests.nodeid
)
"""

_LACK = """
INSERT INTO lacked
    SELECT DISTINCT test, machine, 1
    FROM passed JOIN runs ON runs.id = run JOIN tests ON tests.id = test
    WHERE machine = ? AND nodeid NOT IN (SELECT nodeid FROM ran)
ON CONFLICT DO UPDATE SET runs = runs + 1
"""

_GONE = f"""
SELECT test, nodeid FROM lacked JOIN tests ON tests.id = test
WHERE machine = ? AND runs >= {GONE_AFTER} ORDER BY nodeid
"""

_PRUNE = f"""
DELETE FROM passed WHERE (test, run) IN (
    SELECT test, run FROM (
        SELECT
            test,
            run,
            row_number() OVER (PARTITION BY test ORDER BY run) AS nth,
            row_number() OVER (PARTITION BY test ORDER BY run DESC) AS last
        FROM passed JOIN runs ON runs.id = run
        WHERE machine = ?
    ) WHERE nth > {FIRST} AND last > {_LAST}
)
"""


@dataclass(frozen=True, kw_only=True)
class Added:
    """What became of a history when a run was added."""

    gone: tuple[str, ...] = ()
    """The tests that were taken out, since they are gone."""


class HistoryFile:
    """The runs that are known, each test's by class of machine."""

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    def insist(self, *, on_writing: bool) -> None:
        """Find out whether the file can be used.

        Raises:
            HistoryError: it can't; it is as it was.
        """
        if on_writing:
            insist_on_writing(self._path)
            if not self._path.exists():
                return
        elif self._path.is_dir():
            raise IsADirectoryError("it is a folder")
        elif not self._path.exists():
            raise PolicyError("there is no such file; a run that records makes it")
        with self._opened("rw") as file:
            _insist_on_ours(file)

    def passed(self, machine: str) -> dict[str, list[PassedRun]]:
        """Give each test's passed runs on a class of machine, the oldest first.

        Raises:
            HistoryError: the file can't be read.
        """
        found: dict[str, list[PassedRun]] = {}
        if not self._path.exists():
            return found
        with self._opened("rw") as file:
            if _insist_on_ours(file):
                return found
            rows = file.execute(
                "SELECT nodeid, wall, starved, speedup, blocked FROM passed "
                "JOIN tests ON tests.id = test JOIN runs ON runs.id = run "
                "WHERE machine = ? ORDER BY run",
                (machine,),
            )
            for nodeid, wall, starved, speedup, blocked in rows:
                run = PassedRun(
                    wall=wall, starved=starved, speedup=speedup, blocked=blocked
                )
                found.setdefault(nodeid, []).append(run)
        return found

    def machines(self) -> Sequence[str]:
        """Give the classes of machine of which anything is known.

        Raises:
            HistoryError: the file can't be read.
        """
        with self._opened("rw") as file:
            if _insist_on_ours(file):
                return ()
            rows = file.execute("SELECT DISTINCT machine FROM runs ORDER BY machine")
            return [machine for (machine,) in rows]

    def lacked(self, machine: str) -> dict[str, int]:
        """Give the tests that are on their way out, and how many full runs lacked each.

        Raises:
            HistoryError: the file can't be read.
        """
        with self._opened("rw") as file:
            if _insist_on_ours(file) or not _has_lacked(file):
                return {}
            rows = file.execute(
                "SELECT nodeid, runs FROM lacked JOIN tests ON tests.id = test "
                "WHERE machine = ? ORDER BY nodeid",
                (machine,),
            )
            return dict(rows.fetchall())

    def take_out(self, machine: str, ran: Collection[str]) -> tuple[str, ...]:
        """Count a full run that was added in parts; take out the tests that are gone.

        Args:
            machine: the class of machine that it ran on.
            ran: all of its tests.

        Returns:
            The tests that were taken out.

        Raises:
            HistoryError: it can't be written; it is as it was.
        """
        with self._opened("rw") as file:
            file.execute("BEGIN IMMEDIATE")
            with file:
                return () if _insist_on_ours(file) else _take_out(file, machine, ran)

    def add(
        self,
        machine: str,
        passed: Mapping[str, PassedRun],
        *,
        part: str | None = None,
        ran: Collection[str] | None = None,
    ) -> Added | None:
        """Add a run: what the tests took that have passed in it.

        Args:
            machine: the class of machine that it ran on.
            passed: what each took, by node id.
            part: the run's identity, where it has one: it is added once.
            ran: of a full run all of its tests; those that are gone are taken out.

        Returns:
            What became of it; None where the run is here already.

        Raises:
            HistoryError: it can't be written; it is as it was.
        """
        with self._opened("rwc") as file:
            # From its first word on alone: who reads first and writes then is refused.
            file.execute("BEGIN IMMEDIATE")
            with file:
                if _insist_on_ours(file):
                    for statement in _SCHEMA.split(";"):
                        file.execute(statement)
                if part is not None and not _is_new(file, part):
                    return None
                gone = _take_out(file, machine, ran) if ran is not None else ()
                _add(file, machine, passed)
                return Added(gone=gone)

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection]:
        where = f"{self._path.as_uri()}?mode={mode}"
        # In mode "rw", too, SQLite reads a file that is read-only; and it takes back
        # what a run that was killed had half written. No transaction begins but where
        # one is asked for.
        file = sqlite3.connect(where, uri=True, timeout=_PATIENCE, isolation_level=None)
        with closing(file):
            yield file


def _is_new(file: sqlite3.Connection, part: str) -> bool:
    """Tell whether a run is not in here, and take down that it is from now on."""
    file.execute(_PARTS)
    made = file.execute("INSERT OR IGNORE INTO parts (id) VALUES (?)", (part,))
    file.execute(
        "DELETE FROM parts WHERE rowid <= (SELECT max(rowid) FROM parts) - ?",
        (_PARTS_KEPT,),
    )
    return made.rowcount == 1


def _has_lacked(file: sqlite3.Connection) -> bool:
    """Tell whether any full run was counted; a file has no such table before."""
    ((tables,),) = file.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'lacked'"
    )
    return bool(tables)


def _take_out(
    file: sqlite3.Connection, machine: str, ran: Collection[str]
) -> tuple[str, ...]:
    """Take out what is gone from a class of machine, after a full run; name it."""
    for statement in _LACKED.split(";"):
        file.execute(statement)
    file.executemany("INSERT INTO ran VALUES (?)", [(nodeid,) for nodeid in {*ran}])
    file.execute(_IS_BACK, (machine,))
    file.execute(_LACK, (machine,))
    gone: list[tuple[int, str]] = file.execute(_GONE, (machine,)).fetchall()
    for test, _ in gone:
        file.execute(
            "DELETE FROM lacked WHERE test = ? AND machine = ?", (test, machine)
        )
        file.execute(
            "DELETE FROM passed WHERE test = ? AND run IN "
            "(SELECT id FROM runs WHERE machine = ?)",
            (test, machine),
        )
    file.execute("DELETE FROM tests WHERE id NOT IN (SELECT test FROM passed)")
    file.execute("DELETE FROM lacked WHERE test NOT IN (SELECT id FROM tests)")
    return tuple(nodeid for _, nodeid in gone)


def _add(
    file: sqlite3.Connection, machine: str, passed: Mapping[str, PassedRun]
) -> None:
    made = file.execute("INSERT INTO runs (machine) VALUES (?)", (machine,))
    file.executemany(
        "INSERT OR IGNORE INTO tests (nodeid) VALUES (?)",
        [(nodeid,) for nodeid in passed],
    )
    file.executemany(
        "INSERT INTO passed SELECT id, ?, ?, ?, ?, ? FROM tests WHERE nodeid = ?",
        [
            (made.lastrowid, run.wall, run.starved, run.speedup, run.blocked, nodeid)
            for nodeid, run in passed.items()
        ],
    )
    file.execute(_PRUNE, (machine,))
    # Of a test that a person took out, so that it is learned anew.
    file.execute("DELETE FROM passed WHERE test NOT IN (SELECT id FROM tests)")
    file.execute("DELETE FROM runs WHERE id NOT IN (SELECT run FROM passed)")


def _insist_on_ours(file: sqlite3.Connection) -> bool:
    """Tell whether it is empty still, as a first run leaves it that was killed.

    Raises:
        PolicyError: it is none of ours, or of another version.
        sqlite3.Error: it is none of SQLite's.
    """
    ((tables,),) = file.execute("SELECT count(*) FROM sqlite_master")
    ((whose,),) = file.execute("PRAGMA application_id")
    ((version,),) = file.execute("PRAGMA user_version")
    if not tables and not version:
        return True
    if whose != _OURS:
        raise PolicyError("it is no history of asyncbench's")
    if version != _VERSION:
        raise PolicyError(
            f"it is of version {version}; known here is {_VERSION}; another release of "
            "pytest-asyncbench wrote it"
        )
    return False
