"""The pages: the form, the lists, one batch. All of them work without scripts."""

import json
import uuid
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import lifecycle, retrying, storage, submission
from batches.errors import BatchError, InvalidRequest, NotFound
from batches.forms import SweepForm
from batches.fragments import is_htmx, page_or_part, wants_part
from batches.market_data import instruments
from batches.models import ACTIVE, BatchSession, Status
from batches.pages import (
    METRIC_BY_NAME,
    axes_of,
    batch_lines,
    facts,
    label_of,
    leader_columns,
    names_of,
    panel_event,
    same_sweep_query,
    title_of,
)
from batches.progress import timeout_words
from batches.results_table import ResultsTable
from batches.schemas import parse_start

RECENT, ON_A_PAGE = 5, 25
HEAVY = ("results", "instruments", "pace", "failures", "last_test")
STATUS_GROUPS = {
    "active": list(ACTIVE),
    "complete": [Status.COMPLETE],
    "failed": [Status.ERROR],
    "cancelled": [Status.CANCELLED],
}
MOVES = {"cancel": lifecycle.cancel, "pause": lifecycle.pause, "resume": lifecycle.resume}


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest) -> HttpResponse:
    """The form; a POST starts the batch, or only counts, for those without scripts."""
    if request.method != "POST":
        return _form_page(request, request.GET, say_what_is_wrong=bool(request.GET))
    if request.POST.get("intent") == "count":
        return _form_page(request, request.POST)
    sweep = SweepForm(request.POST, instruments())
    try:
        with storage.refusals():
            session = submission.submit(parse_start(sweep.wire()), now=timezone.now())
    except BatchError as error:
        return _form_page(request, request.POST, refused=error)
    return HttpResponseRedirect(reverse("batches:detail", args=[session.id]), status=303)


def _form_page(
    request: HttpRequest, data: QueryDict, *, refused: BatchError | None = None, say_what_is_wrong: bool = True
) -> HttpResponse:
    sweep, counted = _counted(data, say_what_is_wrong=say_what_is_wrong)
    now = timezone.now()
    recent = BatchSession.objects.defer(*HEAVY)[:RECENT]
    context = counted | {
        "sweep": sweep,
        "refused": refused if refused and not isinstance(refused, InvalidRequest) else None,
        "lines": batch_lines(recent, now),
        "now": now,
        "link": request.build_absolute_uri(f"{reverse('batches:form')}?{sweep.query()}"),
    }
    return render(request, "batches/form.html", context, status=refused.status if refused else 200)


def _counted(data: QueryDict, *, say_what_is_wrong: bool = True) -> tuple[SweepForm, dict[str, Any]]:
    """The form, and the count with the estimate; what is wrong stands at its field."""
    sweep = SweepForm(data, instruments())
    try:
        return sweep, {"estimate": submission.estimate(parse_start(sweep.wire()))}
    except BatchError as error:
        shown = sweep.with_errors(error.details) if say_what_is_wrong else sweep
        return shown, {"estimate": None, "problem": "" if error.details else error.message}


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    """The count, the estimate and the errors of what is in the form now; the address bar gets the link to it."""
    sweep, counted = _counted(request.POST)
    response = render(request, "batches/_count.html", counted | {"sweep": sweep, "swapped": True})
    response["HX-Replace-Url"] = f"{reverse('batches:form')}?{sweep.query()}"
    return response


@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    """All batches, the newest first."""
    now = timezone.now()
    wanted = request.GET.get("status", "")
    chosen = {"status__in": STATUS_GROUPS[wanted]} if wanted in STATUS_GROUPS else {}
    found = BatchSession.objects.filter(**chosen).defer(*HEAVY)
    shown = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    lines = batch_lines(shown.object_list, now)
    context = {
        "lines": lines,
        "shown": shown,
        "now": now,
        "active": any(not line.session.state.is_terminal for line in lines),
        "wanted": wanted if chosen else "",
        "groups": list(STATUS_GROUPS),
    }
    return page_or_part(request, "batches/list.html", "batches/_list.html", context)


@ensure_csrf_cookie
@require_GET
def detail(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """One batch: its panel, then its results; to htmx, the results alone."""
    session = get_object_or_404(BatchSession, pk=session_id)
    axes = [name for name in axes_of(session) if name != "coefficient"]
    context: dict[str, Any] = {"session": session, "axes": axes}
    if session.state.is_terminal:
        context |= _results_context(session, request.GET)
    if wants_part(request):
        return page_or_part(request, "", "batches/_results.html", context)
    event = panel_event(session, timezone.now())
    context |= {
        "event": event,
        "names": names_of(session),
        "title": title_of(session),
        "facts": facts(session),
        "leader_columns": leader_columns(session),
        "link": f"{reverse('batches:form')}?{same_sweep_query(session)}",
        "timeout": timeout_words(session.timeout_s),
        "urls": {
            "websocket": f"/ws/backtest/batch/{session.id}/",
            "stream": f"/api/backtest/batch/stream?sessionId={session.id}",
            "snapshot": f"/api/backtest/batch/{session.id}",
        },
    }
    return page_or_part(request, "batches/detail.html", "", context)


def _results_context(session: BatchSession, given: QueryDict) -> dict[str, Any]:
    summary = (session.results or {}).get("summary", {})
    comparison = (session.results or {}).get("comparison", {})
    return {
        "table": ResultsTable(session, given),
        "best_by_symbol": [
            {"symbol": symbol, "row": row, "hold": comparison.get(symbol)}
            for symbol, row in summary.get("bestBySymbol", {}).items()
        ],
        "warnings": (session.results or {}).get("validation", {}).get("warnings", []),
        "metric": METRIC_BY_NAME[session.sort_by],
        "axis_columns": [(name, label_of(session, name)) for name in axes_of(session)],
        "names": names_of(session),
    }


@require_POST
def act(request: HttpRequest, session_id: uuid.UUID, action: str) -> HttpResponse:
    """Cancel, pause, resume, retry, delete. The live feed shows what became of it; without scripts, the page does."""
    if action not in (*MOVES, "retry", "delete"):
        raise Http404
    session = get_object_or_404(BatchSession, pk=session_id)
    target = reverse("batches:detail", args=[session.id])
    try:
        with storage.refusals():
            if action in MOVES:
                MOVES[action](session.id, timezone.now())
                return HttpResponse(status=204) if is_htmx(request) else redirect(target)
            if action == "retry":
                target = reverse("batches:detail", args=[retrying.retry(session, now=timezone.now()).id])
            else:
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
