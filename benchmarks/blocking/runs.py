"""Runs of cases under tools, each case in a process of its own.

That process is a fork of one that has imported pytest; see `warm.py`.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from expectations import CORPUS, Case
from tools import PLUGINS, TOOLS
from verdicts import Result, judged

__all__ = ["run_all"]

LIMIT = 60


class Warm:
    """A process that forks for each case; see `warm.py`."""

    def __init__(self, python: str) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [python, str(CORPUS.parent / "warm.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, arguments: list[str], environment: dict[str, str]
    ) -> tuple[bool, str]:
        """Run pytest in a fork; tell whether it came to its end, and what it said."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.NamedTemporaryFile("r", errors="replace") as output:
            order = {
                "arguments": arguments,
                "environment": environment,
                "folder": str(CORPUS),
                "output": output.name,
                "limit": LIMIT,
            }
            print(json.dumps(order), file=self._process.stdin, flush=True)
            return json.loads(self._process.stdout.readline()), output.read()

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def run(case: Case, tool: str, warm: Warm, rules: str) -> Result:
    """Run one case under one tool, with these rules for the slow cases of ours."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as result:
        command = [
            *("-q", "-c", str(CORPUS / "pytest.ini")),
            *TOOLS[tool].options,
            *(f"-pno:{name}" for key, name in PLUGINS.items() if key != tool),
            case.nodeid,
        ]
        if tool == "ours":
            rules = rules if case.kind == "slow" else "all"
            command += [f"--asyncbench-rules={rules}"] if rules else []
        environment = {"CORPUS_TOOL": tool, "CORPUS_RESULT": result.name}
        ended, output = warm.run(command, environment)
        if not ended:
            return Result(case=case, tool=tool, broken="hung", text=output)
        try:
            told = json.load(result)
        except ValueError:
            return Result(case=case, tool=tool, broken="no report", text=output)
    return judged(case, tool, told, output)


def run_all(
    wanted: list[tuple[str, Case]],
    *,
    python: str,
    jobs: int,
    rules: str,
    doubtful_again: bool,
) -> list[Result]:
    """Run cases under tools; those that a busy machine may have decided twice."""
    idle: queue.SimpleQueue[Warm] = queue.SimpleQueue()
    for _ in range(jobs):
        idle.put(Warm(python))

    def one(each: tuple[str, Case]) -> Result:
        warm = idle.get()
        try:
            return run(each[1], each[0], warm, rules)
        finally:
            idle.put(warm)

    with ThreadPoolExecutor(jobs) as pool:
        results = []
        for result in pool.map(one, wanted):
            results.append(result)
            if not len(results) % 100:
                print(f"{len(results)} of {len(wanted)}", file=sys.stderr, flush=True)
    if doubtful_again:
        results = [again(each, one) if each.is_doubtful else each for each in results]
    for _ in range(jobs):
        idle.get().close()
    return results


def again(result: Result, one: Callable[[tuple[str, Case]], Result]) -> Result:
    """Run a case once more, with no other beside it; what comes then counts."""
    second = one((result.tool, result.case))
    if second.word != result.word:
        words = f"{result.word}, then {second.word}"
        print(f"{result.case.name}: {result.tool} {words}")
    return second
