"""Which tests come out differently in two runs, as in real and in virtual time.

``python -m pytest_asyncbench compare ONE.json OTHER.json``
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pytest_asyncbench._outside.files import read_text
from pytest_asyncbench._reports.compared import compared, differs
from pytest_asyncbench._reports.parts import read_part
from pytest_asyncbench._words.errors import PolicyError

__all__ = ["add_compare"]

_ABOUT = """\
Names the tests that come out differently in two runs of one suite, both written with
--asyncbench-report=FILE.json: in real time and with --asyncbench-virtual-time=on, say.
The exit status is 1 where any does.
"""


def add_compare(
    add_parser: Callable[..., argparse.ArgumentParser], file: Callable[[str], str]
) -> None:
    """Add the command to those that there are; `file` reads the name of a file."""
    compare = add_parser(
        "compare",
        help="name the tests that come out differently in two runs",
        description=_ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name in ("one", "other"):
        compare.add_argument(name, type=file, metavar=f"{name.upper()}.json")
    compare.set_defaults(do=_compare)


def _compare(given: argparse.Namespace, say: Callable[[str], None]) -> int:
    one, other = (read_part(read_text(name), name) for name in (given.one, given.other))
    if one.identity == other.identity:
        raise PolicyError(f"{other.name}: is the same run as {one.name}")
    for line in compared(one, other):
        say(line)
    return int(differs(one, other))
