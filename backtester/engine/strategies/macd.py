"""Moving average convergence/divergence."""

from backtester.engine.kernels.signals import macd_cross
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    return macd_cross(parameters["fast"], parameters["slow"], parameters["signal"])


MACD = Strategy(
    name="macd",
    title="MACD",
    description="Long while the MACD line (fast less slow average) is above its own average, short while it is below.",
    source="G. Appel, The Moving Average Convergence-Divergence Trading Method, 1979",
    parameters=(
        Parameter(
            name="fast", kind="int", default=12, minimum=1, maximum=2_000, unit="bars", label="Fast average",
            help="Span of the fast exponential average.", suggested={"start": 6, "stop": 20, "step": 1},
        ),
        Parameter(
            name="slow", kind="int", default=26, minimum=2, maximum=2_000, unit="bars", label="Slow average",
            help="Span of the slow exponential average.", suggested={"start": 22, "stop": 60, "step": 2},
        ),
        Parameter(
            name="signal", kind="int", default=9, minimum=1, maximum=1_000, unit="bars", label="Signal average",
            help="Span of the average of the MACD line.", suggested={"start": 5, "stop": 21, "step": 1},
        ),
    ),
    constraints=(below("fast", "slow"),),
    kind="signal",
    window="slow",
    bars_needed=lambda parameters: parameters["slow"] + parameters["signal"] + 1,
    decide=decide,
    cost_ns=1.2,
)  # fmt: skip
