"""What a batch computes: the grid, the rules, and each symbol's prices and beta, rebuilt from its row."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NotRequired, TypedDict, cast

import numpy as np
import numpy.typing as npt

from backtester.engine import METRIC_NAMES, Grid, Prices, Rules, get_strategy
from batches.models import BatchSession
from batches.prices.series import count_bars, is_loaded, load_prices
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import JUDGED, METRICS_BY_WIRE_NAME, wire_name
from batches.sweep.wire_types import Identity, Metrics, Row

CACHED_PLANS = 128
_plans: OrderedDict[tuple[uuid.UUID, datetime], "Plan"] = OrderedDict()


class TestedInstrument(TypedDict):
    """An instrument of a batch, as stored with the session.

    timeframe : of the stored bars; bars : the number of tested bars, timeframeBars : of each requested timeframe
    betaLooksAhead : whether the beta was measured over the tested dates; with beta scaling, except in older batches
    """

    symbol: str
    seriesId: int
    timeframe: NotRequired[str | None]
    bars: int
    timeframeBars: NotRequired[list[int]]
    beta: float | None
    betaLooksAhead: NotRequired[bool]


@dataclass(frozen=True)
class Plan:
    """Everything that makes a combination a pure function of its index.

    series_ids, betas, look_ahead : of each symbol; timeframes, bars : of each series, a symbol in a timeframe
    """

    grid: Grid
    rules: Rules
    series_ids: tuple[int, ...]
    timeframes: tuple[str | None, ...]
    bars: tuple[int, ...]
    betas: tuple[float | None, ...]
    look_ahead: tuple[bool | None, ...]
    start_date: date | None
    end_date: date | None

    def series_id(self, series_number: int) -> int:
        return self.series_ids[series_number // self.grid.n_timeframes]

    def prices(self, series_number: int) -> Prices:
        return load_prices(*self.tested_bars(series_number))

    def is_loaded(self, series_number: int) -> bool:
        """Return whether this process has the prices, or has to decode them first."""
        return is_loaded(*self.tested_bars(series_number))

    def tested_bars(self, series_number: int) -> tuple[int, date | None, date | None, str | None]:
        """Return series, first and last date and timeframe, as `load_prices` takes them."""
        return self.series_id(series_number), self.start_date, self.end_date, self.grid.timeframe_of(series_number)

    def beta(self, series_number: int) -> float | None:
        return self.betas[series_number // self.grid.n_timeframes]

    def identity(self, index: int) -> Identity:
        """Return the part of a row that says which combination it is."""
        combination = self.grid.decode(index)
        number = self.grid.symbols.index(combination.symbol)
        identity: Identity = {
            "index": index,
            "symbol": combination.symbol,
            "timeframe": self.timeframes[self.grid.series_of(index)],
            "parameters": {wire_name(name): value for name, value in combination.parameters.items()},
            "beta": self.betas[number] if self.grid.coefficients else None,
            "coefficient": combination.coefficient,
        }
        return cast("Identity", identity | self._foresight(number))

    def _foresight(self, symbol_number: int) -> dict[str, bool]:
        """Return `betaLooksAhead` where it is known."""
        looks_ahead = self.look_ahead[symbol_number]
        return {} if looks_ahead is None else {"betaLooksAhead": looks_ahead}

    def rows(self, indices: npt.NDArray[np.int64], metrics: npt.NDArray[np.float64]) -> list[Row]:
        """Return the rows of the wire. indices : int64[n]; metrics : float64[n_metrics, n], NaN where undefined"""
        decoded = self.grid.decode_many(indices)
        symbols = decoded.symbol_number.tolist()
        series = (indices // self.grid.size_per_series).tolist()
        parameters = {wire_name(name): values.tolist() for name, values in decoded.parameters.items()}
        coefficients = None if decoded.coefficient is None else decoded.coefficient.tolist()
        rows = [
            {
                "index": index,
                "symbol": self.grid.symbols[symbols[at]],
                "timeframe": self.timeframes[series[at]],
                "parameters": {name: values[at] for name, values in parameters.items()},
                "beta": self.betas[symbols[at]] if coefficients else None,
                "coefficient": coefficients[at] if coefficients else None,
                **self._foresight(symbols[at]),
                **dict(zip(METRICS_BY_WIRE_NAME, values, strict=True)),
                **dict.fromkeys(JUDGED),
            }
            for at, (index, values) in enumerate(zip(indices.tolist(), _for_json(metrics), strict=True))
        ]
        return cast("list[Row]", rows)


def wire_metrics(metrics: Mapping[str, float]) -> Metrics:
    """Return the metrics of one test under their wire names, None where undefined."""
    values = _for_json(np.array([[metrics[name]] for name in METRIC_NAMES]))[0]
    return cast("Metrics", dict(zip(METRICS_BY_WIRE_NAME, values, strict=True)))


def _for_json(metrics: npt.NDArray[np.float64]) -> list[list[float | int | None]]:
    """Return float64[n_metrics, n] as n lists of n_metrics values: None where undefined, trades as integers."""
    values = metrics.astype(object)
    trades = METRIC_NAMES.index("trades")
    counted = np.isfinite(metrics[trades])
    values[trades, counted] = metrics[trades, counted].astype(np.int64)
    values[~np.isfinite(metrics)] = None
    lists: list[list[float | int | None]] = values.T.tolist()
    return lists


def plan_of(session: BatchSession) -> Plan:
    """Return the plan of a batch, cached: neither the request nor the prices of a batch ever change."""
    key = (session.id, session.created_at)  # clients choose ids, and may choose that of a deleted batch again
    plan = _plans.get(key)
    if plan is None:
        plan = _plans[key] = build_plan(
            StartRequest.from_json(session.request).until(session.tested_until), session.instruments
        )
        while len(_plans) > CACHED_PLANS:
            _plans.popitem(last=False)
    return plan


def bars_of(instrument: TestedInstrument) -> list[int]:
    """Return the tested bars in each timeframe."""
    n_bars = instrument.get("bars")
    return instrument.get("timeframeBars") or ([n_bars] if n_bars else [])


def build_plan(request: StartRequest, instruments: list[TestedInstrument]) -> Plan:
    return Plan(
        grid=Grid(
            get_strategy(request.strategy),
            [instrument["symbol"] for instrument in instruments],
            request.axes,
            request.coefficients if request.beta_scaling else None,
            request.timeframes or None,
        ),
        rules=Rules(
            direction=request.direction,
            fees=request.fees,
            slippage=request.slippage,
            initial_capital=request.initial_capital,
            whole_shares=request.whole_shares,
            flat_at_session_end=request.flat_at_session_end,
        ),
        series_ids=tuple(instrument["seriesId"] for instrument in instruments),
        timeframes=tuple(
            timeframe
            for instrument in instruments
            for timeframe in request.timeframes or (instrument.get("timeframe"),)
        ),
        bars=tuple(
            n_bars
            for instrument in instruments
            for n_bars in bars_of(instrument)
            or [count_bars(instrument["seriesId"], request.start_date, request.end_date)]  # older batches lack it
        ),
        betas=tuple(instrument["beta"] for instrument in instruments),
        look_ahead=tuple(instrument.get("betaLooksAhead") for instrument in instruments),
        start_date=request.start_date,
        end_date=request.end_date,
    )
