"""Buying weakness by the relative strength index."""

from backtester.engine.kernels.signals import RSI, levels
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    entry, leave = parameters["entry_level"], parameters["exit_level"]
    return levels(RSI, parameters["period"], -1.0, (entry, leave, 100.0 - entry, 100.0 - leave))


RSI_REVERSAL = Strategy(
    name="rsi_reversal",
    title="RSI reversal",
    description=(
        "Long from an RSI under the entry level until one over the exit level; "
        "short from over 100 less the entry level until under 100 less the exit level."
    ),
    source="J. W. Wilder, New Concepts in Technical Trading Systems, 1978",
    parameters=(
        Parameter(
            name="period", kind="int", default=14, minimum=2, maximum=1_000, unit="bars", label="Period",
            help="How many changes Wilder's averages look back.", suggested={"start": 2, "stop": 30, "step": 1},
        ),
        Parameter(
            name="entry_level", kind="float", default=30.0, minimum=0.5, maximum=99.0, unit="RSI points",
            label="Entry level", help="Weakness: the RSI below which a long position begins.",
            suggested={"start": 10, "stop": 40, "step": 2},
        ),
        Parameter(
            name="exit_level", kind="float", default=55.0, minimum=1.0, maximum=99.5, unit="RSI points",
            label="Exit level", help="Recovery: the RSI above which it ends.",
            suggested={"start": 45, "stop": 80, "step": 5},
        ),
    ),
    constraints=(below("entry_level", "exit_level"),),
    kind="signal",
    window="period",
    bars_needed=lambda parameters: parameters["period"] + 3,
    decide=decide,
)  # fmt: skip
