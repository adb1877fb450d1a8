"""The columns of a batch: which there are on a page, in which order, and their labels."""

from django.conf import settings
from django.urls import reverse

from backtester.engine import STRATEGIES, Parameter
from batches.models import BatchSession
from batches.sweep.progress import timeout_words
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name
from batches.web.panel_words import PanelNames

LEADER_METRICS = ("annualizedReturn", "totalReturn", "sharpe", "maxDrawdown", "trades")
PARALLEL_METRICS = ("sharpe", "maxDrawdown", "trades")
MOST_PARALLEL_AXES = 9


def title_of(session: BatchSession) -> str:
    """Return the strategy's title; its name when this version does not have it."""
    strategy = STRATEGIES.get(session.strategy)
    return strategy.title if strategy else session.strategy


def parameters_of(session: BatchSession) -> dict[str, Parameter]:
    """Return the strategy's parameters by wire name; none when this version does not have it."""
    strategy = STRATEGIES.get(session.strategy)
    return {wire_name(parameter.name): parameter for parameter in (strategy.parameters if strategy else ())}


def names_of(session: BatchSession) -> PanelNames:
    """Return what the page's scripts need to put an event into words."""
    return {
        "parameters": {
            name: {"label": parameter.label, "kind": parameter.kind}
            for name, parameter in parameters_of(session).items()
        },
        "metrics": {
            name: {"label": metric.label, "unit": metric.unit} for name, metric in METRICS_BY_WIRE_NAME.items()
        },
        "sortBy": session.sort_by,
        "betaScaling": bool(session.request["enableBetaScaling"]),
        "timeout": timeout_words(session.timeout_s),
        "stalledAfterMs": settings.STALLED_AFTER_S * 1000,
        "resultsUrl": reverse("batches:detail", args=[session.id]) + "results/",
    }


def label_of(session: BatchSession, name: str) -> str:
    """Return the label of a parameter, the coefficient or a metric by its wire name."""
    if name in METRICS_BY_WIRE_NAME:
        return METRICS_BY_WIRE_NAME[name].label
    if name == "coefficient":
        return "Coeff"
    parameter = parameters_of(session).get(name)
    return parameter.label if parameter else name


def axes_of(session: BatchSession) -> list[str]:
    """Return the wire names of what differs between tests: parameters with several values, then the coefficient."""
    axes = [name for name, values in session.request["parameterRanges"].items() if len(values) > 1]
    return axes + (["coefficient"] if session.request["enableBetaScaling"] else [])


def leader_columns(session: BatchSession) -> list[tuple[str, str]]:
    """Return (wire name, label) of the leaders' columns, the ranking metric first: a phone shows only a few."""
    names = dict.fromkeys([session.sort_by, *axes_of(session), *LEADER_METRICS])
    return [(name, label_of(session, name)) for name in names]


def parallel_axes(session: BatchSession) -> list[str]:
    """Return the wire names of the axes of the parallel coordinates, from left to right."""
    return list(dict.fromkeys([*axes_of(session), session.sort_by, *PARALLEL_METRICS]))[:MOST_PARALLEL_AXES]
