"""The form of a sweep, its count, and the presets."""

import contextlib
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from backtester.engine import STRATEGIES
from batches import permissions
from batches.errors import BatchError, InvalidRequest, NotFound
from batches.ops import storage
from batches.permissions import Permission
from batches.running import estimating, submission
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.symbols import joined
from batches.web.forms.presets import examples, presets_of, save_preset
from batches.web.forms.sweep_form import SweepForm
from batches.web.forms.symbol_search import search_symbols
from batches.web.presenters import batch_lines

N_RECENT = 5


@gzip_page  # the largest first page; safe from BREACH, since Django masks the CSRF token anew for each response
@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest) -> HttpResponse:
    """Show the form; a POST starts the batch or, without scripts, counts or searches."""
    if request.method != "POST":
        sweep = SweepForm(_link_data(request), permissions.visible(request.user))
        return _form_page(request, sweep, show_errors=bool(request.GET))
    sweep = SweepForm(request.POST)
    if request.POST.get("intent") in ("count", "find"):
        return _form_page(request, sweep)
    try:
        with storage.refusals():
            permissions.require(request.user, Permission.RUN)
            owner = permissions.owner(request.user)
            if sweep.request is None:
                return _form_page(request, sweep, status=422)
            session = submission.submit(sweep.request, now=timezone.now(), owner=owner)
    except BatchError as error:
        return _form_page(request, sweep, status=error.status, refused=error)
    return HttpResponseRedirect(reverse("batches:detail", args=[session.id]), status=303)


def _link_data(request: HttpRequest) -> QueryDict:
    """A link to a batch with more symbols than an address holds names the batch instead."""
    if "symbolsOf" not in request.GET:
        return request.GET
    data = request.GET.copy()
    with contextlib.suppress(NotFound):
        data["symbols"] = joined(permissions.find(request.user, request.GET["symbolsOf"]).request["symbols"])
    return data


def _form_page(
    request: HttpRequest,
    sweep: SweepForm,
    *,
    show_errors: bool = True,
    status: int = 200,
    refused: BatchError | None = None,
) -> HttpResponse:
    counted = _count_context(sweep, permissions.owner(request.user))
    if not show_errors:
        sweep.errors.clear()
    now = timezone.now()
    recent = permissions.visible(request.user).select_related("owner").prefetch_related("tags")
    recent = recent.narrow("request", "leaders", "notes")[:N_RECENT]
    context = counted | {
        "strategies": STRATEGIES.values(),
        "metrics": METRICS_BY_WIRE_NAME.items(),
        "matches": search_symbols(sweep.data.get("find", ""), sweep.choice.named),
        "refused": None if isinstance(refused, InvalidRequest) else refused,  # else the fields show it
        "lines": batch_lines(recent, now),
        "now": now,
        "presets": presets_of(request.user),
        "examples": examples(),
    }
    return render(request, "batches/form.html", context, status=status)


def _count_context(sweep: SweepForm, owner: User | None) -> dict[str, Any]:
    """Count and estimate; problems are shown at their fields."""
    context: dict[str, Any] = {"sweep": sweep, "estimate": None, "problem": ""}
    if sweep.request:
        try:
            estimate = context["estimate"] = estimating.estimate(sweep.request, owner)
            context["common_query"] = sweep.query_over(estimate.common) if estimate.common else ""
        except BatchError as error:
            sweep.refuse(error)
            context["problem"] = "" if error.details else error.message
    return context


@require_POST
def count(request: HttpRequest) -> HttpResponse:
    """Return the count and all errors; the address bar gets the link to the form."""
    sweep = SweepForm(request.POST)
    response = render(
        request, "batches/_count.html", _count_context(sweep, permissions.owner(request.user)) | {"swapped": True}
    )
    response["HX-Replace-Url"] = f"{reverse('batches:form')}?{sweep.query()}"
    return response


@require_GET
def symbols(request: HttpRequest) -> HttpResponse:
    """Return the chips of the matching instruments, a part of the form."""
    return render(request, "batches/_symbol_matches.html", {"matches": search_symbols(request.GET.get("find", ""))})


@require_POST
def presets(request: HttpRequest) -> HttpResponse:
    """Save a preset, then show the form with it."""
    query = SweepForm(QueryDict(request.POST.get("query", ""))).query()
    try:
        preset = save_preset(request.user, request.POST.get("name", ""), query)
        messages.success(request, f"Saved as “{preset.name}”.")
    except BatchError as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('batches:form')}?{query}")


@require_POST
def delete_preset(request: HttpRequest, preset_id: int) -> HttpResponse:
    preset = get_object_or_404(presets_of(request.user), pk=preset_id)
    preset.delete()
    messages.success(request, f"Deleted the preset “{preset.name}”.")
    return redirect(f"{reverse('batches:form')}?{preset.query}")
