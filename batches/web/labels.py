"""The columns of a batch: which there are on a page, in which order, and their labels."""

from django.conf import settings
from django.urls import reverse

from batches.models import BatchSession
from batches.results.holding import SORTABLE
from batches.sweep.progress import timeout_words
from batches.sweep.titles import parameters_of, ranges_of, strategy_title, symbols_of
from batches.sweep.wire_names import JUDGED_LABELS, METRICS_BY_WIRE_NAME
from batches.web.panel_words import MetricName, PanelNames

LEADER_METRICS = ("annualizedReturn", "totalReturn", "sharpe", "maxDrawdown", "trades")
PARALLEL_METRICS = ("sharpe", "maxDrawdown", "trades")
MOST_PARALLEL_AXES = 9
VERDICT_TONES = {
    "holds_up": "good",
    "edge_not_choice": "warn",
    "weak": "warn",
    "likely_luck": "bad",
    "no_better_than_holding": "bad",
    "too_short": "soft",
}


def title_of(session: BatchSession) -> str:
    """Return the title that its user gave it, or the strategy's; `summary_of` says the rest."""
    return session.title or strategy_title(session.strategy)


def summary_of(session: BatchSession) -> str:
    """`fast average 2–20 by 2 · slow average 25–145 by 5 · 20 symbols`, after the strategy if the title is another."""
    request = session.request
    parts = [*ranges_of(request), symbols_of(request["symbols"])]
    return " · ".join([strategy_title(session.strategy), *parts] if session.title else parts)


def names_of(session: BatchSession) -> PanelNames:
    """Return what the page's scripts need to put an event into words."""
    return {
        "parameters": {
            name: {"label": parameter.label, "kind": parameter.kind}
            for name, parameter in parameters_of(session.strategy).items()
        },
        "metrics": _metric_names() | _judged_names(session),
        "sortBy": session.sort_by,
        "severalTimeframes": len(session.request.get("timeframes") or ()) > 1,
        "betaScaling": bool(session.request["enableBetaScaling"]),
        "timeout": timeout_words(session.timeout_s),
        "stalledAfterMs": settings.STALLED_AFTER_S * 1000,
        "resultsUrl": reverse("batches:detail", args=[session.id]) + "results/",
    }


def _metric_names() -> dict[str, MetricName]:
    return {name: {"label": metric.label, "unit": metric.unit} for name, metric in SORTABLE.items()}


def _judged_names(session: BatchSession) -> dict[str, MetricName]:
    """Return label and unit of the columns that the verdict adds."""
    ranked = METRICS_BY_WIRE_NAME[session.sort_by].unit
    return {name: {"label": label, "unit": unit or ranked} for name, (label, unit) in JUDGED_LABELS.items()}


def label_of(session: BatchSession, name: str) -> str:
    """Return the label of a parameter, the coefficient or a metric by its wire name."""
    if name in SORTABLE:
        return SORTABLE[name].label
    if name in JUDGED_LABELS:
        return JUDGED_LABELS[name][0]
    if name == "timeframe":
        return "Timeframe"
    if name == "coefficient":
        return "Coefficient"
    parameter = parameters_of(session.strategy).get(name)
    return parameter.label if parameter else name


def axes_of(session: BatchSession) -> list[str]:
    """Return the wire names of what differs between tests: parameters with several values, then the coefficient."""
    axes = [name for name, values in session.request["parameterRanges"].items() if len(values) > 1]
    axes = (["timeframe"] if len(session.request.get("timeframes", ())) > 1 else []) + axes
    return axes + (["coefficient"] if session.request["enableBetaScaling"] else [])


def leader_columns(session: BatchSession) -> list[tuple[str, str]]:
    """Return (wire name, label) of the leaders' columns, the ranking metric first: a phone shows only a few."""
    names = dict.fromkeys([session.sort_by, *axes_of(session), *LEADER_METRICS])
    return [(name, label_of(session, name)) for name in names]


def parallel_axes(session: BatchSession) -> list[str]:
    """Return the wire names of the axes of the parallel coordinates, from left to right."""
    axes = [name for name in axes_of(session) if name != "timeframe"]
    return list(dict.fromkeys([*axes, session.sort_by, *PARALLEL_METRICS]))[:MOST_PARALLEL_AXES]
