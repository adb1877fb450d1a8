"""The form of a sweep, its count, and the presets."""

import contextlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import permissions
from batches.errors import BatchError, InvalidRequest, NotFound
from batches.ops import storage
from batches.permissions import Right
from batches.running import submission
from batches.web.forms.presets import examples, keep, presets_of
from batches.web.forms.sweep_form import SweepForm
from batches.web.forms.symbol_search import search_symbols
from batches.web.presenters import HEAVY, batch_lines

RECENT = 5


@gzip_page  # the largest page that people see first; its CSRF token is masked anew each time, so lengths tell nothing
@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest) -> HttpResponse:
    """The form; a POST starts the batch, or only counts, for those without scripts."""
    if request.method != "POST":
        return _form_page(request, _opened(request), say_what_is_wrong=bool(request.GET))
    if request.POST.get("intent") in ("count", "find"):
        return _form_page(request, request.POST)
    sweep = SweepForm(request.POST)
    try:
        with storage.refusals():
            permissions.require(request.user, Right.RUN)
            owner = permissions.owner(request.user)
            session = submission.submit(sweep.request(), now=timezone.now(), owner=owner)
    except BatchError as error:
        return _form_page(request, request.POST, refused=error)
    return HttpResponseRedirect(reverse("batches:detail", args=[session.id]), status=303)


def _opened(request: HttpRequest) -> QueryDict:
    """What a link asks for. One to a batch with more symbols than an address holds names the batch instead."""
    if "symbolsOf" not in request.GET:
        return request.GET
    data = request.GET.copy()
    with contextlib.suppress(NotFound):
        data["symbols"] = ",".join(permissions.find(request.user, request.GET["symbolsOf"]).request["symbols"])
    return data


def _form_page(
    request: HttpRequest, data: QueryDict, *, refused: BatchError | None = None, say_what_is_wrong: bool = True
) -> HttpResponse:
    sweep, counted = _counted(data, say_what_is_wrong=say_what_is_wrong)
    now = timezone.now()
    recent = permissions.visible(request.user).select_related("owner").defer(*HEAVY)[:RECENT]
    context = counted | {
        "sweep": sweep,
        "found": search_symbols(data.get("find", ""), sweep.choice.named),
        "refused": refused if refused and not isinstance(refused, InvalidRequest) else None,
        "lines": batch_lines(recent, now),
        "now": now,
        "presets": presets_of(request.user),
        "examples": examples(),
    }
    return render(request, "batches/form.html", context, status=refused.status if refused else 200)


def _counted(data: QueryDict, *, say_what_is_wrong: bool = True) -> tuple[SweepForm, dict[str, Any]]:
    """The form, and the count with the estimate; what is wrong stands at its field."""
    sweep = SweepForm(data)
    try:
        return sweep, {"estimate": submission.estimate(sweep.request())}
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
def symbols(request: HttpRequest) -> HttpResponse:
    """What a search among many instruments finds, as chips to choose; part of the form."""
    return render(request, "batches/_symbol_hits.html", {"found": search_symbols(request.GET.get("find", ""))})


@require_POST
def presets(request: HttpRequest) -> HttpResponse:
    """Keep a configuration under a name, then show the form with it."""
    query = SweepForm(QueryDict(request.POST.get("query", ""))).query()
    try:
        preset = keep(request.user, request.POST.get("name", ""), query)
        messages.success(request, f"Saved as “{preset.name}”.")
    except BatchError as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('batches:form')}?{query}")


@require_POST
def delete_preset(request: HttpRequest, preset_id: int) -> HttpResponse:
    """Forget one."""
    preset = get_object_or_404(presets_of(request.user), pk=preset_id)
    preset.delete()
    messages.success(request, f"Deleted the preset “{preset.name}”.")
    return redirect(f"{reverse('batches:form')}?{preset.query}")
