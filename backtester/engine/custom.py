"""A strategy from one function: arrays and parameters in, a target exposure for each bar out."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from backtester.engine.errors import BadParameters
from backtester.engine.prices import Floats, Prices
from backtester.engine.strategy import ALL_DIRECTIONS, Arguments, Constraint, Direction, Parameter, Strategy, Values

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
    """Declare a strategy whose rule is `function`, plain NumPy or compiled with Numba.

    function : takes any of close, open, high, low, volume (float64[n_bars], NaN where the bars have none) and
        periods_per_year, and every parameter, by these names; returns float64[n_bars], the share of the equity that
        is wanted at each close: -1 (all short) .. 0 .. 1 (all long), NaN is 0
    window, bars_needed : see `Strategy`; by default two bars are enough
    cost_ns : rough nanoseconds for one bar of one combination; by default 10 where compiled and 500 where not

    What the function raises fails that one test with its message, and the sweep goes on.
    """
    plain = getattr(function, "py_func", function)
    wanted = tuple(inspect.signature(plain).parameters)
    known = {*BAR_INPUTS, *(parameter.name for parameter in parameters)}
    strange = [each for each in wanted if each not in known]
    unused = [each.name for each in parameters if each.name not in wanted]
    if strange or unused:
        what = f'takes "{strange[0]}", which is no bar column and no parameter' if strange else f"lacks {unused[0]}"
        raise BadParameters(f"The function of {name} {what}.", field=name)

    def target(prices: Prices, setting: dict[str, Any]) -> Floats:
        return np.asarray(function(*(_argument(prices, setting, each) for each in wanted)), dtype=np.float64)

    return Strategy(
        name=name,
        title=title,
        description=description,
        source=source,
        parameters=parameters,
        kind="exposure",
        bars_needed=bars_needed or (lambda arguments: np.full(len(next(iter(arguments.values()))), 2)),
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
