"""One report, baseline and history of the parts that several machines ran.

``python -m pytest_asyncbench combine PART.json … --report=whole.html``
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from pytest_asyncbench._outside.baseline import update_baseline
from pytest_asyncbench._outside.files import (
    insist_on_one_use,
    insist_on_writing,
    write_file,
)
from pytest_asyncbench._outside.history import HistoryError, HistoryFile
from pytest_asyncbench._policy import values
from pytest_asyncbench._reports.baseline import read_baseline
from pytest_asyncbench._reports.by_suffix import writer_of
from pytest_asyncbench._reports.parts import United, read_part, united
from pytest_asyncbench._words.baseline import Baseline
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.legible import printable
from pytest_asyncbench._words.units import many

__all__ = ["main"]

_USAGE = 4
"""The exit status of a mistake in what was given, as pytest has it."""
_UNWRITTEN = 1

_ABOUT = """\
Unites what several machines wrote with --asyncbench-report=PART.json into one report,
baseline and history, and judges whether they are a full run together: no test was left
out by every part, each path of the suite was given to one, and none was cut short.
"""


class _Parser(argparse.ArgumentParser):
    """Ends as pytest does where something wrong was given."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        self.print_usage(sys.stderr)
        self.exit(_USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; give the exit status."""
    given = _parser().parse_args(arguments)
    try:
        whole, baseline = _read(given)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"asyncbench combine: {_told(error)}\n")
        return _USAGE
    _say(whole.told)
    try:
        for line in _written(given, whole, baseline):
            _say(line)
    except HistoryError as error:
        sys.stderr.write(f"asyncbench combine: not written: {_told(error)}\n")
        return _UNWRITTEN
    return 0


def _say(line: str) -> None:
    # What can't be printed must not be taken for what can't be written.
    sys.stdout.write(f"{printable(line, sys.stdout)}\n")


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pytest_asyncbench",
        description="What pytest-asyncbench does outside a run of pytest.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    combine = commands.add_parser(
        "combine",
        help="make one report, baseline and history of the parts of several machines",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    combine.add_argument(
        "parts",
        nargs="+",
        type=_file,
        metavar="PART.json",
        help="what --asyncbench-report=PART.json wrote on one machine",
    )
    combine.add_argument(
        "--report",
        action="append",
        default=[],
        type=_file,
        metavar="FILE",
        help="write a report of all parts, by its suffix; as often as wanted",
    )
    combine.add_argument(
        "--update-baseline",
        type=_file,
        metavar="FILE",
        help="put what blocked into the baseline, and take out of it what is gone "
        "where the parts are a full run together",
    )
    combine.add_argument(
        "--history",
        type=_file,
        metavar="FILE",
        help="add what the passed tests took to the history, each part's under its "
        "own class of machine",
    )
    return parser


def _file(name: str) -> str:
    # A variable that is not set in the script of CI, say: it must not pass for an
    # option that was not given.
    if not name:
        raise argparse.ArgumentTypeError("names no file")
    return name


def _read(given: argparse.Namespace) -> tuple[United, Baseline]:
    """Read and check all that is given, before anything is written.

    Raises:
        OSError: a file can't be read, or not be written.
        ValueError: what is in it can't be used, or the parts don't go together.
    """
    values.reports(given.report)
    insist_on_one_use(_uses(given))
    for name in (*given.report, *filter(None, [given.update_baseline])):
        try:
            insist_on_writing(Path(name))
        except OSError as error:
            raise PolicyError(f"{name}: {error.strerror or error}") from None
        if Path(name).resolve() in [Path(part).resolve() for part in given.parts]:
            raise PolicyError(f"{name}: is one of the parts")
    if given.history:
        try:
            HistoryFile(Path(given.history)).insist(on_writing=True)
        except HistoryError as error:
            raise PolicyError(f"{given.history}: {_told(error)}") from None
    parts = [read_part(_text(name), name) for name in given.parts]
    return united(parts), _baseline(given.update_baseline)


def _uses(given: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    yield from (("report", Path(name)) for name in given.report)
    if given.update_baseline:
        yield "baseline", Path(given.update_baseline)
    if given.history:
        yield "history", Path(given.history)


def _text(name: str) -> str:
    try:
        return Path(name).read_bytes().decode()
    except UnicodeDecodeError:
        raise PolicyError(f"{name}: is no text") from None


def _baseline(name: str | None) -> Baseline:
    if name is None or not Path(name).exists():
        return Baseline()
    return read_baseline(_text(name), Path(name).name)


def _written(
    given: argparse.Namespace, whole: United, before: Baseline
) -> Iterator[str]:
    """Write all that is wanted; say of each file that it is written.

    Raises:
        HistoryError: a file can't be written, or somebody has spoilt it meanwhile; it
            is as it was.
    """
    report = whole.report(str(Path.cwd()))
    texts = [(name, writer_of(Path(name).name)(report)) for name in given.report]
    for name, text in texts:
        write_file(Path(name), text)
        yield f"report: {name}"
    if given.update_baseline:
        yield from _updated(given.update_baseline, whole, before)
    if given.history:
        yield from _remembered(given.history, whole)


def _remembered(name: str, whole: United) -> Iterator[str]:
    """Add each part to the history, unless it is there: once for one run."""
    file = HistoryFile(Path(name))
    added, known = Counter[str](), list[str]()
    for part, passed in whole.passed().items():
        if file.add(part.machine, passed, part=part.identity):
            added[part.machine] += len(passed)
        else:
            known.append(part.name)
    for machine, number in added.items():
        yield f"history {name}: {many(number, 'test')} of {machine}"
    if known:
        yield f"history {name}: nothing of {', '.join(known)} was added again"


def _updated(name: str, whole: United, before: Baseline) -> Iterator[str]:
    made = update_baseline(Path(name), whole.found(before), whole.gone(before))
    yield made.told(name)
    yield from (f"  + {entry}" for entry in made.added)
    yield from (f"  - {entry}" for entry in made.removed)
    if whole.partial:
        yield f"  nothing was removed, since the parts are partial: {whole.partial}"
