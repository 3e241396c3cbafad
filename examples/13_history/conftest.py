"""Record ten runs of the main branch, as its CI would have, where none is known."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TEN_RUNS = """
import pytest, sys
sys.exit(max(pytest.main(sys.argv[1:]) for _ in range(10)))
"""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run Python on this folder as the main branch has it."""
    return subprocess.run(
        [sys.executable, *command, "-p", "no:cacheprovider", str(HERE)],
        env={**os.environ, "SHOP": "main"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        check=False,
    )


if os.environ.get("SHOP") != "main":
    known = run("-m", "pytest", "--asyncbench-show-history")
    if known.returncode != 0 or "nothing is known" in known.stdout:
        run("-c", TEN_RUNS, "--asyncbench-history-mode=record").check_returncode()
