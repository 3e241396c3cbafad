"""The examples run as the README says, and print what their folders say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDERS = sorted(path for path in EXAMPLES.glob("[0-9][0-9]_*") if path.is_dir())
QUICK = EXAMPLES / "08_configuration"


def run_examples(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the README's command below `root`."""
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "examples",
            *options,
        ],
        cwd=root,
        env={**os.environ, "PYTHONUTF8": "1", "PYTEST_ADDOPTS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def checking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module that compares, as the examples' conftest imports it."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return pytest.importorskip("checking")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a folder in which `examples/` holds one quick example."""
    target = tmp_path / "examples"
    shutil.copytree(QUICK, target / QUICK.name)
    for name in ("checking.py", "conftest.py", "pytest.ini"):
        shutil.copy(EXAMPLES / name, target)
    return tmp_path


def test_all_examples_print_what_they_should() -> None:
    """The one command ends green, although some of the examples' tests fail."""
    run = run_examples(ROOT)
    assert run.returncode == 0, run.stdout
    assert re.search(rf"= {len(FOLDERS)} passed in ", run.stdout), run.stdout
    assert "budget 0.800 s (marker)" in run.stdout, "failures are there to be read"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_example_is_complete(folder: Path) -> None:
    """Each has tests, their text, and an explanation that begins with the command."""
    explanation = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    assert explanation[2] == f"    python -m pytest examples/{folder.name}"
    assert len([line for line in explanation[4:] if line]) <= 10
    assert list(folder.glob("test_*.py"))
    assert (folder / "expected.txt").read_text(encoding="utf-8").strip()
    overview = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"| [{folder.name}]({folder.name}) |" in overview


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_expected_text_holds_no_figure_that_changes(
    folder: Path, checking: ModuleType
) -> None:
    """What is expected is already normalised: nobody wrote into it by hand."""
    text = (folder / "expected.txt").read_text(encoding="utf-8")
    assert checking.normalised(text) == text


def test_a_changed_line_is_shown_and_can_be_accepted(copied: Path) -> None:
    """A difference is a failure that says what differs and how to accept it."""
    expected = copied / "examples" / QUICK.name / "expected.txt"
    right = expected.read_text(encoding="utf-8")
    expected.write_text(right.replace("shop.py:21", "shop.py:20"), encoding="utf-8")

    run = run_examples(copied)
    assert run.returncode == 1
    assert "-E     examples/08_configuration/shop.py:20 in price" in run.stdout
    assert "+E     examples/08_configuration/shop.py:21 in price" in run.stdout
    assert "if that is right: python -m pytest examples --update" in run.stdout

    assert run_examples(copied, "--update").returncode == 0
    assert expected.read_text(encoding="utf-8") == right


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (
            "wall clock 1.234 s, budget 0.600 s (m)",
            "wall clock <time>, budget 0.600 s (m)",
        ),
        ("loop stalled 99.1 ms (limit 0.100 s)", "loop stalled <time> (limit 0.100 s)"),
        ("  13.0 ms of it spent waiting for a processor (forgiven)\nnext", "next"),
        ("wall 1.200 s (0.200 s of it forgiven), serial", "wall <time>, serial"),
        ("working 1 µs, blocked 2.0 s, starved 3 µs", "working <time>, blocked <time>"),
        ("speedup 3.99, promised at least 3", "speedup <factor>, promised at least 3"),
        (f"Task-12 |{'━' * 20:40}| running 1.0 s", "Task-<n> |━━  | running <time>"),
        (
            "running 1.0 ms, waiting 1.0 s, queued 0.3 s",
            "waiting <time>, queued <time>",
        ),
        ("=== 1 passed in 61.20s (0:01:01) ===", "=== 1 passed in <time> ==="),
        ("______ test_it ______", "___ test_it ___"),
        ("<shop.Till object at 0x7f0A>", "<shop.Till object at <address>>"),
        ("examples\\02_budget\\a.py:10 in f", "examples/02_budget/a.py:10 in f"),
        (
            "stalled, 3 times\nplace\nsource\nget, which blocked at /lib/a.py:7 in b",
            "stalled, <count> times\nplace\nsource\nget, which blocked at <library>",
        ),
        ("    time.sleep, 5 times in 2 tests", "    time.sleep, 5 times in 2 tests"),
        ("    time.sleep(0.01)", "    time.sleep(0.01)"),
    ],
)
def test_only_what_changes_is_replaced(
    checking: ModuleType, printed: str, expected: str
) -> None:
    """Figures that a run measures go; promises, places and source lines stay."""
    assert checking.normalised(printed) == expected
