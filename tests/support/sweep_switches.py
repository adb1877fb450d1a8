"""Requests for batches over every switch that the form and the API have, and the odd instruments they are tested on."""

import numpy as np

from backtester.engine import STRATEGIES, Prices
from batches.models import Instrument, PriceSeries
from batches.prices.series import encode_bars
from batches.sweep.wire_names import wire_name
from tests.support import market

ODD = {  # closes on the last business days of the market
    "FLAT": np.full(300, 20.0),  # no volatility, so no Sharpe ratio
    "PAIR": np.array([10.0, 11.0]),  # too short for any strategy
    "DEAR": 60_000 + 500 * np.sin(np.arange(300) / 9),  # one share costs more than a small capital
    "TINY": 2e-5 * np.exp(np.sin(np.arange(300) / 9)),
}
SWITCHES = {
    "strategy": list(STRATEGIES),
    "sortBy": [
        "annualizedReturn", "sharpe", "winRate", "trades", "finalEquity", "maxDrawdown", "maxDrawdownDuration",
        "profitFactor",
    ],
    "symbols": [
        ["ACME", "BOLT", "CORE"], ["ACME"], ["CORE", "PAIR"], ["ACME", "FLAT", "PAIR"], ["DEAR"], ["TINY", "BOLT"],
    ],
    "grid": ["two by two", "one combination", "one parameter", "cannot trade"],
    "stops": [None, {"stopLoss": [0.05, 0.1]}, {"takeProfit": [0.1], "trailingStop": [0.05]}],
    "direction": ["long", "short", "both"],
    "enableBetaScaling": [False, True],
    "dates": [{}, {"startDate": "2020-12-01"}, {"startDate": "2020-12-30", "endDate": "2021-06-30"}],
    "wholeShares": [False, True],
    "costs": [{}, {"fees": 0.1, "slippage": 0.02}],
    "initialCapital": [100_000, 150.5],
    "includeComparison": [True, False],
    "abort": [{}, {"abortFailureShare": 0, "abortMinimumTests": 1}, {"abortFailureShare": 1}],
    "ending": ["finished", "cancelled", "untouched", "paused", "running"],
}  # fmt: skip
FEW = {  # the same, with fewer values of each
    "strategy": ["sma_cross", "grid_dca", "volatility_target"],
    "sortBy": ["annualizedReturn", "maxDrawdownDuration"],
    "symbols": [["ACME", "FLAT", "PAIR"], ["DEAR"]],
    "grid": ["two by two", "one combination", "cannot trade"],
    "stops": [None, {"stopLoss": [0.05, 0.1]}],
    "direction": ["long", "both"],
    "dates": [{}, {"startDate": "2020-12-01"}],
    "abort": [{}, {"abortFailureShare": 0, "abortMinimumTests": 1}],
    "ending": ["finished", "cancelled"],
}
SHORT = SWITCHES | FEW


def store_odd_instruments():
    for symbol, closes in ODD.items():
        dates = np.busday_offset(market.LAST_DAY, np.arange(-len(closes) + 1, 1), roll="backward")
        assert Prices(symbol, dates, closes).n_bars == len(closes)
        series = PriceSeries.objects.create(
            symbol=symbol,
            sha256=f"made up for {symbol}",
            has_ohlc=False,
            first_date=dates[0].astype(object),
            last_date=dates[-1].astype(object),
            n_bars=len(dates),
            source="made up",
            data=encode_bars({"date": dates, "close": closes}),
        )
        Instrument.objects.create(symbol=symbol, name=f"{symbol} Ltd", series=series, manual_beta=1.2)


def body_of(case):
    """Return the body of a start: what the case's strategy cannot do is left out."""
    strategy = STRATEGIES[case["strategy"]]
    stops = {wire_name(parameter.name) for parameter in strategy.optional}
    ranges = _ranges(strategy, case["grid"])
    ranges |= {name: values for name, values in (case["stops"] or {}).items() if name in stops}
    body = {name: case[name] for name in SWITCHES if name not in ("grid", "stops", "dates", "costs", "abort", "ending")}
    body |= case["dates"] | case["costs"] | case["abort"] | {"parameterRanges": ranges}
    if case["direction"] not in strategy.directions:
        del body["direction"]
    if case["enableBetaScaling"]:
        body["coefficients"] = [0.5, 1.5]
    return body


def _ranges(strategy, grid):
    """Return the values of the first two parameters; a window beyond the prices cannot trade."""
    optional = {parameter.name for parameter in strategy.optional}
    own = [parameter for parameter in strategy.parameters if parameter.name not in optional]
    ranges = {}
    for place, parameter in enumerate(own):
        whole = parameter.kind == "int"
        value = (3 + 4 * place if whole else parameter.default) if parameter.default < 100 else 40
        near = value + 1 if whole else round((value + parameter.maximum) / 2, 3)
        if grid == "cannot trade" and whole:
            value, near = 200 + 100 * place, 201 + 100 * place
        many = (grid in ("two by two", "cannot trade") and place < 2) or (grid == "one parameter" and place == 0)
        ranges[wire_name(parameter.name)] = [min(value, parameter.maximum), min(near, parameter.maximum)][: 1 + many]
    return ranges
