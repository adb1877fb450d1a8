"""The words of the panel, as `static/batches/panel-fields.js` has them: both draw the same event."""

from collections.abc import Mapping
from typing import Any

from batches.formatting import MISSING, duration, is_missing, metric, parameter, percent, remaining, took

TERMINAL = ("complete", "error", "cancelled")
PHASES = {"loading": "Loading", "compiling": "Compiling", "testing": "Running", "writing": "Writing"}
STATES = {"queued": "Queued", "paused": "Paused", "complete": "Complete", "cancelled": "Cancelled", "error": "Failed"}
Event = Mapping[str, Any]


def phase_text(event: Event) -> str:
    """What it does now, or how it ended."""
    if event["status"] == "running":
        return PHASES.get(event["phase"], str(event["phase"]))
    return "Timed out" if event.get("code") == "TIMEOUT" else STATES[event["status"]]


def elapsed_text(event: Event) -> str:
    """Whole seconds while it runs; how long it took in the end."""
    return (took if event["status"] in TERMINAL else duration)(event["elapsedTime"])


def percentage_text(value: float) -> str:
    """Tenths only while they tell something: `49.2%`, `100%`."""
    return f"{int(value)}%" if value in (0, 100) else percent(value / 100)


def remaining_text(event: Event) -> str:
    """`~6m 23s remaining`; an unknown estimate is said to be unknown."""
    if event["status"] in TERMINAL:
        return ""
    if event["status"] == "paused":
        return "Paused"
    left = event.get("estimatedTimeRemaining")
    return "Estimating the time left" if left is None else f"{remaining(left)} remaining"


def beta_text(event: Event, names: Mapping[str, Any]) -> str:
    """`Beta: 2.10, Coeff: 1.50`, with beta scaling only."""
    beta, coefficient = event.get("currentBeta"), event.get("currentCoefficient")
    if not names["betaScaling"] or beta is None:
        return ""
    return f"Beta: {beta:.2f}, Coeff: {1 if coefficient is None else coefficient:.2f}"


def best_text(best: Mapping[str, Any], names: Mapping[str, Any]) -> str:
    """`TSLA - 48.7% annual return`, and the figure it was chosen by where that is another one."""
    text = f"{best['symbol']} - {percent(best['annualizedReturn'])} annual return"
    sort_by = names["sortBy"]
    if sort_by == "annualizedReturn":
        return text
    about = names["metrics"][sort_by]
    return f"{text}, {about['label'].lower()} {metric(best[sort_by], about['unit'])}"


def cell(row: Mapping[str, Any] | None, name: str, names: Mapping[str, Any]) -> str:
    """One cell of a row: a parameter, the coefficient, or a metric."""
    found = row or {"parameters": {}}
    return value_text(found["parameters"].get(name, found.get(name)), name, names)


def value_text(value: float | None, name: str, names: Mapping[str, Any]) -> str:
    """A value of the parameter, the coefficient or the metric of that name."""
    if name in names["parameters"]:
        return parameter(value, names["parameters"][name]["kind"])
    return metric(value, names["metrics"].get(name, {}).get("unit", "ratio"))


def ahead(row: Mapping[str, Any] | None, held: Mapping[str, Any] | None) -> float | None:
    """How much more a year than buy and hold, as a fraction; None when one of them is undefined."""
    own, other = ((each or {}).get("annualizedReturn") for each in (row, held))
    return None if own is None or other is None else float(own - other)


def signed(value: float | None) -> str:
    """`+3.2%`."""
    if value is None or is_missing(value):
        return MISSING
    return f"{'+' if value >= 0 else ''}{percent(value)}"


def shade(value: float | None) -> str:
    """The class of a cell by how much was won or lost: `up1` to `up3`, `down1` to `down3`; "" for next to nothing."""
    size = abs(value or 0.0)
    step = sum(size >= edge for edge in (0.005, 0.03, 0.08))
    return "" if not step or value is None else f"{'up' if value > 0 else 'down'}{step}"


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Four digits of each: what beta made of a parameter has no natural end."""
    return {name: float(f"{value:.4g}") for name, value in values.items()}
