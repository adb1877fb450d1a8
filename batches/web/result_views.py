"""The pages that look at results more closely: how they are spread, and one combination in full."""

import calendar
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from batches import permissions
from batches.errors import BatchError
from batches.results.query import unknown_symbol
from batches.results.replay import combination as replayed
from batches.sweep.link import sweep_query
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.charts import equity_chart, monthly_returns
from batches.web.heatmap_table import heatmap_table
from batches.web.htmx import page_or_part
from batches.web.importance import insights
from batches.web.neighbours import at_the_end, neighbours
from batches.web.parallel import parallel as drawn_parallel
from batches.web.presenters import LEADER_METRICS, map_choice, names_of, title_of
from batches.web.results_table import read_query
from batches.web.snippets import alone, snippets

HOLDER_METRICS = ("finalEquity", "totalReturn", "annualizedReturn", "sharpe", "maxDrawdown")
IN_LOTS = (
    ("samePurchases", "Same purchases", "The same cash on the same days, never sold: what the exits were worth."),
    ("equalInstalments", "Equal instalments", "As many equal parts, evenly spaced: what the choice of days was worth."),
)


@require_GET
def spread(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The distribution of the ranked metric and what explains it; fetched when someone scrolls to it."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    context = insights(session) | {
        "session": session,
        "title": title_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
    }
    return page_or_part(request, "batches/spread.html", "batches/_spread.html", context)


@require_GET
def parallel(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Parallel coordinates of the tests that pass the table's filters, and the form that narrows the table."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    asked, query, problem = read_query(session, request.GET)
    context = {
        "session": session,
        "title": title_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
        "picture": drawn_parallel(session, query),
        "problem": problem,
        "carried": [
            *((name, asked[name]) for name in ("sort", "symbol") if name in asked),
            *(("show", name) for name in request.GET.getlist("show")),
        ],
    }
    return page_or_part(request, "batches/parallel.html", "batches/_parallel.html", context)


@require_GET
def heatmap(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The heatmap as a table with words, also of a batch that is still at work."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    choice = map_choice(session, request.GET, prefix="")
    unknown = choice["unknown"]
    context = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "map": choice,
        "problem": unknown_symbol(unknown, session.request["symbols"]) if unknown else "",
        "table": heatmap_table(session, choice, **{name: request.GET.get(name, "") for name in ("column", "row")}),
    }
    return page_or_part(request, "batches/heatmap.html", "", context)


@require_GET
def combination(request: HttpRequest, session_id: uuid.UUID, index: int) -> HttpResponse:
    """One combination in full, computed again."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    if index >= session.total:
        raise Http404
    identity = plan_of(session).identity(index)
    context: dict[str, Any] = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "identity": identity,
        "again": f"{reverse('batches:form')}?{sweep_query(alone(session, identity))}",
        "previous": index - 1 if index else None,
        "next": index + 1 if index + 1 < session.total else None,
    }
    try:
        played = replayed(session, index)
    except BatchError as error:
        return render(request, "batches/combination.html", context | {"problem": error.message}, status=error.status)
    context |= {
        "played": played,
        "chart": equity_chart(played),
        "metrics": _metrics(played),
        "holders": _holders(played),
        "holder_columns": [(METRICS_BY_WIRE_NAME[name], name) for name in HOLDER_METRICS],
        "snippets": snippets(session, played, request.build_absolute_uri("/").rstrip("/")),
        "months": monthly_returns(played["dates"], played["equity"]),
        "month_names": [calendar.month_abbr[number] for number in range(1, 13)],
        "here": played["metrics"] | {"parameters": played["parameters"]},
        "neighbours": neighbours(session, index),
        "at_the_end": at_the_end(session, played["parameters"]),
        "neighbour_columns": [
            (name, METRICS_BY_WIRE_NAME[name].label) for name in dict.fromkeys([session.sort_by, *LEADER_METRICS])
        ],
    }
    return render(request, "batches/combination.html", context)


def _metrics(played: dict[str, Any]) -> list[dict[str, Any]]:
    """Each metric with its value, why it has none, and what buy and hold has."""
    held, why = played["buyAndHold"]["metrics"], played["undefined"]
    return [
        {"about": about, "value": played["metrics"][name], "why": why.get(name, {}).get("sentence"), "held": held[name]}
        for name, about in METRICS_BY_WIRE_NAME.items()
    ]


def _holders(played: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the comparison with those who never sell; none but for strategies that buy in lots."""
    held = played["buyAndHold"]
    if "samePurchases" not in held:
        return []
    return [
        {"title": "This combination", "what": "", "metrics": played["metrics"]},
        {"title": "Buy and hold", "what": "All of the capital at once.", "metrics": held["metrics"]},
        *({"title": title, "what": what, "metrics": held[name]["metrics"]} for name, title, what in IN_LOTS),
    ]
