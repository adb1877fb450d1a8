"""Bars of a longer timeframe, built session by session from complete stored bars. Gaps are left as they are."""

import re
from dataclasses import dataclass

import numpy as np

from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.bar_sizes import DAY_S, SECOND_NS
from backtester.engine.errors import BadParameters, BadPrices
from backtester.engine.prices import Prices
from backtester.engine.zones import DAY_NS, instants, local

UNITS = {"m": 60, "h": 3_600, "d": DAY_S, "w": 7 * DAY_S}
TEXT = re.compile(r"([1-9]\d{0,4})([mhdw])")
MONDAY = 4  # days since 1970-01-01: several days and weeks are counted from a Monday


def seconds_of(timeframe: str) -> int:
    """Return the length of `5m`, `4h`, `1d` or `2w`."""
    match = TEXT.fullmatch(timeframe) if isinstance(timeframe, str) else None
    if match is None:
        raise BadParameters(
            f"A timeframe must be like 5m, 4h, 1d or 1w, got {str(timeframe)[:40]!r}.", field="timeframes"
        )
    seconds = int(match[1]) * UNITS[match[2]]
    if match[2] in "mh" and seconds >= DAY_S:
        raise BadParameters(
            f"A timeframe of a day or more is written in d or w, got {timeframe!r}.", field="timeframes"
        )
    return seconds


def name_of(seconds: float | None) -> str | None:
    """Return `1h` for 3,600; None for bars that no timeframe describes: irregular ones, seconds, months."""
    if not seconds:
        return None
    units = [unit for unit, size in UNITS.items() if seconds % size == 0 and (unit in "dw" or seconds < DAY_S)]
    return f"{seconds / UNITS[units[-1]]:.0f}{units[-1]}" if units else None


def check_timeframe(timeframe: str, bar_seconds: float | None, symbol: str) -> None:
    """Refuse a timeframe that the stored bars cannot be put together to."""
    seconds = seconds_of(timeframe)
    if bar_seconds is None:
        problem = f"{symbol} has irregular bars"
    elif seconds < bar_seconds:
        problem = f"{symbol} has longer bars, {name_of(bar_seconds) or f'{bar_seconds:,.0f} seconds'}"
    elif seconds % bar_seconds:
        problem = f"it is no multiple of the bars of {symbol}, {name_of(bar_seconds) or f'{bar_seconds:,.0f} seconds'}"
    else:
        return
    raise BadParameters(f"{timeframe} cannot be tested: {problem}.", field="timeframes")


@dataclass(frozen=True, eq=False)
class Built:
    """prices : the bars of a timeframe; starts, stops : int64[n_bars], the stored bars [start, stop) in each"""

    prices: Prices
    starts: Ints
    stops: Ints

    def within(self, first: int, last: int) -> Prices | None:
        """Return the bars whose stored bars all lie in [first, last), None if there are none."""
        start = int(np.searchsorted(self.starts, first))
        stop = int(np.searchsorted(self.stops, last, side="right"))
        return self.prices.part(start, stop) if stop > start else None


def build(prices: Prices, timeframe: str) -> Built | None:
    """Return the complete bars of a timeframe, None if there are none.

    A bar within a day belongs to the session of the exchange's day, counted from its usual opening, by the moment at
    which it closes; a session's last bar may be shorter. A bar of days or weeks is dated by its last day, and weeks
    begin on Mondays. The first and the last bar are left out unless the stored bars reach its ends.
    """
    check_timeframe(timeframe, prices.bar_seconds, prices.symbol)
    seconds = seconds_of(timeframe)
    if seconds == prices.bar_seconds:
        bars = np.arange(prices.n_bars)
        return Built(prices, bars, bars + 1)
    groups, opens, kept = _within_days(prices, seconds) if seconds < DAY_S else _of_days(prices, seconds // DAY_S)
    starts = np.flatnonzero(np.concatenate(([True], groups[1:] != groups[:-1])))
    stops = np.append(starts[1:], len(groups))
    keep = np.ones(len(starts), dtype=np.bool_)
    for group in (0, len(starts) - 1):
        keep[group] &= bool(kept[starts[group] : stops[group]].all())
    starts, stops = starts[keep], stops[keep]
    if not starts.size:
        return None
    dates = opens[starts].view("datetime64[ns]") if seconds < DAY_S else opens[stops - 1].view("datetime64[D]")
    built = Prices(
        prices.symbol,
        dates,
        prices.close[stops - 1],
        None if prices.open is None else prices.open[starts],
        _extreme(np.maximum, prices.high, starts, stops),
        _extreme(np.minimum, prices.low, starts, stops),
        _total(prices.volume, starts, stops),
        series_bar_seconds=float(seconds),
        timezone=prices.timezone,
    )
    return Built(built, starts, stops)


def at_timeframe(prices: Prices, timeframe: str | None) -> Prices:
    """Return the complete bars of a timeframe; BadPrices if there are none."""
    if timeframe is None:
        return prices
    built = build(prices, timeframe)
    if built is None:
        raise BadPrices(f"{prices.symbol} has no complete bar of {timeframe}.", field="prices")
    return built.prices


def _extreme(function: np.ufunc, values: Floats | None, starts: Ints, stops: Ints) -> Floats | None:
    """Stored bars between the groups are none: reduceat runs to the next start, the last group to the last stop."""
    if values is None:
        return None
    folded: Floats = function.reduceat(values[: stops[-1]], starts)
    return folded


def _total(volume: Floats | None, starts: Ints, stops: Ints) -> Floats | None:
    """Return the total of the known volumes, NaN where none is known."""
    if volume is None:
        return None
    known = ~np.isnan(volume[: stops[-1]])
    total = np.add.reduceat(np.where(known, volume[: stops[-1]], 0.0), starts)
    return np.where(np.logical_or.reduceat(known, starts), total, np.nan)


def _within_days(prices: Prices, seconds: int) -> tuple[Ints, Ints, Bools]:
    """Return of each stored bar: its group, the moment at which its group opens, and whether its group may be complete.

    The group of the first bar opens with it, and that of the last one closes with it, or with the usual session.
    """
    size, bar = seconds * SECOND_NS, int((prices.bar_seconds or 0) * SECOND_NS)
    moments, days = prices.moments, prices.trading_days
    session = usual_session(prices)
    distinct, day_of_bar = np.unique(days, return_inverse=True)
    opening = instants(distinct * DAY_NS + session.opens, prices.timezone)[day_of_bar]
    numbers = np.floor_divide(moments + bar - 1 - opening, size)
    opens = opening + numbers * size
    kept = np.ones(prices.n_bars, dtype=np.bool_)
    kept[0] = moments[0] - opens[0] < bar
    kept[-1] = moments[-1] + bar >= opens[-1] + size or session.is_over(prices)
    return opens, opens, kept


def _of_days(prices: Prices, n_days: int) -> tuple[Ints, Ints, Bools]:
    """Return the same for groups of days: of each bar its group, its day, and whether its group may be complete."""
    days = prices.trading_days
    groups = np.floor_divide(days - MONDAY, n_days)
    kept = np.ones(prices.n_bars, dtype=np.bool_)
    traded = _traded_weekdays(days)
    before = np.arange(groups[0] * n_days + MONDAY, days[0])
    after = np.arange(days[-1] + 1, (groups[-1] + 1) * n_days + MONDAY)
    kept[0], kept[-1] = not traded[(before + 3) % 7].any(), not traded[(after + 3) % 7].any()
    if prices.is_within_day:
        session = usual_session(prices)
        kept[0] &= session.has_begun(prices)
        kept[-1] &= session.is_over(prices)
    return groups, days, kept


def _traded_weekdays(days: Ints) -> Bools:
    """Return bool[7], from Monday: the days of the week with at least half as many days as the most common one."""
    counts = np.bincount((np.unique(days) + 3) % 7, minlength=7)
    usual: Bools = counts * 2 >= counts.max()
    return usual


@dataclass(frozen=True)
class Session:
    """opens, closes : ns since the local midnight at which most days begin and end; closes may be a whole day"""

    opens: int
    closes: int

    def has_begun(self, prices: Prices) -> bool:
        """Return whether the first bar is the first of its session."""
        wall = local(prices.moments[:1], prices.timezone)
        return bool(wall[0] - prices.trading_days[0] * DAY_NS <= self.opens)

    def is_over(self, prices: Prices) -> bool:
        """Return whether the last bar is the last of its session."""
        wall = local(prices.moments[-1:], prices.timezone)
        return bool(wall[0] + _bar_ns(prices) - prices.trading_days[-1] * DAY_NS >= self.closes)


def usual_session(prices: Prices) -> Session:
    """Return the most common opening and closing of a day, of bars within a day; of equally common ones the earlier."""
    days = prices.trading_days
    edges = np.flatnonzero(np.diff(days)) + 1
    firsts, lasts = np.concatenate(([0], edges)), np.append(edges, len(days)) - 1
    opens = local(prices.moments[firsts], prices.timezone) - days[firsts] * DAY_NS
    closes = local(prices.moments[lasts], prices.timezone) + _bar_ns(prices) - days[lasts] * DAY_NS
    return Session(_most_common(opens), _most_common(closes))


def calendar_of(prices: Prices) -> str:
    """Return the hours that are traded: `24/7`, `24/5`, or the usual session such as `09:30-16:00`.

    Of bars of a day and longer, only the days are known: `24/7` where weekends are traded, else `weekdays`.
    """
    weekends = _traded_weekdays(prices.trading_days)[5:].all()
    if not prices.is_within_day:
        return "24/7" if weekends else "weekdays"
    session = usual_session(prices)
    if session.closes - session.opens >= DAY_NS - max(_bar_ns(prices), 3_600 * SECOND_NS):
        return "24/7" if weekends else "24/5"
    return f"{_clock(session.opens)}-{_clock(session.closes)}"


def _clock(ns: int) -> str:
    minutes = ns // (60 * SECOND_NS)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _bar_ns(prices: Prices) -> int:
    return int((prices.bar_seconds or 0) * SECOND_NS)


def _most_common(values: Ints) -> int:
    distinct, counts = np.unique(values, return_counts=True)
    return int(distinct[np.argmax(counts)])
