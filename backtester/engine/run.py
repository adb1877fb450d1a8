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
from backtester.engine.kernels.indicators import rows_of
from backtester.engine.kernels.plain_exposure import WHOLE, kind_of_targets_nb, trade_exposure_nb
from backtester.engine.kernels.plain_signal import trade_bits_nb
from backtester.engine.kernels.segments import segment_signals_nb
from backtester.engine.metrics.metrics import N_METRICS, TRADE_FIELDS, measure_nb
from backtester.engine.prices import Prices
from backtester.engine.range_tables import RangeTables, range_tables
from backtester.engine.rules import Rules
from backtester.engine.strategy import STOPS, Strategy

BLOCK = 8_192  # combinations compared at once: enough to reuse rows while they are in cache, 17 MB of bits
Failure = tuple[str, Ints]  # message, offsets of the combinations that fail for this reason
TABLE_BYTES = 96 * 2**20  # the most for the indicator tables of a stretch of combinations


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
    """Test the combinations [start, stop), all of the symbol of `prices`.

    beta : the symbol's beta against the benchmark; needed when the grid has coefficients, ignored otherwise

    The bits of a combination's result do not depend on where slices begin and end.
    """
    _check_slice(grid, prices, start, stop, rules, beta)
    columns = grid.decode_many(np.arange(start, stop, dtype=np.int64))
    parameters = effective_parameters(grid.strategy, columns, beta)
    # One extra column, so that no part of `out` is contiguous, whatever its width: for another layout Numba would
    # compile a kernel again, in the middle of a batch.
    out = np.full((N_METRICS, stop - start + 1), np.nan)[:, :-1]
    failures = _failures(grid.strategy, prices, columns, parameters, beta)
    if prices.n_bars > 1:
        for first, last in _stretches(grid.strategy, parameters, prices.n_bars, 0, stop - start):
            cut = {name: values[first:last] for name, values in parameters.items()}
            failed = run_fast(grid.strategy, prices, cut, rules, out[:, first:last])
            failures += [(message, np.array([first + offset])) for offset, message in failed.items()]
    errors = _first_failures(failures, stop - start)
    for offsets in errors.values():
        out[:, offsets] = np.nan
    return SliceResult(np.ascontiguousarray(out), errors)


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
        ranges = range_tables(prices)
        for first, last, bits, stops in _signal_blocks(strategy, prices, parameters, out.shape[1], rules):
            _run_segments(prices, ranges, bits, stops, rules, out[:, first:last])
    return {}


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
    """Run targets of -1, 0 and 1 as signals, and fractions bar by bar."""
    ranges = range_tables(prices)
    scratch = Scratch.for_bars(prices.n_bars)
    failures: dict[int, str] = {}
    for first in range(0, out.shape[1], ROWS):
        last = min(first + ROWS, out.shape[1])
        targets, failed = targets_of(strategy, prices, parameters, first, last)
        failures |= failed
        for column, row in enumerate(targets, start=first):
            if kind_of_targets_nb(row) != WHOLE:
                scratch.n_trades = trade_exposure_nb(prices.close, prices.fill, row, *scratch.last_arguments(rules))
                scratch.measure(prices, out, column)
                continue
            bits = np.zeros((2, 1, words_for(prices.n_bars)), dtype=np.uint64)
            sign_bits_nb(row, bits[0, 0], bits[1, 0])
            _run_segments(prices, ranges, bits, np.zeros((1, len(STOPS))), rules, out[:, column : column + 1])
    return failures


def _run_segments(prices: Prices, ranges: RangeTables, bits: Words, stops: Floats, rules: Rules, out: Floats) -> None:
    tables = (prices.close, prices.fill, ranges.sums, ranges.extremes, ranges.highs, bits[0], bits[1], stops)
    arguments: tuple[Any, ...] = (*tables, *_exchange_and_calendar(prices, rules), out)
    segment_signals_nb(*arguments)


def _signal_blocks(
    strategy: Strategy, prices: Prices, parameters: Mapping[str, Values], count: int, rules: Rules
) -> Iterator[tuple[int, int, Words, Floats]]:
    """Yield first, last, bits uint64[2, last - first, n_words], stops float64[last - first, 3]; `bits` is reused."""
    assert strategy.prepare is not None  # only signal strategies come here
    signals = strategy.prepare(prices, parameters)
    stops = _matrix(parameters, tuple(stop.name for stop in STOPS), count)
    bits = np.zeros((2, min(count, BLOCK), words_for(prices.n_bars)), dtype=np.uint64)
    for first in range(0, count, BLOCK):
        last = min(first + BLOCK, count)
        block = bits[:, : last - first]
        if rules.allows_long:
            signals.rising(first, last, block[0])
        if rules.allows_short:
            signals.falling(first, last, block[1])
        yield first, last, block, stops[first:last]


def _exchange(rules: Rules) -> tuple[Any, ...]:
    sides = (rules.allows_long, rules.allows_short)
    return (*sides, rules.fees, rules.slippage, rules.initial_capital, rules.whole_shares)


def _exchange_and_calendar(prices: Prices, rules: Rules) -> tuple[Any, ...]:
    return (*_exchange(rules), prices.days, prices.periods_per_year, prices.years)


def _matrix(parameters: Mapping[str, Values], names: tuple[str, ...], count: int) -> Floats:
    """Return float64[count, len(names)], with zeros for a parameter that the grid does not have."""
    matrix = np.zeros((count, len(names)))
    for number, name in enumerate(names):
        if name in parameters:
            matrix[:, number] = parameters[name]
    return matrix


def _stretches(
    strategy: Strategy, parameters: Mapping[str, Values], n_bars: int, first: int, last: int
) -> list[tuple[int, int]]:
    """Cut [first, last) into stretches whose indicator tables stay within TABLE_BYTES."""
    cut = {name: values[first:last] for name, values in parameters.items()}
    if strategy.table_rows is not None:
        rows = strategy.table_rows(cut)
    else:
        rows = sum(len(rows_of(values)[0]) for values in cut.values())
    if rows * n_bars * 8 <= TABLE_BYTES or last - first <= 64:
        return [(first, last)]
    middle = (first + last) // 2
    left = _stretches(strategy, parameters, n_bars, first, middle)
    return left + _stretches(strategy, parameters, n_bars, middle, last)


def _check_slice(grid: Grid, prices: Prices, start: int, stop: int, rules: Rules, beta: float | None) -> None:
    if not 0 <= start < stop <= grid.size:
        raise BadGrid(f"A slice must lie within 0 to {grid.size}, got {start} to {stop}.", field="index")
    symbol_number = start // grid.size_per_symbol
    if (stop - 1) // grid.size_per_symbol != symbol_number:
        raise BadGrid(f"The slice {start} to {stop} has combinations of more than one symbol.", field="index")
    if grid.symbols[symbol_number] != prices.symbol:
        message = f"The slice belongs to {grid.symbols[symbol_number]}, the prices to {prices.symbol}."
        raise BadGrid(message, field="symbol")
    if rules.direction not in grid.strategy.directions:
        allowed = ", ".join(grid.strategy.directions)
        message = f"{grid.strategy.name} cannot trade {rules.direction!r}. Allowed: {allowed}."
        raise BadParameters(message, field="direction")
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
            name, maximum = parameter.name, parameter.maximum
            if not parameter.scaled_by_beta or name not in parameters:
                continue
            offsets = np.flatnonzero((parameters[name] > maximum) & (needed <= prices.n_bars))
            if offsets.size:
                message = (
                    f"{name} scaled by beta and coefficient goes above {maximum:.12g} "
                    f"for {prices.symbol} (beta {beta:.4g})."
                )
                failures.append((message, offsets))
    return failures


def _too_few_bars(strategy: Strategy, prices: Prices, parameters: dict[str, Values], offset: int, least: int) -> str:
    subject = strategy.name
    if strategy.window is not None:
        subject = f"{strategy.window} of {parameters[strategy.window][offset]} bars"
    return f"{subject} needs at least {least} bars; {prices.symbol} has {prices.n_bars}."
