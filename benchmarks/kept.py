"""Whether a loop that another thread keeps waiting is told of, and no other.

``python benchmarks/kept.py [rounds] [words] [--beside K]``: each case is a call that a
pool's thread makes while a timer of the loop's ticks. A case has a process of pytest's
own, and a round is a test in it. Words choose cases by their names, and K processes are
busy beside. It prints counts, and what went wrong. The calls are in ``_kept_calls.py``,
and what they name is in ``_kept_program.py``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _kept_calls import INNOCENT, KEEPING
from noise import beside

_SUITE = """
import asyncio
import pytest
from _kept_program import *
from _kept_program import HELD_LOCK

HELD = []

@pytest.fixture(autouse=True)
def no_more_is_held_than_one_result():
    yield
    HELD.clear()

async def tick():
    while True:
        await asyncio.sleep(0.01)

def work():
    HELD.append({call})

@pytest.mark.asyncio
@pytest.mark.parametrize("number", range({rounds}))
async def test_it(number):
    await asyncio.to_thread(int)
    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    await asyncio.to_thread(work)
    ticking.cancel()
"""

Found = list[dict[str, Any]]


def _rounds(call: str, rounds: int) -> list[Found]:
    """Run a case; give for each round what kept the loop waiting in it and counts."""
    with tempfile.TemporaryDirectory() as folder:
        test, report = Path(folder, "test_it.py"), Path(folder, "report.json")
        test.write_text(_SUITE.format(call=call, rounds=rounds))
        command = [sys.executable, "-m", "pytest", "-q", str(test)]
        command += ["--asyncbench-blocking=report", f"--asyncbench-report={report}"]
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, env=env
        )
        if ended.returncode:
            sys.exit(ended.stdout)
        tests = json.loads(report.read_text())["tests"]
        return [_counting(told["record"]["blocking"]) for told in tests]


def _counting(found: Found) -> Found:
    return [
        each for each in found if each["kind"] == "kept" and each["allowed"] is None
    ]


def _cases(words: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Give name, call and whether it keeps; say which can't be made here."""
    chosen = [
        *((name, call, "", (3, 10), True) for name, call in KEEPING.items()),
        *((name, *innocent, False) for name, innocent in INNOCENT.items()),
    ]
    for name, call, needs, since, keeps in chosen:
        if words and not any(word in name for word in words):
            continue
        if needs and importlib.util.find_spec(needs) is None:
            print(f"{name}: left out, there is no {needs}", flush=True)
        elif sys.version_info < since:
            print(f"{name}: left out, since Python {since[0]}.{since[1]}", flush=True)
        else:
            yield name, call, keeps


def _count(counts: Counter[str], kept: Found, keeps: bool) -> None:
    """Add what was told in one round."""
    counts["keeping" if keeps else "innocent"] += 1
    if keeps:
        in_work = any(each["function"] == "work" for each in kept)
        counts["noticed"] += bool(kept)
        counts["with the line that handed it over"] += any(
            each["handed"] is not None for each in kept
        )
        counts["named in the thread"] += in_work
        counts["by the job alone"] += bool(kept) and not in_work
    else:
        counts["false alarms"] += bool(kept)


def main() -> None:
    """Run the cases that were asked for and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", metavar="[rounds] [words]")
    parser.add_argument("--beside", type=int, default=0)
    asked = parser.parse_args()
    words = asked.words
    rounds = int(words.pop(0)) if words and words[0].isdigit() else 1
    counts: Counter[str] = Counter()
    with beside(asked.beside):
        for name, call, keeps in _cases(words):
            for kept in _rounds(call, rounds):
                _count(counts, kept, keeps)
                if bool(kept) != keeps:
                    told = [(each["call"], each["seconds"]) for each in kept]
                    print(f"{name}: {told}", flush=True)
    for what, count in counts.items():
        print(f"{count:6} {what}")


if __name__ == "__main__":
    main()
