"""Donchian channel breakout, the turtles' rule."""

from backtester.engine.kernels.signals import channels
from backtester.engine.strategy import Arguments, Decisions, Parameter, Strategy, below


def decide(parameters: Arguments) -> Decisions:
    return channels(parameters["entry_window"], parameters["exit_window"])


DONCHIAN_BREAKOUT = Strategy(
    name="donchian_breakout",
    title="Donchian breakout",
    description=(
        "Long from a close above the highest high of the bars before it until a close below their lowest low, over a "
        "shorter window; short the other way round. Closes take the place of highs and lows where there are none."
    ),
    source="C. Faith, The Original Turtle Trading Rules, 2003",
    parameters=(
        Parameter(
            name="exit_window", kind="int", default=20, minimum=1, maximum=5_000, unit="bars", label="Exit window",
            help="Bars of the channel that ends a position.", suggested={"start": 5, "stop": 50, "step": 1},
        ),
        Parameter(
            name="entry_window", kind="int", default=55, minimum=2, maximum=5_000, unit="bars", label="Entry window",
            help="Bars of the channel that begins a position.", suggested={"start": 55, "stop": 250, "step": 2},
        ),
    ),
    constraints=(below("exit_window", "entry_window"),),
    kind="signal",
    window="entry_window",
    bars_needed=lambda parameters: parameters["entry_window"] + 3,
    decide=decide,
)  # fmt: skip
