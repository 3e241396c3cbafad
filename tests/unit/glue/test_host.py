"""How to stand inside a test: which functions are coroutine functions."""

from __future__ import annotations

import functools
import inspect
from types import MethodType

import pytest

from pytest_asyncbench._glue import host


async def waits():
    pass


def plain():
    pass


@pytest.mark.skipif("False", reason="to have a mark")
def marked():
    pass


def said_to_wait():
    pass


if hasattr(inspect, "markcoroutinefunction"):  # from 3.12 on
    inspect.markcoroutinefunction(said_to_wait)


class Tests:
    async def waits(self):
        pass

    def plain(self):
        pass

    partial = functools.partialmethod(waits)


@pytest.mark.parametrize(
    "function",
    [
        waits,
        plain,
        marked,
        said_to_wait,
        Tests().waits,
        Tests().plain,
        Tests().partial,
        functools.partial(waits),
        functools.partial(plain),
        MethodType(print, 1),
        MethodType(functools.partial(plain), 1),
        None,
    ],
)
def test_what_is_a_coroutine_function_is_told_as_python_does(function):
    """For most it is told by their code alone, in a tenth of the calls."""
    told = host._is_coroutine_function(function)
    assert told == inspect.iscoroutinefunction(function)
