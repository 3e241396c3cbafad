"""The date of a virtual clock: where it began, and in which zone it is told."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pytest_asyncbench._words.errors import VirtualTimeError

if TYPE_CHECKING:
    from pytest_asyncbench.virtual_time._clockwork import Clockwork

__all__ = ["Calendar"]


class Calendar:
    """The date that goes with a clockwork's time.

    Args:
        clockwork: the time.
        start: the date at which that begins, as `VirtualClock` takes it.
        tz: the local time zone, as `VirtualClock` takes it.

    Raises:
        VirtualTimeError: for a `start` or `tz` that means nothing.
    """

    def __init__(
        self,
        clockwork: Clockwork,
        start: dt.datetime | str | None,
        tz: dt.tzinfo | str | None,
    ) -> None:
        zone = _zone(tz)
        self._clockwork = clockwork
        self.start = _moment(start, zone)
        self.tz: dt.tzinfo = zone or self.start.tzinfo or dt.timezone.utc
        _check_calendar(self.start, self.tz)

    @property
    def now(self) -> dt.datetime:
        """The virtual date and time, aware, in the zone.

        Raises:
            VirtualTimeError: where the calendar has ended, after the year 9999.
        """
        since = self._clockwork.nanoseconds()
        try:
            moved = dt.timedelta(microseconds=since // 1000)
            return (self.start + moved).astimezone(self.tz)
        except OverflowError:
            raise VirtualTimeError(
                f"virtual time has left the calendar, which ends with the year 9999: "
                f"it began at {self.start} and has moved by "
                f"{self._clockwork.time():.9g} s"
            ) from None


def _zone(given: dt.tzinfo | str | None) -> dt.tzinfo | None:
    if given is None or isinstance(given, dt.tzinfo):
        return given
    if not isinstance(given, str):
        raise VirtualTimeError(f"tz must be a tzinfo or a zone's name, not {given!r}")
    if given.upper() in {"UTC", "Z"}:
        return dt.timezone.utc
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise VirtualTimeError(f"tz {given!r} is no time zone known here") from error


def _moment(given: object, zone: dt.tzinfo | None) -> dt.datetime:
    if given is None:
        return dt.datetime.now(dt.timezone.utc)
    if isinstance(given, str):
        try:
            # Python 3.10 reads no final Z.
            given = dt.datetime.fromisoformat(
                given[:-1] + "+00:00" if given.endswith(("Z", "z")) else given
            )
        except ValueError as error:
            msg = f'start {given!r} is no time; write "2026-01-01T00:00:00Z"'
            raise VirtualTimeError(msg) from error
    if not isinstance(given, dt.datetime):
        msg = f"start must be a datetime or ISO text, not {given!r}"
        raise VirtualTimeError(msg)
    return given if given.tzinfo else given.replace(tzinfo=zone or dt.timezone.utc)


def _check_calendar(start: dt.datetime, tz: dt.tzinfo) -> None:
    try:
        start.astimezone(dt.timezone.utc)
        start.astimezone(tz)
    except OverflowError:
        msg = f"start {start} is outside of the calendar, in UTC or in {tz}"
        raise VirtualTimeError(msg) from None
