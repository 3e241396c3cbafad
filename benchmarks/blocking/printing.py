"""What the comparison prints: the table, and case by case what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tools import TOOLS
from verdicts import Result

__all__ = ["broken", "failures", "heading", "longest_steps", "outcomes", "table"]


def table(results: list[Result], tools: Iterable[str]) -> Iterator[str]:
    """Give the lines of the comparison."""
    heads = (
        *("tool", "slow: test fails", "only logs", "names the line"),
        *("quick: fails", "innocent: fails", "only logs"),
    )
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for tool in tools:
        mine = [each for each in results if each.tool == tool and not each.skipped]
        slow, quick, innocent = (
            [each for each in mine if each.case.kind == kind]
            for kind in ("slow", "quick", "innocent")
        )
        yield (
            f"| {tool} | {sum(r.failed for r in slow)} of {len(slow)} "
            f"| {sum(r.logged for r in slow)} "
            f"| {sum(r.named for r in slow)} "
            f"| {sum(r.failed for r in quick)} of {len(quick)} "
            f"| {sum(r.failed for r in innocent)} of {len(innocent)} "
            f"| {sum(r.logged for r in innocent)} |"
        )


def outcomes(results: Iterable[Result]) -> Iterator[str]:
    """Say case by case what each tool made of it, for a look at the differences."""
    by_case: dict[str, list[Result]] = {}
    for result in results:
        by_case.setdefault(result.case.name, []).append(result)
    for name, several in by_case.items():
        words = [f"{each.tool}={each.word}" for each in several]
        yield f"{name} {' '.join(words)}"


def failures(results: Iterable[Result]) -> Iterator[str]:
    """Say what our own tool got wrong, with its output."""
    for result in results:
        if result.tool != "ours" or result.skipped or result.is_right:
            continue
        wrong = [
            result.broken,
            "" if result.failed == (result.case.kind != "innocent") else "verdict",
            "" if result.named or result.case.kind == "innocent" else "name",
            f"extra: {', '.join(result.extra)}" if result.extra else "",
        ]
        yield f"=== {result.case.name}: {'; '.join(filter(None, wrong))}"
        yield result.text


def longest_steps(results: Iterable[Result]) -> Iterator[str]:
    """Say how long each case really blocked, as the tool `truth` measures it."""
    for result in results:
        failed = "FAILED" if result.failed else ""
        longest = result.text.rpartition("longest step ")[2]
        yield f"{result.case.name} {failed} {result.broken} {longest}"


def heading(tools: Iterable[str], versions: Mapping[str, str]) -> str:
    """Name the interpreter and the tools that are not ours, with their versions."""
    packages = {TOOLS[tool].package for tool in tools} - {"", "pytest-asyncbench"}
    named = [f"{name} {versions[name]}" for name in sorted(packages)]
    return ", ".join([f"Python {versions['']}", *named])


def broken(results: Iterable[Result]) -> Iterator[str]:
    """Name the cases that went wrong by themselves, and why."""
    for result in results:
        if result.broken:
            yield f"{result.case.name} ({result.tool}): {result.broken}"
