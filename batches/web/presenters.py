"""What the pages show of a batch: its settings as text, the panel's first event, the lines of a list."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from batches.formatting import bar_time, counted, isolated, mid_sentence, percent, rounded_down, shortened
from batches.formatting import metric as metric_text
from batches.formatting import parameter as parameter_text
from batches.models import BatchSession, Status
from batches.results.judged import ShortVerdict
from batches.sweep.progress import elapsed_seconds, percentage, snapshot, timeout_words
from batches.sweep.titles import parameters_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import ProgressEvent, Row
from batches.web.labels import summary_of, title_of

SYMBOLS_SHOWN = 4
MOST_LISTED = 50  # symbols that a page lists
MOST_VALUES = 8
NONE: Mapping[uuid.UUID, ShortVerdict] = {}


def panel_event(session: BatchSession, now: datetime) -> ProgressEvent:
    """Return the first event of the panel, without the results, which the page renders separately."""
    event = snapshot(session, now)
    if event["type"] == "error":
        event["error"], event["code"] = session.error, session.error_code
    return event


def first_symbols(session: BatchSession, best_rows: Mapping[str, Row | None]) -> list[tuple[str, Row | None]]:
    """Return (symbol, its best row) in the batch's order; of more than a page can list, the best ones, best first."""
    if len(best_rows) <= MOST_LISTED:
        return list(best_rows.items())
    sign = -1.0 if METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better else 1.0

    def rank(pair: tuple[str, Mapping[str, Any] | None]) -> float:
        value = (pair[1] or {}).get(session.sort_by)
        return float("inf") if value is None else sign * float(value)

    return sorted(best_rows.items(), key=rank)[:MOST_LISTED]


def symbols_text(symbols: list[str]) -> str:
    """`AAPL, AMD, BAC, BBY and 16 more`."""
    return shortened(symbols, SYMBOLS_SHOWN)


def facts(session: BatchSession) -> list[tuple[str, str]]:
    request = session.tested_request
    ranges = request["parameterRanges"]
    start = bar_time(request["startDate"] or "from the first bar")
    end = bar_time(request["endDate"] or "the last bar")
    fees, slippage = (parameter_text(request[name], "percent") for name in ("fees", "slippage"))
    lines = [
        ("Symbols", shortened(request["symbols"], MOST_LISTED)),
        *(
            (parameter.label, _values_text(ranges[name], parameter.kind))
            for name, parameter in parameters_of(session.strategy).items()
            if name in ranges
        ),
        *([("Timeframes", ", ".join(request["timeframes"]))] if request.get("timeframes") else []),
        ("Dates", f"{start} to {end}"),
        *([("Locked days", str(session.holdout))] if session.holdout else []),
        ("Direction", request["direction"]),
        *([("Overnight", "flat at the end of each session")] if request.get("flatAtSessionEnd") else []),
        ("Fees, slippage", f"{fees}, {slippage}"),
        ("Initial capital", f"{request['initialCapital']:,.16g}"),
        *([("Shares", "whole ones only")] if request.get("wholeShares") else []),
        *([("Buy and hold", "not compared")] if not request["includeComparison"] else []),
        ("Ranked by", METRICS_BY_WIRE_NAME[session.sort_by].label),
        ("Time limit", timeout_words(session.timeout_s)),
        *([("Stops early", _abort_text(request))] if request["abortFailureShare"] < 1 else []),
    ]
    if request["enableBetaScaling"]:
        betas = [f"{isolated(fact['symbol'])} {metric_text(fact['beta'], 'ratio')}" for fact in session.instruments]
        coefficients = ", ".join(f"{coefficient:g}" for coefficient in request["coefficients"])
        lines += [("Coefficients", coefficients), ("Betas", shortened(betas, MOST_LISTED))]
    return lines


def _abort_text(request: Mapping[str, Any]) -> str:
    share = parameter_text(request["abortFailureShare"], "percent")
    return f"above {share} failed, after {counted(request['abortMinimumTests'], 'test')}"


def _values_text(values: list[float], kind: str) -> str:
    texts = [parameter_text(value, kind) for value in values]
    if len(texts) > MOST_VALUES:
        return f"{', '.join(texts[:3])}, … {texts[-1]} ({len(texts):,} values)"
    return ", ".join(texts)


@dataclass(frozen=True)
class BatchLine:
    """day : `Today`, `Yesterday`, `Thu, 26 Nov 2026`, in UTC; state : the status, or `all-failed`"""

    session: BatchSession
    day: str
    title: str
    summary: str
    state: str
    state_text: str
    percentage: float
    best: str
    seconds: float
    verdict: ShortVerdict | None


def batch_lines(
    sessions: Iterable[BatchSession], now: datetime, verdicts: Mapping[uuid.UUID, ShortVerdict] = NONE
) -> list[BatchLine]:
    return [
        BatchLine(
            session=session,
            day=day_text(session.created_at, now),
            title=title_of(session),
            summary=summary_of(session),
            state="all-failed" if _all_failed(session) else session.status,
            state_text="Complete, all failed" if _all_failed(session) else session.state.label,
            percentage=rounded_down(percentage(session)),
            best=_best_text(session),
            seconds=elapsed_seconds(session, now),
            verdict=verdicts.get(session.pk),
        )
        for session in sessions
    ]


def day_text(moment: datetime, now: datetime) -> str:
    days = (now.astimezone(UTC).date() - moment.astimezone(UTC).date()).days
    return {0: "Today", 1: "Yesterday"}.get(days, f"{moment.astimezone(UTC):%a, %Y-%m-%d}")


def _all_failed(session: BatchSession) -> bool:
    return session.status == Status.COMPLETE and session.failed > 0 and not session.successful


def _best_text(session: BatchSession) -> str:
    if not session.leaders:
        return ""
    best = session.leaders[0]
    if session.sort_by == "annualizedReturn":
        return f"{isolated(best['symbol'])} · {percent(best['annualizedReturn'])} a year"
    metric = METRICS_BY_WIRE_NAME[session.sort_by]
    return (
        f"{isolated(best['symbol'])} · {mid_sentence(metric.label)} {metric_text(best[session.sort_by], metric.unit)}"
    )
