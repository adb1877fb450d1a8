"""Walk-forward on the true paths: each pick is replayed, and its test windows are joined."""

import math
from itertools import pairwise
from typing import Any

import numpy as np

from backtester.engine import Replay, buy_and_hold_equity, replay
from backtester.engine.arrays import Floats, Ints
from backtester.engine.statistics.sharpe import moments
from backtester.engine.statistics.walk_forward import Window, stitch, switch_bars
from batches.sweep.wire_names import wire_name
from batches.verdict.calendar import returns_of
from batches.verdict.layout import Layout

MOST_POINTS = 1_000


class Paths:
    """Replays of single tests of a batch, each computed once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.known: dict[int, Replay] = {}

    def number(self, index: int) -> int:
        """Return the number of the series of a test."""
        return next(span.number for span in self.layout.spans if span.start <= index < span.stop)

    def replay(self, index: int) -> Replay:
        if index not in self.known:
            plan, number = self.layout.plan, self.number(index)
            prices = self.layout.series[number]
            self.known[index] = replay(plan.grid, prices, index, plan.rules, beta=plan.beta(number))
        return self.known[index]

    def bars(self, number: int, first: int, last: int) -> tuple[int, int]:
        """Return the bars [first, last) of a series between two positions in the calendar."""
        edges = self.layout.calendar.bars_at(self.layout.series[number], np.array([first, last]))
        return int(edges[0]), int(edges[1])

    def returns(self, index: int, first: int, last: int) -> Floats:
        start, stop = self.bars(self.number(index), first, last)
        return returns_of(self.replay(index).equity)[start - 1 : stop - 1]

    def days(self, numbers: list[int], tests: list[tuple[int, int]]) -> Ints:
        """Return the exchange's days of the bars of a series in each window, one window after the other."""
        parts = [(number, *self.bars(number, *test)) for number, test in zip(numbers, tests, strict=True)]
        return np.concatenate([self.layout.series[number].trading_days[start:stop] for number, start, stop in parts])

    def day(self, number: int, at: int) -> str:
        """Return the exchange's day of a position in the calendar: that of a series, if it has a bar there."""
        moment, series = self.layout.calendar.moments[at], self.layout.series
        for prices in (series[number], *series.values()):
            bar = int(np.searchsorted(prices.moments, moment))
            if bar < prices.n_bars and prices.moments[bar] == moment:
                return str(np.datetime64(int(prices.trading_days[bar]), "D"))
        raise AssertionError("each moment of the calendar is one of a bar")

    def held(self, number: int, first: int, last: int) -> Floats:
        start, stop = self.bars(number, first, last)
        equity = buy_and_hold_equity(self.layout.series[number], self.layout.plan.rules)
        return returns_of(equity)[start - 1 : stop - 1]


def walk_forward(layout: Layout, paths: Paths, picks: Ints, best: int) -> dict[str, Any] | None:
    """Return the walk-forward of the picks in the form of the wire, None without a window that has one.

    best : chosen in hindsight
    """
    chosen = [(window, int(pick)) for window, pick in zip(layout.windows, picks, strict=True) if pick >= 0]
    if not chosen:
        return None
    inside = [paths.returns(pick, window.start, window.train_end) for window, pick in chosen]
    outside = [paths.returns(pick, window.test_start, window.test_end) for window, pick in chosen]
    if not any(len(part) for part in outside) or not any(len(part) for part in inside):
        return None
    stitched = stitch(inside, outside)
    tests = [(window.test_start, window.test_end) for window, _ in chosen]
    numbers = [paths.number(pick) for _, pick in chosen]
    held = np.concatenate([paths.held(number, *test) for number, test in zip(numbers, tests, strict=True)])
    hindsight = np.concatenate([paths.returns(best, *test) for test in tests])
    periods = [layout.series[number].periods_per_year for number in numbers]
    scale = _joined_scale([len(part) for part in outside], periods)
    return {
        "windows": [
            _window(layout, paths, window, pick, returns)
            for (window, pick), *returns in zip(chosen, inside, outside, strict=True)
        ],
        "sharpe": _annual(stitched.returns, scale),
        "totalReturn": stitched.total,
        "efficiency": None if np.isnan(stitched.efficiency) else stitched.efficiency,
        "switchCost": _switch_cost(layout, paths, chosen),
        "positive": stitched.positive,
        "distinctPicks": len({pick for _, pick in chosen}),
        "holding": {"sharpe": _annual(held, scale), "totalReturn": float(np.prod(1.0 + held) - 1.0)},
        "hindsight": {"index": best, "sharpe": _annual(hindsight, _scale(layout, paths, best))},
        "curve": _curve(
            paths.days(numbers, tests), {"equity": stitched.returns, "holding": held, "hindsight": hindsight}
        ),
    }


def _window(layout: Layout, paths: Paths, window: Window, pick: int, returns: list[Floats]) -> dict[str, Any]:
    scale = _scale(layout, paths, pick)
    combination, number = layout.plan.grid.decode(pick), paths.number(pick)
    days = [paths.day(number, at) for at in (window.start, window.test_start, window.test_end - 1)]
    return {
        "trainFrom": days[0],
        "testFrom": days[1],
        "testTo": days[2],
        "index": pick,
        "symbol": combination.symbol,
        "parameters": {wire_name(name): value for name, value in combination.parameters.items()},
        "sharpe": _annual(returns[0], scale),
        "outOfSampleSharpe": _annual(returns[1], scale),
        "outOfSampleReturn": float(np.prod(1.0 + returns[1]) - 1.0),
    }


def _switch_cost(layout: Layout, paths: Paths, chosen: list[tuple[Window, int]]) -> float:
    """Return what changing from pick to pick costs, a fraction of equity; not taken off the returns."""
    rules = layout.plan.rules
    traded = 0.0
    for (_, before), (window, after) in pairwise(chosen):
        if before == after or paths.number(before) != paths.number(after):
            continue
        start, stop = paths.bars(paths.number(after), window.test_start, window.test_end)
        traded += switch_bars(paths.replay(before).exposure[start:stop], paths.replay(after).exposure[start:stop])
    return traded * (rules.fees + rules.slippage)


def _scale(layout: Layout, paths: Paths, index: int) -> float:
    return float(np.sqrt(layout.series[paths.number(index)].periods_per_year))


def _joined_scale(bars: list[int], periods_per_year: list[float]) -> float:
    """Return the factor from a bar to a year for windows of several timeframes: the root of all bars over all years."""
    if len(set(periods_per_year)) == 1:
        return math.sqrt(periods_per_year[0])
    years = sum(n / periods for n, periods in zip(bars, periods_per_year, strict=True))
    return math.sqrt(sum(bars) / years)


def _annual(returns: Floats, scale: float) -> float | None:
    sharpe = moments(returns).sharpe
    return None if np.isnan(sharpe) else sharpe * scale


def _curve(days: Ints, returns: dict[str, Floats]) -> dict[str, Any]:
    """Return the joined curves from 1 on, thinned to MOST_POINTS. days : int64[n], of the bars of the picks"""
    n = len(returns["equity"])
    at = np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))
    curves = {
        name: np.cumprod(1.0 + values)[at].tolist() if len(values) == n else None for name, values in returns.items()
    }
    return {"dates": [str(day) for day in days[at].view("datetime64[D]")], **curves}
