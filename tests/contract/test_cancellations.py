"""The cancellation programs: each fault is named at its await, and no twin fails.

The line of a faulty program says in a comment what a cancellation leaves there, or may
leave, where that depends on how far another thread has come.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

CORPUS = Path(__file__).parents[2] / "benchmarks" / "cancellations"

NAMED = re.compile(r" cancelled at (\S+):(\d+)(, at [\d,]+ awaits of it)?:$")
MARK = re.compile(r"# (leaves|may leave): (.+)$")


def functions():
    """Give each program of the corpus by its module and name, and what is marked."""
    for path in sorted(CORPUS.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.AsyncFunctionDef):
                within = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                found = {n: MARK.search(lines[n - 1]) for n in within}
                marks = {n: mark.groups() for n, mark in found.items() if mark}
                yield f"{path.stem}.{node.name}", marks


PROGRAMS = {
    name: marks for name, marks in functions() if ".faulty_" in name or ".rep" in name
}
FAULTY = [name for name in PROGRAMS if ".faulty_" in name]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a run of the whole corpus tells of each program: its status and text."""
    file = tmp_path_factory.mktemp("corpus") / "junit.xml"
    # In a process of its own, since what they leave open is the point.
    command = ["-m", "pytest", "-c", f"{CORPUS / 'pytest.ini'}", f"{CORPUS}"]
    ran = subprocess.run(
        [sys.executable, *command, f"--junitxml={file}", "-q"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return {
        f"{case.get('classname').rpartition('.')[2]}.{case.get('name')}": case
        for case in ET.parse(file).iter("testcase")
    }


def outcome(told, name):
    if name not in told and name.startswith("libraries."):
        pytest.skip("one of the libraries is not installed")
    case = told[name]
    if case.find("skipped") is not None:
        pytest.skip(case.find("skipped").get("message"))
    assert case.find("error") is None, case.find("error").text
    failure = case.find("failure")
    return None if failure is None else failure.text


def named(text):
    """Give the faults that a failure names, by the line of the await."""
    faults: dict[int, list[str]] = {}
    for line in text.partition("E     use: ")[0].splitlines():
        if found := NAMED.search(line):
            here = faults.setdefault(int(found[2]), [])
        elif faults:
            here.append(line.removeprefix("E").strip())
    return faults


def test_there_are_enough():
    """A dozen at least, each with a twin and with the line of its fault."""
    assert len(FAULTY) >= 12
    for name in FAULTY:
        assert PROGRAMS[name], f"{name} marks no line"
        assert PROGRAMS[name.replace(".faulty_", ".repaired_")] == {}


@pytest.mark.parametrize("name", FAULTY)
def test_a_fault_is_named_at_its_await(told, name):
    """Each that is marked, with what it leaves, and no other line."""
    text = outcome(told, name)
    assert text is not None, f"{name} passed"
    faults = named(text)
    assert faults.keys() <= PROGRAMS[name].keys(), text
    for line, (how, expected) in PROGRAMS[name].items():
        if how == "leaves" or line in faults:
            for each in expected.split("; "):
                assert any(each in fault for fault in faults[line]), text


@pytest.mark.parametrize("name", FAULTY)
def test_a_repaired_twin_passes(told, name):
    """Whichever of its awaits its tasks are cancelled at."""
    twin = name.replace(".faulty_", ".repaired_")
    text = outcome(told, twin)
    assert text is None, text
