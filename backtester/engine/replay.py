"""Compute one combination again, with the curves and trades that a sweep does not keep."""

from dataclasses import dataclass
from datetime import UTC, date
from functools import cached_property
from typing import cast

import numpy as np

from backtester.engine.arrays import Bools, Days, Floats, Ints
from backtester.engine.errors import EngineError
from backtester.engine.grid.axes import Number
from backtester.engine.grid.grid import Combination, Grid
from backtester.engine.metrics.metrics import (
    COST,
    ENTRY_BAR,
    ENTRY_PRICE,
    EXIT_BAR,
    EXIT_PRICE,
    METRIC_NAMES,
    N_METRICS,
    PNL,
    SHARES,
    SIDE,
    STILL_OPEN,
)
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.run import Scratch, effective_parameters, run_plain, run_slice


@dataclass(frozen=True)
class Trade:
    """entry_date, exit_date : days; of bars within a day, datetimes in UTC
    entry_price, exit_price : after slippage; pnl : currency, after costs; return_ : pnl over the invested capital;
    bars : from entry to exit, or to the last bar of an open trade, whose exit fields and pnl are None
    """

    entry_date: date
    exit_date: date | None
    side: str
    entry_price: float
    exit_price: float | None
    shares: float
    pnl: float | None
    return_: float | None
    bars: int


@dataclass(frozen=True, eq=False)
class Replay:
    """equity : currency at each close; drawdown : fraction below the highest equity so far, zero or negative;
    exposure : value of the position over equity at each close, negative when short; shares : held at each close
    trade_table : float64[n_trades, TRADE_FIELDS], the trades as the kernels write them
    """

    combination: Combination
    effective_parameters: dict[str, Number]
    metrics: dict[str, float]
    dates: Days
    equity: Floats
    drawdown: Floats
    exposure: Floats
    shares: Floats
    trade_table: Floats

    @cached_property
    def trades(self) -> list[Trade]:
        return self.trades_of(slice(None))

    def trades_of(self, rows: slice) -> list[Trade]:
        """Return some of the trades: making all of them takes longer than a page of a sweep of minutes may."""
        return _trades(self.dates, self.trade_table[rows])

    @property
    def is_long(self) -> Bools:
        """bool[n_trades]"""
        is_long: Bools = self.trade_table[:, SIDE] > 0
        return is_long

    @property
    def is_open(self) -> Bools:
        """bool[n_trades], whether the trade is open at the last bar."""
        is_open: Bools = self.trade_table[:, EXIT_BAR] == STILL_OPEN
        return is_open

    @property
    def trade_bars(self) -> Ints:
        """int64[n_trades, 2], the bars of entry and exit; of an open trade the last bar."""
        bars = self.trade_table[:, [ENTRY_BAR, EXIT_BAR]].astype(np.int64)
        bars[self.is_open, 1] = len(self.dates) - 1
        return bars


def replay(grid: Grid, prices: Prices, index: int, rules: Rules, *, beta: float | None = None) -> Replay:
    """Return combination `index` of the grid in full; its metrics have the bits of `run_slice`."""
    result = run_slice(grid, prices, index, index + 1, rules, beta=beta)
    for message in result.errors:
        raise EngineError(message)
    parameters = effective_parameters(grid.strategy, grid.decode_many(np.array([index])), beta)
    scratch = Scratch.for_bars(prices.n_bars)
    run_plain(grid.strategy, prices, parameters, rules, np.empty((N_METRICS, 2))[:, :1], scratch)
    if rules.whole_shares:  # the kernels divide a value by a price, which leaves rounding
        for shares in (scratch.held, scratch.trades[:, SHARES]):
            np.round(shares, out=shares)
    equity = scratch.equity
    divisor = np.where(equity > 0, equity, 1.0)
    return Replay(
        combination=grid.decode(index),
        effective_parameters={name: values[0].item() for name, values in parameters.items()},
        metrics=dict(zip(METRIC_NAMES, result.metrics[:, 0].tolist(), strict=True)),
        dates=prices.dates,
        equity=equity,
        drawdown=equity / np.maximum.accumulate(equity) - 1.0,
        exposure=scratch.held * prices.close / divisor,
        shares=scratch.held,
        trade_table=scratch.trades[: scratch.n_trades],
    )


def _trades(dates: Days, table: Floats) -> list[Trade]:
    """Return the rows of a trade table. A sweep of minutes has tens of thousands: dates are converted together."""
    is_open = table[:, EXIT_BAR] == STILL_OPEN
    entries = table[:, ENTRY_BAR].astype(np.int64)
    lasts = np.where(is_open, len(dates) - 1, table[:, EXIT_BAR]).astype(np.int64)
    bounds = zip(_dates(dates[entries]), _dates(dates[lasts]), (lasts - entries).tolist(), strict=True)
    return [
        Trade(
            entry_date=first,
            exit_date=None if still_open else last,
            side="long" if row[SIDE] > 0 else "short",
            entry_price=row[ENTRY_PRICE],
            exit_price=None if still_open else row[EXIT_PRICE],
            shares=row[SHARES],
            pnl=None if still_open else row[PNL],
            return_=None if still_open else row[PNL] / row[COST],
            bars=bars,
        )
        for row, still_open, (first, last, bars) in zip(table.tolist(), is_open.tolist(), bounds, strict=True)
    ]


def _dates(days: Days) -> list[date]:
    if days.dtype == np.dtype("datetime64[D]"):
        return cast(list[date], days.tolist())
    return [moment.replace(tzinfo=UTC) for moment in days.astype("datetime64[us]").tolist()]
