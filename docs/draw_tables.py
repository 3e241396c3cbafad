"""Draw the tables of the README and of the reference from the code they speak of.

``python docs/draw_tables.py`` writes each anew, between the two comments around it:
``<!-- generated: name -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path

from pytest_asyncbench._glue.markers import FUNCTIONS, described
from pytest_asyncbench._glue.options import OPTIONS, Option
from pytest_asyncbench._interception import PREDICATES
from pytest_asyncbench._rules.families import DEFAULT_FAMILIES, FAMILIES, FAMILY_HELP
from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words import errors
from pytest_asyncbench._words.promised import Rule

__all__ = ["PAGES", "TABLES", "redrawn"]

_DOCS = Path(__file__).parent
_BLOCK = re.compile(
    r"(<!-- generated: (?P<name>.*?) -->\n).*?(<!-- end -->)", re.DOTALL
)

PAGES = (_DOCS.parent / "README.md", *sorted(_DOCS.glob("*.md")))


def redrawn(text: str) -> str:
    """Give a page's text with each of its tables as the code has it now.

    Raises:
        KeyError: it asks for a table that there is not.
    """

    def block(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        return "\n".join([begin, *TABLES[name](), "", end])

    return _BLOCK.sub(block, text)


# ---------------------------------------------------------------------- settings


_FIRST = frozenset(
    {"blocking", "threshold", "rules", "allow", "budget"}
    | {"baseline", "report", "history", "virtual_time", "schedules"}
)
"""What a project writes first; the README names these."""


def _settings(options: Iterable[Option] = OPTIONS) -> Iterator[str]:
    yield "| name | value | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for option in options:
        yield f"| `{option.name}` | {option.value} | {option.default} | {option.help} |"


def _first_settings() -> Iterator[str]:
    return _settings(option for option in OPTIONS if option.name in _FIRST)


def _places() -> Iterator[str]:
    yield "| ini file | command line |"
    yield "| --- | --- |"
    for option in OPTIONS:
        ini = f"`{option.ini}`" if option.in_ini else ""
        yield f"| {ini} | `{option.flag}` |"


# ------------------------------------------------------------ markers, exceptions


def _marker(text: str) -> Iterator[str]:
    """Draw what ``pytest --markers`` says of one."""
    signature, _, said = text.partition(": ")
    yield from ("```text", f"@pytest.mark.{signature}", "```", "", *said.splitlines())


def _errors() -> Iterator[str]:
    yield "| name | is a | means |"
    yield "| --- | --- | --- |"
    for name in errors.__all__:
        kind = getattr(errors, name)
        parent = kind.__base__.__name__
        yield f"| `{name}` | `{parent}` | {_code(_first_line(kind))} |"


# ------------------------------------------------------------------------- rules


def _families() -> Iterator[str]:
    yield "| family | | on by default |"
    yield "| --- | --- | --- |"
    for family in FAMILIES:
        on = "yes" if family in DEFAULT_FAMILIES else "no"
        yield f"| `{family}` | {FAMILY_HELP[family]} | {on} |"


def _rules() -> Iterator[str]:
    """Draw a table for each family; a row for calls that differ in nothing else."""
    for family in FAMILIES:
        yield from (f"### {family}", "")
        yield "| call | use | harmless | some callers may, since |"
        yield "| --- | --- | --- | --- |"
        ours = (rule for rule in RULES if rule.family == family)
        yield from (_row(*alike) for _, alike in groupby(ours, key=_but_its_call))
        yield ""


def _row(one: Rule, *others: Rule) -> str:
    calls = ", ".join(f"`{rule.target}`" for rule in (one, *others))
    harmless = f"`{one.harmless}`" if one.harmless else ""
    advice = one.advice + (f" (ruff {one.ruff})" if one.ruff else "")
    reasons = "; ".join(dict.fromkeys(one.allowed.values()))
    return f"| {calls} | {advice} | {harmless} | {reasons} |"


def _but_its_call(rule: Rule) -> tuple[object, ...]:
    allowed = tuple(rule.allowed.items())
    return rule.advice, rule.harmless, rule.ruff, allowed


def _predicates() -> Iterator[str]:
    yield "| `harmless` | the call cannot wait if | as in |"
    yield "| --- | --- | --- |"
    for name in sorted(PREDICATES):
        example = next(rule.target for rule in RULES if rule.harmless == name)
        yield f"| `{name}` | {_meaning(name)} | `{example}` |"


def _meaning(name: str) -> str:
    """Give what stands after *Tell whether* in a predicate's first line."""
    match = re.fullmatch(r"Tell whether (\S.*)\.", _first_line(PREDICATES[name]))
    if match is None:
        raise ValueError(f"{name} does not say when a call is harmless")
    return match[1]


# ----------------------------------------------------------------------- all that


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _code(text: str) -> str:
    return text.replace("``", "`")


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    "settings": _settings,
    "first settings": _first_settings,
    "places": _places,
    "errors": _errors,
    "families": _families,
    "rules": _rules,
    "predicates": _predicates,
    **{
        f"marker {name}": partial(_marker, text)
        for name, text in zip(FUNCTIONS, described(), strict=True)
    },
}
"""By name, what draws a table: its lines."""


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(redrawn(page.read_text(encoding="utf-8")), encoding="utf-8")
