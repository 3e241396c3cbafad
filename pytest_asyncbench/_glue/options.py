"""One table of settings → ini, command line, header and the README's table.

Every run loads this module, so it knows what was written, not what that means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import pytest

from pytest_asyncbench._glue.host import native_value, written_settings

if TYPE_CHECKING:
    from pytest_asyncbench._policy.settings import Written

__all__ = [
    "OPTIONS",
    "Option",
    "add_options",
    "anything_written",
    "on_command_line",
    "words_in_ini",
    "written_in_ini",
]


class Option:
    """One setting: everywhere it can be written it has this name and this meaning.

    Args:
        name: how it is called, everywhere alike.
        value: what may be written, for people.
        default: what holds where nothing is, for people.
        help: what it is for, in a few words.
        kind: whether it takes one value, several lines, or none. What takes none is for
            the command line alone.
        of_command_line: whether it is, though it takes a value.
    """

    # No dataclass: to build one takes longer than all else here together.
    def __init__(
        self,
        *,
        name: str,
        value: str,
        default: str,
        help: str,  # noqa: A002 - its name for pytest, too
        kind: Literal["string", "linelist", "flag"] = "string",
        of_command_line: bool = False,
    ) -> None:
        self.name = name
        self.value = value
        self.default = default
        self.help = help
        self.kind = kind
        self.in_ini = not of_command_line and kind != "flag"

    @property
    def ini(self) -> str:
        """The name in the ini file, and of the parsed command line option."""
        return f"asyncbench_{self.name}"

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--asyncbench-{self.name.replace('_', '-')}"


OPTIONS = (
    Option(
        name="blocking",
        value="off, report, warn, error",
        default="off",
        help="what a blocking call does to tests that carry no marker",
    ),
    Option(
        name="threshold",
        value="duration",
        default="100ms",
        help="the longest step of an event loop that is no stall",
    ),
    Option(
        name="rules",
        value="families, all, none",
        default="all but files",
        help="which known blocking calls count even when they were quick",
    ),
    Option(
        name="scope",
        value="packages, none",
        default="any call on the loop",
        help="blame only calls with a frame of these packages on the stack",
    ),
    Option(
        name="allow",
        value="caller > call  # reason",
        default="nothing",
        help="places where blocking is accepted; both sides are globs, one line each",
        kind="linelist",
    ),
    Option(
        name="budget",
        value="duration, auto, none",
        default="none",
        help="a budget for every async test that has none of its own; auto: from its "
        "history",
    ),
    Option(
        name="starvation",
        value="forgive, strict",
        default="forgive",
        help="whether time for which the system withheld the processor counts",
    ),
    Option(
        name="once",
        value="forgive, count",
        default="forgive",
        help="whether what a process does once, such as an import, can be a stall",
    ),
    Option(
        name="calls",
        value="family: call  # what to use instead",
        default="nothing",
        help="more calls that block, as rows of the table of rules; one line each",
        kind="linelist",
    ),
    Option(
        name="real_limit",
        value="duration",
        default="5s",
        help="how long virtual time waits for something real that keeps silent, and a "
        "budget, a second after its end, for what it has cancelled",
    ),
    Option(
        name="budget_setup",
        value="duration, none",
        default="none",
        help="a budget for what the fixtures of every async test take to be set up",
    ),
    Option(
        name="budget_teardown",
        value="duration, none",
        default="none",
        help="a budget for what the fixtures of every async test take to be torn down",
    ),
    Option(
        name="budget_scale",
        value="factor",
        default="1",
        help="for slow machines: every budget's time, no threshold, times this",
    ),
    Option(
        name="background",
        value="off, warn, error",
        default="off",
        help="whether a background task that died, and nobody looked, fails its test",
    ),
    Option(
        name="summary",
        value="screen, all",
        default="screen",
        help="how many blocking places the summary shows: what fits a screen, or all",
    ),
    Option(
        name="baseline",
        value="file, none",
        default="none",
        help="the blocking places that are accepted as of today; only others count",
    ),
    Option(
        name="report",
        value="file.html, .json, .md, .sarif, .trace.json",
        default="nothing",
        help="a report of the run, by its suffix; one line each, as often as wanted",
        kind="linelist",
    ),
    Option(
        name="annotations",
        value="auto, github, gitlab, none",
        default="auto",
        help="what CI shows beside the blocking line; auto: github, on its Actions",
    ),
    Option(
        name="update_baseline",
        value="a flag of the command line",
        default="off",
        help="writes the baseline: what blocks in this run is accepted, fails nothing",
        kind="flag",
    ),
    Option(
        name="history",
        value="file, none",
        default="none",
        help="where is kept what passed tests took; `budget = auto` reads it",
    ),
    Option(
        name="history_mode",
        value="record, read",
        default="record",
        help="whether this run adds to the history, or compares only",
    ),
    Option(
        name="show_history",
        value="a flag of the command line",
        default="off",
        help="shows what the history knows: trends, the slowest; runs no test",
        kind="flag",
    ),
    Option(
        name="virtual_time",
        value="off, on",
        default="off",
        help="whether every async test lives in virtual time that is not marked with "
        "`real_time`",
    ),
    Option(
        name="schedules",
        value="number",
        default="0",
        help="runs each async test under so many orders of what is ready, of which the "
        "first is asyncio's own",
    ),
    Option(
        name="schedules_seed",
        value="number, random",
        default="from the test's name",
        help="which of these orders are tried; the same seed tries the same",
    ),
    Option(
        name="schedules_within",
        value="duration, none",
        default="none",
        help="for how long a test is begun again under another one, in real time",
    ),
    Option(
        name="schedules_timers",
        value="together, free",
        default="together",
        help="whether timers change their order only where they fall due together, or "
        "each may be late; in virtual time",
    ),
    Option(
        name="schedule",
        value="the text that a failure prints",
        default="none",
        help="runs one test once, by just that schedule, and no other test; for the "
        "command line",
        of_command_line=True,
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Offer every row of the table as an ini setting and a command line option."""
    group = parser.getgroup("asyncbench", "concurrency assertions (pytest-asyncbench)")
    group.addoption(
        "--asyncbench",
        dest="asyncbench_blocking",
        action="store_const",
        const="report",
        help="short for --asyncbench-blocking=report",
    )
    for option in OPTIONS:
        text = f"{option.help} [{option.value}; default: {option.default}]"
        if option.kind == "flag":
            group.addoption(
                option.flag,
                dest=option.ini,
                action="store_const",
                const="on",
                help=option.help,
            )
            continue
        if option.in_ini:
            parser.addini(option.ini, text, type=option.kind, default=None)
        group.addoption(
            option.flag,
            dest=option.ini,
            metavar=option.name.upper(),
            action="append" if option.kind == "linelist" else "store",
            default=None,
            help=text.replace("%", "%%"),
        )


def anything_written(config: pytest.Config) -> bool:
    """Tell whether a word of ours stands anywhere, be it one that nobody knows."""
    return bool(
        any(words_in_ini(config)) or written_in_ini(config) or on_command_line(config)
    )


def words_in_ini(config: pytest.Config) -> Iterator[str]:
    """Give the names in the ini file that are meant for us, known or not."""
    # With a hyphen, too: that is how the command line spells them.
    names = dict.fromkeys(written_settings(config))
    return (name for name in names if name.lower().startswith("asyncbench"))


def written_in_ini(config: pytest.Config) -> Mapping[str, Written]:
    """Give the settings of the ini file, by their names in the table."""
    return _written(lambda option: _in_ini(config, option))


def _in_ini(config: pytest.Config, option: Option) -> Written | None:
    if not option.in_ini:
        return None
    native = native_value(config, option.ini)
    if native is None:
        value: Written | None = config.getini(option.ini)
        return value
    words = _words(native)
    if words is None:
        raise pytest.UsageError(
            f"asyncbench (ini): {option.name}: {native!r} is no text, number or list "
            f"of texts; accepted: {option.value}"
        )
    return words if option.kind == "linelist" else ", ".join(words)


def _words(native: object) -> list[str] | None:
    """Read a value of TOML's: a number is written as one writes a duration."""
    if isinstance(native, str):
        return native.splitlines() or [native]
    if isinstance(native, (int, float)) and not isinstance(native, bool):
        return [str(native)]
    if isinstance(native, list) and all(isinstance(each, str) for each in native):
        return native
    return None


def on_command_line(config: pytest.Config) -> Mapping[str, Written]:
    """Give the settings of the command line, by their names in the table."""
    return _written(lambda option: config.getoption(option.ini, None))


def _written(read: Callable[[Option], Written | None]) -> Mapping[str, Written]:
    values = {option.name: read(option) for option in OPTIONS}
    # Of several lines, none is what stands there where nobody wrote any.
    return {name: v for name, v in values.items() if v is not None and v != []}
