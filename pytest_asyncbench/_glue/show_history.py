"""``--asyncbench-show-history``: shows what the file knows, and calls no test.

As ``pytest --cache-show`` does, whose user looks into a file and does not want to wait
for the suite. What a run adds to the history stands in the summary of that run.
"""

from __future__ import annotations

import sys

import pytest

from pytest_asyncbench._glue import host
from pytest_asyncbench._glue.asking import plan_of
from pytest_asyncbench._words.legible import printable

__all__ = ["show_history"]


def show_history(config: pytest.Config) -> int | pytest.ExitCode:
    """Show the history; return the exit status."""
    # Nothing is to be run, so no worker either.
    config.option.dist, config.option.tx = "no", []
    return host.in_place_of_a_run(config, _show)


def _show(config: pytest.Config) -> None:
    experience = plan_of(config).experience
    if experience is None:
        return
    writer = config.get_terminal_writer()
    for line in experience.lines():
        writer.line(printable(line, sys.__stdout__))
