"""The declaration of a strategy, from which the form, the validation, the API and the docs are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from backtester.engine.arrays import Bools, Floats, Values, Words
from backtester.engine.errors import BadParameters, did_you_mean
from backtester.engine.prices import Prices
from backtester.engine.version import ENGINE_VERSION

Arguments = Mapping[str, Values]  # parameter name -> its value for each combination
Direction = Literal["long", "short", "both"]
ALL_DIRECTIONS: tuple[Direction, ...] = ("long", "short", "both")


@dataclass(frozen=True)
class Parameter:
    """A number that a sweep may vary.

    kind : a "percent" is stored as a fraction (0.05 is 5 %)
    suggested : the range that the form starts with
    scaled_by_beta : whether beta scaling multiplies it
    """

    name: str
    kind: Literal["int", "float", "percent"]
    default: float
    minimum: float
    maximum: float
    unit: str
    label: str
    help: str
    suggested: Mapping[str, float]
    scaled_by_beta: bool = False


def _stop(name: str, label: str, text: str) -> Parameter:
    suggested = {"start": 0.05, "stop": 0.25, "step": 0.05}
    return Parameter(name, "percent", 0.0, 0.0, 0.99, "fraction of price", label, text, suggested, scaled_by_beta=True)


STOPS = (
    _stop("stop_loss", "Stop loss", "Leave when a close is this far on the wrong side of the entry price; 0 is off."),
    _stop("take_profit", "Take profit", "Leave when a close is this far past the entry price; 0 is off."),
    _stop("trailing_stop", "Trailing stop", "Leave when a close is this far off the best since the entry; 0 is off."),
)


@dataclass(frozen=True)
class Constraint:
    """A relation between parameters. Combinations that break it are not part of the grid.

    holds : takes one array for each of `names` and broadcasts
    ordered : whether it is exactly "first < second", which is counted without comparing all pairs
    """

    text: str
    names: tuple[str, ...]
    holds: Callable[..., Bools]
    ordered: bool = False


def below(first: str, second: str) -> Constraint:
    """Return the constraint `first < second`."""
    return Constraint(f"{first} < {second}", (first, second), np.less, ordered=True)


@dataclass(frozen=True)
class SignalBits:
    """The decisions of a signal strategy: a bit for each bar and combination.

    rising(first, last, out) writes the combinations [first, last) into out uint64[last - first, n_words]: bit t is set
    when the strategy is long at the close of bar t. `falling` writes the short side. Bits past the last bar stay clear.
    Only the sides that are traded are called; where both bits are set, long wins.
    """

    rising: Callable[[int, int, Words], None]
    falling: Callable[[int, int, Words], None]


@dataclass(frozen=True)
class Decisions:
    """What n combinations of a signal strategy decide from, see `kernels.signals`.

    kind : of the decision; keys : int64[n] each, the rows that are compared, in the order of `Signals.row_of`, then
        rows that these are made from
    levels, begins, ready : see `Signals`; group : int64[n], combinations of one group share rows
    """

    kind: int
    keys: tuple[Values, ...]
    levels: Floats | None = None
    begins: float = 1.0
    ready: Values | None = None
    group: Values | None = None


PrepareSignals = Callable[[Prices, Arguments], SignalBits]


@dataclass(frozen=True)
class Strategy:
    """A trading rule and its parameters.

    kind : "signal" decides from prices alone, all in or all out; "path" also from its own trades; "exposure" gives the
        share of the equity to hold (see `from_function`)
    optional : parameters that are part of a grid only when they are given; a signal strategy always has STOPS
    window : the parameter to name in a message about too few bars
    bars_needed : parameters -> int64[n], the fewest bars that leave one return to measure
    decide : for "signal"; what the combinations decide from
    prepare : for "signal", instead of `decide`; makes the bits of many combinations at once
    trade : for "path"; a kernel for one combination with the signature of `trade_grid_nb`
    target : for "exposure"; prices and parameters by name -> float64[n_bars]
    trade_fast : for "path", optional; the same metrics, with the signature of `lane_grid_nb`
    table_rows : parameters -> rows of the tables that `prepare` makes; by default one for each distinct value
    cost_ns : rough nanoseconds for one bar of one combination, for chunk sizes and time estimates
    version : the version of a user's own code, set by what loads it
    """

    name: str
    title: str
    description: str
    source: str
    parameters: tuple[Parameter, ...]
    kind: Literal["signal", "path", "exposure"]
    bars_needed: Callable[[Arguments], Values]
    window: str | None = None
    constraints: tuple[Constraint, ...] = ()
    optional: tuple[Parameter, ...] = ()
    directions: tuple[Direction, ...] = ALL_DIRECTIONS
    decide: Callable[[Arguments], Decisions] | None = None
    prepare: PrepareSignals | None = None
    trade: Callable[..., Any] | None = None
    target: Callable[[Prices, dict[str, Any]], Floats] | None = None
    trade_fast: Callable[..., Any] | None = None
    cost_ns: float = 0.5
    table_rows: Callable[[Arguments], int] | None = None
    version: str = ""

    def __post_init__(self) -> None:
        if self.kind == "signal" and not self.optional:
            object.__setattr__(self, "optional", STOPS)

    @property
    def engine_version(self) -> str:
        """Equal versions compute equal bits from the same request and prices."""
        return f"{ENGINE_VERSION}+{self.version}" if self.version else ENGINE_VERSION

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        return self.parameters + self.optional

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """Return a parameter. BadParameters suggests the closest name for an unknown one."""
        by_name = {parameter.name: parameter for parameter in self.all_parameters}
        if name not in by_name:
            raise BadParameters(f"{self.name} has no parameter '{name}'. {did_you_mean(name, by_name)}", field=name)
        return by_name[name]
