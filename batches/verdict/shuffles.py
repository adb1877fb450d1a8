"""The shuffle test: the same tests on the same days in random order."""

from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from backtester.engine import METRIC_NAMES, METRICS, Prices, run_slice
from backtester.engine.arrays import Ints
from backtester.engine.statistics.shuffling import ShuffleTest, draw_order, order_within, shuffle_test
from backtester.engine.time_blocks import shuffled
from batches.verdict.layout import Layout, Span
from batches.verdict.work import Work


def add_shuffled(layout: Layout, work: Work, span: Span, bounds: tuple[int, int], metric: str) -> None:
    """Run the tests [start, stop) on the shuffled history that is under way. Betas stay as they were measured."""
    prices = _shuffled_prices(layout, span.number, len(work.draws))
    plan = layout.plan
    result = run_slice(plan.grid, prices, *bounds, plan.rules, beta=plan.beta(span.number))
    values = result.metrics[METRIC_NAMES.index(metric)]
    if np.isnan(values).all():
        return
    higher_is_better = METRICS[METRIC_NAMES.index(metric)].higher_is_better
    best = float(np.nanmax(values) if higher_is_better else np.nanmin(values))
    pair = [value for value in (work.draw_best, best) if not np.isnan(value)]
    work.draw_best = max(pair) if higher_is_better else min(pair)


def end_draw(work: Work) -> None:
    work.draws = np.append(work.draws, work.draw_best)
    work.draw_best, work.span, work.at = np.nan, 0, 0


def outcome(layout: Layout, work: Work, best: float, metric: str) -> ShuffleTest | None:
    """Return the result, or None while more draws are needed. best : of the tests on the true history"""
    higher_is_better = METRICS[METRIC_NAMES.index(metric)].higher_is_better
    return shuffle_test(best, work.draws.tolist(), layout.options.shuffles, higher_is_better=higher_is_better)


def _shuffled_prices(layout: Layout, number: int, draw: int) -> Prices:
    options, prices = layout.options, layout.series[number]
    order = draw_order(len(layout.calendar), options.seed, draw, options.shuffle_block)
    key = (id(prices), options.seed, draw, options.shuffle_block, len(layout.calendar))
    return _in_order(_Job(key, prices, order_within(order, layout.calendar.present(prices))))


class _Job:
    """Prices and an order, compared by a key, so that the pieces of a draw share what is derived from its prices."""

    def __init__(self, key: Hashable, prices: Prices, order: Ints) -> None:
        self.key, self.prices, self.order = key, prices, order

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Job) and self.key == other.key


@lru_cache(maxsize=2)  # of minutes, 80 MB each that no cache counts: two verdicts may be computed in turn
def _in_order(job: _Job) -> Prices:
    return shuffled(job.prices, np.concatenate((np.zeros(1, np.int64), 1 + job.order)))
