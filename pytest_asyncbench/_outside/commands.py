"""The command line of ``python -m pytest_asyncbench``, and what its commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from pytest_asyncbench._outside.combine import add_combine
from pytest_asyncbench._outside.compare import add_compare
from pytest_asyncbench._outside.files import told
from pytest_asyncbench._words.legible import printable

__all__ = ["main"]

_USAGE = 4
"""The exit status of a mistake in what was given, as pytest has it."""


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
        status: int = given.do(given, _say)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"asyncbench {given.command}: {told(error)}\n")
        return _USAGE
    return status


def _say(line: str) -> None:
    # What can't be printed must not be taken for what can't be written.
    sys.stdout.write(f"{printable(line, sys.stdout)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m pytest_asyncbench",
        description="What pytest-asyncbench does outside a run of pytest.",
    )
    commands = parser.add_subparsers(
        title="commands", required=True, metavar="COMMAND", dest="command"
    )
    add_combine(commands.add_parser, _file)
    add_compare(commands.add_parser, _file)
    return parser


def _file(name: str) -> str:
    # A variable that is not set in the script of CI, say: it must not pass for an
    # option that was not given.
    if not name:
        raise argparse.ArgumentTypeError("names no file")
    return name
