"""The page of a locked tail: what is locked, the confirmation before it is spent, and what it was spent on."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from batches import permissions
from batches.errors import BatchError
from batches.models import BatchSession
from batches.permissions import Permission
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.validators import digits
from batches.verdict import spending
from batches.web.charts.stitched import stitched_chart
from batches.web.labels import names_of, title_of


@require_http_methods(["GET", "HEAD", "POST"])
def holdout(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Ask before the locked days are spent on a row, `?index=` or the best; a POST spends them, or gives them up."""
    session = get_object_or_404(permissions.visible(request.user), pk=session_id)
    if request.method == "POST":
        permissions.require(request.user, Permission.CONTROL_ALL, session)
        try:
            if request.POST.get("intent") == "giveUp":
                spending.give_up(session, timezone.now())
            else:
                spending.spend(session, _index(session, request.POST.get("index", "")), timezone.now())
        except BatchError as error:
            messages.error(request, error.message)
        return redirect("batches:holdout", session.id)
    state = spending.state_of(session)
    context = {
        "session": session,
        "title": title_of(session),
        "names": names_of(session),
        "state": state,
        "problem": _problem(session),
        "row": None,
    }
    if state["result"]:
        context |= _result_context(state["result"])
    elif not context["problem"]:
        index = _index(session, request.GET.get("index", ""))
        context["row"] = plan_of(session).identity(index) if 0 <= index < session.total else None
    return render(request, "batches/holdout.html", context)


def _index(session: BatchSession, text: str) -> int:
    """Return the number of a row, the best one's for an empty text, -1 for what is none."""
    if not text.strip():
        return int(session.leaders[0]["index"]) if session.leaders else -1
    index = digits(text)
    return -1 if index is None else index


def _problem(session: BatchSession) -> str:
    try:
        spending.require_spendable(session)
    except BatchError as error:
        return error.message
    return ""


def _result_context(result: dict[str, Any]) -> dict[str, Any]:
    curve = result["curve"]
    curves = {
        name: [value / curve[name][0] for value in curve[name]] if curve[name][0] > 0 else None
        for name in ("equity", "holding")
    }
    held = result["buyAndHold"]["metrics"]
    return {
        "result": result,
        "picture": stitched_chart({"dates": curve["dates"], **curves, "hindsight": None})
        if any(curves.values())
        else None,
        "metrics": [
            (about, result["metrics"].get(name), held.get(name)) for name, about in METRICS_BY_WIRE_NAME.items()
        ],
    }
