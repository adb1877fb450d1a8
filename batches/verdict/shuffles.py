"""The shuffle test: the same tests on the same days in random order."""

from collections.abc import Hashable
from functools import lru_cache

import numpy as np

from backtester.engine import METRIC_NAMES, METRICS, Prices, run_slice
from backtester.engine.arrays import Floats, Ints
from backtester.engine.statistics.shuffling import ShuffleTest, draw_order, order_within, shuffle_test
from backtester.engine.time_blocks import shuffled
from batches.results.ranking import that_traded
from batches.verdict.layout import Layout, Span
from batches.verdict.work import Work


def add_shuffled(layout: Layout, work: Work, draw: int, span: Span, bounds: tuple[int, int], metric: str) -> None:
    """Run the tests [start, stop) on one shuffled history. Betas stay as they were measured."""
    prices, plan = _shuffled_prices(layout, span.number, draw), layout.plan
    result = run_slice(plan.grid, prices, *bounds, plan.rules, beta=plan.beta(span.number))
    value, exposure = (result.metrics[METRIC_NAMES.index(name)] for name in (metric, "exposure"))
    values = sign_of(metric) * that_traded(value, exposure)
    if not np.isnan(values).all():
        work.draws[draw] = np.fmax(work.draws[draw], np.nanmax(values))
    work.drawn[draw] += bounds[1] - bounds[0]


def finished_draws(layout: Layout, work: Work, metric: str) -> Floats:
    """Return the best value of each draw, up to the first one that is not finished."""
    unfinished = np.flatnonzero(work.drawn < layout.tests)
    return sign_of(metric) * work.draws[: unfinished[0] if unfinished.size else None]


def outcome(layout: Layout, work: Work, best: float, metric: str) -> ShuffleTest | None:
    """Return the result, or None while more draws are needed. best : of the tests on the true history"""
    draws = finished_draws(layout, work, metric).tolist()
    return shuffle_test(best, draws, layout.options.shuffles, higher_is_better=sign_of(metric) > 0)


def sign_of(metric: str) -> float:
    return 1.0 if METRICS[METRIC_NAMES.index(metric)].higher_is_better else -1.0


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


@lru_cache(maxsize=2)  # 80 MB each for minute bars, which no cache counts; two verdicts may alternate
def _in_order(job: _Job) -> Prices:
    return shuffled(job.prices, np.concatenate((np.zeros(1, np.int64), 1 + job.order)))
