"""The engine: arrays in, arrays out. It knows no Django, queue, clock, file or request.

Use what this module exports; the modules below it are internal.
"""

from backtester.engine.custom import from_function
from backtester.engine.errors import (
    BadGrid,
    BadParameters,
    BadPrices,
    EngineError,
    StrategyFailure,
    TooManyValues,
    UnknownStrategy,
    error_text,
    foreign_text,
)
from backtester.engine.grid.axes import MAX_AXIS_VALUES, axis_values
from backtester.engine.grid.grid import Columns, Combination, Grid
from backtester.engine.metrics.buy_and_hold import (
    Held,
    buy_and_hold,
    buy_and_hold_equity,
    estimate_beta,
    hold_instalments,
)
from backtester.engine.metrics.metrics import METRIC_NAMES, METRICS, Metric, undefined_reasons
from backtester.engine.metrics.undefined import Reason
from backtester.engine.price_lines import price_lines
from backtester.engine.prices import Prices
from backtester.engine.replay import Replay, Trade, replay
from backtester.engine.rules import Rules
from backtester.engine.run import SliceResult, run_slice
from backtester.engine.strategies import STRATEGIES, get_strategy, is_built_in, register
from backtester.engine.strategy import Constraint, Parameter, Strategy, below
from backtester.engine.sweep import sweep
from backtester.engine.tail import tail_metrics
from backtester.engine.time_blocks import BlockSums, block_sums, shuffled
from backtester.engine.version import ENGINE_VERSION
from backtester.engine.warmup import compile_kernels, is_warm, mark_warm, warm_up

__all__ = [
    "ENGINE_VERSION",
    "MAX_AXIS_VALUES",
    "METRICS",
    "METRIC_NAMES",
    "STRATEGIES",
    "BadGrid",
    "BadParameters",
    "BadPrices",
    "BlockSums",
    "Columns",
    "Combination",
    "Constraint",
    "EngineError",
    "Grid",
    "Held",
    "Metric",
    "Parameter",
    "Prices",
    "Reason",
    "Replay",
    "Rules",
    "SliceResult",
    "Strategy",
    "StrategyFailure",
    "TooManyValues",
    "Trade",
    "UnknownStrategy",
    "axis_values",
    "below",
    "block_sums",
    "buy_and_hold",
    "buy_and_hold_equity",
    "compile_kernels",
    "error_text",
    "estimate_beta",
    "foreign_text",
    "from_function",
    "get_strategy",
    "hold_instalments",
    "is_built_in",
    "is_warm",
    "mark_warm",
    "price_lines",
    "register",
    "replay",
    "run_slice",
    "shuffled",
    "sweep",
    "tail_metrics",
    "undefined_reasons",
    "warm_up",
]
