"""The pages that look into results: their distribution, the heatmap as a table, and one combination in full."""

import calendar
import uuid
from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from batches import permissions
from batches.errors import BatchError, InvalidRequest
from batches.models import BatchSession
from batches.results.affordability import too_dear
from batches.results.query import unknown_symbol
from batches.results.replay import Played, on_the_wire
from batches.results.replay import played as replayed
from batches.results.windows import Window
from batches.sweep.link import sweep_query
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.charts.parallel import parallel as parallel_picture
from batches.web.charts.price_chart import combination_chart
from batches.web.charts.ranges import View
from batches.web.combination_page import (
    HOLDER_METRICS,
    headline_metrics,
    holders,
    metric_lines,
    monthly_returns,
    trade_lines,
)
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.heatmap_table import heatmap_table
from batches.web.htmx import page_or_part, wants_part
from batches.web.importance import insights
from batches.web.labels import LEADER_METRICS, names_of, title_of
from batches.web.neighbors import at_the_end, neighbors
from batches.web.results_table import read_query
from batches.web.snippets import alone, snippets


@require_GET
def spread(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Render the distribution of the ranked metric and what explains it; the page loads it when it is scrolled to."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    _, query, problem = read_query(session, request.GET)
    context = insights(session, query) | {
        "problem": problem,
        "session": session,
        "title": title_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
    }
    return page_or_part(request, "batches/spread.html", "batches/_spread.html", context)


@gzip_page  # hundreds of lines of a picture
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
    part = {name: request.GET.get(name, "") for name in ("column", "row")}
    problem = f"{unknown_symbol(unknown, symbols)} Showing all symbols." if unknown else ""
    try:
        table = heatmap_table(session, choice, **part)
    except InvalidRequest as error:  # of a bound
        choice, problem = replace(choice, bounds={}), f"{error.message} Showing all tests."
        table = heatmap_table(session, choice, **part)
    context = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "map": choice,
        "problem": problem,
        "table": table,
    }
    return page_or_part(request, "batches/heatmap.html", "batches/heatmap.html", context)


@require_GET
def combination(request: HttpRequest, session_id: uuid.UUID, index: int) -> HttpResponse:
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    if index >= session.total:
        raise Http404
    plan = plan_of(session)
    identity = plan.identity(index)
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
    view = View.parse(played.prices, request.GET)
    context["chart"] = combination_chart(played, view)
    if not wants_part(request):
        context |= _replay_context(request, session, played, view)
    return page_or_part(request, "batches/combination.html", "batches/_chart.html", context)


def _trades_page(request: HttpRequest) -> Window:
    """Return the chosen page of trades; the first one if there is no such page."""
    try:
        return Window.parse({"trades.page": request.GET.get("trades.page", "").strip()})
    except InvalidRequest:
        return Window()


def _replay_context(request: HttpRequest, session: BatchSession, played: Played, view: View) -> dict[str, Any]:
    row = on_the_wire(played, _trades_page(request))
    neighbor_metrics = dict.fromkeys([session.sort_by, *LEADER_METRICS])
    symbol_number = played.plan.grid.symbols.index(played.identity["symbol"])
    return {
        "played": row,
        "headline": headline_metrics(row),
        "metrics": metric_lines(row),
        "holders": holders(row),
        "holder_columns": [(METRICS_BY_WIRE_NAME[name], name) for name in HOLDER_METRICS],
        "months": monthly_returns(played.prices.trading_days, played.replay.equity),
        "month_names": calendar.month_abbr[1:],
        "trades": trade_lines(row, played, view),
        "open_trades": int(played.replay.is_open.sum()),
        "here": row["metrics"] | {"parameters": row["parameters"]},
        "neighbors": neighbors(session, row["index"]),
        "at_the_end": at_the_end(session, row["parameters"]),
        "neighbor_columns": [(name, METRICS_BY_WIRE_NAME[name].label) for name in neighbor_metrics],
        "snippets": snippets(session, row, request.build_absolute_uri("/").rstrip("/")),
        "too_dear": "" if row["trades"] else too_dear(played.plan, symbol_number),
    }
