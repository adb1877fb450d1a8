"""One batch: its page, and what can be done with it. All of it works without scripts."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from batches import permissions
from batches.errors import BatchError, NotFound
from batches.models import BatchSession
from batches.ops import storage
from batches.permissions import Right
from batches.prices.versions import prices_used
from batches.running import lifecycle, retrying
from batches.sweep.link import fits_a_link, sweep_query
from batches.sweep.progress import timeout_words
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.web.best_curve import best_curve
from batches.web.htmx import is_htmx, page_or_part, wants_part
from batches.web.parallel import axis_names
from batches.web.presenters import (
    axes_of,
    facts,
    first_symbols,
    label_of,
    leader_columns,
    map_choice,
    names_of,
    panel_event,
    title_of,
)
from batches.web.results_table import ResultsTable

MOVES = {"cancel": lifecycle.cancel, "pause": lifecycle.pause, "resume": lifecycle.resume}


@ensure_csrf_cookie
@require_GET
def detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """One batch: its panel, then its results; to htmx, the results alone."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    context: dict[str, Any] = {"session": session, "map": map_choice(session, request.GET)}
    if session.state.is_terminal:
        context |= _results_context(session, request.GET)
    if wants_part(request):
        return page_or_part(request, "", "batches/_results.html", context)
    event = panel_event(session, timezone.now())
    context |= {
        "event": event,
        "names": names_of(session),
        "title": title_of(session),
        "facts": [*facts(session), ("Prices", prices_used(session))],
        "curve": best_curve(session),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
        "leader_columns": leader_columns(session),
        "link": f"{reverse('batches:form')}?{_same_sweep(session)}",
        "timeout": timeout_words(session.timeout_s),
        "longest_note": settings.NOTE_MAX_LETTERS,
        "urls": {
            "websocket": f"/ws/backtest/batch/{session.id}/",
            "stream": f"/api/backtest/batch/stream?sessionId={session.id}",
            "snapshot": f"/api/backtest/batch/{session.id}",
        },
    }
    return page_or_part(request, "batches/detail.html", "", context)


def _same_sweep(session: BatchSession) -> str:
    """The query that opens the form with it; thousands of symbols are named by the batch that had them."""
    if fits_a_link(session.request["symbols"]):
        return sweep_query(session.request)
    return f"{sweep_query(session.request | {'symbols': []})}&symbolsOf={session.id}"


def _results_context(session: BatchSession, given: QueryDict) -> dict[str, Any]:
    summary = (session.results or {}).get("summary", {})
    comparison = (session.results or {}).get("comparison", {})
    return {
        "table": ResultsTable(session, given),
        "best_by_symbol": [
            {"symbol": symbol, "row": row, "hold": comparison.get(symbol)}
            for symbol, row in first_symbols(session, summary.get("bestBySymbol", {}))
        ],
        "warnings": (session.results or {}).get("validation", {}).get("warnings", []),
        "metric": METRICS_BY_WIRE_NAME[session.sort_by],
        "axis_columns": [(name, label_of(session, name)) for name in axes_of(session)],
        "parallel_axes": [label_of(session, name) for name in axis_names(session)],
        "names": names_of(session),
    }


@require_POST
def act(request: HttpRequest, session_id: uuid.UUID, action: str) -> HttpResponse:
    """Cancel, pause, resume, retry, delete. The live feed shows what became of it; without scripts, the page does."""
    if action not in (*MOVES, "retry", "delete"):
        raise Http404
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    target = reverse("batches:detail", args=[session.id])
    try:
        with storage.refusals():
            if action in MOVES:
                permissions.require(request.user, Right.STEER_ALL, session)
                MOVES[action](session.id, timezone.now())
                return HttpResponse(status=204) if is_htmx(request) else redirect(target)
            if action == "retry":
                permissions.require(request.user, Right.RUN)
                retried = retrying.retry(session, now=timezone.now(), owner=permissions.owner(request.user))
                target = reverse("batches:detail", args=[retried.id])
            else:
                permissions.require(request.user, Right.DELETE_ALL, session)
                lifecycle.delete(session.id)
                target = reverse("batches:list")
    except BatchError as error:
        messages.error(request, error.message)
    return HttpResponse(headers={"HX-Redirect": target}) if is_htmx(request) else redirect(target)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 in the look of the rest; JSON for API clients."""
    if request.path.startswith("/api/"):
        body = json.dumps(NotFound("page").as_json())
        return HttpResponse(body, status=404, content_type="application/json")
    return render(request, "404.html", status=404)
