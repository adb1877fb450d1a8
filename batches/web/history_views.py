"""The list of batches with its search, the comparison of two, notes, and deletion."""

import contextlib
import uuid
from typing import Any

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
from batches.permissions import Permission
from batches.running import lifecycle
from batches.search import MAX_RESULTS, newest_matching, remember
from batches.web.comparison import compare as compare_two
from batches.web.htmx import page_or_part
from batches.web.labels import title_of
from batches.web.presenters import batch_lines, symbols_text

ON_A_PAGE = 25
MAX_NOTE_LENGTH = 2_000
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
    """List batches, the newest first; optionally of one status, or those that match a search."""
    now = timezone.now()
    status, search = request.GET.get("status", ""), request.GET.get("search", "")[:LONGEST_SEARCH].replace("\0", "")
    filters = {"status__in": STATUS_GROUPS[status]} if status in STATUS_GROUPS else {}
    sessions = permissions.visible(request.user).filter(**filters).select_related("owner")
    sessions = sessions.narrow("request", "leaders", "notes")
    ids = newest_matching(sessions, search) if search.split() else None
    page = Paginator(sessions if ids is None else ids[:MAX_RESULTS], ON_A_PAGE).get_page(request.GET.get("page"))
    items: Any = page.object_list
    lines = batch_lines(items if ids is None else sessions.filter(pk__in=items), now)
    context = {
        "lines": lines,
        "page": page,
        "now": now,
        "active": any(not line.session.state.is_terminal for line in lines),
        "status": status if filters else "",
        "search": search,
        "more": len(ids or ()) > MAX_RESULTS,
        "groups": list(STATUS_GROUPS),
        "nav": "list",
    }
    return page_or_part(request, "batches/list.html", "batches/_list.html", context)


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    sessions = _selected(request, request.GET)
    if len(sessions) != 2:
        messages.error(request, f"Select two batches to compare, got {len(sessions)}.")
        return redirect("batches:list")
    return render(request, "batches/compare.html", compare_two(sessions, timezone.now()) | {"nav": "list"})


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Ask for confirmation, then delete the selected batches; active ones are kept."""
    if request.method != "POST":
        lines = batch_lines(_selected(request, request.GET), timezone.now())
        return render(request, "batches/delete.html", {"lines": lines, "now": timezone.now(), "nav": "list"})
    deleted = 0
    for session in _selected(request, request.POST):
        try:
            permissions.require(request.user, Permission.DELETE_ALL, session)
            lifecycle.delete(session.id)
            deleted += 1
        except BatchError as error:
            messages.error(request, f"{title_of(session)}, {symbols_text(session.request['symbols'])}: {error.message}")
    if deleted:
        messages.success(request, f"{deleted} {'batch' if deleted == 1 else 'batches'} deleted.")
    return redirect("batches:list")


def _selected(request: HttpRequest, query: QueryDict) -> list[BatchSession]:
    """Return the batches that are selected in the list, in that order; unknown ids are ignored."""
    ids = []
    for text in dict.fromkeys(query.getlist("batch")[:ON_A_PAGE]):
        with contextlib.suppress(ValueError):
            ids.append(uuid.UUID(text))
    sessions = permissions.visible(request.user).in_bulk(ids)
    return [sessions[pk] for pk in ids if pk in sessions]


@require_POST
def notes(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    text = request.POST.get("notes", "").replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_NOTE_LENGTH:
        messages.error(request, f"notes must be at most {MAX_NOTE_LENGTH:,} characters, got {len(text):,}.")
    else:
        session.notes = text
        session.save(update_fields=["notes"])
        remember(session)
        messages.success(request, "Note saved." if text else "Note deleted.")
    return redirect(reverse("batches:detail", args=[session.id]))
