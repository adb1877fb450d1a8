"""The pages of prices: instruments, and an import from upload to decision. All work without scripts."""

from typing import Any, BinaryIO, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import permissions
from batches.errors import BatchError, Detail, InvalidRequest
from batches.formatting import shortened
from batches.models import Instrument, InstrumentGroup, PriceImport
from batches.ops import storage
from batches.permissions import Permission
from batches.prices import deleting, drafts, previewing
from batches.prices.archiving import set_archived
from batches.prices.beta import chosen_beta
from batches.prices.series import load_series
from batches.sweep.link import symbols_query
from batches.symbols import normalized
from batches.verdict import ledger
from batches.web.charts.price_chart import instrument_chart
from batches.web.charts.ranges import View
from batches.web.htmx import page_or_part, wants_part
from batches.web.instrument_list import InstrumentQuery, regroup
from batches.web.instrument_page import InstrumentForm, instrument_context
from batches.web.price_preview import chosen_options, imported_message, preview_context

PAGE_SIZE, N_RECENT = 50, 8
MAX_NAMED = 5


@ensure_csrf_cookie
@require_GET
def instrument_list(request: HttpRequest) -> HttpResponse:
    return _list(request)


def _list(request: HttpRequest, refused: BatchError | None = None) -> HttpResponse:
    query = InstrumentQuery.parse(request.GET)
    context = {
        "nav": "prices",
        "query": query,
        "page": Paginator(query.rows(), PAGE_SIZE).get_page(request.GET.get("page")),
        "groups": InstrumentGroup.objects.all(),
        "n_archived": Instrument.objects.filter(is_archived=True).count(),
        "imports": PriceImport.objects.select_related("owner").defer("content")[:N_RECENT],
        "refused": refused,
        "max_bytes": settings.PRICES_MAX_BYTES,
    }
    response = page_or_part(request, "batches/prices.html", "batches/_instruments.html", context)
    if refused:
        response.status_code = refused.status
    return response


@require_POST
def group(request: HttpRequest) -> HttpResponse:
    """Change groups of the selected instruments, archive or restore them; or show the form or the page of deletion."""
    symbols = request.POST.getlist("symbols")
    if request.POST.get("intent") == "test":
        return redirect(f"{reverse('batches:form')}?{symbols_query(symbols)}")
    if request.POST.get("intent") == "delete":
        return redirect(f"{reverse('batches:delete_instruments')}?{urlencode({'symbols': symbols}, doseq=True)}")
    permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
    try:
        messages.success(request, _change(symbols, request.POST.get("intent", ""), request.POST.get("name", "")))
    except BatchError as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('batches:prices')}?{InstrumentQuery.parse(request.POST).query()}")


def _change(symbols: list[str], intent: str, group_text: str) -> str:
    """Archive or restore the instruments, or change their groups; return what was done."""
    if intent not in {"archive", "restore"}:
        return regroup(symbols, group_text=group_text, remove=intent == "remove")
    changed = set_archived(symbols, intent == "archive")
    names = shortened(changed, MAX_NAMED)
    if intent == "restore":
        return f"Restored {names}."
    return f"Archived {names}. New batches are not offered what is archived; its batches stay."


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def delete_instruments(request: HttpRequest) -> HttpResponse:
    """Ask, then delete the instruments, or the old versions of one."""
    permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
    if request.method == "POST":
        try:
            deletion = deleting.delete(request.POST.getlist("symbols"), request.POST.get("versions", ""))
            messages.success(request, f"Deleted. {deletion}.")
        except BatchError as error:
            messages.error(request, error.message)
        return redirect("batches:prices")
    symbols = [symbol for symbol in request.GET.getlist("symbols") if symbol.isprintable()]
    selected = Instrument.objects.select_related("series").defer("series__data").filter(symbol__in=symbols)
    return render(request, "batches/delete_instruments.html", {"nav": "prices", "instruments": selected})


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keep the files and show the preview of the first. The upload script gets its address as JSON."""
    is_script = request.headers.get("Accept") == "application/json"
    try:
        permissions.require(request.user, Permission.IMPORT_PRICES)
        with storage.refusals():
            url = reverse("batches:price_import", args=[_receive(request)[0].pk])
    except BatchError as error:
        if is_script:
            return JsonResponse(error.as_json(), status=error.status)
        return _list(request, refused=error)
    return JsonResponse({"url": url}, status=201) if is_script else HttpResponseRedirect(url, status=303)


def _receive(request: HttpRequest) -> list[PriceImport]:
    """Keep all files, or none of them."""
    files = [file for file in request.FILES.getlist("file") if file.file is not None]
    if not files:
        raise InvalidRequest(Detail("file", "Choose a file first."))
    with transaction.atomic():
        return [
            drafts.receive(
                cast(BinaryIO, file.file),
                name=str(file.name)[-100:],
                size=file.size or 0,
                source=request.POST.get("source", "").strip(),
                owner=permissions.owner(request.user),
                now=timezone.now(),
            )
            for file in files
        ]


@require_http_methods(["GET", "HEAD", "POST"])
def price_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Preview a file; a POST reads it with other options, stores it, or discards it."""
    permissions.require(request.user, Permission.IMPORT_PRICES)
    draft = get_object_or_404(PriceImport, pk=pk)
    intent = request.POST.get("intent", "check")
    options = chosen_options(request.POST)
    try:
        with storage.refusals():
            if intent == "discard":
                drafts.discard(draft)
                messages.success(request, f"Discarded {draft.name}.")
                return _next_review(draft.owner)
            if intent == "store":
                report = drafts.store(draft, options, now=timezone.now())
                messages.success(request, imported_message(draft.name, report))
                return _next_review(draft.owner)
    except BatchError as error:
        if error.status != 422:  # the preview shows the problems of the file
            messages.error(request, error.message)
        draft.refresh_from_db()
    context = _preview_context(draft, options)
    return page_or_part(request, "batches/price_import.html", "batches/_price_preview.html", context)


@require_POST
def price_imports(request: HttpRequest) -> HttpResponse:
    """Store all files of the user that await review, as they were detected; those with problems stay."""
    permissions.require(request.user, Permission.IMPORT_PRICES)
    owner = permissions.owner(request.user)
    for draft in drafts.waiting(owner):
        try:
            with storage.refusals():
                report = drafts.store(draft, {}, now=timezone.now())
            messages.success(request, imported_message(draft.name, report))
        except BatchError as error:
            messages.error(request, error.message)
    return _next_review(owner)


def _next_review(owner: User | None) -> HttpResponseRedirect:
    """Show the next file of the user that awaits review."""
    following = drafts.waiting(owner).first()
    return redirect("batches:price_import", following.pk) if following else redirect("batches:prices")


def _preview_context(draft: PriceImport, options: dict[str, str]) -> dict[str, Any]:
    context: dict[str, Any] = {"nav": "prices", "draft": draft}
    if draft.outcome != drafts.WAITING:
        return context
    preview = previewing.preview(bytes(draft.content or b""), draft.name, options)
    return context | preview_context(preview, options) | {"others": drafts.waiting(draft.owner).exclude(pk=draft.pk)}


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def instrument(request: HttpRequest, symbol: str) -> HttpResponse:
    """One instrument: its versions and gaps, the form that edits it, and a beta to measure."""
    row = get_object_or_404(Instrument.objects.select_related("series"), symbol=normalized(symbol))
    form = InstrumentForm(request.POST if request.method == "POST" else None, initial=InstrumentForm.initial_of(row))
    if request.method == "POST":
        permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
        if form.is_valid():
            form.save(row)
            messages.success(request, f"Saved {row.symbol}.")
            return redirect("batches:instrument", row.symbol)
    context: dict[str, Any] = {"chart": instrument_chart(View.parse(load_series(row.series_id), request.GET))}
    if not wants_part(request):
        context |= instrument_context(row) | _beta_context(row, request) | {"nav": "prices", "form": form}
        context["ledger"] = ledger.of_symbol(row.symbol, permissions.owner(request.user))
    response = page_or_part(request, "batches/instrument.html", "batches/_chart.html", context)
    response.status_code = 422 if form.errors else 200
    return response


def _beta_context(row: Instrument, request: HttpRequest) -> dict[str, Any]:
    query = {name: request.GET.get(name, "").strip() for name in ("benchmark", "startDate", "endDate")}
    context: dict[str, Any] = {"beta_query": query | {"benchmark": query["benchmark"] or settings.BENCHMARK_SYMBOL}}
    if not query["benchmark"]:
        return context
    try:
        measured = chosen_beta(row.symbol, query["benchmark"], query["startDate"], query["endDate"])
    except BatchError as error:
        return context | {"beta_problem": error.message}
    return context | {"measured": measured}
