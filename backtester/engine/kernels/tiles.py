"""Cut the combinations of a signal strategy into tiles that share rows of indicators, and run them."""

import itertools
from collections.abc import Iterator

import numpy as np

from backtester.engine.arrays import Floats, Ints, Words
from backtester.engine.bitmasks import words_for
from backtester.engine.derived import derived
from backtester.engine.kernels.block_tables import BLOCK
from backtester.engine.kernels.book import Calendar, Exchange
from backtester.engine.kernels.indicator_rows import DEVIATIONS, EMA, MACD, SMA, Market, prefix_nb
from backtester.engine.kernels.signal_blocks import Plan, run_signals_nb, write_bits_nb
from backtester.engine.kernels.signal_words import BITS, Signals
from backtester.engine.prices import Prices
from backtester.engine.rules import Rules
from backtester.engine.strategy import Decisions

TILE = 1_024  # combinations that go through a block together: their books and rows fit in the second-level cache
SHARED = 32  # rows of a column that the combinations of a tile have, about: SHARED * SHARED = TILE
NEAR = 4  # rows of a column that neighbors in a tile have: NEAR of each side stay in the first-level cache
NO_EDGES: Ints = np.zeros(0, dtype=np.int64)


def run_decisions(
    prices: Prices,
    decisions: Decisions,
    stops: Floats,
    rules: Rules,
    out: Floats,
    *,
    edges: Ints = NO_EDGES,
    sums: Floats | None = None,
) -> None:
    """Write the metrics of n combinations to `out` float64[n_metrics, n].

    stops : float64[n, 3]; edges, sums : see `run_signals_nb`
    """
    exchange, calendar = exchange_of(rules), Calendar(float(prices.periods_per_year), float(prices.years))
    plan = plan_of(prices.n_bars, edges)
    market = market_of(prices, *_needs(decisions))
    sums = np.zeros((0, 0, 0)) if sums is None else sums
    for columns in _tiles(decisions, len(stops)):
        signals = _signals(decisions, columns, stops)
        run_signals_nb(market, exchange, calendar, signals, plan, columns, out, sums)


def run_bits(
    prices: Prices, bits: Words, stops: Floats, rules: Rules, out: Floats, columns: Ints,
    *, edges: Ints = NO_EDGES, sums: Floats | None = None,
) -> None:  # fmt: skip
    """Write the metrics of combinations whose bits uint64[2, n, n_words] are known to the given columns of `out`."""
    exchange, calendar = exchange_of(rules), Calendar(float(prices.periods_per_year), float(prices.years))
    signals = _blank_signals(BITS, len(columns))._replace(bits=bits, stops=stops)
    sums = np.zeros((0, 0, 0)) if sums is None else sums
    market = market_of(prices, False, False)
    run_signals_nb(market, exchange, calendar, signals, plan_of(prices.n_bars, edges), columns, out, sums)


def bits_of(prices: Prices, decisions: Decisions, rules: Rules, columns: Ints) -> Words:
    """Return what the given combinations want at each close, without stops: uint64[2, n, n_words], long and short."""
    out = np.zeros((2, len(columns), words_for(prices.n_bars)), dtype=np.uint64)
    signals = _signals(decisions, columns, np.zeros((int(columns.max()) + 1, 3)))
    market = market_of(prices, *_needs(decisions))
    write_bits_nb(market, exchange_of(rules), signals, plan_of(prices.n_bars, NO_EDGES), out)
    return out


def exchange_of(rules: Rules) -> Exchange:
    return Exchange(
        rules.allows_long, rules.allows_short, float(rules.fees), float(rules.slippage), float(rules.initial_capital),
        rules.whole_shares,
    )  # fmt: skip


def plan_of(n_bars: int, edges: Ints) -> Plan:
    """Return where blocks end: before each edge, and as rarely as BLOCK allows; without edges, every BLOCK bars."""
    stops = np.unique(np.concatenate(([0], np.maximum(edges - 1, 0), [n_bars - 1])))
    if not len(edges):
        return Plan(np.append(np.arange(0, n_bars - 1, BLOCK), n_bars - 1).astype(np.int64), edges)
    parts = [
        np.linspace(first, last, -(-(last - first) // BLOCK), endpoint=False).astype(np.int64)
        for first, last in itertools.pairwise(stops.tolist())
    ]
    return Plan(np.concatenate((*parts, stops[-1:])).astype(np.int64), edges)


def market_of(prices: Prices, has_sums: bool, has_squares: bool) -> Market:
    """Return the arrays of some prices."""
    sums = np.zeros((4, 0))
    if has_sums:
        sums = derived(prices, ("sums of closes", has_squares), lambda prices: _sums_of(prices.close, has_squares))
    high = prices.close if prices.high is None else prices.high
    low = prices.close if prices.low is None else prices.low
    return Market(prices.close, prices.fill, high, low, prices.days, sums)


def _sums_of(close: Floats, has_squares: bool) -> Floats:
    sums = np.zeros((4 if has_squares else 2, len(close) + 1))
    prefix_nb(close, has_squares, sums)
    return sums


def _needs(decisions: Decisions) -> tuple[bool, bool]:
    """Return whether the rows need prefix sums of the closes, and of their squares."""
    kinds = {int(keys[0]) >> 48 for keys in decisions.keys}
    return bool(kinds & {SMA, DEVIATIONS}), DEVIATIONS in kinds


def _tiles(decisions: Decisions, count: int) -> Iterator[Ints]:
    """Yield the combinations of each tile, int64[.]; those that share rows come together."""
    ranks = [np.unique(keys, return_inverse=True)[1] for keys in decisions.keys[:2]]
    order = np.lexsort((*(rank // NEAR for rank in reversed(ranks)), *(rank // SHARED for rank in reversed(ranks))))
    if decisions.group is not None:
        order = order[np.argsort(decisions.group[order], kind="stable")]
    for first in range(0, count, TILE):
        yield np.ascontiguousarray(order[first : first + TILE])


def _signals(decisions: Decisions, columns: Ints, stops: Floats) -> Signals:
    """Return the part of a tile, with its rows numbered."""
    keys = np.stack([keys[columns] for keys in decisions.keys])
    distinct, row_of = np.unique(keys, return_inverse=True)
    row_of = row_of.reshape(keys.shape)
    rows = np.stack((distinct >> 48, (distinct >> 24) & 0xFFFFFF, np.zeros_like(distinct)), axis=1)
    is_macd = rows[:, 0] == MACD
    # A MACD row holds its average's window, and its own span; it is made from the row of that average.
    rows[is_macd, 2] = np.searchsorted(distinct, (EMA << 48) + (rows[is_macd, 1] << 24))
    rows[is_macd, 1] = distinct[is_macd] & 0xFFFFFF
    signals = _blank_signals(decisions.kind, len(columns))._replace(
        rows=np.ascontiguousarray(rows), begins=decisions.begins
    )
    signals.row_of[:, : min(len(row_of), 4)] = row_of[:4].T
    signals.stops[:] = stops[columns]
    if decisions.levels is not None:
        signals.levels[:] = decisions.levels[columns]
    if decisions.ready is not None:
        signals.ready[:] = decisions.ready[columns]
    return signals


def _blank_signals(kind: int, count: int) -> Signals:
    return Signals(
        kind=kind,
        rows=np.zeros((0, 3), dtype=np.int64),
        row_of=np.zeros((count, 4), dtype=np.int64),
        levels=np.zeros((count, 4)),
        begins=1.0,
        ready=np.zeros(count, dtype=np.int64),
        stops=np.zeros((count, 3)),
        bits=np.zeros((2, 0, 0), dtype=np.uint64),
    )
