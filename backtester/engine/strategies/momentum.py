"""Time-series momentum."""

from backtester.engine.kernels.signals import LAG, cross
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    return cross(LAG, parameters["skip"], parameters["lookback"])


MOMENTUM = Strategy(
    name="momentum",
    title="Time-series momentum",
    description=(
        "Long while the price is above where it was `lookback` bars ago, short while it is below; "
        "the last `skip` bars are left out of the comparison."
    ),
    source="T. Moskowitz, Y. H. Ooi, L. H. Pedersen, Time Series Momentum, Journal of Financial Economics 104, 2012",
    parameters=(
        Parameter(
            name="skip", kind="int", default=0, minimum=0, maximum=2_000, unit="bars", label="Skip",
            help="Newest bars that the comparison leaves out.", suggested={"start": 0, "stop": 21, "step": 1},
        ),
        Parameter(
            name="lookback", kind="int", default=252, minimum=1, maximum=5_000, unit="bars", label="Lookback",
            help="How far back the price is compared.", suggested={"start": 25, "stop": 500, "step": 2},
        ),
    ),
    constraints=(below("skip", "lookback"),),
    kind="signal",
    window="lookback",
    bars_needed=lambda parameters: parameters["lookback"] + 3,
    decide=decide,
)  # fmt: skip
