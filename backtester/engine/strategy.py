"""What a strategy declares of itself; the form, the validation, the schema and the docs all come from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from backtester.engine.errors import BadParameters, did_you_mean
from backtester.engine.prices import Floats, Prices
from backtester.engine.version import ENGINE_VERSION

Values = NDArray[Any]  # float64[n] or int64[n], by the parameter's kind
Words = NDArray[np.uint64]  # one bit a bar, 64 bars a word
Arguments = Mapping[str, Values]  # parameter name -> its value for each combination
Direction = Literal["long", "short", "both"]
ALL_DIRECTIONS: tuple[Direction, ...] = ("long", "short", "both")


@dataclass(frozen=True)
class Parameter:
    """One number that a sweep may vary.

    A "percent" is stored as a fraction (0.05 is 5 %). `scaled_by_beta`: beta scaling multiplies it.
    `suggested` is a sensible range to start from, as the form shows it.
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
    """A relation between parameters; combinations that break it are senseless and not part of the grid.

    `holds` takes one array for each of `names` and broadcasts. `ordered` promises that it means "first < second".
    """

    text: str
    names: tuple[str, ...]
    holds: Callable[..., NDArray[np.bool_]]
    ordered: bool = False


def below(first: str, second: str) -> Constraint:
    """The constraint `first < second`."""
    return Constraint(f"{first} < {second}", (first, second), np.less, ordered=True)


@dataclass(frozen=True)
class SignalBits:
    """How a signal strategy hands over its decisions: a bit for each bar and combination.

    rising(first, last, out) writes the combinations [first, last) into out uint64[last - first, n_words]: bit t is set
    when a long position is wanted at the close of bar t. `falling` does the same for a short one. Bits past the last
    bar stay clear. Only the sides that are traded are asked for; where both bits are set, long goes first.
    """

    rising: Callable[[int, int, Words], None]
    falling: Callable[[int, int, Words], None]


PrepareSignals = Callable[[Prices, Arguments], SignalBits]


@dataclass(frozen=True)
class Strategy:
    """A trading rule with its parameters.

    kind : "signal" decides from prices alone (all in, all out); "path" also from its own trades; "exposure" names the
        share of the equity that it wants to hold (see `from_function`)
    optional : parameters that are part of a grid only when it asks for them; a signal strategy always has STOPS
    window : the parameter that a message about too few bars names
    bars_needed : parameters -> int64[n], the least number of bars that leaves one return to measure
    prepare : for "signal"; tables are made once for many combinations
    trade : for "path"; a compiled function for one combination with the signature of `trade_grid_nb`
    target : for "exposure"; prices and parameters by name -> float64[n_bars]
    trade_fast : for "path", where there is one; the same metrics, signature of `lane_grid_nb`
    table_rows : parameters -> rows of indicator tables that `prepare` will make; by default one for each distinct value
    cost_ns : rough nanoseconds for one bar of one combination, to plan chunks and estimate time
    version : tells two states of a user's own code apart; whoever loads that code sets it
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
        """What the results of a test depend on besides its settings and prices: equal versions, equal bits."""
        return f"{ENGINE_VERSION}+{self.version}" if self.version else ENGINE_VERSION

    @property
    def all_parameters(self) -> tuple[Parameter, ...]:
        return self.parameters + self.optional

    @property
    def parameter_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.parameters)

    def parameter(self, name: str) -> Parameter:
        """The declared parameter of that name; a misspelled one is refused with the near name."""
        for each in self.all_parameters:
            if each.name == name:
                return each
        hint = did_you_mean(name, [each.name for each in self.all_parameters])
        raise BadParameters(f'{self.name} has no parameter "{name}". {hint}', field=name)
