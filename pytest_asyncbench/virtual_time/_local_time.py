"""The calendar's zone as the local one, for as long as freezegun shows its time.

Problem: freezegun knows local time as one offset from UTC, which is fixed when it is
entered, and which it adds to what ``datetime.now(tz)`` gives in any other zone, too.
What does not do: a zone of the process (``TZ``), which freezegun's dates do not read.
So the few methods of its dates that know of an offset give way to ones that know the
zone, while the calendar's own freeze is the innermost.
"""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from freezegun import api

from pytest_asyncbench._words.undo import Undo, replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_asyncbench.virtual_time._calendar import Calendar

__all__ = ["keep_local_time"]

P = ParamSpec("P")
R = TypeVar("R")

_EPOCH = api.real_datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def keep_local_time(calendar: Calendar, is_innermost: Callable[[], bool]) -> Undo:
    """Have freezegun's dates live in its zone while it `is_innermost`."""
    with ExitStack() as undo:
        for owner, name, method in _methods(calendar):
            seam = vars(owner)[name]
            is_bound_late = isinstance(seam, classmethod)
            original = seam.__func__ if is_bound_late else seam
            chosen = _while(is_innermost, method, original)
            value = classmethod(chosen) if is_bound_late else chosen
            undo.callback(replace(owner, name, value))
        return undo.pop_all().close


def _while(
    is_innermost: Callable[[], bool],
    ours: Callable[P, R],
    theirs: Callable[P, R],
) -> Callable[P, R]:
    @wraps(theirs)
    def method(*args: P.args, **kwargs: P.kwargs) -> R:
        return (ours if is_innermost() else theirs)(*args, **kwargs)

    return method


def _methods(calendar: Calendar) -> list[tuple[type, str, Callable[..., object]]]:
    # Held in locals: names of this module freezegun would replace by its own.
    zone, real = calendar.tz, api.real_datetime

    def shown(moment: dt.datetime, tz: dt.tzinfo | None) -> api.FakeDatetime:
        there = real.astimezone(moment, tz or zone)
        return api.datetime_to_fakedatetime(there if tz else there.replace(tzinfo=None))

    def aware(moment: dt.datetime) -> dt.datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)

    def now(cls: type, tz: dt.tzinfo | None = None) -> api.FakeDatetime:
        return shown(calendar.now, tz)

    def today(cls: type) -> api.FakeDate:
        return api.date_to_fakedate(calendar.now)

    def fromtimestamp(
        cls: type, t: float, tz: dt.tzinfo | None = None
    ) -> api.FakeDatetime:
        return shown(real.fromtimestamp(t, dt.timezone.utc), tz)

    def astimezone(self: dt.datetime, tz: dt.tzinfo | None = None) -> api.FakeDatetime:
        return shown(aware(self), tz or zone)

    def timestamp(self: dt.datetime) -> float:
        return (aware(self) - _EPOCH).total_seconds()

    return [
        (api.FakeDate, "today", today),
        (api.FakeDatetime, "now", now),
        (api.FakeDatetime, "fromtimestamp", fromtimestamp),
        (api.FakeDatetime, "astimezone", astimezone),
        (api.FakeDatetime, "timestamp", timestamp),
    ]
