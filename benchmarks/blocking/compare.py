"""Compare detectors of blocking calls on the corpus: `python compare.py --help`.

Each case is a test of `corpus/`; what is true of it stands in its file, and
`expectations.py` says how.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable

import printing
from expectations import cases
from runs import run_all
from tools import PEERS, TOOLS

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
    results = run_all(
        [(tool, case) for case in chosen for tool in tools],
        python=arguments.python,
        jobs=arguments.jobs,
        rules=arguments.rules,
        doubtful_again=arguments.again,
    )
    if arguments.outcomes:
        print(*printing.outcomes(results), sep="\n")
    if arguments.failures:
        print(*printing.failures(results), sep="\n")
    if "truth" in tools:
        print(*printing.longest_steps(results), sep="\n")
        return
    print(f"\n{printing.heading(tools, there)}\n")
    print(*printing.table(results, tools), sep="\n")
    for line in printing.broken(results):
        print(line)


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
