"""Compare detectors of blocking calls on the corpus: `python compare.py --help`.

Each case is a test of `corpus/`, run by pytest in a process of its own, which is a fork
of one that has imported pytest. What is true of it stands in its file: the kind of case
in the file's name, the guilty line in a comment::

    time.sleep(0.1)  # <- blocks: time.sleep

The call may be a glob, or several with `|` between. `blocks one of` marks lines of
which one must be named, `blocks nowhere` a call with no line of the user's, and
`test_x blocks` a line outside the function of the test that reaches it.
"""

from __future__ import annotations

import argparse
import ast
import json
import queue
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tools import PEERS, PLUGINS, TOOLS

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
LIMIT = 60

_MARK = re.compile(
    r"# <- (?:(?P<tests>test_\w+(?:, test_\w+)*) )?"
    r"blocks(?P<how> one of| nowhere)?: (?P<calls>\S+)"
)


# -------------------------------------------------------------- the corpus


@dataclass(frozen=True, kw_only=True)
class Culprit:
    """A place that blocks: one of these lines, calling one of these."""

    lines: frozenset[int]
    calls: tuple[str, ...]
    placeless: bool = False

    def is_named(self, line: int, call: str) -> bool:
        """Tell whether a finding names this place and its call."""
        return (self.placeless or line in self.lines) and any(
            fnmatchcase(call, glob) for glob in self.calls
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test of the corpus and what is true of it."""

    kind: str
    file: Path
    name: str
    nodeid: str
    culprits: tuple[Culprit, ...] = ()


def cases() -> Iterator[Case]:
    """Read the corpus."""
    for file in sorted(CORPUS.glob("*_*.py")):
        text = file.read_text()
        marks = list(_marks(text))
        for node, outer in _tests(ast.parse(text)):
            inside = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            mine = [
                (line, mark)
                for line, mark in marks
                if (
                    node.name in mark["tests"].split(", ")
                    if mark["tests"]
                    else line in inside
                )
            ]
            yield Case(
                kind=file.stem.partition("_")[0],
                file=file,
                name=f"{file.stem}.{node.name}",
                nodeid=f"{file}::{outer}{node.name}",
                culprits=tuple(_culprits(mine)),
            )


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _tests(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((inner, f"{node.name}::") for inner, _ in _tests(node))
        elif isinstance(node, _FUNCTIONS) and node.name.startswith("test_"):
            yield node, ""


def _marks(text: str) -> Iterator[tuple[int, re.Match[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        mark = _MARK.search(line)
        if mark:
            yield number, mark


def _culprits(marks: Iterable[tuple[int, re.Match[str]]]) -> Iterator[Culprit]:
    either: dict[int, tuple[str, ...]] = {}
    for line, mark in marks:
        calls = tuple(mark["calls"].split("|"))
        if mark["how"] == " one of":
            either[line] = calls
        else:
            yield Culprit(
                lines=frozenset({line}),
                calls=calls,
                placeless=mark["how"] == " nowhere",
            )
    if either:
        calls = tuple({call for several in either.values() for call in several})
        yield Culprit(lines=frozenset(either), calls=calls)


# ----------------------------------------------------------------- one run


@dataclass(kw_only=True)
class Result:
    """What a tool made of a case."""

    case: Case
    tool: str
    skipped: bool = False
    failed: bool = False
    named: bool = False
    """Every culprit's line is named; by ours together with its call."""
    extra: list[str] = field(default_factory=list)
    """Findings of ours that name a place which is not to blame."""
    logged: bool = False
    """It said so, and let the test pass."""
    broken: str = ""
    """Why this is no result: the case itself went wrong."""
    text: str = ""

    @property
    def is_right(self) -> bool:
        """Tell whether this is all that one can ask for."""
        if self.broken:
            return False
        if self.case.kind == "innocent":
            return not self.failed and not self.logged
        return self.failed and self.named and not self.extra


class Warm:
    """A process that forks for each case; see `warm.py`."""

    def __init__(self, python: str) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [python, str(HERE / "warm.py")],
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


def judged(case: Case, tool: str, told: dict[str, Any], output: str) -> Result:
    """Make a result of the reports of one case, and of what was printed."""
    reports = told["reports"]
    result = Result(case=case, tool=tool, text=output + "\n".join(told["alarms"]))
    outcomes = {report["outcome"] for report in reports}
    result.skipped = "skipped" in outcomes
    result.failed = "failed" in outcomes
    if tool == "ours":
        _judge_ours(result, reports)
    else:
        _judge_peer(result, reports, told["alarms"])
    return result


_WORTH = 0.02
"""What sets a slow case up may block, too, for a moment."""

_OURS = re.compile(r"^E   (?:event loop |not measured|blocking call)", re.MULTILINE)


def _judge_ours(result: Result, reports: list[dict[str, Any]]) -> None:
    findings = _findings(reports)
    broken = {
        report["when"]
        for report in reports
        if report["outcome"] == "failed" and not _OURS.search(report["text"])
    }
    if broken:
        result.broken = f"the case itself failed in {', '.join(sorted(broken))}"
    here = [
        (f["line"], f["call"]) for f in findings if f["file"] == str(result.case.file)
    ]
    result.named = all(
        any(culprit.is_named(line, call) for line, call in here)
        or (culprit.placeless and any(culprit.is_named(0, f["call"]) for f in findings))
        for culprit in result.case.culprits
    )
    result.extra = [
        f"{Path(f['file']).name}:{f['line']} {f['call']} {f['seconds']:.3f}"
        for f in findings
        if f["seconds"] >= _WORTH
        and not any(
            (culprit.placeless or f["file"] == str(result.case.file))
            and culprit.is_named(f["line"], f["call"])
            for culprit in result.case.culprits
        )
    ]


def _findings(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # The teardown's report repeats the record of the call, so each counts once.
    found: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, value in report["properties"]:
            if name == "asyncbench":
                for entry in json.loads(value)["blocking"]:
                    if entry["allowed"] is None:
                        found[json.dumps(entry, sort_keys=True)] = entry
    return list(found.values())


def _judge_peer(
    result: Result, reports: list[dict[str, Any]], alarms: list[str]
) -> None:
    told = "\n".join(
        [
            *(report["text"] for report in reports),
            *(text for report in reports for text in report["sections"]),
            *alarms,
        ]
    )
    file = re.escape(result.case.file.name)
    lines = {
        int(line)
        for pattern in (rf"{file}:(\d+)", rf'{file}", line (\d+)')
        for line in re.findall(pattern, told)
    }
    culprits = result.case.culprits
    result.named = bool(culprits) and all(lines & each.lines for each in culprits)
    result.logged = bool(alarms) and not result.failed
    if result.failed and TOOLS[result.tool].verdict not in told:
        # A failure all the same, and it counts: without the tool the test passes.
        result.extra = ["failed with another message than the tool's"]


# --------------------------------------------------------------- the table


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
        words = [f"{each.tool}={_word(each)}" for each in several]
        yield f"{name} {' '.join(words)}"


def _word(result: Result) -> str:
    if result.skipped:
        return "skipped"
    if result.broken:
        return "broken"
    verdict = "fails" if result.failed else "logs" if result.logged else "passes"
    named = result.named and result.case.kind != "innocent"
    return verdict + ("+named" if named else "") + ("+other" if result.extra else "")


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


_VERSIONS = """
import importlib.metadata, json, platform, sys
found = {"": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def versions(python: str) -> dict[str, str]:
    """Ask an interpreter for its version, and for those of the tools that it has."""
    packages = {tool.package for tool in TOOLS.values() if tool.package}
    done = subprocess.run(
        [python, "-c", _VERSIONS, *sorted(packages)],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def present(tools: Iterable[str], there: dict[str, str]) -> list[str]:
    """Keep the tools that are installed, and say which are not."""
    kept = []
    for tool in tools:
        package = TOOLS[tool].package
        if package and package not in there:
            print(f"{tool} is left out: {package} is not installed here")
        else:
            kept.append(tool)
    return kept


def run_all(
    wanted: list[tuple[str, Case]], arguments: argparse.Namespace
) -> list[Result]:
    """Run cases under tools; those that a busy machine may have decided twice."""
    idle: queue.SimpleQueue[Warm] = queue.SimpleQueue()
    for _ in range(arguments.jobs):
        idle.put(Warm(arguments.python))

    def one(each: tuple[str, Case]) -> Result:
        warm = idle.get()
        try:
            return run(each[1], each[0], warm, arguments.rules)
        finally:
            idle.put(warm)

    with ThreadPoolExecutor(arguments.jobs) as pool:
        results = []
        for result in pool.map(one, wanted):
            results.append(result)
            if not len(results) % 100:
                print(f"{len(results)} of {len(wanted)}", file=sys.stderr, flush=True)
    if arguments.again:
        results = [again(each, one) if is_doubtful(each) else each for each in results]
    for _ in range(arguments.jobs):
        idle.get().close()
    return results


def is_doubtful(result: Result) -> bool:
    """Tell whether a busy machine may have made this what it is."""
    said = result.failed or result.logged
    doubtful = {
        "slow": not said and TOOLS[result.tool].timed,
        # What is quick is found by name or not at all, whatever the machine does.
        "quick": False,
        "innocent": said,
    }
    return bool(not result.skipped and (doubtful[result.case.kind] or result.broken))


def again(result: Result, one: Callable[[tuple[str, Case]], Result]) -> Result:
    """Run a case once more, with no other beside it; what comes then counts."""
    second = one((result.tool, result.case))
    if _word(second) != _word(result):
        words = f"{_word(result)}, then {_word(second)}"
        print(f"{result.case.name}: {result.tool} {words}")
    return second


def choice(text: str) -> list[str]:
    """Read the names of tools."""
    tools = ["ours", *PEERS] if text == "all" else text.split(",")
    for tool in tools:
        if tool not in TOOLS:
            sys.exit(f"{tool!r} is no tool; accepted are all, {', '.join(TOOLS)}")
    return tools


def main() -> None:
    """Run the corpus and print the table."""
    arguments = read_arguments()
    chosen = [
        case
        for case in cases()
        if any(part in case.name for part in arguments.only.split(","))
        and case.kind.startswith(arguments.kind)
    ][:: arguments.every]
    if arguments.list:
        for case in chosen:
            print(case.kind, case.name, *(sorted(each.lines) for each in case.culprits))
        return
    there = versions(arguments.python)
    tools = present(choice(arguments.tool), there)
    results = run_all([(tool, case) for case in chosen for tool in tools], arguments)
    if arguments.outcomes:
        print(*outcomes(results), sep="\n")
    if arguments.failures:
        print(*failures(results), sep="\n")
    if "truth" in tools:
        for result in results:
            print(
                result.case.name,
                "FAILED" if result.failed else "",
                result.broken,
                result.text.rpartition("longest step ")[2],
            )
        return
    packages = {TOOLS[tool].package for tool in tools} - {"", "pytest-asyncbench"}
    print(
        f"\nPython {there['']}",
        *(f"{name} {there[name]}" for name in sorted(packages)),
        sep=", ",
        end="\n\n",
    )
    print(*table(results, tools), sep="\n")
    broken = [
        f"{each.case.name} ({each.tool}): {each.broken}"
        for each in results
        if each.broken
    ]
    print(*broken, sep="\n", end="\n" if broken else "")


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--tool", default="ours", help=f"all, or some of {','.join(TOOLS)}"
    )
    parser.add_argument(
        "--only", default="", help="cases with this in their name, or one of these"
    )
    parser.add_argument("--kind", default="", help="slow, quick or innocent")
    parser.add_argument("--every", type=int, default=1, help="each n-th of these only")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--rules", default="", help="for our slow cases")
    parser.add_argument(
        "--again", action="store_true", help="run the unexpected once more, alone"
    )
    parser.add_argument(
        "--outcomes", action="store_true", help="show what each tool made of each case"
    )
    parser.add_argument(
        "--failures", action="store_true", help="show what ours got wrong"
    )
    parser.add_argument("--list", action="store_true", help="list the cases")
    return parser.parse_args()


if __name__ == "__main__":
    main()
