"""The page of one batch and its actions. All of it works without scripts."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from batches import permissions
from batches.addresses import stream_address, websocket_address
from batches.errors import BatchError, NotFound
from batches.models import BatchSession
from batches.ops import storage
from batches.permissions import Permission
from batches.prices.versions import prices_used
from batches.running import lifecycle, retrying
from batches.sweep.link import fits_a_link, sweep_query
from batches.sweep.progress import timeout_words
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.charts.best_curve import best_curve
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.history_views import MAX_NOTE_LENGTH
from batches.web.htmx import is_htmx, page_or_part, wants_part
from batches.web.labels import axes_of, label_of, leader_columns, names_of, parallel_axes, title_of
from batches.web.presenters import facts, first_symbols, panel_event
from batches.web.results_table import ResultsTable

MOVES = {"cancel": lifecycle.cancel, "pause": lifecycle.pause, "resume": lifecycle.resume}


@ensure_csrf_cookie
@require_GET
def detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Render the panel and, at the end, the results; for htmx, the results alone."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    context: dict[str, Any] = {
        "session": session,
        "map": HeatmapChoice.parse(session, request.GET),
        "names": names_of(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
    }
    if session.state.is_terminal:
        context |= _results_context(session, request.GET)
    if not wants_part(request):
        context |= _page_context(session)
    return page_or_part(request, "batches/detail.html", "batches/_results.html", context)


def _page_context(session: BatchSession) -> dict[str, Any]:
    return {
        "event": panel_event(session, timezone.now()),
        "title": title_of(session),
        "facts": [*facts(session), ("Prices", prices_used(session))],
        "curve": best_curve(session),
        "leader_columns": leader_columns(session),
        "link": f"{reverse('batches:form')}?{_same_sweep(session)}",
        "timeout": timeout_words(session.timeout_s),
        "longest_note": MAX_NOTE_LENGTH,
        "stream": stream_address(session.id),
        "websocket": websocket_address(session.id),
    }


def _same_sweep(session: BatchSession) -> str:
    """Return the query string of the form for the same sweep. Thousands of symbols are named by their batch."""
    if fits_a_link(session.request["symbols"]):
        return sweep_query(session.request)
    return f"{sweep_query(session.request | {'symbols': []})}&symbolsOf={session.id}"


def _results_context(session: BatchSession, query: QueryDict) -> dict[str, Any]:
    results = session.results or {}
    comparison = results.get("comparison", {})
    best_rows = results.get("summary", {}).get("bestBySymbol", {})
    return {
        "table": ResultsTable(session, query),
        "best_by_symbol": [
            {"symbol": symbol, "row": row, "hold": comparison.get(symbol)}
            for symbol, row in first_symbols(session, best_rows)
        ],
        "warnings": results.get("validation", {}).get("warnings", []),
        "axis_columns": [(name, label_of(session, name)) for name in axes_of(session)],
        "parallel_axes": [label_of(session, name) for name in parallel_axes(session)],
    }


@require_POST
def act(request: HttpRequest, session_id: uuid.UUID, action: str) -> HttpResponse:
    """Cancel, pause, resume, retry or delete. The live feed shows the outcome; without scripts, the next page does."""
    if action not in (*MOVES, "retry", "delete"):
        raise Http404
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    target = reverse("batches:detail", args=[session.id])
    try:
        with storage.refusals():
            if action in MOVES:
                permissions.require(request.user, Permission.CONTROL_ALL, session)
                MOVES[action](session.id, timezone.now())
                return HttpResponse(status=204) if is_htmx(request) else redirect(target)
            if action == "retry":
                permissions.require(request.user, Permission.RUN)
                retried = retrying.retry(session, now=timezone.now(), owner=permissions.owner(request.user))
                target = reverse("batches:detail", args=[retried.id])
            else:
                permissions.require(request.user, Permission.DELETE_ALL, session)
                lifecycle.delete(session.id)
                target = reverse("batches:list")
    except BatchError as error:
        messages.error(request, error.message)
    return HttpResponse(headers={"HX-Redirect": target}) if is_htmx(request) else redirect(target)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - passed by name
    """Render 404 as a page, or as JSON for API clients."""
    if request.path.startswith("/api/"):
        body = json.dumps(NotFound("page").as_json())
        return HttpResponse(body, status=404, content_type="application/json")
    return render(request, "404.html", status=404)
