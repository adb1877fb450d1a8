"""The text of the progress panel. `static/batches/panel-fields.js` writes the same text for the same event."""

from collections.abc import Mapping
from typing import Any, TypedDict

from batches.formatting import (
    MISSING,
    count,
    duration,
    fixed,
    is_missing,
    isolated,
    metric,
    mid_sentence,
    parameter,
    parameters,
    percent,
    remaining,
    rounded_down,
    took,
)

TERMINAL = ("complete", "error", "cancelled")
PHASES = {"loading": "Loading", "compiling": "Compiling", "testing": "Running", "writing": "Writing"}
STATES = {"queued": "Queued", "paused": "Paused", "complete": "Complete", "cancelled": "Cancelled", "error": "Failed"}
Event = Mapping[str, Any]


class ParameterName(TypedDict):
    label: str
    kind: str


class MetricName(TypedDict):
    label: str
    unit: str


class PanelNames(TypedDict):
    """What puts an event into words, by wire name; the scripts read it from the page."""

    parameters: dict[str, ParameterName]
    metrics: dict[str, MetricName]
    sortBy: str
    severalTimeframes: bool
    betaScaling: bool
    timeout: str
    stalledAfterMs: float
    resultsUrl: str


def phase_text(event: Event) -> str:
    """Return the phase of a running batch, else its status."""
    if event["status"] == "running":
        return PHASES.get(event["phase"], str(event["phase"]))
    if event["status"] == "complete" and not event["successfulTests"]:
        return "Complete, all failed"
    return "Timed out" if event.get("code") == "TIMEOUT" else STATES[event["status"]]


def elapsed_text(event: Event) -> str:
    """Whole seconds while it runs; tenths at the end of a short run."""
    return (took if event["status"] in TERMINAL else duration)(event["elapsedTime"])


def percentage_text(value: float) -> str:
    """`49.2%`, rounded down, but `0%` and `100%`."""
    if is_missing(value):
        return MISSING
    return f"{int(value)}%" if value in (0, 100) else percent(rounded_down(value) / 100)


def percentage_value(value: float) -> float | str:
    """The same as a number: of the bar, and for who hears it."""
    return MISSING if is_missing(value) else rounded_down(value)


def remaining_text(event: Event) -> str:
    """`~6m 23s remaining`, also when the estimate is unknown or the batch paused."""
    if event["status"] in TERMINAL:
        return ""
    if event["status"] == "paused":
        return "Paused"
    left = event.get("estimatedTimeRemaining")
    return "Estimating the time left" if left is None else f"{remaining(left)} remaining"


def beta_text(event: Event, names: PanelNames) -> str:
    """`Beta: 2.10, Coeff: 1.50`, with beta scaling only."""
    beta, coefficient = event.get("currentBeta"), event.get("currentCoefficient")
    if not names["betaScaling"] or beta is None:
        return ""
    return f"Beta: {fixed(beta, 2)}, Coeff: {fixed(1 if coefficient is None else coefficient, 2)}"


def best_text(best: Mapping[str, Any], names: PanelNames) -> str:
    """`TSLA - 48.7% annual return`, with the ranking metric when that is another one."""
    text = f"{isolated(best['symbol'])} - {percent(best['annualizedReturn'])} annual return"
    sort_by = names["sortBy"]
    if sort_by == "annualizedReturn":
        return text
    ranking = names["metrics"][sort_by]
    return f"{text}, {mid_sentence(ranking['label'])} {metric(best[sort_by], ranking['unit'])}"


def identity_text(row: Mapping[str, Any] | None, names: PanelNames) -> str:
    """`1h, Fast average 10, Slow average 50, coefficient 1.50`: which test of its symbol it is."""
    values = row or {}
    parts = [str(values["timeframe"])] if names["severalTimeframes"] and values.get("timeframe") else []
    if values.get("parameters"):
        parts.append(parameters(values["parameters"], names["parameters"]))
    if names["betaScaling"] and values.get("coefficient") is not None:
        parts.append(f"coefficient {fixed(values['coefficient'], 2)}")
    return ", ".join(parts)


def retry_text(event: Event) -> str:
    """A retry takes over the finished tests and runs the others; that of a cancelled batch undoes the cancel."""
    left = event["total"] - event["successfulTests"]
    if left <= 0:
        return "Retry"
    return f"Continue ({count(left)} left)" if event["status"] == "cancelled" else f"Run the remaining {count(left)}"


def luck_text(event: Event) -> str:
    """`Sharpe ratio 1.21. The best of 3,412 without skill would show about 0.93.`"""
    luck = event.get("luck")
    if not luck or luck["bestSharpe"] is None:
        return ""
    sharpe, line = (metric(luck[name], "ratio") for name in ("bestSharpe", "sharpe"))
    return f"Sharpe ratio {sharpe}. The best of {count(luck['trialsEver'])} without skill would show about {line}."


def cell(row: Mapping[str, Any] | None, name: str, names: PanelNames) -> str:
    """Return the text of the timeframe, a parameter, the coefficient or a metric of a row."""
    values = row or {"parameters": {}}
    if name == "timeframe":
        return values.get(name) or MISSING
    return value_text(values["parameters"].get(name, values.get(name)), name, names)


def value_text(value: float | None, name: str, names: PanelNames) -> str:
    if name in names["parameters"]:
        return parameter(value, names["parameters"][name]["kind"])
    return metric(value, names["metrics"][name]["unit"] if name in names["metrics"] else "ratio")


def ahead(row: Mapping[str, Any] | None, held: Mapping[str, Any] | None) -> float | None:
    """Return the annual return in excess of buy and hold, as a fraction; None when one of them is undefined."""
    own, other = ((metrics or {}).get("annualizedReturn") for metrics in (row, held))
    return None if own is None or other is None else float(own - other)


def signed(value: float | None) -> str:
    """`+3.2%`."""
    if value is None or is_missing(value):
        return MISSING
    return f"{'+' if value >= 0 else ''}{percent(value)}"


def shade(value: float | None) -> str:
    """Return the CSS class of a return: `up1` to `up3`, `down1` to `down3`; "" for less than half a percent."""
    size = abs(value or 0.0)
    step = sum(size >= edge for edge in (0.005, 0.03, 0.08))
    return "" if not step or value is None else f"{'up' if value > 0 else 'down'}{step}"


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Round to four digits: scaling by beta leaves parameters with many."""
    return {name: float(f"{value:.4g}") for name, value in values.items()}
