"""Make a strategy of one function: arrays and parameters in, a target exposure for each bar out."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats, Values
from backtester.engine.errors import BadParameters
from backtester.engine.prices import Prices
from backtester.engine.strategy import ALL_DIRECTIONS, Arguments, Constraint, Direction, Parameter, Strategy

BAR_INPUTS = ("close", "open", "high", "low", "volume", "periods_per_year")


def from_function(
    function: Callable[..., Any],
    *,
    name: str,
    title: str,
    parameters: tuple[Parameter, ...],
    description: str = "",
    source: str = "",
    constraints: tuple[Constraint, ...] = (),
    directions: tuple[Direction, ...] = ALL_DIRECTIONS,
    window: str | None = None,
    bars_needed: Callable[[Arguments], Values] | None = None,
    cost_ns: float | None = None,
) -> Strategy:
    """Return a strategy whose rule is `function`, plain NumPy or compiled with Numba.

    function : takes any of close, open, high, low, volume (float64[n_bars], NaN where the bars have none) and
        periods_per_year, and every parameter, by these names; returns float64[n_bars], the share of the equity to
        hold from each close on: -1 (all short) .. 0 .. 1 (all long), NaN is 0
    window, bars_needed : see `Strategy`; by default two bars are enough
    cost_ns : rough nanoseconds for one bar of one combination; by default 10 when compiled, else 500

    An exception of the function fails that test with its message; the sweep goes on.
    """
    plain = getattr(function, "py_func", function)
    arguments = tuple(inspect.signature(plain).parameters)
    names = [parameter.name for parameter in parameters]
    unknown = [argument for argument in arguments if argument not in {*BAR_INPUTS, *names}]
    unused = [parameter for parameter in names if parameter not in arguments]
    if unknown:
        message = f"The function of {name} takes '{unknown[0]}', which is no bar column and no parameter."
        raise BadParameters(message, field=name)
    if unused:
        raise BadParameters(f"The function of {name} must take '{unused[0]}'.", field=name)

    def target(prices: Prices, setting: dict[str, Any]) -> Floats:
        values = (_argument(prices, setting, argument) for argument in arguments)
        return np.asarray(function(*values), dtype=np.float64)

    return Strategy(
        name=name,
        title=title,
        description=description,
        source=source,
        parameters=parameters,
        kind="exposure",
        bars_needed=bars_needed or (lambda columns: np.full(len(next(iter(columns.values()))), 2)),
        window=window,
        constraints=constraints,
        directions=directions,
        target=target,
        cost_ns=cost_ns or (500.0 if plain is function else 10.0),
    )


def _argument(prices: Prices, setting: dict[str, Any], name: str) -> Any:
    if name in setting:
        return setting[name]
    value = getattr(prices, name)
    return np.full(prices.n_bars, np.nan) if value is None else value
