"""What a batch computes, rebuilt from its row: the grid, the rules, and each symbol's prices and beta."""

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine import METRIC_NAMES, Grid, Prices, Rules, get_strategy
from batches.models import BatchSession
from batches.prices.series import count_bars, load_prices
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name

KEPT_PLANS = 128
_plans: OrderedDict[tuple[uuid.UUID, datetime], "Plan"] = OrderedDict()


@dataclass(frozen=True)
class Plan:
    """Everything that makes a combination a pure function of its index."""

    grid: Grid
    rules: Rules
    series_ids: tuple[int, ...]
    bars: tuple[int, ...]  # how many of each symbol are tested
    betas: tuple[float | None, ...]
    start_date: date | None
    end_date: date | None

    def prices(self, symbol_number: int) -> Prices:
        """The tested bars of one symbol."""
        return load_prices(self.series_ids[symbol_number], self.start_date, self.end_date)

    def identity(self, index: int) -> dict[str, Any]:
        """The first part of a row, in its wire form: which combination it is."""
        combination = self.grid.decode(index)
        return {
            "index": index,
            "symbol": combination.symbol,
            "parameters": {wire_name(name): value for name, value in combination.parameters.items()},
            "beta": self.betas[self.grid.symbols.index(combination.symbol)] if self.grid.coefficients else None,
            "coefficient": combination.coefficient,
        }

    def rows(self, indices: npt.NDArray[np.int64], metrics: npt.NDArray[np.float64]) -> list[dict[str, Any]]:
        """Rows in their wire form. indices : int64[n]; metrics : float64[n_metrics, n], NaN where undefined."""
        decoded = self.grid.decode_many(indices)
        symbols = decoded.symbol_number.tolist()
        parameters = {wire_name(name): values.tolist() for name, values in decoded.parameters.items()}
        coefficients = None if decoded.coefficient is None else decoded.coefficient.tolist()
        return [
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


def metrics_json(metrics: npt.NDArray[np.float64]) -> dict[str, float | int | None]:
    """The metrics of one test under their wire names: null where undefined, the count of trades as a whole number."""
    return dict(zip(METRICS_BY_WIRE_NAME, _for_json(metrics[:, None])[0], strict=True))


def _for_json(metrics: npt.NDArray[np.float64]) -> list[list[float | int | None]]:
    """float64[n_metrics, n] -> n lists of n_metrics values."""
    values = metrics.astype(object)
    trades = METRIC_NAMES.index("trades")
    counted = np.isfinite(metrics[trades])
    values[trades, counted] = metrics[trades, counted].astype(np.int64)
    values[~np.isfinite(metrics)] = None
    found: list[list[float | int | None]] = values.T.tolist()
    return found


def plan_of(session: BatchSession) -> Plan:
    """The plan of a batch. Neither the request nor the prices of a batch ever change, so a process may keep it."""
    key = (session.id, session.created_at)  # the id alone may come again: clients choose it, and batches are deleted
    plan = _plans.get(key)
    if plan is None:
        plan = _plans[key] = build_plan(session.request, session.instruments)
        while len(_plans) > KEPT_PLANS:
            _plans.popitem(last=False)
    return plan


def build_plan(request: dict[str, Any], instruments: list[dict[str, Any]]) -> Plan:
    """The plan of a checked request (`StartRequest.as_json`) over the given price series."""
    strategy = get_strategy(request["strategy"])
    ranges = request["parameterRanges"]
    names = [parameter.name for parameter in strategy.all_parameters if wire_name(parameter.name) in ranges]
    start, end = (date.fromisoformat(request[name]) if request[name] else None for name in ("startDate", "endDate"))
    return Plan(
        grid=Grid(
            strategy,
            [instrument["symbol"] for instrument in instruments],
            {name: ranges[wire_name(name)] for name in names},
            request["coefficients"] if request["enableBetaScaling"] else None,
        ),
        rules=Rules(
            direction=request["direction"],
            fees=request["fees"],
            slippage=request["slippage"],
            initial_capital=request["initialCapital"],
            whole_shares=request.get("wholeShares", False),  # batches from before it could be asked for
        ),
        series_ids=tuple(instrument["seriesId"] for instrument in instruments),
        # Batches from before it was noted have to look.
        bars=tuple(each.get("bars") or count_bars(each["seriesId"], start, end) for each in instruments),
        betas=tuple(instrument["beta"] for instrument in instruments),
        start_date=start,
        end_date=end,
    )
