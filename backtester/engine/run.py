"""Test a slice of a grid: from indices to metrics."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats, Ints, Values, Words
from backtester.engine.bitmasks import sign_bits_nb, words_for
from backtester.engine.errors import BadGrid, BadParameters
from backtester.engine.grid.grid import Columns, Grid
from backtester.engine.kernels.exposures import ROWS, targets_of
from backtester.engine.kernels.plain_exposure import WHOLE, kind_of_targets_nb, trade_exposure_nb
from backtester.engine.kernels.plain_signal import trade_bits_nb
from backtester.engine.kernels.tiles import NO_EDGES, bits_of, run_bits, run_decisions
from backtester.engine.metrics.metrics import N_METRICS, TRADE_FIELDS, measure_nb
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.sessions import no_session_end, within_session
from backtester.engine.strategy import STOPS, Strategy
from backtester.engine.timeframes import seconds_of

BITS_BYTES = 8 * 2**20  # of the gathered signals of own strategies
BLOCK, BLOCK_BYTES = 256, 64 * 2**20  # combinations whose bits are in memory together, and the bytes of these
Failure = tuple[str, Ints]  # message, offsets of the combinations that fail for this reason


@dataclass(frozen=True, eq=False)
class SliceResult:
    """metrics : float64[n_metrics, n], C-contiguous, in the order of METRICS; NaN where undefined or failed
    errors : message -> int64[k], offsets from the slice's start of the combinations that failed for this reason; a
        combination appears under one message only
    """

    metrics: Floats
    errors: dict[str, Ints]


@dataclass(eq=False)
class Scratch:
    """The equity curve, shares and trades that a plain kernel writes; they are those of the last combination."""

    equity: Floats
    held: Floats
    trades: Floats
    n_trades: int = 0

    @classmethod
    def for_bars(cls, n_bars: int) -> "Scratch":
        return cls(np.zeros(n_bars), np.zeros(n_bars), np.zeros((n_bars + 1, TRADE_FIELDS)))

    def last_arguments(self, rules: Rules) -> tuple[Any, ...]:
        """Return the arguments that all plain kernels end with."""
        return (*_exchange(rules), self.equity, self.held, self.trades)

    def measure(self, prices: Prices, out: Floats, column: int) -> None:
        calendar = (prices.days, prices.periods_per_year, prices.years)
        measure_nb(self.equity, self.trades, self.n_trades, *calendar, out, column)


def run_slice(
    grid: Grid, prices: Prices, start: int, stop: int, rules: Rules, *, beta: float | None = None
) -> SliceResult:
    """Test the combinations [start, stop), all of the symbol and the timeframe of `prices`.

    beta : the symbol's beta against the benchmark; needed when the grid has coefficients, ignored otherwise

    The bits of a combination's result do not depend on where slices begin and end.
    """
    check_slice(grid, prices, start, stop, rules, beta)
    columns = grid.decode_many(np.arange(start, stop, dtype=np.int64))
    parameters = effective_parameters(grid.strategy, columns, beta)
    # One extra column, so that no part of `out` is contiguous, whatever its width: for another layout Numba would
    # compile a kernel again, in the middle of a batch.
    out = np.full((N_METRICS, stop - start + 1), np.nan)[:, :-1]
    failures = _failures(grid.strategy, prices, columns, parameters, beta)
    if prices.n_bars > 1:
        failed = run_fast(grid.strategy, prices, parameters, rules, out)
        failures += [(message, np.array([offset])) for offset, message in failed.items()]
    errors = _first_failures(failures, stop - start)
    for offsets in errors.values():
        out[:, offsets] = np.nan
    return SliceResult(np.ascontiguousarray(out), errors)


def failures_by_message(
    strategy: Strategy, prices: Prices, columns: Columns, parameters: dict[str, Values], beta: float | None
) -> dict[str, Ints]:
    """Return message -> sorted offsets of the combinations that cannot be run on these prices."""
    failures = _failures(strategy, prices, columns, parameters, beta)
    return _first_failures(failures, len(columns.symbol_number))


def _first_failures(failures: list[Failure], count: int) -> dict[str, Ints]:
    """Return message -> sorted offsets. A combination that fails for several reasons appears under the first only."""
    failed = np.zeros(count, dtype=np.bool_)
    grouped: dict[str, list[Ints]] = {}
    for message, offsets in failures:
        fresh = offsets[~failed[offsets]]
        if fresh.size:
            failed[fresh] = True
            grouped.setdefault(message, []).append(fresh)
    return {message: np.sort(np.concatenate(parts)) for message, parts in grouped.items()}


def effective_parameters(strategy: Strategy, columns: Columns, beta: float | None) -> dict[str, Values]:
    """Return the parameters as the strategy uses them: percentages times beta and coefficient."""
    if columns.coefficient is None or beta is None:
        return dict(columns.parameters)
    factor = beta * columns.coefficient
    scaled = {parameter.name for parameter in strategy.all_parameters if parameter.scaled_by_beta}
    return {name: values * factor if name in scaled else values for name, values in columns.parameters.items()}


def run_fast(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], rules: Rules, out: Floats
) -> dict[int, str]:
    """Write the metrics of n combinations to `out` float64[n_metrics, n], by the strategy's fastest path.

    Returns offset -> message of the combinations for which the strategy itself failed.
    """
    if strategy.kind == "exposure":
        return _run_exposures(strategy, prices, parameters, rules, out)
    if strategy.trade_fast is not None:
        matrix = _matrix(parameters, strategy.parameter_names, out.shape[1])
        strategy.trade_fast(prices.close, prices.fill, matrix, *_exchange_and_calendar(prices, rules), out)
    elif strategy.kind == "path":
        run_plain(strategy, prices, parameters, rules, out, Scratch.for_bars(prices.n_bars))
    else:
        run_signals(strategy, prices, parameters, rules, out)
    return {}


def run_signals(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], rules: Rules, out: Floats,
    *, edges: Ints = NO_EDGES, sums: Floats | None = None,
) -> None:  # fmt: skip
    """Write the metrics of n combinations of a signal strategy to `out`; edges, sums : see `run_signals_nb`"""
    count = out.shape[1]
    if strategy.decide is not None and not rules.flat_at_session_end:
        stops = stops_of(parameters, count)
        run_decisions(prices, strategy.decide(parameters), stops, rules, out, edges=edges, sums=sums)
        return
    for first, last, bits, stops in _signal_blocks(strategy, prices, parameters, count, rules):
        run_bits(prices, bits, stops, rules, out, np.arange(first, last), edges=edges, sums=sums)


def run_plain(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], rules: Rules, out: Floats, scratch: Scratch
) -> None:
    """Write the same metrics bar by bar; `scratch` keeps the last combination."""
    count = out.shape[1]
    if strategy.trade is not None:
        matrix = _matrix(parameters, strategy.parameter_names, count)
        for column in range(count):
            scratch.n_trades = strategy.trade(prices.close, prices.fill, matrix[column], *scratch.last_arguments(rules))
            scratch.measure(prices, out, column)
    elif strategy.target is not None:
        for column in range(count):
            targets, _ = targets_of(strategy, prices, parameters, column, column + 1)
            scratch.n_trades = trade_exposure_nb(prices.close, prices.fill, targets[0], *scratch.last_arguments(rules))
            scratch.measure(prices, out, column)
    else:
        for first, last, bits, stops in _signal_blocks(strategy, prices, parameters, count, rules):
            for row in range(last - first):
                scratch.n_trades = trade_bits_nb(
                    prices.close, prices.fill, bits[0, row], bits[1, row], stops[row], *scratch.last_arguments(rules)
                )
                scratch.measure(prices, out, first + row)


def _run_exposures(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], rules: Rules, out: Floats
) -> dict[int, str]:
    """Run targets of -1, 0 and 1 as signals, many together, and fractions bar by bar."""
    scratch = Scratch.for_bars(prices.n_bars)
    failures: dict[int, str] = {}
    n_words = words_for(prices.n_bars)
    bits = np.zeros((2, max(1, min(out.shape[1], BITS_BYTES // (16 * n_words))), n_words), dtype=np.uint64)
    columns: list[int] = []
    for first in range(0, out.shape[1], ROWS):
        last = min(first + ROWS, out.shape[1])
        targets, failed = targets_of(strategy, prices, parameters, first, last)
        failures |= failed
        for column, row in enumerate(targets, start=first):
            if kind_of_targets_nb(row) == WHOLE:
                sign_bits_nb(row, bits[0, len(columns)], bits[1, len(columns)])
                columns.append(column)
                if len(columns) == bits.shape[1]:
                    _run_whole(prices, bits, columns, rules, out)
                continue
            scratch.n_trades = trade_exposure_nb(prices.close, prices.fill, row, *scratch.last_arguments(rules))
            scratch.measure(prices, out, column)
    if columns:
        _run_whole(prices, bits, columns, rules, out)
    return failures


def _run_whole(prices: Prices, bits: Words, columns: list[int], rules: Rules, out: Floats) -> None:
    """Run the gathered signals, and forget them."""
    run_bits(prices, bits, np.zeros((len(columns), len(STOPS))), rules, out, np.array(columns))
    columns.clear()


def _signal_blocks(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], count: int, rules: Rules
) -> Iterator[tuple[int, int, Words, Floats]]:
    """Yield first, last, bits uint64[2, last - first, n_words], stops float64[last - first, 3]."""
    stops = stops_of(parameters, count)
    signals = None if strategy.prepare is None else strategy.prepare(prices, parameters)
    decisions = None if strategy.decide is None else strategy.decide(parameters)
    n_words = words_for(prices.n_bars)
    step = max(1, min(BLOCK, BLOCK_BYTES // (16 * n_words)))
    for first in range(0, count, step):
        last = min(first + step, count)
        if signals is None:
            assert decisions is not None  # only signal strategies come here
            bits = bits_of(prices, decisions, rules, np.arange(first, last))
        else:
            bits = np.zeros((2, last - first, n_words), dtype=np.uint64)
            if rules.allows_long:
                signals.rising(first, last, bits[0])
            if rules.allows_short:
                signals.falling(first, last, bits[1])
        if rules.flat_at_session_end:
            bits &= within_session(prices)
        yield first, last, bits, stops[first:last]


def _exchange(rules: Rules) -> tuple[Any, ...]:
    sides = (rules.allows_long, rules.allows_short)
    return (*sides, rules.fees, rules.slippage, rules.initial_capital, rules.whole_shares)


def _exchange_and_calendar(prices: Prices, rules: Rules) -> tuple[Any, ...]:
    return (*_exchange(rules), prices.days, prices.periods_per_year, prices.years)


def stops_of(parameters: Mapping[str, Values], count: int) -> Floats:
    """Return float64[count, 3], stop loss, take profit and trailing stop; 0 is off."""
    return _matrix(parameters, tuple(stop.name for stop in STOPS), count)


def _matrix(parameters: Mapping[str, Values], names: tuple[str, ...], count: int) -> Floats:
    """Return float64[count, len(names)], with zeros for a parameter that the grid does not have."""
    matrix = np.zeros((count, len(names)))
    for number, name in enumerate(names):
        if name in parameters:
            matrix[:, number] = parameters[name]
    return matrix


def check_slice(grid: Grid, prices: Prices, start: int, stop: int, rules: Rules, beta: float | None) -> None:
    if not 0 <= start < stop <= grid.size:
        raise BadGrid(f"A slice must lie within 0 to {grid.size}, got {start} to {stop}.", field="index")
    number = grid.series_of(start)
    if grid.series_of(stop - 1) != number:
        what = "symbol and timeframe" if grid.timeframes else "symbol"
        raise BadGrid(f"The slice {start} to {stop} has combinations of more than one {what}.", field="index")
    symbol, timeframe = grid.symbols[number // grid.n_timeframes], grid.timeframe_of(number)
    if symbol != prices.symbol:
        raise BadGrid(f"The slice belongs to {symbol}, the prices to {prices.symbol}.", field="symbol")
    if timeframe and prices.bar_seconds != seconds_of(timeframe):
        raise BadGrid(f"The slice is of bars of {timeframe}, the prices are not.", field="timeframes")
    if rules.direction not in grid.strategy.directions:
        allowed = ", ".join(grid.strategy.directions)
        message = f"{grid.strategy.name} cannot trade {rules.direction!r}. Allowed: {allowed}."
        raise BadParameters(message, field="direction")
    if rules.flat_at_session_end and (problem := no_session_end(grid.strategy, prices.bar_seconds)):
        raise BadParameters(f"{prices.symbol}: {problem}", field="flat_at_session_end")
    if grid.coefficients is not None and beta is None:
        raise BadParameters(f"Beta scaling needs the beta of {prices.symbol}.", field="beta")


def _failures(
    strategy: Strategy, prices: Prices, columns: Columns, parameters: dict[str, Values], beta: float | None
) -> list[Failure]:
    count = len(columns.symbol_number)
    if columns.coefficient is not None and not (beta is not None and math.isfinite(beta) and beta > 0):
        message = f"The beta of {prices.symbol} must be above zero for beta scaling, got {beta}."
        return [(message, np.arange(count))]
    failures: list[Failure] = []
    needed = strategy.bars_needed(parameters)
    for least in np.unique(needed[needed > prices.n_bars]).tolist():
        offsets = np.flatnonzero(needed == least)
        failures.append((_too_few_bars(strategy, prices, parameters, int(offsets[0]), least), offsets))
    if columns.coefficient is not None:
        for parameter in strategy.all_parameters:
            if not parameter.scaled_by_beta or parameter.name not in parameters:
                continue
            values = parameters[parameter.name]
            for bound, is_beyond in (
                (f"above {parameter.maximum:.12g}", values > parameter.maximum),
                (f"below {parameter.minimum:.12g}", values < parameter.minimum),
            ):
                offsets = np.flatnonzero(is_beyond & (needed <= prices.n_bars))
                if offsets.size:
                    message = (
                        f"{parameter.name} scaled by beta and coefficient goes {bound} "
                        f"for {prices.symbol} (beta {beta:.4g})."
                    )
                    failures.append((message, offsets))
    return failures


def _too_few_bars(strategy: Strategy, prices: Prices, parameters: dict[str, Values], offset: int, least: int) -> str:
    subject = strategy.name
    if strategy.window is not None:
        subject = f"{strategy.window} of {parameters[strategy.window][offset]} bars"
    return f"{subject} needs at least {least} bars; {prices.symbol} has {prices.n_bars}."
