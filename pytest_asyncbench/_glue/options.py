"""One table of settings → ini, command line, header and the README's table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from pytest_asyncbench._glue.host import written_settings
from pytest_asyncbench._policy.reading import DEFAULT, suggest, with_settings
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Budget, Policy

__all__ = ["OPTIONS", "Option", "add_options", "header", "policy_of"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting: everywhere it can be written it has this name and this meaning."""

    name: str
    value: str
    """What may be written, for people."""
    default: str
    help: str
    kind: Literal["string", "linelist"] = "string"

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
        value="duration, none",
        default="none",
        help="a budget for every async test that has none of its own",
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
        help="how long virtual time waits for something real that keeps silent",
    ),
)


def add_options(parser: pytest.Parser) -> None:
    """Offer every row of the table as an ini setting and a command line option."""
    group = parser.getgroup("asyncbench", "concurrency assertions (pytest-asyncbench)")
    for option in OPTIONS:
        text = f"{option.help}: {option.value} (default: {option.default})"
        parser.addini(option.ini, text, type=option.kind, default=None)
        group.addoption(
            option.flag,
            dest=option.ini,
            metavar=option.name.upper(),
            action="append" if option.kind == "linelist" else "store",
            default=None,
            help=text.replace("%", "%%"),
        )


def policy_of(config: pytest.Config) -> Policy:
    """Read what holds for every test: defaults, then ini, then the command line.

    Raises:
        pytest.UsageError: a name or a value means nothing; says where it was written.
    """
    _insist_on_names(config)
    policy = DEFAULT
    for source, settings in (("ini", _ini(config)), ("command line", _flags(config))):
        try:
            _insist_on_values(settings)
            policy = with_settings(policy, settings, source)
        except PolicyError as error:
            raise pytest.UsageError(f"asyncbench ({source}): {error}") from None
    return policy


def _insist_on_names(config: pytest.Config) -> None:
    # pytest only warns of a setting that nobody knows, and the test passes unwatched.
    known = [option.ini for option in OPTIONS]
    wrong = [
        f"asyncbench (ini): unknown setting {name!r}{suggest(name, known)}; "
        f"accepted: {', '.join(known)}"
        for name in dict.fromkeys(written_settings(config))
        # With a hyphen, too: that is how the command line spells them.
        if name.lower().startswith("asyncbench") and name not in known
    ]
    if wrong:
        raise pytest.UsageError(*wrong)


def _insist_on_values(settings: Mapping[str, Any]) -> None:
    # What a variable that is not set leaves behind would quietly mean the default.
    for option in OPTIONS:
        value = settings.get(option.name)
        if isinstance(value, str) and not value.strip():
            raise PolicyError(
                f"{option.name}: nothing stands there; accepted: {option.value}"
            )


def _ini(config: pytest.Config) -> Mapping[str, Any]:
    return _written(lambda option: config.getini(option.ini))


def _flags(config: pytest.Config) -> Mapping[str, Any]:
    return _written(lambda option: config.getoption(option.ini, None))


def _written(read: Callable[[Option], Any]) -> dict[str, Any]:
    values = {option.name: read(option) for option in OPTIONS}
    return {name: value for name, value in values.items() if value not in (None, [])}


def header(policy: Policy) -> str | None:
    """Say which settings differ from the defaults, and where they were written."""
    if not policy.sources:
        return None
    written = (
        f"{name}={_shown(getattr(policy, name))} ({source})"
        for name, source in policy.sources.items()
    )
    return f"asyncbench: {', '.join(written)}"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}s"
    if isinstance(value, frozenset):
        return "+".join(sorted(value)) or "none"
    if isinstance(value, Budget):
        return f"{value.within:g}s"
    if not isinstance(value, tuple):
        return str(value)
    # Packages by name; of allowances and calls, which are long, how many.
    names = [each for each in value if isinstance(each, str)]
    return "+".join(names) if len(names) == len(value) else str(len(value))
