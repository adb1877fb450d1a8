"""Simple moving average cross."""

from backtester.engine.kernels.signals import SMA, cross
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    return cross(SMA, parameters["fast"], parameters["slow"])


SMA_CROSS = Strategy(
    name="sma_cross",
    title="SMA cross",
    description="Long while the fast average is above the slow one, short while it is below; out when they are equal.",
    source="J. J. Murphy, Technical Analysis of the Financial Markets, 1999, chapter 9",
    parameters=(
        Parameter(
            name="fast", kind="int", default=20, minimum=1, maximum=5_000, unit="bars", label="Fast average",
            help="Window of the fast average.", suggested={"start": 5, "stop": 50, "step": 1},
        ),
        Parameter(
            name="slow", kind="int", default=100, minimum=2, maximum=5_000, unit="bars", label="Slow average",
            help="Window of the slow average.", suggested={"start": 60, "stop": 280, "step": 2},
        ),
    ),
    constraints=(below("fast", "slow"),),
    kind="signal",
    window="slow",
    bars_needed=lambda parameters: parameters["slow"] + 2,
    decide=decide,
)  # fmt: skip
