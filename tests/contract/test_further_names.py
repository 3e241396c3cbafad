"""A function that the standard library offers by two names is allowed by either.

What it offers are the public modules' names in `__all__`; they are gone through here,
so that a name which a new Python brings is missed by this test and not by a user.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import sys
import warnings

import pytest

from pytest_asyncbench._rules.further_names import FURTHER_NAMES
from pytest_asyncbench._rules.table import RULES

ROWS = {rule.target for rule in RULES}
ALL_OF_THREADING = "multiprocessing.dummy."
"""Is `threading` under the names of another package."""


def modules():
    """Import the public modules that the rows lie in, and those beneath them."""
    tops = {row.partition(".")[0] for row in ROWS} & sys.stdlib_module_names
    for top in sorted(tops | {"io"}):
        try:
            module = importlib.import_module(top)
        except ImportError:
            continue
        yield module
        beneath = pkgutil.iter_modules(getattr(module, "__path__", ()), f"{top}.")
        for info in beneath:
            if not info.name.rpartition(".")[2].startswith("_"):
                try:
                    yield importlib.import_module(info.name)
                except ImportError:
                    continue


@functools.cache
def offered():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            (f"{module.__name__}.{name}", inspect.getattr_static(module, name, None))
            for module in modules()
            for name in getattr(module, "__all__", ())
        ]


def look_up(target):
    """Give who has a target, and the target; None where this Python has it not."""
    parts = target.split(".")
    for count in range(len(parts) - 1, 0, -1):
        owner = sys.modules.get(".".join(parts[:count]))
        if owner is not None:
            for part in parts[count:-1]:
                owner = getattr(owner, part, None)
            return owner, inspect.getattr_static(owner, parts[-1], None)
    return None, None


def found_for(row):
    owner, function = look_up(row)
    method = row.rpartition(".")[2]
    for name, value in offered():
        if name.startswith(ALL_OF_THREADING) or function is None:
            continue
        if value is function and name != row:
            yield name
        elif isinstance(owner, type) and isinstance(value, type):
            has_it = issubclass(value, owner) and f"{name}.{method}" != row
            if has_it and inspect.getattr_static(value, method) is function:
                yield f"{name}.{method}"


@pytest.mark.parametrize("row", sorted(ROWS))
def test_each_name_that_is_offered_is_known(row):
    """Of a function as of a method that another public class inherits."""
    assert set(found_for(row)) <= set(FURTHER_NAMES.get(row, ()))


@pytest.mark.parametrize("row", FURTHER_NAMES)
def test_each_further_name_is_of_the_same_function(row):
    """And the row is one; a name may be missing on some Python or system."""
    assert row in ROWS
    function = look_up(row)[1]
    for name in FURTHER_NAMES[row]:
        assert look_up(name)[1] in (function, None)
