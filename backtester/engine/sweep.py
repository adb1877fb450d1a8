"""Run a whole sweep in this process: a table of prices in, a table of results out.

The only module of the engine that uses pandas, imported late: a worker does not need it, and it slows the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.engine.errors import BadParameters, BadPrices, did_you_mean
from backtester.engine.grid.grid import Grid
from backtester.engine.metrics.buy_and_hold import estimate_beta
from backtester.engine.metrics.metrics import METRIC_NAMES
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.run import run_slice
from backtester.engine.strategies import get_strategy
from backtester.engine.strategy import Direction, Strategy

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    strategy: str | Strategy,
    prices: pd.DataFrame,
    parameters: Mapping[str, Any],
    *,
    fees: float = 0.0,
    slippage: float = 0.0,
    initial_capital: float = 100_000.0,
    direction: Direction = "long",
    benchmark: pd.Series | str | None = None,
    coefficients: Sequence[float] | None = None,
    betas: Mapping[str, float] | None = None,
    whole_shares: bool = False,
) -> pd.DataFrame:
    """Test every combination of symbols and parameters.

    prices : closes by date, one column a symbol; missing values are days without a bar
    parameters : name -> list of values, or {"start", "stop", "step"}; the others take their default
    coefficients : turn beta scaling on; percentages are multiplied by beta * coefficient
    betas : symbol -> beta; for symbols not in it, beta is estimated against `benchmark`, closes by date or the name
        of a column of `prices`, which is then not traded

    Returns one row a combination: index, symbol, a column for each parameter, beta and coefficient when scaling is on,
    then the metrics. Undefined is NaN.
    """
    import pandas as pd

    rule = get_strategy(strategy) if isinstance(strategy, str) else strategy
    rules = Rules(direction, fees, slippage, initial_capital, whole_shares)
    market = _benchmark(prices, benchmark)
    symbols = [str(name) for name in prices.columns if name != benchmark]
    if coefficients is not None and betas is None and market is None:
        raise BadParameters("Beta scaling needs a benchmark or betas.", field="benchmark")
    grid = Grid(rule, symbols, parameters, coefficients)
    parts = []
    for number, symbol in enumerate(symbols):
        column = prices[symbol].dropna()
        bars = prices_of(symbol, column)
        beta = None if coefficients is None else _beta(symbol, column, market, betas or {})
        start, stop = grid.span(number)
        metrics = run_slice(grid, bars, start, stop, rules, beta=beta).metrics
        parts.append(_table(grid, start, stop, symbol, beta, metrics))
    return pd.concat(parts, ignore_index=True)


def prices_of(symbol: str, column: pd.Series) -> Prices:
    """Return the closes of a series by date."""
    days = column.index.to_numpy().astype("datetime64[D]")
    return Prices(symbol, days, column.to_numpy(np.float64))


def _table(grid: Grid, start: int, stop: int, symbol: str, beta: float | None, metrics: Any) -> pd.DataFrame:
    import pandas as pd

    index = np.arange(start, stop)
    decoded = grid.decode_many(index)
    columns: dict[str, Any] = {"index": index, "symbol": symbol, **decoded.parameters}
    if decoded.coefficient is not None:
        columns |= {"beta": beta, "coefficient": decoded.coefficient}
    return pd.DataFrame(columns | dict(zip(METRIC_NAMES, metrics, strict=True)))


def _benchmark(prices: pd.DataFrame, benchmark: pd.Series | str | None) -> pd.Series | None:
    if not isinstance(benchmark, str):
        return benchmark
    if benchmark not in prices.columns:
        hint = did_you_mean(benchmark, [str(name) for name in prices.columns])
        raise BadPrices(f"No prices of the benchmark '{benchmark}'. {hint}", field="benchmark")
    return prices[benchmark]


def _beta(symbol: str, column: pd.Series, market: pd.Series | None, betas: Mapping[str, float]) -> float:
    if symbol in betas:
        return float(betas[symbol])
    if market is None:
        raise BadParameters(f"No beta of {symbol}, and no benchmark to estimate it from.", field="betas")
    closes, index = column.align(market, join="inner")
    both = np.column_stack((closes.to_numpy(np.float64), index.to_numpy(np.float64)))
    both = both[~np.isnan(both).any(axis=1)]
    return estimate_beta(both[:, 0], both[:, 1])
