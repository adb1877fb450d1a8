"""The passes over all finished tests: each is computed again, and what it adds to the work is merged."""

from typing import Any

import numpy as np

from backtester.engine import buy_and_hold_equity
from backtester.engine.arrays import Bools, Floats, Ints
from backtester.engine.statistics.bootstrap import draw_weights, influence, lead_over, raise_maxima_nb
from backtester.engine.statistics.overfitting import Winners, count_below_nb, find_winners_nb
from backtester.engine.statistics.partitions import sharpe_of_sums
from backtester.engine.statistics.sharpe import FLAT
from backtester.engine.time_blocks import return_sums
from backtester.engine.tolerance import VARIANCE
from batches.verdict.calendar import returns_of
from batches.verdict.layout import Layout, Prefix, Span
from batches.verdict.matrix import add_cells
from batches.verdict.training import Training
from batches.verdict.work import ROWS, Work, better

Blocks = tuple[Floats, Floats, Floats]


def add_tests(layout: Layout, work: Work, span: Span, start: int, stop: int) -> None:
    """First pass over the tests [start, stop): bootstrap, in-sample winners, walk-forward picks, early and late."""
    prefix = prefix_of(layout, span, start, stop, layout.edges)
    scale = _scale(layout, span)
    sharpes, defined = _sharpes(prefix)
    _add_rows(layout, work, prefix, scale)
    work.defined += int(defined.sum())
    if not defined.any():
        return
    top = int(np.argmax(np.where(defined, sharpes, -np.inf)))
    work.best, work.luckiest = better(work.best, work.luckiest, scale * float(sharpes[top]), start + top)
    if layout.is_too_short:
        return
    _add_bootstrap(layout, work, prefix, span, (sharpes, defined), start)
    training = Training(layout, span.number, prefix, scale, defined)
    _add_picks(layout, work, training, start)
    add_cells(layout, work, training, start)
    if layout.blocks is not None:
        blocks = _blocks(prefix, layout.at(layout.blocks))
        work.winners.merge(_winners(blocks, scale, defined, start, layout.splits))


def tests_to_settle(work: Work) -> Ints:
    """Return the index of each test that wins a split."""
    winners: Ints = np.unique(work.winners.index[work.winners.index >= 0])
    return winners


def settle_winners(layout: Layout, known: Work, work: Work, start: int, stop: int) -> None:
    """Compute the winners out of the sample from the sums that the second pass compares them with, bit for bit.

    known : of the first pass; start, stop : of the tests to settle

    The second pass needs the sums of the blocks alone, which are six times as fast as those at all edges; but other
    edges round differently, and then a winner would not be equal to itself.
    """
    winners, settled = known.winners, work.winners
    for index in tests_to_settle(known)[start:stop].tolist():
        won = np.flatnonzero(winners.index == index)
        span = next(span for span in layout.spans if span.start <= index < span.stop)
        included, blocks = np.ones(1, dtype=np.bool_), _blocks_of(layout, span, index, index + 1)[0]
        part = _winners(blocks, _scale(layout, span), included, index, layout.splits[won])
        settled.sharpe[won], settled.index[won] = winners.sharpe[won], index
        settled.outside[won], settled.gain[won] = part.outside, part.gain


def add_ranks(layout: Layout, known: Work, work: Work, span: Span, start: int, stop: int) -> None:
    """Second pass: where the winner of each split stands out of the sample. known : of the passes before"""
    blocks, defined = _blocks_of(layout, span, start, stop)
    splits, outside = layout.splits, known.winners.outside
    count_below_nb(*blocks, _scale(layout, span), defined, splits, outside, work.below, work.equal)


def prefix_of(layout: Layout, span: Span, start: int, stop: int, cuts: Ints) -> Prefix:
    """Return the sums of the returns of the tests [start, stop) up to each cut. cuts : positions in the calendar"""
    plan, prices = layout.plan, layout.series[span.number]
    bars = layout.calendar.bars_at(prices, cuts)
    edges, places = np.unique(bars, return_inverse=True)
    if len(edges) < 2:  # no bar of this series is in the calendar
        none = np.zeros((len(bars), stop - start))
        return Prefix(np.zeros(len(bars)), none, none, none + plan.rules.initial_capital)
    sums = return_sums(prices, plan.grid, start, stop, plan.rules, edges, beta=plan.beta(span.number))
    columns = (sums.returns, sums.squares, sums.equity)
    if len(edges) < len(bars):  # some cuts lie between two bars of this series
        columns = (sums.returns[places], sums.squares[places], sums.equity[places])
    return Prefix((bars - bars[0]).astype(np.float64), *columns)


def _scale(layout: Layout, span: Span) -> float:
    return float(np.sqrt(layout.series[span.number].periods_per_year))


def _sharpes(prefix: Prefix) -> tuple[Floats, Bools]:
    """Return the Sharpe ratio per bar of each test over all bars, and whether it has one."""
    bars, sums, squares = prefix.over(0, len(prefix.bars) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        varies = squares - sums * sums / bars > np.maximum(VARIANCE * squares, FLAT * bars)
    return sharpe_of_sums(bars, sums, squares), varies & (bars >= 2)


def _blocks_of(layout: Layout, span: Span, start: int, stop: int) -> tuple[Blocks, Bools]:
    """Return the sums over the blocks alone, and which tests have a Sharpe ratio."""
    assert layout.blocks is not None
    prefix = prefix_of(layout, span, start, stop, layout.blocks)
    return _blocks(prefix, np.arange(len(layout.blocks))), _sharpes(prefix)[1]


def _blocks(prefix: Prefix, places: Ints) -> Blocks:
    """Return bars float64[k], sums and squares float64[n, k] between neighbors of k + 1 places of cuts."""
    sums, squares = (np.ascontiguousarray(np.diff(of[places], axis=0).T) for of in (prefix.sums, prefix.squares))
    return np.diff(prefix.bars[places]), sums, squares


def _winners(blocks: Blocks, scale: float, included: Bools, start: int, splits: Ints) -> Winners:
    part = Winners.none(len(splits))
    out: Any = (part.sharpe, part.index, part.outside, part.gain)
    find_winners_nb(*blocks, scale, included, start, splits, *out)
    return part


def _add_bootstrap(
    layout: Layout, work: Work, prefix: Prefix, span: Span, tests: tuple[Floats, Bools], start: int
) -> None:
    sharpes, defined = tests
    weights = draw_weights(len(layout.groups) - 1, layout.options.replicates, layout.options.seed)
    counts, sums, squares = _blocks(prefix, layout.at(layout.groups))
    sums[~defined], squares[~defined] = 0.0, 0.0
    psi = influence(counts, sums, squares)
    held_sums, held_squares = _sums_of_holding(layout, span.number)
    held_sharpe = float(sharpe_of_sums(counts.sum(), held_sums.sum(axis=1), held_squares.sum(axis=1))[0])
    held_psi = influence(counts, held_sums, held_squares)[0]
    deviations, lead = lead_over(psi, sharpes, held_psi, held_sharpe)
    drawn = (held_psi[:, None] * weights).sum(axis=0)
    raise_maxima_nb(psi, weights, _scale(layout, span), work.maxima, drawn, deviations, work.lead_maxima)
    work.ahead += int(np.sum(lead > 0))
    if not np.isnan(lead).all():
        top = int(np.nanargmax(lead))
        work.lead, work.leader = better(work.lead, work.leader, float(lead[top]), start + top)


def _sums_of_holding(layout: Layout, number: int) -> tuple[Floats, Floats]:
    """Return sums and squares of the returns of buying and holding a series, float64[1, n_groups], made once."""
    if number not in layout.held:
        prices = layout.series[number]
        returns = returns_of(buy_and_hold_equity(prices, layout.plan.rules))[None]
        edges = layout.calendar.bars_at(prices, layout.groups) - 1
        layout.held[number] = _sums_between(returns, edges), _sums_between(returns * returns, edges)
    return layout.held[number]


def _sums_between(values: Floats, edges: Ints) -> Floats:
    sums = np.zeros((1, values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return np.diff(sums[:, edges])


def _add_picks(layout: Layout, work: Work, training: Training, start: int) -> None:
    for number, window in enumerate(layout.windows):
        value, top = training.best(window)
        work.picks_value[number], work.picks[number] = better(
            float(work.picks_value[number]), int(work.picks[number]), value, start + top
        )


def _add_rows(layout: Layout, work: Work, prefix: Prefix, scale: float) -> None:
    early, end = (int(place) for place in layout.at(np.array([layout.early, len(layout.calendar)])))
    rows = np.empty((ROWS, prefix.sums.shape[1]))
    rows[0] = _sharpe_or_nan(*prefix.over(0, early)) * scale
    with np.errstate(invalid="ignore"):  # nothing was left before
        rows[1] = prefix.equity[end] / prefix.equity[early] - 1.0
    rows[2] = _sharpe_or_nan(*prefix.over(early, end)) * scale
    rows[3] = _marks(prefix)
    work.rows = np.concatenate((work.rows, rows), axis=1)


def _sharpe_or_nan(bars: Floats, sums: Floats, squares: Floats) -> Floats:
    values = sharpe_of_sums(bars, sums, squares)
    return np.where(np.isfinite(sums) & (values != 0.0), values, np.nan)


def _marks(prefix: Prefix) -> Floats:
    """Return the bits of a hash of the sums of each test: tests with the same returns have the same."""
    random: Any = np.random.RandomState(1).randint(0, 2**62, len(prefix.sums), dtype=np.int64)
    odd = random.astype(np.uint64) * np.uint64(2) + np.uint64(1)
    hashes = ((prefix.sums + 0.0).view(np.uint64) * odd[:, None]).sum(axis=0, dtype=np.uint64)
    marks: Floats = hashes.view(np.float64)
    return marks
