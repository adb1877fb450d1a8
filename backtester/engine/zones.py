"""The days of an exchange: moments in UTC to its local clock, and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from backtester.engine.arrays import Ints

DAY_NS = 86_400_000_000_000
STEP_NS = 900_000_000_000  # clocks change on a quarter of an hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(moments: Ints, timezone: str) -> Ints:
    """Return the wall clock of each moment. moments : int64[n], ns since 1970 in UTC, increasing; returns ns too"""
    return moments if timezone == "UTC" else moments + _offsets(moments, ZoneInfo(timezone))


def instants(wall: Ints, timezone: str) -> Ints:
    """Return the moments at which the wall clock showed these times, int64[n]; right but for the hours of a change."""
    if timezone == "UTC":
        return wall
    zone = ZoneInfo(timezone)
    return wall - _offsets(wall - _offsets(wall, zone), zone)


def local_days(moments: Ints, timezone: str) -> Ints:
    """Return the exchange's day of each moment, int64[n], days since 1970-01-01."""
    return np.floor_divide(local(moments, timezone), DAY_NS)


def _offsets(moments: Ints, zone: ZoneInfo) -> Ints:
    """Return ns from UTC, int64[n]. The zone is read for both ends of each day; within a day only if they differ."""
    days = np.floor_divide(moments, DAY_NS)
    offsets = np.empty(len(moments), dtype=np.int64)
    for day in np.unique(days).tolist():
        first, last = np.searchsorted(days, (day, day + 1))
        start, end = _offset(day * DAY_NS, zone), _offset((day + 1) * DAY_NS, zone)
        if start == end:
            offsets[first:last] = start
            continue
        steps = np.floor_divide(moments[first:last], STEP_NS)
        values = {step: _offset(step * STEP_NS, zone) for step in np.unique(steps).tolist()}
        offsets[first:last] = [values[step] for step in steps.tolist()]
    return offsets


def _offset(moment: int, zone: ZoneInfo) -> int:
    offset = zone.utcoffset((_EPOCH + timedelta(microseconds=moment // 1000)).astimezone(zone))
    assert offset is not None  # a zone of the database always has one
    return int(offset / timedelta(microseconds=1)) * 1000
