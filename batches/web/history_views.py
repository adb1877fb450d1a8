"""The list of batches with its search, the comparison of two, notes, and deletion."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import permissions
from batches.errors import BatchError, Detail, InvalidRequest
from batches.history import FIELDS, NEWEST, PAGE_SIZE, HistoryQuery, history_page
from batches.models import BatchSession, BatchTag
from batches.naming import rename
from batches.permissions import Permission
from batches.results.judged import short_verdicts
from batches.running import lifecycle
from batches.validators import shown
from batches.validators import tags as checked_tags
from batches.validators import title as checked_title
from batches.web.comparison import MOST
from batches.web.comparison import compare as compare_batches
from batches.web.forms.presets import BATCHES, MAX_NAME, presets_of, save_preset
from batches.web.htmx import is_htmx, page_or_part
from batches.web.labels import title_of
from batches.web.presenters import batch_lines, symbols_text

MAX_NOTE_LENGTH = 2_000
MAX_TAG_CHOICES = 50
GROUPS = ("active", "complete", "failed", "cancelled")
SORT_LABELS = {
    NEWEST: "Newest",
    "createdAt": "Oldest",
    "title": "Title",
    "strategy": "Strategy",
    "-total": "Most tests",
    "total": "Fewest tests",
}


@ensure_csrf_cookie
@require_GET
def batch_list(request: HttpRequest) -> HttpResponse:
    """List batches, the newest first; optionally those that pass filters or match a search."""
    now = timezone.now()
    query, problem = _history_query(request)
    visible = permissions.visible(request.user)
    sessions = visible.select_related("owner").narrow("request", "leaders", "notes")
    page = history_page(sessions, query, now, or_last=True)
    verdicts, to_come = short_verdicts(page.sessions)
    lines = batch_lines(page.sessions, now, verdicts)
    context = {
        "lines": lines,
        "page": page,
        "first": (page.number - 1) * PAGE_SIZE + 1,
        "last": (page.number - 1) * PAGE_SIZE + len(lines),
        "now": now,
        "active": to_come or any(not session.state.is_terminal for session in page.sessions),
        "query": query,
        "problem": problem,
        "by_day": query.sort.removeprefix("-") == "createdAt",
        "groups": GROUPS,
        "sorts": SORT_LABELS,
        # Read by the template; a refresh of the list needs neither.
        "tags": BatchTag.objects.filter(session__in=visible)
        .values_list("name", flat=True)
        .distinct()
        .order_by("name")[:MAX_TAG_CHOICES],
        "saved": presets_of(request.user, BATCHES),
        "max_name": MAX_NAME,
        "filter_text": "" if problem else _filter_text(request.GET),
        "nav": "list",
    }
    return page_or_part(request, "batches/list.html", "batches/_list.html", context)


@require_POST
def save_filter(request: HttpRequest) -> HttpResponse:
    """Save the filters of the list under a name; with scripts those of the form, which may be newer than the page."""
    fields = request.POST if is_htmx(request) else QueryDict(request.POST.get("query", ""))
    text = ""
    try:
        text = _filter_text(fields)
        if not text:
            raise InvalidRequest(Detail("query", "Nothing is filtered: choose a status, a tag, days or words first."))
        saved = save_preset(request.user, request.POST.get("name", ""), text, BATCHES)
        messages.success(request, f"Saved the filter “{saved.name}”.")
    except BatchError as error:
        messages.error(request, error.message)
    target = f"{reverse('batches:list')}?{text}"
    return HttpResponse(headers={"HX-Redirect": target}) if is_htmx(request) else redirect(target)


@require_POST
def delete_filter(request: HttpRequest, preset_id: int) -> HttpResponse:
    saved = get_object_or_404(presets_of(request.user, BATCHES), pk=preset_id)
    saved.delete()
    messages.success(request, f"Deleted the filter “{saved.name}”.")
    return redirect("batches:list")


def _filter_text(fields: Mapping[str, str]) -> str:
    """Return the query string of valid filters, without what is left out or the default."""
    sent = {name: fields[name].strip() for name in FIELDS if name != "page" and name in fields}
    HistoryQuery.parse(sent)
    return urlencode({name: value for name, value in sent.items() if value and (name, value) != ("sort", NEWEST)})


def _history_query(request: HttpRequest) -> tuple[HistoryQuery, str]:
    """Return the query, and what is wrong with it: then it is ignored."""
    try:
        return HistoryQuery.parse({name: request.GET[name] for name in FIELDS if name in request.GET}), ""
    except InvalidRequest as error:
        return HistoryQuery(), error.message


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    sessions = _selected(request, request.GET)
    if not 2 <= len(sessions) <= MOST:
        messages.error(request, f"Select two to six batches to compare, got {len(sessions)}.")
        return redirect("batches:list")
    return render(request, "batches/compare.html", compare_batches(sessions, timezone.now()) | {"nav": "list"})


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
    for text in dict.fromkeys(query.getlist("batch")[:PAGE_SIZE]):
        with contextlib.suppress(ValueError):
            ids.append(uuid.UUID(text))
    sessions = permissions.visible(request.user).in_bulk(ids)
    return [sessions[pk] for pk in ids if pk in sessions]


@require_POST
def notes(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Store the note, the title and the tags, as far as they were sent; of several problems, nothing is stored."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    permissions.require(request.user, Permission.CONTROL_ALL, session)
    names, problems = _names(request.POST)
    text = request.POST.get("notes", session.notes).replace("\r\n", "\n").replace("\0", "").strip()
    if len(text) > MAX_NOTE_LENGTH:
        problems.append(f"notes must be at most {MAX_NOTE_LENGTH:,} characters, got {len(text):,}.")
    for problem in problems:
        messages.error(request, problem)
    if not problems:
        is_changed, session.notes = text != session.notes, text
        session.save(update_fields=["notes"])
        rename(session, **names)
        note = "Note saved." if text else "Note deleted."
        messages.success(request, note if is_changed or not names else "Title and tags saved.")
    return redirect(reverse("batches:detail", args=[session.id]))


def _names(data: QueryDict) -> tuple[dict[str, Any], list[str]]:
    """Return the checked title and tags of a form, and what is wrong with them."""
    names: dict[str, Any] = {}
    problems: list[str] = []
    tags = [tag.strip() for tag in data.get("tags", "").split(",")]
    sent = {"title": (checked_title, data.get("title")), "tags": (checked_tags, [tag for tag in tags if tag])}
    for name, (check, value) in sent.items():
        if name in data:
            try:
                names[name] = check(value)
            except ValueError as reason:
                problems.append(f"{name} must be {reason}, got {shown(data[name])}.")
    return names, problems
