"""The pages that look into results: their distribution, the heatmap as a table, and one combination in full."""

import calendar
import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from batches import permissions
from batches.errors import BatchError
from batches.models import BatchSession
from batches.results.query import unknown_symbol
from batches.results.replay import combination as replay_combination
from batches.sweep.link import sweep_query
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.charts.equity import equity_chart
from batches.web.charts.parallel import parallel as parallel_picture
from batches.web.combination_page import HOLDER_METRICS, holders, metric_lines, monthly_returns
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.heatmap_table import heatmap_table
from batches.web.htmx import page_or_part
from batches.web.importance import insights
from batches.web.labels import LEADER_METRICS, names_of, title_of
from batches.web.neighbors import at_the_end, neighbors
from batches.web.results_table import read_query
from batches.web.snippets import alone, snippets


@require_GET
def spread(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Render the distribution of the ranked metric and what explains it; the page loads it when it is scrolled to."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    context = insights(session) | {
        "session": session,
        "title": title_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
    }
    return page_or_part(request, "batches/spread.html", "batches/_spread.html", context)


@require_GET
def parallel(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Render parallel coordinates of the tests that pass the table's filters, with a form for these filters."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    fields, query, problem = read_query(session, request.GET)
    context = {
        "session": session,
        "title": title_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
        "picture": parallel_picture(session, query),
        "problem": problem,
        "carried": [
            *((name, fields[name]) for name in ("sort", "symbol") if name in fields),
            *(("show", name) for name in request.GET.getlist("show")),
        ],
    }
    return page_or_part(request, "batches/parallel.html", "batches/_parallel.html", context)


@require_GET
def heatmap(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Render the heatmap as a table, also of a running batch."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    choice = HeatmapChoice.parse(session, request.GET, prefix="")
    unknown, symbols = choice.unknown_symbol, session.request["symbols"]
    column, row = request.GET.get("column", ""), request.GET.get("row", "")
    context = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "map": choice,
        "problem": unknown_symbol(unknown, symbols) if unknown else "",
        "table": heatmap_table(session, choice, column=column, row=row),
    }
    return page_or_part(request, "batches/heatmap.html", "batches/heatmap.html", context)


@require_GET
def combination(request: HttpRequest, session_id: uuid.UUID, index: int) -> HttpResponse:
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
        played = replay_combination(session, index)
    except BatchError as error:
        return render(request, "batches/combination.html", context | {"problem": error.message}, status=error.status)
    context["snippets"] = snippets(session, played, request.build_absolute_uri("/").rstrip("/"))
    context |= _replay_context(session, played)
    return render(request, "batches/combination.html", context)


def _replay_context(session: BatchSession, played: dict[str, Any]) -> dict[str, Any]:
    neighbor_metrics = dict.fromkeys([session.sort_by, *LEADER_METRICS])
    return {
        "played": played,
        "chart": equity_chart(played),
        "metrics": metric_lines(played),
        "holders": holders(played),
        "holder_columns": [(METRICS_BY_WIRE_NAME[name], name) for name in HOLDER_METRICS],
        "months": monthly_returns(played["dates"], played["equity"]),
        "month_names": calendar.month_abbr[1:],
        "here": played["metrics"] | {"parameters": played["parameters"]},
        "neighbors": neighbors(session, played["index"]),
        "at_the_end": at_the_end(session, played["parameters"]),
        "neighbor_columns": [(name, METRICS_BY_WIRE_NAME[name].label) for name in neighbor_metrics],
    }
