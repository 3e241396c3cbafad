"""freezegun, reading a virtual date: computed when read, so a jump costs nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from freezegun import api

from pytest_asyncbench._words.errors import VirtualTimeError
from pytest_asyncbench.virtual_time._lazy_names import frozen
from pytest_asyncbench.virtual_time._local_time import keep_local_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_asyncbench.virtual_time._calendar import Calendar

__all__ = ["frozen_datetime"]

T = TypeVar("T")

Advance = Callable[["float | dt.timedelta"], None]
"""Moves the clock forward by so much."""


class _ClockFactory(api.FrozenDateTimeFactory):
    """What freezegun asks for the time: the virtual date, as naive UTC."""

    def __init__(self, calendar: Calendar, advance: Advance) -> None:
        self._calendar = calendar
        self._advance = advance

    def __call__(self) -> dt.datetime:
        naive = self._calendar.now.astimezone(dt.timezone.utc)
        return naive.replace(tzinfo=None)

    # freezegun keeps the time in this attribute; here it is always the calendar's.
    @property
    def time_to_freeze(self) -> dt.datetime:  # type: ignore[override]
        return self()

    def tick(self, delta: dt.timedelta | float = 1.0) -> dt.datetime:
        """Advance the clock, one second unless told; timers due by then run."""
        self._advance(delta)
        return self()

    def move_to(self, target_datetime: api._Freezable) -> None:
        """Advance the clock to a date, given as freezegun takes it."""
        __tracebackhide__ = True
        target = api._parse_time_to_freeze(target_datetime)
        here = self()
        if target < here:
            msg = f"move_to({target_datetime!r}) would go back: it is {here} UTC"
            raise VirtualTimeError(msg)
        self._advance(target - here)


@contextmanager
def frozen_datetime(
    calendar: Calendar, advance: Advance
) -> Iterator[api.FrozenDateTimeFactory]:
    """Freeze with freezegun, on the calendar's time instead of a constant."""
    freezer = _ClockFactory(calendar, advance)
    # freezegun offers no way to name the factory; it reads the last of this list and
    # pops it when it stops, whatever it is.
    #
    # pytest measures its durations there, and they are real ones. So is the time of a
    # loop that is not virtual, such as one in another thread: frozen, it would hang.
    with frozen(calendar.start, ignore=["_pytest.timing"]):
        api.freeze_factories[-1] = freezer
        forget = keep_local_time(
            calendar, lambda: api.freeze_factories[-1:] == [freezer]
        )
        try:
            yield freezer
        finally:
            forget()
            _come_last(freezer)


def _come_last(freezer: api.FrozenDateTimeFactory) -> None:
    """Have freezegun take our freeze off, where the test has left its own one on."""
    here = [each is freezer for each in api.freeze_factories].index(True)
    _move_last(api.freeze_factories, here)
    _move_last(api.ignore_lists, here)
    _move_last(api.tick_flags, here)
    _move_last(api.tz_offsets, here)


def _move_last(stack: list[T], here: int) -> None:
    stack.append(stack.pop(here))
