"""The first screen of the results: which test won, and what to doubt about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batches.formatting import fixed, is_missing
from batches.formatting import metric as metric_text
from batches.models import BatchSession
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.next_sweeps import edges, refined

METRICS = {
    "annualizedReturn": "Return / yr",
    "sharpe": "Sharpe",
    "maxDrawdown": "Max drawdown",
    "trades": "Trades",
    "exposure": "In market",
}
NEUTRAL = ("trades", "exposure")
AT_THE_EDGE = "is at the edge of"


@dataclass(frozen=True)
class Figure:
    """A metric of the best test. held : of buy and hold; gain : ahead of it; sign : up, down or \"\""""

    name: str
    label: str
    value: str
    held: str
    gain: str
    sign: str


@dataclass(frozen=True)
class Warning:
    """A doubt about the winner. action, href : a button that leads to what one can do about it, if there is one"""

    text: str
    action: str = ""
    href: str = ""


def figures(row: Mapping[str, Any] | None, hold: Mapping[str, Any] | None) -> list[Figure]:
    """Return the deciding metrics of a row beside those of buy and hold; dashes for what is not known yet."""
    return [_figure(name, (row or {}).get(name), (hold or {}).get(name)) for name in METRICS]


def _figure(name: str, value: float | None, held: float | None) -> Figure:
    unit = METRICS_BY_WIRE_NAME[name].unit
    gain, sign = "", ""
    if name not in NEUTRAL and value is not None and held is not None and not is_missing(value - held):
        difference = value - held
        text = f"{fixed(difference * 100, 1)} pts" if unit == "fraction" else fixed(difference, 2)
        gain = text if difference < 0 else f"+{text}"
        sign = "up" if difference > 0 else "down" if difference < 0 else ""
    return Figure(name, METRICS[name], metric_text(value, unit), metric_text(held, unit), gain, sign)


def warnings(session: BatchSession) -> list[Warning]:
    """Return what an expert would say before believing the winner, each with the way out if there is one."""
    results = session.results or {}
    best = results.get("summary", {}).get("overallBest")
    texts = results.get("validation", {}).get("warnings", [])
    lines = [Warning(text) for text in texts if AT_THE_EDGE not in text]
    if best is None:
        return lines
    lines += [
        Warning(
            f"The best {edge.label} ({edge.value}) {AT_THE_EDGE} the range tested, {edge.low} to {edge.high}.",
            f"Extend to {edge.reach}",
            edge.href,
        )
        for edge in edges(session, best["parameters"])
    ]
    if href := refined(session, best["parameters"]):
        lines.append(Warning("Robust results have neighbors that are nearly as good.", "Refine around this", href))
    return lines
