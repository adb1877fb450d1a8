"""Run a whole sweep in this process: a table of prices in, a table of results out.

The only module of the engine that uses pandas, imported late: a worker does not need it, and it slows the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

import numpy as np

from backtester.engine.errors import BadParameters, BadPrices, did_you_mean
from backtester.engine.grid.grid import Grid
from backtester.engine.metrics.buy_and_hold import common_closes, estimate_beta
from backtester.engine.metrics.metrics import METRIC_NAMES
from backtester.engine.prices import Prices, has_several_a_day
from backtester.engine.rules import Rules
from backtester.engine.run import run_slice
from backtester.engine.strategies import get_strategy
from backtester.engine.strategy import Direction, Strategy
from backtester.engine.timeframes import at_timeframe

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
    flat_at_session_end: bool = False,
    timeframes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test every combination of symbols and parameters.

    prices : closes by date or by moment (a DatetimeIndex, with or without a time zone), one column a symbol; missing
        values are bars that do not exist
    parameters : name -> list of values, or {"start", "stop", "step"}; the others take their default
    coefficients : turn beta scaling on; percentages are multiplied by beta * coefficient
    betas : symbol -> beta; for symbols not in it, beta is estimated against `benchmark` by the last closes of common
        days: closes by date or moment, or the name of a column of `prices`, which is then not traded
    timeframes : as `["5m", "1h", "1d"]`, each at least the bars of `prices`; by default these are tested

    Returns one row a combination: index, symbol, timeframe where `timeframes` are given, a column for each parameter,
    beta and coefficient when scaling is on, then the metrics. Undefined is NaN.
    """
    import pandas as pd

    rule = get_strategy(strategy) if isinstance(strategy, str) else strategy
    rules = Rules(direction, fees, slippage, initial_capital, whole_shares, flat_at_session_end)
    prices = prices.rename(columns=str)
    market = _benchmark(prices, benchmark)
    symbols = [name for name in prices.columns if not (isinstance(benchmark, str) and name == benchmark)]
    if coefficients is not None and betas is None and market is None:
        raise BadParameters("Beta scaling needs a benchmark or betas.", field="benchmark")
    grid = Grid(rule, symbols, parameters, coefficients, timeframes)
    parts = []
    for number in range(grid.n_series):
        symbol, timeframe = symbols[number // grid.n_timeframes], grid.timeframe_of(number)
        column = prices[symbol].dropna()
        bars = prices_of(symbol, column)
        beta = None if coefficients is None else _beta(bars, market, betas or {})
        start, stop = grid.series_span(number)
        metrics = run_slice(grid, at_timeframe(bars, timeframe), start, stop, rules, beta=beta).metrics
        parts.append(_table(grid, start, stop, symbol, beta, metrics))
    return pd.concat(parts, ignore_index=True)


def prices_of(symbol: str, column: pd.Series) -> Prices:
    """Return the closes of a series by date or moment. The day of a bar is the one that its time zone shows."""
    import pandas as pd

    index = column.index
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    elif not isinstance(index, pd.DatetimeIndex):
        if pd.api.types.is_numeric_dtype(index):
            raise BadPrices(f"{symbol}: the index must be dates, got numbers such as {index[0]}.", field="prices")
        index = pd.DatetimeIndex(index)
    closes = column.to_numpy(np.float64)
    wall = index.tz_localize(None).to_numpy()
    if index.tz is None or not has_several_a_day(wall):
        return Prices(symbol, wall, closes)
    return Prices(symbol, index.tz_convert(None).to_numpy(), closes, timezone=_zone_name(symbol, index))


def _zone_name(symbol: str, index: pd.DatetimeIndex) -> str:
    """Return the IANA name; a fixed distance from UTC has one if it is whole hours."""
    name = str(index.tz)
    if name in available_timezones():
        return name
    hours = (index[0].utcoffset() or timedelta()) / timedelta(hours=1)
    if hours.is_integer() and abs(hours) <= 12:
        return f"Etc/GMT{-int(hours):+d}"
    raise BadPrices(f"{symbol}: the time zone must be one such as America/New_York, got {name}.", field="prices")


def _table(grid: Grid, start: int, stop: int, symbol: str, beta: float | None, metrics: Any) -> pd.DataFrame:
    import pandas as pd

    index = np.arange(start, stop)
    decoded = grid.decode_many(index)
    columns: dict[str, Any] = {"index": index, "symbol": symbol}
    if grid.timeframes:
        columns["timeframe"] = grid.timeframe_of(grid.series_of(start))
    columns |= decoded.parameters
    if decoded.coefficient is not None:
        columns |= {"beta": beta, "coefficient": decoded.coefficient}
    return pd.DataFrame(columns | dict(zip(METRIC_NAMES, metrics, strict=True)))


def _benchmark(prices: pd.DataFrame, benchmark: pd.Series | str | None) -> Prices | None:
    if benchmark is None:
        return None
    if not isinstance(benchmark, str):
        return prices_of("The benchmark", benchmark.dropna())
    if benchmark not in prices.columns:
        hint = did_you_mean(benchmark, [str(name) for name in prices.columns])
        raise BadPrices(f"No prices of the benchmark '{benchmark}'. {hint}", field="benchmark")
    return prices_of(benchmark, prices[benchmark].dropna())


def _beta(bars: Prices, market: Prices | None, betas: Mapping[str, float]) -> float:
    if bars.symbol in betas:
        return float(betas[bars.symbol])
    if market is None:
        raise BadParameters(f"No beta of {bars.symbol}, and no benchmark to estimate it from.", field="betas")
    return estimate_beta(*common_closes(bars, market)[1:])
