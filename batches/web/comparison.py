"""Two batches side by side: what was asked differently, and what came of it, measured by one metric."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.engine import METRICS, Metric
from batches.formatting import count, took
from batches.formatting import metric as shown_metric
from batches.models import BatchSession
from batches.results.columns import Columns, best, columns_of
from batches.sweep.progress import elapsed_seconds
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts import TAIL
from batches.web.presenters import facts, title_of

Floats = npt.NDArray[np.float64]
NEUTRAL = {"trades", "exposure", "deployed_capital"}  # more of them is neither better nor worse
BINS, WIDTH, HEIGHT = 60, 600.0, 150.0


@dataclass(frozen=True)
class Line:
    """One fact about both. ahead : 0 or 1 when that one is better; None when neither is, or it cannot be said."""

    label: str
    texts: tuple[str, ...]
    ahead: int | None = None


def compare(sessions: Sequence[BatchSession], now: datetime) -> dict[str, Any]:
    """What the page of two batches shows. Results are compared by the metric that the first one is ranked by."""
    metric = METRICS_BY_WIRE_NAME[sessions[0].sort_by]
    columns = [columns_of(session) for session in sessions]
    values = [each.metric(metric.name) for each in columns]
    return {
        "metric": metric,
        "batches": [{"session": each, "title": title_of(each)} for each in sessions],
        "settings": [line for line in _settings(sessions) if len(set(line.texts)) > 1],
        "outcome": list(_outcome(sessions, now)),
        "best": _best(columns, metric),
        "averages": [_metric_line(each, [_mean(one.metric(each.name)) for one in columns]) for each in METRICS],
        "by_symbol": list(_by_symbol(columns, values, metric)),
        "spread": _spread(values),
    }


def _settings(sessions: Sequence[BatchSession]) -> Iterator[Line]:
    yield Line("Strategy", tuple(title_of(session) for session in sessions))
    asked = [dict(facts(session)) for session in sessions]
    for label in dict.fromkeys(label for each in asked for label in each):
        yield Line(label, tuple(each.get(label, "–") for each in asked))


def _outcome(sessions: Sequence[BatchSession], now: datetime) -> Iterator[Line]:
    yield Line("Status", tuple(session.state.label for session in sessions))
    yield Line("Tests", tuple(f"{count(session.current)} of {count(session.total)}" for session in sessions))
    yield Line("Failed", tuple(count(session.failed) for session in sessions))
    yield Line("Duration", tuple(took(elapsed_seconds(session, now)) for session in sessions))


def _best(columns: Sequence[Columns], metric: Metric) -> list[Line]:
    """Every metric of the best test of each."""
    rows = []
    for each in columns:
        top = best(each.metric(metric.name), 1, descending=metric.higher_is_better)
        rows.append(each.rows(top)[0] if len(top) else {})
    lines = [Line("Symbol", tuple(row.get("symbol", "–") for row in rows))]
    return lines + [_metric_line(each, [row.get(wire_name(each.name)) for row in rows]) for each in METRICS]


def _by_symbol(columns: Sequence[Columns], values: Sequence[Floats], metric: Metric) -> Iterator[Line]:
    """The best of each symbol that either has."""
    found = [dict(_best_values(*pair, metric)) for pair in zip(columns, values, strict=True)]
    for symbol in dict.fromkeys(symbol for each in found for symbol in each):
        yield _metric_line(metric, [each.get(symbol) for each in found], label=symbol)


def _best_values(columns: Columns, values: Floats, metric: Metric) -> Iterator[tuple[str, float | None]]:
    for number, symbol in enumerate(columns.plan.grid.symbols):
        first, last = np.searchsorted(columns.index, columns.plan.grid.span(number))
        top = best(values[first:last], 1, descending=metric.higher_is_better)
        yield symbol, float(values[first + top[0]]) if len(top) else None


def _metric_line(metric: Metric, values: Sequence[float | None], label: str = "") -> Line:
    texts = tuple(shown_metric(value, metric.unit) for value in values)
    ahead = None
    known = [value for value in values if value is not None]
    if metric.name not in NEUTRAL and len(known) == len(values) and len(set(texts)) > 1:
        ahead = values.index((max if metric.higher_is_better else min)(known))
    return Line(label or metric.label, texts, ahead)


def _mean(values: Floats) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _spread(values: Iterable[Floats]) -> dict[str, Any]:
    """How the metric is spread over the tests of each, as outlines on one scale; {} when there is nothing to draw."""
    defined = [each[~np.isnan(each)] for each in values]
    if not all(len(each) for each in defined):
        return {}
    ends = [np.percentile(each, [TAIL, 100 - TAIL]) for each in defined]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    if low >= high:
        return {}
    shares = [np.histogram(each, bins=BINS, range=(low, high))[0] / len(each) for each in defined]
    tallest = max(float(share.max()) for share in shares) or 1.0
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "low": low,
        "high": high,
        "medians": [float(np.median(each)) for each in defined],
        "paths": [_steps(HEIGHT * (1 - share / tallest)) for share in shares],
    }


def _steps(heights: Floats) -> str:
    """The outline of a histogram."""
    wide = WIDTH / len(heights)
    parts = [f"H{i * wide:.0f}V{y:.1f}H{(i + 1) * wide:.0f}" for i, y in enumerate(heights.tolist())]
    return f"M0 {HEIGHT:.0f}{''.join(parts)}V{HEIGHT:.0f}"
