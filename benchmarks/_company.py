"""Processes that want the processors, too, while something is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:  # who is killed can't end them
    for _ in range(100_000):
        pass
"""


@contextmanager
def beside(count: int) -> Iterator[None]:
    """Keep so many processes busy."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
