"""Direction, costs and capital of a test."""

import math
from dataclasses import dataclass

from backtester.engine.errors import BadParameters
from backtester.engine.strategy import ALL_DIRECTIONS, Direction


@dataclass(frozen=True)
class Rules:
    """How every combination of a sweep trades.

    direction : "long", "short" or "both"
    fees : fraction of the traded value, paid on each side
    slippage : lost on each fill: buys pay price * (1 + slippage), sales get price * (1 - slippage)
    initial_capital : currency, above zero
    whole_shares : round purchases and short sales down to whole shares; the rest stays in cash
    flat_at_session_end : close every position on the last bar of each day, so that none is carried over a night; for
        signal strategies on bars within a day

    A decision at the close of bar t is filled at bar t + 1, at its open where the bars have one, else at its close.
    """

    direction: Direction = "long"
    fees: float = 0.0
    slippage: float = 0.0
    initial_capital: float = 100_000.0
    whole_shares: bool = False
    flat_at_session_end: bool = False

    def __post_init__(self) -> None:
        if self.direction not in ALL_DIRECTIONS:
            message = f"direction must be one of {', '.join(ALL_DIRECTIONS)}, got {self.direction!r}."
            raise BadParameters(message, field="direction")
        for name in ("fees", "slippage"):
            _check(name, getattr(self, name), 0.0, 1.0, "zero or more and below 1 (0.001 is 0.1 %)")
        _check("initial_capital", self.initial_capital, math.ulp(0.0), math.inf, "a number above zero")
        for name in ("whole_shares", "flat_at_session_end"):
            if not isinstance(value := getattr(self, name), bool):
                raise BadParameters(f"{name} must be True or False, got {value!r}.", field=name)

    @property
    def allows_long(self) -> bool:
        return self.direction != "short"

    @property
    def allows_short(self) -> bool:
        return self.direction != "long"


def _check(name: str, value: object, least: float, limit: float, bounds: str) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value < limit:  # type: ignore[arg-type, operator]
        raise BadParameters(f"{name} must be {bounds}, got {value!r}.", field=name)
