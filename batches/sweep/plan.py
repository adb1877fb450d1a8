"""What a batch computes: the grid, the rules, and each symbol's prices and beta, rebuilt from its row."""

import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypedDict, cast

import numpy as np
import numpy.typing as npt

from backtester.engine import METRIC_NAMES, Grid, Prices, Rules, get_strategy
from batches.models import BatchSession
from batches.prices.series import count_bars, load_prices
from batches.sweep.start_request import StartRequest
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.sweep.wire_types import Identity, Metrics, Row

CACHED_PLANS = 128
_plans: OrderedDict[tuple[uuid.UUID, datetime], "Plan"] = OrderedDict()


class TestedInstrument(TypedDict):
    """An instrument of a batch, as stored with the session. bars : the number of tested bars"""

    symbol: str
    seriesId: int
    bars: int
    beta: float | None


@dataclass(frozen=True)
class Plan:
    """Everything that makes a combination a pure function of its index. bars : the tested bars of each symbol"""

    grid: Grid
    rules: Rules
    series_ids: tuple[int, ...]
    bars: tuple[int, ...]
    betas: tuple[float | None, ...]
    start_date: date | None
    end_date: date | None

    def prices(self, symbol_number: int) -> Prices:
        return load_prices(self.series_ids[symbol_number], self.start_date, self.end_date)

    def identity(self, index: int) -> Identity:
        """Return the part of a row that says which combination it is."""
        combination = self.grid.decode(index)
        return {
            "index": index,
            "symbol": combination.symbol,
            "parameters": {wire_name(name): value for name, value in combination.parameters.items()},
            "beta": self.betas[self.grid.symbols.index(combination.symbol)] if self.grid.coefficients else None,
            "coefficient": combination.coefficient,
        }

    def rows(self, indices: npt.NDArray[np.int64], metrics: npt.NDArray[np.float64]) -> list[Row]:
        """Return the rows of the wire. indices : int64[n]; metrics : float64[n_metrics, n], NaN where undefined"""
        decoded = self.grid.decode_many(indices)
        symbols = decoded.symbol_number.tolist()
        parameters = {wire_name(name): values.tolist() for name, values in decoded.parameters.items()}
        coefficients = None if decoded.coefficient is None else decoded.coefficient.tolist()
        rows = [
            {
                "index": index,
                "symbol": self.grid.symbols[symbols[at]],
                "parameters": {name: values[at] for name, values in parameters.items()},
                "beta": self.betas[symbols[at]] if coefficients else None,
                "coefficient": coefficients[at] if coefficients else None,
                **dict(zip(METRICS_BY_WIRE_NAME, values, strict=True)),
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
        plan = _plans[key] = build_plan(StartRequest.from_json(session.request), session.instruments)
        while len(_plans) > CACHED_PLANS:
            _plans.popitem(last=False)
    return plan


def build_plan(request: StartRequest, instruments: list[TestedInstrument]) -> Plan:
    return Plan(
        grid=Grid(
            get_strategy(request.strategy),
            [instrument["symbol"] for instrument in instruments],
            request.axes,
            request.coefficients if request.beta_scaling else None,
        ),
        rules=Rules(
            direction=request.direction,
            fees=request.fees,
            slippage=request.slippage,
            initial_capital=request.initial_capital,
            whole_shares=request.whole_shares,
        ),
        series_ids=tuple(instrument["seriesId"] for instrument in instruments),
        bars=tuple(
            instrument.get("bars")
            or count_bars(instrument["seriesId"], request.start_date, request.end_date)  # older batches lack it
            for instrument in instruments
        ),
        betas=tuple(instrument["beta"] for instrument in instruments),
        start_date=request.start_date,
        end_date=request.end_date,
    )
