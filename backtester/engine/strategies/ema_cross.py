"""Exponential moving average cross."""

from backtester.engine.kernels.signals import EMA, cross
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    return cross(EMA, parameters["fast"], parameters["slow"], ready=parameters["slow"] - 1)


EMA_CROSS = Strategy(
    name="ema_cross",
    title="EMA cross",
    description="Long while the fast exponential average is above the slow one, short while it is below.",
    source="G. Appel, Technical Analysis: Power Tools for Active Investors, 2005, chapter 3",
    parameters=(
        Parameter(
            name="fast", kind="int", default=12, minimum=1, maximum=5_000, unit="bars", label="Fast average",
            help="Span of the fast average; the newest close weighs 2 / (span + 1).",
            suggested={"start": 5, "stop": 50, "step": 1},
        ),
        Parameter(
            name="slow", kind="int", default=50, minimum=2, maximum=5_000, unit="bars", label="Slow average",
            help="Span of the slow average.", suggested={"start": 60, "stop": 258, "step": 2},
        ),
    ),
    constraints=(below("fast", "slow"),),
    kind="signal",
    window="slow",
    bars_needed=lambda parameters: parameters["slow"] + 2,
    decide=decide,
)  # fmt: skip
