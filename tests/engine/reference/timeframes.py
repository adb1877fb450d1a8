"""Bars of a timeframe, bar by bar, with dictionaries and the calendar of the standard library."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def grouped(rows, *, bar, size, zone, session):
    """Return rows of complete bars of less than a day, with the moment at which each opens.

    rows : (moment of opening in UTC, open, high, low, close, volume); session : usual (opening, closing), timedeltas
    """
    bars: dict[datetime, list] = {}
    for row in rows:
        wall = row[0].astimezone(ZoneInfo(zone))
        midnight = datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001 - the wall clock
        opening = (midnight + session[0]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        closing = row[0] + bar
        number = (closing - opening - timedelta(microseconds=1)) // size
        bars.setdefault(opening + number * size, []).append(row)
    built = []
    for number, (opens, parts) in enumerate(bars.items()):
        last = parts[-1][0].astimezone(ZoneInfo(zone)).replace(tzinfo=None) + bar
        day = parts[-1][0].astimezone(ZoneInfo(zone)).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        is_whole = parts[-1][0] + bar >= opens + size or last - day >= session[1]
        if (number == 0 and parts[0][0] >= opens + bar) or (number == len(bars) - 1 and not is_whole):
            continue
        built.append(
            (
                opens, parts[0][1], max(part[2] for part in parts), min(part[3] for part in parts), parts[-1][4],
                sum(part[5] for part in parts),
            )
        )  # fmt: skip
    return built


def usual_session(rows, *, bar, zone):
    days: dict[object, list] = {}
    for row in rows:
        wall = row[0].astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        days.setdefault(wall.date(), []).append(wall - datetime(wall.year, wall.month, wall.day))  # noqa: DTZ001
    opens, closes = Counter(day[0] for day in days.values()), Counter(day[-1] + bar for day in days.values())
    return tuple(min(value for value, n in counts.items() if n == max(counts.values())) for counts in (opens, closes))
