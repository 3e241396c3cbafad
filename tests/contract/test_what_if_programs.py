"""`benchmarks/what_if.py` runs a program and its repaired twin, under the plugin."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "benchmarks"

pytest.importorskip("fcntl", reason="some of its programs are written for POSIX")


def test_a_row_has_what_both_took_and_what_was_foretold_if_anything_was() -> None:
    printed = subprocess.run(
        [sys.executable, HERE / "what_if.py", "1", "pipe"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout

    assert re.search(
        r"^os\.read of a pipe +\d+\.\d{3} s +(-|\d+\.\d{3} s) +\d+\.\d{3} s",
        printed,
        re.MULTILINE,
    )
