"""Two batches side by side: which settings differ, and their results by one metric."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from backtester.engine import METRICS, Metric
from batches.formatting import count, took
from batches.formatting import metric as metric_text
from batches.models import BatchSession
from batches.results.averages import mean
from batches.results.columns import ResultColumns, columns_of
from batches.results.ranking import best_by_symbol, best_position
from batches.sweep.progress import elapsed_seconds
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts.histogram import outlines
from batches.web.labels import title_of
from batches.web.presenters import facts

NEUTRAL = {"trades", "exposure", "deployed_capital"}  # more of them is neither better nor worse


@dataclass(frozen=True)
class Line:
    """One fact about both. ahead : 0 or 1 when that batch is better; None when neither is, or it is unknown."""

    label: str
    texts: tuple[str, ...]
    ahead: int | None = None


def compare(sessions: Sequence[BatchSession], now: datetime) -> dict[str, Any]:
    """Return the context of the comparison page. The first batch's ranking metric decides what is best."""
    metric = METRICS_BY_WIRE_NAME[sessions[0].sort_by]
    columns = [columns_of(session) for session in sessions]
    values = [batch.metric(metric.name) for batch in columns]
    return {
        "metric": metric,
        "batches": [{"session": session, "title": title_of(session)} for session in sessions],
        "settings": [line for line in _settings(sessions) if len(set(line.texts)) > 1],
        "outcome": list(_outcome(sessions, now)),
        "best": _best(columns, metric),
        "averages": [_metric_line(about, [mean(batch.metric(about.name)) for batch in columns]) for about in METRICS],
        "by_symbol": list(_by_symbol(columns, metric)),
        "spread": outlines(values),
    }


def _settings(sessions: Sequence[BatchSession]) -> Iterator[Line]:
    yield Line("Strategy", tuple(title_of(session) for session in sessions))
    settings = [dict(facts(session)) for session in sessions]
    for label in dict.fromkeys(label for batch in settings for label in batch):
        yield Line(label, tuple(batch.get(label, "–") for batch in settings))


def _outcome(sessions: Sequence[BatchSession], now: datetime) -> Iterator[Line]:
    yield Line("Status", tuple(session.state.label for session in sessions))
    yield Line("Tests", tuple(f"{count(session.current)} of {count(session.total)}" for session in sessions))
    yield Line("Failed", tuple(count(session.failed) for session in sessions))
    yield Line("Duration", tuple(took(elapsed_seconds(session, now)) for session in sessions))


def _best(columns: Sequence[ResultColumns], metric: Metric) -> list[Line]:
    """Return every metric of the best test of each batch."""
    rows: list[Mapping[str, Any]] = []
    for batch in columns:
        position = best_position(batch.metric(metric.name), metric)
        rows += [{}] if position is None else batch.rows(np.array([position]))
    lines = [Line("Symbol", tuple(row.get("symbol", "–") for row in rows))]
    return lines + [_metric_line(about, [row.get(wire_name(about.name)) for row in rows]) for about in METRICS]


def _by_symbol(columns: Sequence[ResultColumns], metric: Metric) -> Iterator[Line]:
    """Return the best value of each symbol that either batch has."""
    best_values = [_best_values(batch, metric) for batch in columns]
    for symbol in dict.fromkeys(symbol for batch in best_values for symbol in batch):
        yield _metric_line(metric, [batch.get(symbol) for batch in best_values], label=symbol)


def _best_values(columns: ResultColumns, metric: Metric) -> dict[str, float | None]:
    values = columns.metric(metric.name)
    positions = best_by_symbol(columns, metric)
    return {symbol: None if position is None else float(values[position]) for symbol, position in positions.items()}


def _metric_line(metric: Metric, values: Sequence[float | None], label: str = "") -> Line:
    texts = tuple(metric_text(value, metric.unit) for value in values)
    ahead = None
    defined = [value for value in values if value is not None]
    if metric.name not in NEUTRAL and len(defined) == len(values) and len(set(texts)) > 1:
        ahead = values.index((max if metric.higher_is_better else min)(defined))
    return Line(label or metric.label, texts, ahead)
