"""Bollinger bands, traded both ways: back to the average, and out of the band."""

from backtester.engine.kernels.signals import DEVIATIONS, levels
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy

SOURCE = "J. Bollinger, Bollinger on Bollinger Bands, 2001"
PARAMETERS = (
    Parameter(
        name="window", kind="int", default=20, minimum=2, maximum=5_000, unit="bars", label="Window",
        help="Bars of the average and of the deviation.", suggested={"start": 10, "stop": 100, "step": 1},
    ),
    Parameter(
        name="width", kind="float", default=2.0, minimum=0.05, maximum=10.0, unit="deviations", label="Band width",
        help="Distance of the bands from the average, in standard deviations.",
        suggested={"start": 0.5, "stop": 3.2, "step": 0.05},
    ),
)  # fmt: skip


def decide_reversal(parameters: Arguments) -> Decisions:
    return levels(DEVIATIONS, parameters["window"], -1.0, (-parameters["width"], 0.0, parameters["width"], 0.0))


def decide_breakout(parameters: Arguments) -> Decisions:
    return levels(DEVIATIONS, parameters["window"], 1.0, (parameters["width"], 0.0, -parameters["width"], 0.0))


BOLLINGER_REVERSAL = Strategy(
    name="bollinger_reversal",
    title="Bollinger reversal",
    description=(
        "Long from a close under the lower band until one over the average; "
        "short from over the upper band until under the average."
    ),
    source=SOURCE,
    parameters=PARAMETERS,
    kind="signal",
    window="window",
    bars_needed=lambda parameters: parameters["window"] + 2,
    decide=decide_reversal,
)

BOLLINGER_BREAKOUT = Strategy(
    name="bollinger_breakout",
    title="Bollinger breakout",
    description=(
        "Long from a close over the upper band until one under the average; "
        "short from under the lower band until over the average."
    ),
    source=SOURCE,
    parameters=PARAMETERS,
    kind="signal",
    window="window",
    bars_needed=lambda parameters: parameters["window"] + 2,
    decide=decide_breakout,
)
