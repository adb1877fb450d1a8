"""Batches side by side: which settings differ, and their results by one metric."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from backtester.engine import METRICS, Metric
from backtester.engine.arrays import Days, Floats
from batches.errors import BatchError
from batches.formatting import count, mid_sentence, took
from batches.formatting import metric as metric_text
from batches.models import BatchSession
from batches.results.averages import mean
from batches.results.columns import ResultColumns, columns_of
from batches.results.ranking import best_by_symbol, best_position, ranked
from batches.results.replay import played
from batches.sweep.progress import elapsed_seconds
from batches.sweep.titles import strategy_title
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.charts.histogram import outlines
from batches.web.charts.overlay import overlay
from batches.web.labels import title_of
from batches.web.presenters import facts

MOST = 6  # batches: more columns cannot be read
NEUTRAL = {"trades", "exposure", "deployed_capital"}  # more of them is neither better nor worse


@dataclass(frozen=True)
class Line:
    """One fact about all. ahead : the number of the batch that is best; None when none is, or it is unknown."""

    label: str
    texts: tuple[str, ...]
    ahead: int | None = None


def compare(sessions: Sequence[BatchSession], now: datetime) -> dict[str, Any]:
    """Return the context of the comparison page. The first batch's ranking metric decides what is best."""
    metric = METRICS_BY_WIRE_NAME[sessions[0].sort_by]
    columns = [columns_of(session) for session in sessions]
    values = [batch.metric(metric.name) for batch in columns]
    bests = [best_position(ranked(batch, metric), metric) for batch in columns]
    best_values = [None if at is None else float(own[at]) for own, at in zip(values, bests, strict=True)]
    by_symbol = list(_by_symbol(columns, metric))
    curves = _best_curves(sessions, columns, bests)
    return {
        "sentences": _sentences(sessions, best_values, by_symbol, metric),
        "overlay": overlay(curves) if len(curves) == len(sessions) else None,
        "metric": metric,
        "batches": [
            {"session": session, "title": title_of(session), "letter": letter, "median": _median(own)}
            for session, letter, own in zip(sessions, "ABCDEF", values, strict=False)
        ],
        "settings": [line for line in _settings(sessions) if len(set(line.texts)) > 1],
        "outcome": list(_outcome(sessions, now)),
        "best": _best(columns, bests),
        "averages": [_metric_line(about, [mean(batch.metric(about.name)) for batch in columns]) for about in METRICS],
        "by_symbol": by_symbol,
        "spread": outlines(values),
    }


def _sentences(
    sessions: Sequence[BatchSession], values: Sequence[float | None], by_symbol: Sequence[Line], metric: Metric
) -> list[str]:
    """Return who wins by what, and what makes that unfair."""
    letters = "ABCDEF"[: len(sessions)]
    tried = [count(session.current) for session in sessions]
    best = _metric_line(metric, values)
    sentences = []
    if best.ahead is not None:
        others = ", ".join(f"{best.texts[k]} ({letters[k]})" for k in range(len(sessions)) if k != best.ahead)
        winner = f"{letters[best.ahead]} has the best {mid_sentence(metric.label)}: {best.texts[best.ahead]}"
        sentences.append(f"{winner}, against {others}.")
    common = [line for line in by_symbol if line.ahead is not None]
    if len(common) > 1:
        wins = [f"{letters[k]}’s on {sum(line.ahead == k for line in common)}" for k in range(len(sessions))]
        sentences.append(f"Of the {len(common)} symbols that they share, the best test is {', '.join(wins)}.")
    counts = [session.current for session in sessions]
    if min(counts) and max(counts) > 1.5 * min(counts):
        pairs = " against ".join(f"{number} ({letter})" for letter, number in zip(letters, tried, strict=True))
        sentences.append(f"The best of more tests is better by luck alone: {pairs}. The medians are not affected.")
    requests = [session.tested_request for session in sessions]
    if len({(request.get("startDate"), request.get("endDate")) for request in requests}) > 1:
        sentences.append("They were tested over different dates; the curves show the dates that all have.")
    return sentences


def _median(values: Floats) -> float | None:
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if len(defined) else None


def _best_curves(
    sessions: Sequence[BatchSession], columns: Sequence[ResultColumns], bests: Sequence[int | None]
) -> list[tuple[Days, Floats]]:
    """Return dates and equity of the best test of each batch; of none whose prices are gone."""
    curves = []
    for session, batch, position in zip(sessions, columns, bests, strict=True):
        if position is None:
            continue
        with contextlib.suppress(BatchError):
            best = played(session, int(batch.index[position])).replay
            curves.append((best.dates, best.equity))
    return curves


def _settings(sessions: Sequence[BatchSession]) -> Iterator[Line]:
    yield Line("Strategy", tuple(strategy_title(session.strategy) for session in sessions))
    settings = [dict(facts(session)) for session in sessions]
    for label in dict.fromkeys(label for batch in settings for label in batch):
        yield Line(label, tuple(batch.get(label, "–") for batch in settings))


def _outcome(sessions: Sequence[BatchSession], now: datetime) -> Iterator[Line]:
    yield Line("Status", tuple(session.state.label for session in sessions))
    yield Line("Tests", tuple(f"{count(session.current)} of {count(session.total)}" for session in sessions))
    yield Line("Failed", tuple(count(session.failed) for session in sessions))
    yield Line("Duration", tuple(took(elapsed_seconds(session, now)) for session in sessions))


def _best(columns: Sequence[ResultColumns], bests: Sequence[int | None]) -> list[Line]:
    """Return every metric of the best test of each batch."""
    rows: list[Mapping[str, Any]] = []
    for batch, position in zip(columns, bests, strict=True):
        rows += [{}] if position is None else batch.rows(np.array([position]))
    lines = [Line("Symbol", tuple(row.get("symbol", "–") for row in rows))]
    return lines + [_metric_line(about, [row.get(wire_name(about.name)) for row in rows]) for about in METRICS]


def _by_symbol(columns: Sequence[ResultColumns], metric: Metric) -> Iterator[Line]:
    """Return the best value of each symbol that a batch has."""
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
    return Line(label or metric.label + (" in days" if metric.unit == "days" else ""), texts, ahead)
