"""Whether a call that an allowance names can be there at all, or is misspelt.

An allowance for what nobody can call accepts nothing, and looks as if it did. But a
report may name a call that nobody can look up, one by its source or one of a module
that comes later. So a name is refused only where it is not there and a near one is.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import inspect
import sys
from collections.abc import Collection, Iterable
from types import ModuleType

from pytest_asyncbench._rules.table import RULES
from pytest_asyncbench._words.errors import PolicyError
from pytest_asyncbench._words.promised import Allowance

__all__ = ["can_be_found", "insist_on_calls", "nearest"]

_TARGETS = tuple(rule.target for rule in RULES)
_OF_PYTHON = tuple(
    target for target in _TARGETS if target.partition(".")[0] in sys.stdlib_module_names
)
_NEAR, _VERY_NEAR = 0.75, 0.85
"""How alike two names are, as difflib counts; the second where there is no such module,
which may be a dependency that this machine lacks: trio.sleep, not time.sleep."""


def insist_on_calls(allowances: Iterable[Allowance]) -> None:
    """Refuse allowances for a call that no rule and no code has.

    Raises:
        PolicyError: names the wrong word, and the nearest that exist.
    """
    for allowance in allowances:
        meant = nearest(allowance.call)
        if meant:
            raise PolicyError(
                f"no rule and no code has the call {allowance.call!r}; "
                f"the nearest: {', '.join(meant)}"
            )


def can_be_found(module: str) -> bool:
    """Tell whether a module can be imported; the packages around it are."""
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # a package on the way is imported, and may fail in any way
        return False


# The same allowance stands at many tests.
@functools.lru_cache(maxsize=256)
def nearest(call: str) -> tuple[str, ...]:
    """Give the calls that a person may have meant; none where this one may be right."""
    parts = call.split(".")
    if call in _TARGETS or not all(part.isidentifier() for part in parts):
        return ()
    if len(parts) == 1:
        return tuple(target for target in _TARGETS if target.endswith(f".{call}"))
    for count in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:count]))
        if module is not None:
            return _meant_in(module, parts, count)
    return () if can_be_found(parts[0]) else _near(call, _OF_PYTHON, _VERY_NEAR)


def _meant_in(value: object, parts: list[str], at: int) -> tuple[str, ...]:
    """Look for the rest of a name in a module; nothing of that is imported or run."""
    owner, name, rest = ".".join(parts[:at]), parts[at], parts[at + 1 :]
    held = inspect.getattr_static(value, name, _NOTHING)
    if held is not _NOTHING:
        return _meant_in(held, parts, at + 1) if rest else ()
    is_module = issubclass(type(value), ModuleType)
    if is_module and ("__getattr__" in vars(value) or can_be_found(f"{owner}.{name}")):
        return ()
    if rest and not is_module:
        return ()  # what an object has is known when it is made
    whole = f"{owner}."
    ruled = [target for target in _TARGETS if target.startswith(whole)]
    there = [target.removeprefix(whole).partition(".")[0] for target in ruled]
    if is_module or issubclass(type(value), type):  # of others it may be their code
        there += [each for each in dir(value) if not each.startswith("_")]
    return tuple(".".join([owner, each, *rest]) for each in _near(name, there, _NEAR))


_NOTHING = object()


def _near(name: str, known: Collection[str], alike: float) -> tuple[str, ...]:
    return tuple(difflib.get_close_matches(name, dict.fromkeys(known), 3, alike))
