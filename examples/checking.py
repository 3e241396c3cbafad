"""Run one example, and hold what it prints against its `expected.txt`.

Two runs never print the same times, so both sides are made alike first. What changes
from run to run or from machine to machine becomes a placeholder such as ``<time>`` or
goes; all the rest, every line, name, source line and piece of advice, must be the same.
"""

from __future__ import annotations

import difflib
import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["EXPECTED", "difference", "normalised", "printed"]

EXPECTED = "expected.txt"

_ROOT = Path(__file__).parent.parent
_TIMEOUT = 60
# A build server's pytest shortens nothing, and its options are not the reader's.
_FOREIGN = ("CI", "GITHUB_ACTIONS", "BUILD_NUMBER", "PYTEST_ADDOPTS", "FORCE_COLOR")

_TIME = r"(?<![\d.])\d+(?:\.\d+)? (?:s|ms|µs)\b"
_UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


def printed(folder: Path) -> str:
    """Give the terminal text of ``python -m pytest examples/<folder>``."""
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    for name in _FOREIGN:
        environment.pop(name, None)
    shown = subprocess.run(
        [*pytest, folder.relative_to(_ROOT)],
        cwd=_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_TIMEOUT,
        encoding="utf-8",
        check=False,
    )
    return shown.stdout


def difference(folder: Path, text: str) -> str:
    """Give a unified diff from what is expected to `text`, empty if they agree."""
    expected = (folder / EXPECTED).read_text(encoding="utf-8")
    return "".join(
        difflib.unified_diff(
            expected.splitlines(keepends=True),
            normalised(text).splitlines(keepends=True),
            f"{folder.name}/{EXPECTED}",
            "printed now",
        )
    )


def normalised(text: str) -> str:
    """Replace what changes from run to run; normalising twice changes nothing more."""
    for pattern, replacement in _REPLACED:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _quarters(bar: re.Match[str]) -> str:
    """Draw a bar of 40 cells with four, each as the middle of its quarter is."""
    return f"|{bar[1][5::10]}|"


def _large_shares(line: re.Match[str]) -> str:
    """Keep the words for what took a quarter of the largest share, and their order."""
    shares = [
        (word, float(number) * _UNITS[unit])
        for word, number, unit in re.findall(r"(\w+) ([\d.]+) (\S+?)(?:,|$)", line[0])
    ]
    least = max(value for _, value in shares) / 4
    return ", ".join(f"{word} <time>" for word, value in shares if value >= least)


_REPLACED = (
    # the machine's: versions, folders, how busy it was
    (r"^(?:platform|cachedir|rootdir|configfile|plugins|asyncio):? .*\n", ""),
    (r"^.*(?:spent waiting for a processor|elsewhere can't be told).*\n", ""),
    (rf", starved {_TIME}", ""),
    (rf" \({_TIME} of it forgiven\)", ""),
    # what only Linux tells: what the kernel waited for, and who starved the loop
    (r"^(?:E +| +)(?:waited (?:in|for)|for .* of that) .*\n", ""),
    (r"\\", "/"),
    # pytest's: rules across the terminal, its own clock, lines cut at the edge
    (r"^([=_-])\1+ (.+?) \1+$", r"\1\1\1 \2 \1\1\1"),
    (r" in \d+\.\d+s(?: \([\d:]+\))?(?= ===)", " in <time>"),
    (r" +\[ *(\d+%)\]$", r" [\1]"),
    (r"^(FAILED \S+) - .*$", r"\1 - <headline>"),
    # identities, the insides of libraries, and names that Python 3.10 does not know
    (r"asyncio\.queues\.get", "asyncio.Queue.get"),
    (r"(?<=which blocked at )\S+ in \S+", "<library>"),
    (r", \d+ times$(?=(?:\n.*){2}\n.* blocked at <library>$)", ", <count> times"),
    (r"(?<=: requests\.get, )\d+ times", "<count> times"),
    (r"0x[0-9a-fA-F]+", "<address>"),
    (r"Task-\d+ +\|", "Task-<n> |"),
    (r"Task-\d+", "Task-<n>"),
    # only where the machine was busy: nothing else is in that loop
    (r"^.* `test_page \(Task-<n>\)` stood in the loop's queue\n", ""),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:<port>"),
    # figures; what the test promised stays as it is
    (r"\|([ ━]{40})\|", _quarters),
    (rf"(?:(?:running|waiting|queued) {_TIME}(?:, )?)+$", _large_shares),
    (rf"^ +(?={_TIME})", "  "),
    (rf"(?<=budget ){_TIME}(?= \(auto)", "<time>"),
    (r"(?<=\(auto, from )\d+", "<count>"),
    (r"(?<=/13_history/shop\.py:\d\d\), )\d+ times", "<count> times"),
    (r"(?<=speedup at least )[\d.]+(?= \(auto)", "<factor>"),
    (rf"(?<!budget )(?<!limit ){_TIME}", "<time>"),
    (r"(?<=speedup )\d+\.\d+", "<factor>"),
    (r"[\d,]+ steps measured", "<count> steps measured"),
    # of several stalls the one with the most; a machine that pauses may hide it
    (r"held up \d+ other", "held up <count> other"),
)
