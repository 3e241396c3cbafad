"""One report, baseline and history of the parts that several machines ran.

``python -m pytest_asyncbench combine PART.json … --report=whole.html``
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_asyncbench._outside.baseline import update_baseline
from pytest_asyncbench._outside.files import (
    insist_on_one_use,
    insist_on_writing,
    read_text,
    told,
    write_file,
)
from pytest_asyncbench._outside.history import HistoryError, HistoryFile
from pytest_asyncbench._policy import values
from pytest_asyncbench._reports.baseline import read_baseline
from pytest_asyncbench._reports.by_suffix import writer_of
from pytest_asyncbench._reports.history import taken_out
from pytest_asyncbench._reports.parts import Part, United, read_part, united
from pytest_asyncbench._words.baseline import Baseline
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.units import many

__all__ = ["add_combine"]

_UNWRITTEN = 1

_ABOUT = """\
Unites what several machines wrote with --asyncbench-report=PART.json into one report,
baseline and history, and judges whether they are a full run together: no test was left
out by every part, each path of the suite was given to one, and none was cut short.
"""


def add_combine(
    add_parser: Callable[..., argparse.ArgumentParser], file: Callable[[str], str]
) -> None:
    """Add the command to those that there are; `file` reads the name of a file."""
    combine = add_parser(
        "combine",
        help="make one report, baseline and history of the parts of several machines",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    combine.add_argument(
        "parts",
        nargs="+",
        type=file,
        metavar="PART.json",
        help="what --asyncbench-report=PART.json wrote on one machine",
    )
    combine.add_argument(
        "--report",
        action="append",
        default=[],
        type=file,
        metavar="FILE",
        help="write a report of all parts, by its suffix; as often as wanted",
    )
    combine.add_argument(
        "--update-baseline",
        type=file,
        metavar="FILE",
        help="put what blocked into the baseline, and take out of it what is gone "
        "where the parts are a full run together",
    )
    combine.add_argument(
        "--history",
        type=file,
        metavar="FILE",
        help="add what the passed tests took to the history, each part's under its "
        "own class of machine, and take out tests that are gone",
    )
    combine.set_defaults(do=_combine)


def _combine(given: argparse.Namespace, say: Callable[[str], None]) -> int:
    whole, baseline = _read(given)
    say(whole.told)
    try:
        for line in _written(given, whole, baseline):
            say(line)
    except _Unwritten as error:
        sys.stderr.write(f"asyncbench combine: not written: {error}\n")
        return _UNWRITTEN
    return 0


class _Unwritten(Exception):
    """A file could not be written; it is as it was."""


@contextmanager
def _writing(name: str) -> Iterator[None]:
    """Have a failure say which file it is about: that of a full disk does not.

    Raises:
        _Unwritten: it can't be written, or somebody has spoilt it meanwhile.
    """
    try:
        yield
    except HistoryError as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise _Unwritten(f"{name}: {why or error}") from None


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
            raise PolicyError(f"{given.history}: {told(error)}") from None
    parts = [read_part(read_text(name), name) for name in given.parts]
    return united(parts), _baseline(given.update_baseline)


def _uses(given: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    yield from (("report", Path(name)) for name in given.report)
    if given.update_baseline:
        yield "baseline", Path(given.update_baseline)
    if given.history:
        yield "history", Path(given.history)


def _baseline(name: str | None) -> Baseline:
    if name is None or not Path(name).exists():
        return Baseline()
    return read_baseline(read_text(name), Path(name).name)


def _written(
    given: argparse.Namespace, whole: United, before: Baseline
) -> Iterator[str]:
    """Write all that is wanted; say of each file that it is written.

    Raises:
        _Unwritten: a file can't be written.
    """
    report = whole.report(str(Path.cwd()))
    texts = [(name, writer_of(Path(name).name)(report)) for name in given.report]
    for name, text in texts:
        with _writing(name):
            write_file(Path(name), text)
        yield f"report: {name}"
    if given.update_baseline:
        yield from _updated(given.update_baseline, whole, before)
    if given.history:
        yield from _remembered(given.history, whole)


def _remembered(name: str, whole: United) -> Iterator[str]:
    """Add each part to the history, unless it is there: once for one run.

    Which tests are gone a full run tells, and so do all of its parts as they are added.
    """
    file = HistoryFile(Path(name))
    added, known = Counter[str](), list[Part]()
    with _writing(name):
        for part, passed in whole.passed().items():
            if file.add(part.machine, passed, part=part.identity):
                added[part.machine] += len(passed)
            else:
                known.append(part)
    for machine, number in added.items():
        yield f"history {name}: {many(number, 'test')} of {machine}"
    counted = added.keys() - {part.machine for part in known}
    for machine, ran in whole.full_runs().items():
        with _writing(name):
            gone = file.take_out(machine, ran) if machine in counted else ()
        if gone:
            yield f"history {name}: {taken_out(gone)} ({machine})"
    if known:
        again = ", ".join(part.name for part in known)
        yield f"history {name}: nothing of {again} was added again"


def _updated(name: str, whole: United, before: Baseline) -> Iterator[str]:
    with _writing(name):
        made = update_baseline(Path(name), whole.found(before), whole.gone(before))
    yield made.told(name)
    yield from (f"  + {entry}" for entry in made.added)
    yield from (f"  - {entry}" for entry in made.removed)
    if whole.partial:
        yield f"  nothing was removed, since the parts are partial: {whole.partial}"
