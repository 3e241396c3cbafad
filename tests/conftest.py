"""How the suite looks at the plugin: whole runs of pytest, plain and with workers.

A run costs seconds with workers, so one is made for many questions: `play` remembers
what it has run. What came of each inner test is written down by a conftest file in
the controller, hence after it has crossed from the worker.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Any

import pytest

# An inner run in this process forgets the modules that it was the first to import, and
# would leave two of each behind; so all of ours and of the rules are here before.
import pytest_asyncbench._glue.session
import pytest_asyncbench._glue.trials
from pytest_asyncbench._interception import Interception
from pytest_asyncbench._python.frames import current_frames
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._watching.ownership import check_owners
from pytest_asyncbench._watching.thread import OwnThread
from pytest_asyncbench._words.clock import SYSTEM_CLOCK

assert pytest_asyncbench._glue.session
assert pytest_asyncbench._glue.trials
Interception(RULES, SYSTEM_CLOCK).install()()

_trespasses: list[str] = []
check_owners(_trespasses)

_WIDTH = "100"

_SCRIBE = """
import json, pathlib
import pytest

_HERE = pathlib.Path(__file__).parent

def pytest_runtest_logreport(report):
    if _controller:
        entry = {
            "nodeid": report.nodeid,
            "when": report.when,
            "outcome": report.outcome,
            "wasxfail": hasattr(report, "wasxfail"),
            "text": report.longreprtext,
            "sections": report.sections,
            "properties": report.user_properties,
        }
        with open(_HERE / "reports.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\\n")

_controller = True

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    global _controller
    _controller = not hasattr(config, "workerinput")
"""


@dataclass(frozen=True)
class Told:
    """What an inner run told of one of its tests."""

    name: str
    reports: tuple[dict[str, Any], ...]

    @property
    def outcome(self) -> str:
        """What a person calls it."""
        for report in self.reports:
            if report["wasxfail"]:
                return "xfailed" if report["outcome"] == "skipped" else "xpassed"
            if report["outcome"] == "failed":
                return "failed" if report["when"] == "call" else "error"
            if report["outcome"] == "skipped":
                return "skipped"
        return "passed"

    @property
    def text(self) -> str:
        """What is shown of its failure."""
        return "\n".join(report["text"] for report in self.reports if report["text"])

    @property
    def lines(self) -> list[str]:
        """The lines of that, without pytest's margin and the worker's name."""
        lines = [line.removeprefix("E").strip() for line in self.text.splitlines()]
        return [line for line in lines if not line.startswith("[gw")]

    @property
    def sections(self) -> str:
        """What stands in sections of ours."""
        sections = (s for report in self.reports for s in report["sections"])
        return "\n".join(text for title, text in sections if "asyncbench" in title)

    @property
    def record(self) -> dict[str, Any]:
        """Our record of it; an error where it has none."""
        return dict(json.loads(self.written))

    @property
    def written(self) -> str:
        """The value of our user property."""
        (value,) = {
            value
            for report in self.reports
            for name, value in report["properties"]
            if name == "asyncbench"
        }
        assert isinstance(value, str)
        return value

    @property
    def watched(self) -> bool:
        """Whether there is a record at all."""
        properties = (p for report in self.reports for p in report["properties"])
        return any(name == "asyncbench" for name, _ in properties)


class Played:
    """What came of one inner run."""

    def __init__(self, result: pytest.RunResult, reports: list[dict[str, Any]]) -> None:
        self.result = result
        self.status = int(result.ret)
        self.out = result.stdout.str()
        self.err = result.stderr.str()
        self.lines = result.outlines
        self._reports = reports

    def __getitem__(self, name: str) -> Told:
        reports = tuple(
            report
            for report in self._reports
            if report["nodeid"].rpartition("::")[2] == name
        )
        assert reports, f"no test {name!r} was run:\n{self.out}\n{self.err}"
        return Told(name, reports)

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome of each test, by its name."""
        names = dict.fromkeys(r["nodeid"].rpartition("::")[2] for r in self._reports)
        return {name: self[name].outcome for name in names}

    @property
    def summary(self) -> list[str]:
        """The lines of our section of the terminal summary."""
        return self.section("asyncbench")

    def section(self, title: str) -> list[str]:
        """The lines of one section of the terminal's output."""
        found: list[str] = []
        inside = False
        for line in self.lines:
            if line.startswith("==="):
                inside = line.strip("= ") == title
            elif inside:
                found.append(line)
        return found

    def __repr__(self) -> str:
        return self.out


@pytest.fixture(autouse=True)
def trespasses():
    """What was written by another thread than its owner, in this test."""
    _trespasses.clear()
    yield _trespasses
    assert _trespasses == []


@pytest.fixture(scope="session")
def _played():
    return {}


@pytest.fixture(autouse=True)
def _fixed_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", _WIDTH)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def _watchdogs():
    outermost = []
    for frame in current_frames().values():
        while frame.f_back is not None:
            frame = frame.f_back
        outermost.append(frame.f_code)
    return outermost.count(OwnThread.code())


def _originals():
    """What the plugin replaces while a test is watched."""
    return {
        "Handle._run": asyncio.Handle._run,
        "time.sleep": time.sleep,
        "Lock": threading.Lock,
        "Popen": subprocess.Popen,
        "getaddrinfo": socket.getaddrinfo,
        "threads": _watchdogs(),
        **{
            f"socket.{name}": vars(socket.socket).get(name)
            for name in ("recv", "send", "sendall", "connect", "accept")
        },
    }


@pytest.fixture
def watchdogs():
    """Count the threads of ours that run; `threading` does not know them."""
    return _watchdogs


@pytest.fixture
def residue():
    """Tell what of this process is no longer as it was when the test began."""
    before = _originals()

    def residue() -> dict[str, Any]:
        now = _originals()
        return {name: now[name] for name in now if now[name] != before[name]}

    return residue


@pytest.fixture
def play_once(pytester, request, _played, residue):
    """Run a test file in a pytest of its own, plain, or remember having done so.

    Each such run, being in this process, must also leave nothing behind in it.
    """

    def play_once(
        source: str,
        *args: str,
        ini: str = "",
        conftest: str = "",
        workers: bool = False,
        subprocess: bool = False,
    ) -> Played:
        key = (source, args, ini, conftest, workers, subprocess)
        if key in _played:
            return _played[key]
        # Not from the source tree: the inner run has settings of its own only.
        pytester.makefile(
            ".ini",
            pytest=f"[pytest]\nasyncio_mode = auto\n"
            f"asyncio_default_fixture_loop_scope = function\n{ini}\n",
        )
        pytester.makeconftest(_SCRIBE + conftest)
        pytester.makepyfile(test_it=source)
        reports = pytester.path / "reports.jsonl"
        reports.unlink(missing_ok=True)  # of a run before in the same test
        # The scribe needs no cache, and workers start faster without.
        command = ["-p", "no:cacheprovider", "-rA", *args]
        if workers:
            command += ["-n", "2"]
        if subprocess:
            result = pytester.runpytest_subprocess(*command)
        else:
            # It leaves a thread behind of each run with workers.
            command += ["-p", "no:rerunfailures"]
            with warnings.catch_warnings():
                # What this suite makes of warnings is not the inner run's affair.
                warnings.resetwarnings()
                # Nor is collecting the garbage of a process this large, which stalls.
                gc.freeze()
                try:
                    result = pytester.runpytest_inprocess(*command)
                finally:
                    gc.unfreeze()
        entries = reports.read_text().splitlines() if reports.exists() else []
        assert residue() == {}
        played = _played[key] = Played(result, [json.loads(entry) for entry in entries])
        return played

    return play_once


@pytest.fixture(params=["plain", "workers"])
def play(request, play_once):
    """Run a test file in a pytest of its own: once plain, once with two workers."""

    def play(source: str, *args: str, **settings: str) -> Played:
        return play_once(source, *args, workers=request.param == "workers", **settings)

    return play
