"""Time as recsys keeps it: microseconds since 1970-01-01 UTC in int64, `datetime` without zone meaning UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from operator import index
from typing import SupportsIndex

from recsys.core.errors import ArgumentError

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def utc_now() -> datetime:
    """Return the present: UTC, without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def parse_duration(name: str, value: str | timedelta) -> timedelta:
    """Read ``"14d"``, ``"36h"``, ``"2w"``, ``"90m"``, ``"10s"`` or a timedelta; it must be longer than 0.

    Examples
    --------
    >>> parse_duration("test", "14d").days
    14
    """
    if isinstance(value, timedelta):
        length = value
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", str(value))
        if match is None:
            raise ArgumentError(f"{name} is {value!r}", "a duration such as '14d', '36h', '2w' or '90m' was expected")
        try:
            length = timedelta(**{_UNITS[match[2]]: float(match[1])})
        except OverflowError:
            raise ArgumentError(f"{name} is {value!r}", "at most 999999999 days were expected") from None
    if length <= timedelta(0):
        raise ArgumentError(f"{name} is {value!r}", "a duration longer than 0 was expected")
    return length


def parse_instant(name: str, value: str | datetime | date) -> datetime:
    """Read an ISO 8601 date or time; the result is a naive `datetime` in UTC.

    Examples
    --------
    >>> parse_instant("until", "2026-06-01T02:00+02:00")
    datetime.datetime(2026, 6, 1, 0, 0)
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ArgumentError(
                f"{name} is {value!r}", "a date or time such as '2026-06-01' or '2026-06-01T12:00' was expected"
            ) from None
    if not isinstance(value, date):
        raise ArgumentError(f"{name} is {value!r}", "a datetime, a date or ISO text was expected")
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def to_micros(instant: datetime) -> int:
    """Return the microseconds from 1970-01-01 UTC to a naive UTC `datetime`.

    Examples
    --------
    >>> to_micros(datetime(1970, 1, 2))
    86400000000
    """
    return (instant - EPOCH) // MICROSECOND


def instant_micros(name: str, value: str | datetime | date | SupportsIndex) -> int:
    """Return the microseconds since 1970 UTC of an instant; whole numbers are microseconds already.

    Examples
    --------
    >>> instant_micros("at", "1970-01-02"), instant_micros("at", 5)
    (86400000000, 5)
    """
    return index(value) if isinstance(value, SupportsIndex) else to_micros(parse_instant(name, value))


def from_micros(micros: int) -> datetime:
    """Return the naive UTC `datetime` that is so many microseconds after 1970-01-01.

    Examples
    --------
    >>> from_micros(86_400_000_000)
    datetime.datetime(1970, 1, 2, 0, 0)
    """
    return EPOCH + int(micros) * MICROSECOND


def duration_micros(name: str, value: str | timedelta) -> int:
    """Return a duration in whole microseconds.

    Examples
    --------
    >>> duration_micros("half_life", "1s")
    1000000
    """
    return parse_duration(name, value) // MICROSECOND


def duration_text(length: timedelta) -> str:
    """Return a duration as `parse_duration` reads it, in the largest unit that gives a whole number.

    Examples
    --------
    >>> duration_text(timedelta(hours=336)), duration_text(timedelta(minutes=90)), duration_text(timedelta(seconds=0.5))
    ('14d', '90m', '0.5s')
    """
    for unit, micros in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000)):
        if length % timedelta(microseconds=micros) == timedelta(0):
            return f"{length // timedelta(microseconds=micros)}{unit}"
    whole, rest = divmod(length // MICROSECOND, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0") + "s"
