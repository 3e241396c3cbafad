"""What stands around the set-up of each fixture, where that can matter at all.

Only where a test lives in virtual time, or its set-up has a budget. For all others it
would be one more wrapper around each fixture of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, TypeVar

import pytest

from pytest_asyncbench._glue import host

if TYPE_CHECKING:
    from pytest_asyncbench._glue.trial import Trial

__all__ = ["SetUps"]

T = TypeVar("T")


class SetUps:
    """Stand around the set-up of each fixture, from the first test on that needs it.

    Args:
        newest: gives the newest trial that is in progress.
    """

    def __init__(self, newest: Callable[[], Trial | None]) -> None:
        self._newest = newest

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[T], request: pytest.FixtureRequest
    ) -> Generator[None, T, T]:
        """Put a loop that was made for a test into the time that the test lives in."""
        __tracebackhide__ = True
        try:
            result = yield
        except BaseException as own:
            newest = self._newest()
            ended = own if newest is None else newest.set_up.end_of(own)
            if ended is None or ended is own:
                raise
            host.give_failure(fixturedef, request, ended)
            raise ended from own
        loop = host.loop_made(fixturedef, request, result)
        if loop is not None and (newest := self._newest()) is not None:
            newest.watched.time.bring(loop)
        return result
