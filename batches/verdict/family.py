"""The passes over all finished tests: each is computed again, and what it adds to the work is merged."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

import numpy as np

from backtester.engine import buy_and_hold_equity
from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.statistics.bootstrap import draw_weights, influence, lead_over, raise_maxima_nb
from backtester.engine.statistics.overfitting import Winners, count_below_nb, find_winners_nb
from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.sharpe import ROUNDING
from backtester.engine.time_blocks import block_sums
from batches.verdict.calendar import returns_of
from batches.verdict.layout import Layout, Prefix, Span
from batches.verdict.matrix import add_cells
from batches.verdict.work import ROWS, Work

CACHE_BYTES = 64 * 2**20
Blocks = tuple[Floats, Floats, Floats, Bools]


class BlockCache:
    """The sums of the blocks of the first pass, which the second needs again; small batches stay whole."""

    def __init__(self) -> None:
        self.kept: OrderedDict[Hashable, tuple[int, Blocks]] = OrderedDict()

    def keep(self, key: Hashable, stop: int, blocks: Blocks) -> None:
        self.kept[key] = stop, blocks
        while sum(array.nbytes for _, kept in self.kept.values() for array in kept) > CACHE_BYTES:
            self.kept.popitem(last=False)

    def stop(self, key: Hashable) -> int | None:
        """Return the end of the piece that is kept under the key."""
        return self.kept[key][0] if key in self.kept else None

    def take(self, key: Hashable, stop: int) -> Blocks | None:
        kept = self.kept.pop(key, None)
        return kept[1] if kept and kept[0] == stop else None


cache = BlockCache()


def add_tests(layout: Layout, work: Work, span: Span, bounds: tuple[int, int], key: Hashable) -> None:
    """First pass: bootstrap, in-sample winners, walk-forward picks, early and late results.

    bounds : the first test, and the one past the last; key : of the cache
    """
    start, stop = bounds
    prefix = prefix_of(layout, span, start, stop)
    scale = float(np.sqrt(layout.series[span.number].periods_per_year))
    sharpes, defined = _sharpes(layout, prefix)
    _add_rows(layout, work, prefix, scale)
    work.defined += int(defined.sum())
    if not defined.any():
        return
    top = int(np.argmax(np.where(defined, sharpes, -np.inf)))
    work.best, work.luckiest = _better(work.best, work.luckiest, scale * float(sharpes[top]), start + top)
    if layout.is_too_short:
        return
    _add_bootstrap(layout, work, prefix, span, (sharpes, defined), start)
    _add_picks(layout, work, prefix, scale, defined, start)
    add_cells(layout, work, prefix, scale, defined, start)
    if layout.blocks is not None:
        blocks = _blocks(layout, prefix, defined)
        part = Winners.none(len(layout.splits))
        out: Any = (part.sharpe, part.index, part.outside, part.gain)
        counts, sums, squares, included = blocks
        find_winners_nb(counts, sums, squares, scale, included, start, layout.splits, *out)
        work.winners.merge(part)
        cache.keep((key, start), stop, blocks)


def add_ranks(layout: Layout, work: Work, span: Span, bounds: tuple[int, int], key: Hashable) -> None:
    """Second pass: where the winner of each split stands out of the sample."""
    start, stop = bounds
    blocks = cache.take((key, start), stop)
    if blocks is None:
        prefix = prefix_of(layout, span, start, stop)
        blocks = _blocks(layout, prefix, _sharpes(layout, prefix)[1])
    scale = float(np.sqrt(layout.series[span.number].periods_per_year))
    count_below_nb(*blocks[:3], scale, blocks[3], layout.splits, work.winners.outside, work.below, work.equal)


def prefix_of(layout: Layout, span: Span, start: int, stop: int) -> Prefix:
    """Return the sums of the returns of the tests [start, stop) up to each edge of the layout."""
    plan, prices = layout.plan, layout.series[span.number]
    bars = layout.calendar.bars_at(prices, layout.edges)
    edges, places = np.unique(bars, return_inverse=True)
    n = stop - start
    if len(edges) < 2:  # no bar of this series is in the calendar
        none = np.zeros((n, len(bars)))
        return Prefix(np.zeros(len(bars)), none, none, none)
    beta = plan.beta(span.number)
    blocks = block_sums(plan.grid.strategy, prices, plan.grid, start, stop, plan.rules, edges, beta=beta)
    columns = (blocks.returns, blocks.squares, blocks.log_growth)
    sums, squares, growth = (_cumulated(column, places) for column in columns)
    return Prefix((bars - bars[0]).astype(np.float64), sums, squares, growth)


def _cumulated(values: Floats, places: Ints) -> Floats:
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    cumulated: Floats = sums[:, places]
    return cumulated


def _sharpes(layout: Layout, prefix: Prefix) -> tuple[Floats, Bools]:
    """Return the Sharpe ratio per bar of each test over all bars, and whether it has one."""
    bars, sums, squares = prefix.over(0, len(layout.edges) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        varies = squares - sums * sums / bars > ROUNDING * squares
    return sharpe_of_sums(bars, sums, squares), varies & (bars >= 2)


def _blocks(layout: Layout, prefix: Prefix, defined: Bools) -> Blocks:
    assert layout.blocks is not None
    counts, sums, squares = prefix.between(layout.at(layout.blocks))
    return counts, np.ascontiguousarray(sums), np.ascontiguousarray(squares), defined


def _add_bootstrap(
    layout: Layout, work: Work, prefix: Prefix, span: Span, tests: tuple[Floats, Bools], start: int
) -> None:
    sharpes, defined = tests
    prices = layout.series[span.number]
    groups = layout.at(layout.groups)
    weights = draw_weights(len(groups) - 1, layout.options.replicates, layout.options.seed)
    counts, sums, squares = prefix.between(groups)
    sums, squares = (np.where(defined[:, None], values, 0.0) for values in (sums, squares))
    psi = influence(counts, sums, squares)
    raise_maxima_nb(np.ascontiguousarray(psi * np.sqrt(prices.periods_per_year)), weights, work.maxima)
    held = returns_of(buy_and_hold_equity(prices, layout.plan.rules))[None]
    edges = layout.calendar.bars_at(prices, layout.groups) - 1
    held_sums, held_squares = (_sums_between(values, edges) for values in (held, held * held))
    held_sharpe = float(sharpe_of_sums(counts.sum(), held_sums.sum(axis=1), held_squares.sum(axis=1))[0])
    studentized, lead = lead_over(psi, sharpes, influence(counts, held_sums, held_squares)[0], held_sharpe)
    raise_maxima_nb(np.ascontiguousarray(studentized), weights, work.lead_maxima)
    work.ahead += int(np.sum(lead > 0))
    if not np.isnan(lead).all():
        top = int(np.nanargmax(lead))
        work.lead, work.leader = _better(work.lead, work.leader, float(lead[top]), start + top)


def _sums_between(values: Floats, edges: Ints) -> Floats:
    sums = np.zeros((1, values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return np.diff(sums[:, edges])


def _add_picks(layout: Layout, work: Work, prefix: Prefix, scale: float, defined: Bools, start: int) -> None:
    for number, window in enumerate(layout.windows):
        first, last = layout.at(np.array([window.start, window.train_end]))
        values = scale * sharpe_of_sums(*prefix.over(int(first), int(last)))
        values = np.where(defined & np.isfinite(values), values, -np.inf)
        top = int(np.argmax(values))
        work.picks_value[number], work.picks[number] = _better(
            float(work.picks_value[number]), int(work.picks[number]), float(values[top]), start + top
        )


def _add_rows(layout: Layout, work: Work, prefix: Prefix, scale: float) -> None:
    early, end = (int(place) for place in layout.at(np.array([layout.early, len(layout.calendar)])))
    rows = np.empty((ROWS, len(prefix.sums)))
    rows[0] = _sharpe_or_nan(*prefix.over(0, early)) * scale
    with np.errstate(invalid="ignore"):  # nothing was left before
        rows[1] = np.expm1(prefix.growth[:, end] - prefix.growth[:, early])
    rows[2] = _sharpe_or_nan(*prefix.over(early, end)) * scale
    rows[3] = _marks(prefix)
    work.rows = np.concatenate((work.rows, rows), axis=1)


def _sharpe_or_nan(bars: Floats, sums: Floats, squares: Floats) -> Floats:
    values = sharpe_of_sums(bars, sums, squares)
    return np.where(np.isfinite(sums) & (values != 0.0), values, np.nan)


def _marks(prefix: Prefix) -> Floats:
    """Return the bits of a hash of the sums of each test: tests with the same returns have the same."""
    random: Any = np.random.RandomState(1).randint(0, 2**62, prefix.sums.shape[1], dtype=np.int64)
    odd = random.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = (np.ascontiguousarray(prefix.sums + 0.0).view(np.uint64) * odd).sum(axis=1, dtype=np.uint64)
    marks: Floats = hashes.view(np.float64)
    return marks


def _better(value: float, index: int, other: float, at: int) -> tuple[float, int]:
    """Return the better of two values with its index; the lower index of equal ones, none for -inf."""
    if other > value or (other == value and other > -np.inf and at < index):
        return other, at
    return value, index
