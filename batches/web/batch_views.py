"""The page of one batch and its actions. All of it works without scripts."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_POST

from batches import permissions
from batches.addresses import stream_address, websocket_address
from batches.errors import BatchError
from batches.formatting import counted
from batches.models import BatchSession
from batches.ops import storage
from batches.permissions import Permission
from batches.prices.versions import prices_used
from batches.results.damage import damaged_chunks
from batches.results.holding import Holding
from batches.running import lifecycle, retrying
from batches.sweep.notes import batch_notes
from batches.sweep.progress import elapsed_seconds, timeout_words
from batches.sweep.titles import default_title
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.verdict import holdouts
from batches.web.best_rows import best_rows, why_without_best
from batches.web.charts.best_curve import best_curve
from batches.web.heatmap_choice import HeatmapChoice
from batches.web.history_views import MAX_NOTE_LENGTH
from batches.web.htmx import is_htmx, page_or_part, wants_part
from batches.web.labels import axes_of, label_of, leader_columns, names_of, parallel_axes, summary_of, title_of
from batches.web.next_sweeps import form_link, on_every_symbol
from batches.web.panel_words import ahead
from batches.web.presenters import MOST_LISTED, facts, first_symbols, panel_event
from batches.web.results_table import ResultsTable
from batches.web.winner import figures, warnings

ASK_FROM_S = 10.0  # Cancel asks when a batch has worked for longer
ROW_HEIGHTS = ("dense", "comfortable")
YEAR_S = 365 * 24 * 3600
MOVES = {"cancel": lifecycle.cancel, "pause": lifecycle.pause, "resume": lifecycle.resume}


@gzip_page  # half of its bytes; safe from BREACH as the form is (form_views.py)
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
        "event": panel_event(session, timezone.now()),
        "link": form_link(session),
    }
    if session.state.is_terminal:
        retries = permissions.visible(request.user).filter(retry_of=session)
        context["continuation"] = retries.order_by("-created_at").only("pk").first()
    context |= {"curve": best_curve(session), "leader_columns": leader_columns(session)}
    context |= _results_context(session, request.GET) if session.state.is_terminal else _waiting_context(session)
    context |= {"rows": _row_height(request)}
    if not wants_part(request):
        context |= _page_context(session)
    response = page_or_part(request, "batches/detail.html", "batches/_results.html", context)
    if "rows" in request.GET:
        response.set_cookie("rows", context["rows"], max_age=YEAR_S, httponly=True, samesite="Lax")
    return response


def _row_height(request: HttpRequest) -> str:
    """Return how high the rows of tables are: a link chooses, a cookie remembers, with and without scripts."""
    requested = request.GET.get("rows", request.COOKIES.get("rows", ""))
    return requested if requested in ROW_HEIGHTS else ROW_HEIGHTS[0]


def _page_context(session: BatchSession) -> dict[str, Any]:
    return {
        "title": title_of(session),
        "summary": summary_of(session),
        "default_title": default_title(session.request),
        "notes": batch_notes(session) + holdouts.batch_notes(session),
        "holdout": session.holdout,
        "facts": [*facts(session), ("Prices", prices_used(session))],
        "timeout": timeout_words(session.timeout_s),
        "ask_from": ASK_FROM_S,
        "longest_note": MAX_NOTE_LENGTH,
        "stream": stream_address(session.id),
        "websocket": websocket_address(session.id),
    }


def _waiting_context(session: BatchSession) -> dict[str, Any]:
    """Return the places that the results will take: a line for each symbol, dashes for the winner."""
    return {
        "best": session.leaders[0] if session.leaders else None,
        "figures": figures(session.leaders[0] if session.leaders else None, None),
        "best_by_symbol": [
            {"symbol": symbol, "row": None, "hold": None} for symbol in session.request["symbols"][:MOST_LISTED]
        ],
    }


def _results_context(session: BatchSession, query: QueryDict) -> dict[str, Any]:
    results = session.results or {}
    best = results.get("summary", {}).get("overallBest")
    table = ResultsTable(session, query)
    listed = first_symbols(session, best_rows(session, table.query))
    if not results and session.leaders:  # it did not complete, so there is no summary
        best = session.leaders[0]
    holding = Holding(session)
    without_best = [symbol for symbol, row in listed if row is None]
    reasons = why_without_best(session, table.query, without_best) if without_best else {}
    lines: list[dict[str, Any]] = [
        {"symbol": symbol, "row": row, "hold": holding.beside(symbol, row), "reason": reasons.get(symbol)}
        for symbol, row in listed
    ]
    return {
        "table": table,
        "best_by_symbol": sorted(lines, key=_lead, reverse=True),
        "best": best,
        "figures": figures(best, holding.beside(best["symbol"], best) if best else None),
        "ahead": sum((ahead(line["row"], line["hold"]) or 0) > 0 for line in lines),
        "damage": _damage(session),
        "warnings": warnings(session),
        "everywhere": on_every_symbol(session),
        "axis_columns": [(name, label_of(session, name)) for name in axes_of(session)],
        "parallel_axes": [label_of(session, name) for name in parallel_axes(session)],
    }


def _lead(line: dict[str, Any]) -> float:
    lead = ahead(line["row"], line["hold"])
    return float("-inf") if lead is None else lead


def _damage(session: BatchSession) -> str:
    """Return a warning about tests whose results cannot be read."""
    tests = sum(stop - start for start, stop in damaged_chunks(session).values())
    subject = f"The stored results of {counted(tests, 'test')} are damaged and cannot be read."
    return f"{subject} A retry runs them again." if tests else ""


def _is_worth_asking(session: BatchSession, request: HttpRequest) -> bool:
    """Return whether a cancel without scripts asks first; with scripts, `cancel-question.js` does."""
    is_active = not session.state.is_terminal and session.current > 0
    return is_active and "sure" not in request.POST and elapsed_seconds(session, timezone.now()) > ASK_FROM_S


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
                if action == "cancel" and not is_htmx(request) and _is_worth_asking(session, request):
                    return render(request, "batches/cancel.html", {"session": session, "title": title_of(session)})
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
