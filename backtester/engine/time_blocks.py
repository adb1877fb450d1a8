"""Sums of the returns of each combination over blocks of bars, from which verdicts on luck are made."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from backtester.engine.arrays import Floats, Ints, Values
from backtester.engine.errors import BadParameters
from backtester.engine.grid.grid import Grid
from backtester.engine.kernels.signal_blocks import (
    DOWN_SUM,
    EQUITY_AT,
    EXPOSURE_AT,
    FALL_WITHIN,
    N_RETURN_SUMS,
    N_SUMS,
    PEAK_WITHIN,
    R_SUM,
    SQUARE_SUM,
    TROUGH_WITHIN,
)
from backtester.engine.metrics.metrics import N_METRICS
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.run import (
    Scratch,
    check_slice,
    effective_parameters,
    failures_by_message,
    run_plain,
    run_signals,
)
from backtester.engine.strategy import Strategy


@dataclass(frozen=True, eq=False)
class BlockSums:
    """Sums over T blocks of bars of n combinations, all float64; NaN in the rows of combinations that failed.

    Block k holds the returns of the bars edges[k] .. edges[k + 1] - 1; r_t = E_t / E_(t-1) - 1 belongs to bar t, and
    bar 0 has none. The block starts from the equity at bar edges[k] - 1, the initial capital where that is no bar.

    bars : [n, T], how many returns
    returns, squares, downside : [n, T], the sums of r, r ** 2 and min(r, 0) ** 2
    log_growth : [n, T], log of the equity at the end over that at the start; -inf when nothing is left
    peak, trough : [n, T], highest and lowest equity over that at the start, which counts: peak >= 1 >= trough
    deepest_fall : [n, T], min(E_t / max(E_s, s <= t) - 1) within the block, its start included; zero or negative
    exposure : [n, T + 1], value of the position over equity at the close of bar edges[k] - 1, negative when short: what
        is carried over that edge; 0 before the first bar

    The deepest drawdown of blocks in a row, growth g_k before block k (g_0 = 1, g_(k+1) = g_k * exp(log_growth_k)) and
    highest H_k = max(1, g_j * peak_j for j < k), is min(deepest_fall_k, g_k * trough_k / H_k - 1) over all k.
    """

    bars: Floats
    returns: Floats
    squares: Floats
    downside: Floats
    log_growth: Floats
    peak: Floats
    trough: Floats
    deepest_fall: Floats
    exposure: Floats


def block_sums(
    strategy: Strategy,
    prices: Prices,
    grid: Grid,
    start: int,
    stop: int,
    rules: Rules,
    edges: Ints,
    *,
    order: Ints | None = None,
    beta: float | None = None,
) -> BlockSums:
    """Return the sums of the combinations [start, stop), all of the symbol of `prices`.

    strategy : that of the grid
    edges : int64[T + 1], increasing bar numbers within 0 .. n_bars; bars outside the first and the last are in no block
    order : int64[n_bars], run on `shuffled(prices, order)` instead
    beta : as for `run_slice`

    The test runs over all bars, whatever the edges: indicators are warm, and a position is carried over an edge.
    """
    check_slice(grid, prices, start, stop, rules, beta)
    edges = _checked_edges(edges, prices.n_bars)
    bars = prices if order is None else shuffled(prices, order)
    parameters, rows = _runnable(strategy, bars, grid, start, stop, beta)
    n, n_blocks = stop - start, len(edges) - 1
    if strategy.decide is not None and rows.size:
        parts = _signal_sums(N_SUMS, strategy, bars, parameters, rules, edges)
        return _block_sums_of(_with_failed(parts, rows, n), edges)
    sums = BlockSums(
        **{field.name: np.full((n, n_blocks + (field.name == "exposure")), np.nan) for field in fields(BlockSums)}
    )
    for row, scratch in _plain_runs(strategy, bars, parameters, rows, rules):
        _write_sums(sums, int(rows[row]), scratch.equity, scratch.held * bars.close, edges)
    return sums


@dataclass(frozen=True, eq=False)
class ReturnSums:
    """The part of BlockSums that Sharpe ratios need, combinations last; NaN in the columns of those that failed.

    returns, squares : float64[T + 1, n], the sums from the first edge up to each edge, 0 at the first
    equity : float64[T + 1, n], at the close of bar edges[k] - 1
    """

    returns: Floats
    squares: Floats
    equity: Floats


def return_sums(
    prices: Prices, grid: Grid, start: int, stop: int, rules: Rules, edges: Ints, *, beta: float | None = None
) -> ReturnSums:
    """Return the sums of the combinations [start, stop), all of the symbol of `prices`. Arguments as `block_sums`."""
    check_slice(grid, prices, start, stop, rules, beta)
    edges = _checked_edges(edges, prices.n_bars)
    strategy = grid.strategy
    parameters, rows = _runnable(strategy, prices, grid, start, stop, beta)
    if strategy.decide is not None and rows.size:
        parts = _signal_sums(N_RETURN_SUMS, strategy, prices, parameters, rules, edges)
    else:
        parts = np.empty((N_RETURN_SUMS, len(edges), len(rows)))
        for row, scratch in _plain_runs(strategy, prices, parameters, rows, rules):
            equity, returns = scratch.equity, np.zeros(prices.n_bars)
            before = equity[:-1]
            returns[1:] = np.divide(equity[1:], before, out=np.ones_like(before), where=before > 0) - 1.0
            parts[R_SUM, 1:, row] = np.add.reduceat(returns[: edges[-1]], edges[:-1])
            parts[SQUARE_SUM, 1:, row] = np.add.reduceat((returns * returns)[: edges[-1]], edges[:-1])
            parts[EQUITY_AT, :, row] = equity[np.maximum(edges - 1, 0)]
    for sums in (parts[R_SUM], parts[SQUARE_SUM]):
        sums[0] = 0.0
        for edge in range(1, len(edges)):
            sums[edge] += sums[edge - 1]
    parts = _with_failed(parts, rows, stop - start)
    return ReturnSums(parts[R_SUM], parts[SQUARE_SUM], parts[EQUITY_AT])


def _runnable(
    strategy: Strategy, prices: Prices, grid: Grid, start: int, stop: int, beta: float | None
) -> tuple[dict[str, Values], Ints]:
    """Return the parameters of the combinations that can be run on these prices, and their offsets from the start."""
    columns = grid.decode_many(np.arange(start, stop, dtype=np.int64))
    parameters = effective_parameters(strategy, columns, beta)
    runs = np.full(stop - start, prices.n_bars > 1)
    for offsets in failures_by_message(strategy, prices, columns, parameters, beta).values():
        runs[offsets] = False
    rows = np.flatnonzero(runs)
    return {name: values[rows] for name, values in parameters.items()}, rows


def _plain_runs(
    strategy: Strategy, prices: Prices, parameters: dict[str, Values], rows: Ints, rules: Rules
) -> Iterator[tuple[int, Scratch]]:
    """Run one combination after the other, bar by bar."""
    for row in range(len(rows)):
        scratch = Scratch.for_bars(prices.n_bars)
        cut = {name: values[row : row + 1] for name, values in parameters.items()}
        run_plain(strategy, prices, cut, rules, np.empty((N_METRICS, 1)), scratch)
        yield row, scratch


def _signal_sums(
    kinds: int, strategy: Strategy, prices: Prices, parameters: dict[str, Values], rules: Rules, edges: Ints
) -> Floats:
    """Return the sums float64[kinds, T + 1, n] of the pass that measures all combinations together."""
    n = len(next(iter(parameters.values())))
    metrics, parts = np.empty((N_METRICS, n + 1))[:, :-1], np.empty((kinds, len(edges), n))
    run_signals(strategy, prices, parameters, rules, metrics, edges=edges, sums=parts)
    return parts


def _with_failed(parts: Floats, rows: Ints, n: int) -> Floats:
    """Return float64[., T + 1, n] with `parts` in the columns `rows`, and NaN in the others."""
    if len(rows) == n:
        return parts
    whole = np.full((*parts.shape[:2], n), np.nan)
    whole[:, :, rows] = parts
    return whole


def shuffled(prices: Prices, order: Ints) -> Prices:
    """Return prices whose returns come in another order: the dates stay, the bars move.

    order : int64[n_bars], a permutation of 0 .. n_bars - 1 with order[0] == 0

    A bar is the ratios of its open, high, low and close to the close before it, kept in one piece with its volume, so
    that overnight and intraday moves stay together. Bar 0 has no close before it and stays. New bar t takes the ratios
    of bar order[t]: close'[t] = close'[t - 1] * close[order[t]] / close[order[t] - 1], and in the same way the others.
    The last close is the old one but for rounding: drift, deviation and skew are kept, and only the order is lost.
    """
    order = np.asarray(order, dtype=np.int64)
    is_permutation = order.shape == (prices.n_bars,) and np.array_equal(np.sort(order), np.arange(prices.n_bars))
    if not is_permutation or order[0] != 0:
        message = f"order must be a permutation of 0 to {prices.n_bars - 1} that starts with 0."
        raise BadParameters(message, field="order")
    before = prices.close[np.maximum(order - 1, 0)]
    ratios: Floats = prices.close[order] / before
    ratios[0] = prices.close[0]
    close: Floats = np.cumprod(ratios, dtype=np.float64)
    base = np.concatenate((before[:1], close[:-1]))
    moved: dict[str, Any] = {
        name: None if values is None else values[order] / before * base
        for name, values in (("open", prices.open), ("high", prices.high), ("low", prices.low))
    }
    volume = None if prices.volume is None else prices.volume[order]
    return replace(prices, close=close, **moved, volume=volume, series_periods_per_year=prices.periods_per_year)


def _checked_edges(edges: Ints, n_bars: int) -> Ints:
    edges = np.asarray(edges, dtype=np.int64)
    is_increasing = edges.ndim == 1 and edges.size > 1 and bool(np.all(np.diff(edges) > 0))
    if not is_increasing or edges[0] < 0 or edges[-1] > n_bars:
        raise BadParameters(f"edges must be increasing bar numbers from 0 to {n_bars}.", field="edges")
    return edges


def _block_sums_of(parts: Floats, edges: Ints) -> BlockSums:
    """Return the sums of the signal kernel, float64[N_SUMS, T + 1, n], in their place."""
    equity, within = parts[EQUITY_AT], parts[:, 1:]
    is_ruined = equity[:-1] <= 0.0
    start = np.where(is_ruined, 1.0, equity[:-1])
    bars = np.where(np.isnan(equity[:1]), np.nan, np.diff(np.maximum(edges, 1))[:, np.newaxis])
    within[PEAK_WITHIN] /= start
    within[TROUGH_WITHIN] /= start
    with np.errstate(divide="ignore"):
        log_growth = np.log(np.divide(within[EQUITY_AT], start, out=start), out=start)
    for values, of_nothing in (
        (log_growth, 0.0), (within[PEAK_WITHIN], 1.0), (within[TROUGH_WITHIN], 1.0), (within[FALL_WITHIN], 0.0)
    ):  # fmt: skip
        values[is_ruined] = of_nothing
    return BlockSums(
        bars=bars.T, returns=within[R_SUM].T, squares=within[SQUARE_SUM].T, downside=within[DOWN_SUM].T,
        log_growth=log_growth.T, peak=within[PEAK_WITHIN].T, trough=within[TROUGH_WITHIN].T,
        deepest_fall=within[FALL_WITHIN].T, exposure=parts[EXPOSURE_AT].T,
    )  # fmt: skip


def _write_sums(sums: BlockSums, row: int, equity: Floats, value: Floats, edges: Ints) -> None:
    exposures = np.divide(value, equity, out=np.zeros_like(value), where=equity > 0)
    sums.exposure[row] = np.where(edges > 0, exposures[np.maximum(edges - 1, 0)], 0.0)
    for k, (first, last) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        curve = equity[max(first - 1, 0) : last]
        before = curve[:-1]
        r = np.divide(curve[1:], before, out=np.ones_like(before), where=before > 0) - 1.0
        down = np.minimum(r, 0.0)
        sums.bars[row, k], sums.returns[row, k] = len(r), r.sum()
        sums.squares[row, k], sums.downside[row, k] = r @ r, down @ down
        peaks = np.maximum.accumulate(curve)
        base = curve[0] if curve[0] > 0 else 1.0
        with np.errstate(divide="ignore"):
            sums.log_growth[row, k] = np.log(curve[-1] / base) if curve[0] > 0 else 0.0
        sums.peak[row, k], sums.trough[row, k] = (curve.max() / base, curve.min() / base) if curve[0] > 0 else (1, 1)
        sums.deepest_fall[row, k] = (curve / peaks).min() - 1.0 if curve[0] > 0 else 0.0
