"""What the pages of a batch show, from its row and its results. The views put it into templates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from backtester.engine import STRATEGIES
from batches.formatting import metric as shown_metric
from batches.formatting import parameter as shown_parameter
from batches.formatting import percent
from batches.models import BatchSession
from batches.results.heatmap import AGGREGATES
from batches.sweep.progress import elapsed_seconds, percentage, snapshot, timeout_words
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME, wire_name

LEADER_METRICS = ("annualizedReturn", "totalReturn", "sharpe", "maxDrawdown", "trades")
SYMBOLS_SHOWN = 4
MOST_OPTIONS = 200  # symbols in a list to choose from; beyond it they are typed
MOST_NAMED = 50  # symbols that a page tells one by one
# What lists of batches do without: wide columns that only one batch's page shows.
HEAVY = ("results", "instruments", "pace", "failures", "last_test", "improvements")


def panel_event(session: BatchSession, now: datetime) -> dict[str, Any]:
    """The event that the panel is first drawn from, without the results, which the page shows in its own way."""
    event = snapshot(session, now)
    if event["type"] == "error":
        event |= {"error": session.error, "code": session.error_code}
    return event


def names_of(session: BatchSession) -> dict[str, Any]:
    """What the scripts need to put an event into words."""
    strategy = STRATEGIES.get(session.strategy)
    return {
        "parameters": {
            wire_name(each.name): {"label": each.label, "kind": each.kind}
            for each in (strategy.parameters if strategy else ())
        },
        "metrics": {name: {"label": each.label, "unit": each.unit} for name, each in METRICS_BY_WIRE_NAME.items()},
        "sortBy": session.sort_by,
        "betaScaling": bool(session.request["enableBetaScaling"]),
        "timeout": timeout_words(session.timeout_s),
        "stalledAfterMs": settings.STALLED_AFTER_S * 1000,
        "resultsUrl": reverse("batches:detail", args=[session.id]) + "results/",
    }


def axes_of(session: BatchSession) -> list[str]:
    """The wire names of what differs from test to test: parameters with more than one value, then the coefficient."""
    axes = [name for name, values in session.request["parameterRanges"].items() if len(values) > 1]
    return axes + (["coefficient"] if session.request["enableBetaScaling"] else [])


def leader_columns(session: BatchSession) -> list[tuple[str, str]]:
    """(wire name, label) of the columns beside the leaders: what they are ranked by comes first, on a phone too."""
    return [
        (name, label_of(session, name)) for name in dict.fromkeys([session.sort_by, *axes_of(session), *LEADER_METRICS])
    ]


def map_choice(session: BatchSession, given: Mapping[str, str], prefix: str = "map.") -> dict[str, Any]:
    """What the heatmap shows at first: what a copied link holds (`map.x=slow`), else the first two parameters."""
    axes = [name for name in axes_of(session) if name != "coefficient"]
    first = {
        "x": (axes[1] if len(axes) > 1 else "", axes),
        "y": (axes[0] if axes else "", axes),
        "metric": (session.sort_by, METRICS_BY_WIRE_NAME),
        "symbol": ("", session.request["symbols"]),
        "aggregate": ("median", AGGREGATES),
        "near": ("", ["on"]),
    }
    chosen = {name: given.get(prefix + name, "") for name in first}
    chosen["symbol"] = chosen["symbol"].strip().upper()
    choice = {name: chosen[name] if chosen[name] in known else usual for name, (usual, known) in first.items()}
    unknown = "" if choice["symbol"] else chosen["symbol"]
    columns, rows = (len(session.request["parameterRanges"].get(choice[axis], ())) for axis in ("x", "y"))
    # What heatmap.js will make of the picture's shape: the page keeps its place free from the start.
    shape = max(4 * columns, 2 * rows), max(4 * rows, columns)
    offered = {"axes": axes, "aggregates": AGGREGATES, "most_options": MOST_OPTIONS}
    return offered | {"shape": shape, "unknown": unknown} | choice


def label_of(session: BatchSession, name: str) -> str:
    """The label of a parameter, the coefficient or a metric."""
    if name in METRICS_BY_WIRE_NAME:
        return METRICS_BY_WIRE_NAME[name].label
    strategy = STRATEGIES.get(session.strategy)
    labels = {wire_name(each.name): each.label for each in (strategy.parameters if strategy else ())}
    return "Coeff" if name == "coefficient" else labels.get(name, name)


def first_symbols(session: BatchSession, best_rows: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(symbol, its best row) as they are; of more than a page can tell, those that came out best, the best first."""
    if len(best_rows) <= MOST_NAMED:
        return list(best_rows.items())
    sign = -1.0 if METRICS_BY_WIRE_NAME[session.sort_by].higher_is_better else 1.0

    def rank(pair: tuple[str, Any]) -> float:
        value = (pair[1] or {}).get(session.sort_by)
        return float("inf") if value is None else sign * float(value)

    return sorted(best_rows.items(), key=rank)[:MOST_NAMED]


def title_of(session: BatchSession) -> str:
    """The strategy's own title; its name when this version does not know it."""
    strategy = STRATEGIES.get(session.strategy)
    return strategy.title if strategy else session.strategy


def symbols_text(symbols: list[str]) -> str:
    """`AAPL, AMD, BAC, BBY and 16 more`."""
    text = ", ".join(symbols[:SYMBOLS_SHOWN])
    more = len(symbols) - SYMBOLS_SHOWN
    return f"{text} and {more:,} more" if more > 0 else text


def facts(session: BatchSession) -> list[tuple[str, str]]:
    """What was asked, in words."""
    asked = session.request
    strategy = STRATEGIES.get(session.strategy)
    found = [("Symbols", _first(asked["symbols"]))]
    for each in strategy.parameters if strategy else ():
        values = asked["parameterRanges"].get(wire_name(each.name), [])
        found.append((each.label, _values_text(values, each.kind)))
    found += [
        ("Dates", f"{asked['startDate'] or 'from the first bar'} to {asked['endDate'] or 'the last bar'}"),
        ("Direction", asked["direction"]),
        (
            "Fees, slippage",
            f"{shown_parameter(asked['fees'], 'percent')}, {shown_parameter(asked['slippage'], 'percent')}",
        ),
        ("Initial capital", f"{asked['initialCapital']:,.0f}"),
        ("Ranked by", METRICS_BY_WIRE_NAME[session.sort_by].label),
        ("Time limit", timeout_words(session.timeout_s)),
    ]
    if asked["enableBetaScaling"]:
        betas = [f"{each['symbol']} {each['beta']:.2f}" for each in session.instruments]
        found += [("Coefficients", ", ".join(f"{c:g}" for c in asked["coefficients"])), ("Betas", _first(betas))]
    return found


def _first(texts: list[str]) -> str:
    """The first of thousands, and how many more there are."""
    more = len(texts) - MOST_NAMED
    return ", ".join(texts[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _values_text(values: list[float], kind: str) -> str:
    shown = [shown_parameter(value, kind) for value in values]
    if len(shown) > 8:
        return f"{', '.join(shown[:3])}, … {shown[-1]} ({len(shown):,} values)"
    return ", ".join(shown)


@dataclass(frozen=True)
class BatchLine:
    """One line of a list of batches."""

    session: BatchSession
    title: str
    symbols: str
    percentage: float
    best: str
    seconds: float


def batch_lines(sessions: Iterable[BatchSession], now: datetime) -> list[BatchLine]:
    """Lines for a list of batches."""
    return [
        BatchLine(
            session=session,
            title=title_of(session),
            symbols=symbols_text(session.request["symbols"]),
            percentage=percentage(session),
            best=_best_text(session),
            seconds=elapsed_seconds(session, now),
        )
        for session in sessions
    ]


def _best_text(session: BatchSession) -> str:
    best = session.leaders[0] if session.leaders else None
    if best is None:
        return ""
    if session.sort_by == "annualizedReturn":
        return f"{best['symbol']} - {percent(best['annualizedReturn'])} a year"
    about = METRICS_BY_WIRE_NAME[session.sort_by]
    return f"{best['symbol']} - {about.label.lower()} {shown_metric(best[session.sort_by], about.unit)}"
