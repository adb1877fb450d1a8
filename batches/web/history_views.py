"""The history: the list of all batches with its search, notes on one, two side by side, and what is thrown away."""

import contextlib
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import permissions
from batches.errors import BatchError
from batches.models import ACTIVE, BatchSession, Status
from batches.permissions import Right
from batches.running import lifecycle
from batches.search import MOST_FOUND, newest_matching, remember
from batches.web.comparison import compare as compare_two
from batches.web.htmx import page_or_part
from batches.web.presenters import HEAVY, batch_lines, symbols_text, title_of

ON_A_PAGE = 25
LONGEST_SEARCH = 200
STATUS_GROUPS = {
    "active": list(ACTIVE),
    "complete": [Status.COMPLETE],
    "failed": [Status.ERROR],
    "cancelled": [Status.CANCELLED],
}


@ensure_csrf_cookie
@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    """All batches, the newest first; those of one status, or that a search finds."""
    now = timezone.now()
    wanted, text = request.GET.get("status", ""), request.GET.get("search", "")[:LONGEST_SEARCH].replace("\0", "")
    chosen = {"status__in": STATUS_GROUPS[wanted]} if wanted in STATUS_GROUPS else {}
    found = permissions.visible(request.user).filter(**chosen).select_related("owner").defer(*HEAVY)
    ids = newest_matching(found, text) if text.split() else None
    shown = Paginator(found if ids is None else ids[:MOST_FOUND], ON_A_PAGE).get_page(request.GET.get("page"))
    on_page: Any = shown.object_list
    lines = batch_lines(on_page if ids is None else found.filter(pk__in=on_page), now)
    context = {
        "lines": lines,
        "shown": shown,
        "now": now,
        "active": any(not line.session.state.is_terminal for line in lines),
        "wanted": wanted if chosen else "",
        "search": text,
        "more": len(ids or ()) > MOST_FOUND,
        "groups": list(STATUS_GROUPS),
        "nav": "list",
    }
    return page_or_part(request, "batches/list.html", "batches/_list.html", context)


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """Two batches side by side."""
    chosen = _chosen(request, request.GET)
    if len(chosen) != 2:
        messages.error(request, f"Choose two batches to compare; {len(chosen) or 'none'} came.")
        return redirect("batches:list")
    return render(request, "batches/compare.html", compare_two(chosen, timezone.now()) | {"nav": "list"})


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Ask before several batches are thrown away, then do it; those still at work are left alone."""
    if request.method != "POST":
        lines = batch_lines(_chosen(request, request.GET), timezone.now())
        return render(request, "batches/delete.html", {"lines": lines, "now": timezone.now(), "nav": "list"})
    gone = 0
    for session in _chosen(request, request.POST):
        try:
            permissions.require(request.user, Right.DELETE_ALL, session)
            lifecycle.delete(session.id)
            gone += 1
        except BatchError as error:
            messages.error(request, f"{title_of(session)}, {symbols_text(session.request['symbols'])}: {error.message}")
    if gone:
        messages.success(request, f"{gone} {'batch is' if gone == 1 else 'batches are'} deleted.")
    return redirect("batches:list")


def _chosen(request: HttpRequest, given: QueryDict) -> list[BatchSession]:
    """The batches that were picked in the list, in that order; what is no batch is left out."""
    ids = []
    for text in dict.fromkeys(given.getlist("batch")[:ON_A_PAGE]):
        with contextlib.suppress(ValueError):
            ids.append(uuid.UUID(text))
    found = permissions.visible(request.user).in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


@require_POST
def notes(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Keep what someone wants to remember about a batch."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    permissions.require(request.user, Right.STEER_ALL, session)
    text = request.POST.get("notes", "").replace("\r\n", "\n").replace("\0", "").strip()
    limit = settings.NOTE_MAX_LETTERS
    if len(text) > limit:
        words = f"A note of {len(text):,} letters is too long; at most {limit:,} are kept (NOTE_MAX_LETTERS)."
        messages.error(request, words)
    else:
        session.notes = text
        session.save(update_fields=["notes"])
        remember(session)
        messages.success(request, "The note is kept." if text else "The note is gone.")
    return redirect(reverse("batches:detail", args=[session.id]))
