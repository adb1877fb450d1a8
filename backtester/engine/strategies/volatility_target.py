"""Volatility-targeted buy and hold."""

from typing import Any

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.derived import derived
from backtester.engine.jit import kernel
from backtester.engine.kernels.exact_sums import prefix_sums_nb, spread_nb
from backtester.engine.prices import Prices
from backtester.engine.strategy import Parameter, Strategy
from backtester.engine.tolerance import RETURN


@kernel
def target_volatility_nb(sums: Floats, periods_per_year: float, window: int, target: float, every: int) -> Floats:
    """float64[n_bars], min(1, target / realised volatility) of the last `window` returns, set anew every `every` bars.

    sums : of the returns, see `prefix_sums_nb`

    realised volatility = sample deviation of simple returns * sqrt(periods a year); without any, the exposure is 1
    """
    n_bars = len(sums) - 1
    exposure = np.zeros(n_bars)
    for t in range(window, n_bars, every):
        # The sample variance is spread / (window * (window - 1)).
        _, _, spread = spread_nb(sums, t + 1 - window, t + 1)
        deviation = np.sqrt(spread / window / (window - 1)) if spread > 0.0 else 0.0
        value = min(1.0, target / (deviation * np.sqrt(periods_per_year))) if deviation > RETURN else 1.0
        exposure[t : t + every] = value
    return exposure


def _sums_of_returns(prices: Prices) -> Floats:
    returns = np.zeros(prices.n_bars)
    returns[1:] = prices.close[1:] / prices.close[:-1] - 1.0
    sums: Floats = prefix_sums_nb(returns)
    return sums


def _target(prices: Prices, setting: dict[str, Any]) -> Floats:
    values = (setting[name] for name in ("window", "target", "every"))
    sums = derived(prices, "sums of returns", _sums_of_returns)  # for each test anew they would take most of its time
    exposure: Floats = target_volatility_nb(sums, prices.periods_per_year, *values)
    return exposure


VOLATILITY_TARGET = Strategy(
    name="volatility_target",
    kind="exposure",
    target=_target,
    title="Volatility target",
    description="Holds as much as keeps the volatility near the target, never more than all; adjusted at intervals.",
    source="A. Moreira, T. Muir, Volatility-Managed Portfolios, Journal of Finance 72, 2017",
    parameters=(
        Parameter(
            name="window", kind="int", default=63, minimum=2, maximum=2_000, unit="bars", label="Window",
            help="Returns that the realised volatility looks back on.", suggested={"start": 10, "stop": 126, "step": 4},
        ),
        Parameter(
            name="target", kind="percent", default=0.15, minimum=0.005, maximum=5.0, unit="fraction a year",
            label="Target volatility", help="Yearly volatility to keep.", scaled_by_beta=True,
            suggested={"start": 0.05, "stop": 0.4, "step": 0.05},
        ),
        Parameter(
            name="every", kind="int", default=21, minimum=1, maximum=2_000, unit="bars", label="Every",
            help="Bars from one adjustment to the next.", suggested={"start": 5, "stop": 63, "step": 5},
        ),
    ),
    directions=("long",),
    window="window",
    bars_needed=lambda parameters: parameters["window"] + 3,
    cost_ns=9.0,
)  # fmt: skip
