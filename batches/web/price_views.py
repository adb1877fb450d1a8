"""The pages of prices: instruments, and an import from upload to decision. All work without scripts."""

from typing import Any, BinaryIO, cast

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from batches import permissions
from batches.errors import BatchError, Detail, InvalidRequest
from batches.models import Instrument, InstrumentGroup, PriceImport
from batches.ops import storage
from batches.permissions import Permission
from batches.prices import drafts
from batches.prices.beta import chosen_beta
from batches.prices.mapping import ROLES, Layout
from batches.web.htmx import page_or_part
from batches.web.instrument_list import InstrumentQuery, regroup
from batches.web.instrument_page import InstrumentForm, instrument_context

PAGE_SIZE, N_RECENT, MAX_LISTED_COLUMNS = 50, 8, 200
LAYOUTS = {
    Layout.LONG: "one bar (long)",
    Layout.SINGLE: "one bar, one symbol",
    Layout.WIDE: "one day (wide)",
}
DATE_ORDERS = {"ymd": "year, month, day", "dmy": "day, month, year", "mdy": "month, day, year"}
ROLE_LABELS = {role: role.capitalize() for role in ROLES} | {"adj_close": "Adjusted close"}


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
    """Add the selected instruments to groups, or remove them."""
    permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
    try:
        done = regroup(
            request.POST.getlist("symbols"),
            group_text=request.POST.get("name", ""),
            remove=request.POST.get("intent") == "remove",
        )
        messages.success(request, done)
    except BatchError as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('batches:prices')}?{InstrumentQuery.parse(request.POST).query()}")


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keep the file and show its preview. The upload script, which shows progress, gets the address as JSON."""
    is_script = request.headers.get("Accept") == "application/json"
    try:
        permissions.require(request.user, Permission.IMPORT_PRICES)
        with storage.refusals():
            url = reverse("batches:price_import", args=[_receive(request).pk])
    except BatchError as error:
        if is_script:
            return JsonResponse(error.as_json(), status=error.status)
        return _list(request, refused=error)
    return JsonResponse({"url": url}, status=201) if is_script else HttpResponseRedirect(url, status=303)


def _receive(request: HttpRequest) -> PriceImport:
    file = request.FILES.get("file")
    if file is None or file.file is None:
        raise InvalidRequest(Detail("file", "Choose a file first: CSV, gzipped or not, or Parquet."))
    return drafts.receive(
        cast(BinaryIO, file.file),
        name=str(file.name)[:100],
        size=file.size or 0,
        source=request.POST.get("source", "").strip(),
        owner=permissions.owner(request.user),
        now=timezone.now(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def price_import(request: HttpRequest, pk: int) -> HttpResponse:
    """Preview a file; a POST reads it with other options, stores it, or discards it."""
    permissions.require(request.user, Permission.IMPORT_PRICES)
    draft = get_object_or_404(PriceImport, pk=pk)
    intent = request.POST.get("intent", "check")
    options = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    try:
        with storage.refusals():
            if intent == "discard":
                drafts.discard(draft)
                messages.success(request, f"Discarded {draft.name}.")
                return redirect("batches:prices")
            if intent == "store":
                report = drafts.store(draft, options, now=timezone.now())
                messages.success(request, f"Imported {draft.name}: {report}.")
                return redirect("batches:prices")
    except BatchError as error:
        if error.status != 422:  # the preview shows the problems of the file
            messages.error(request, error.message)
        draft.refresh_from_db()
    context = _preview_context(draft, options)
    return page_or_part(request, "batches/price_import.html", "batches/_price_preview.html", context)


def _preview_context(draft: PriceImport, options: dict[str, str]) -> dict[str, Any]:
    if draft.outcome != drafts.WAITING:
        return {"nav": "prices", "draft": draft}
    preview = drafts.preview(draft, options)
    return {
        "nav": "prices",
        "draft": draft,
        "preview": preview,
        "layouts": LAYOUTS,
        "date_orders": DATE_ORDERS,
        "roles": [(role, ROLE_LABELS[role], preview.mapping.columns.get(role, "")) for role in ROLES],
        "column_names": list(preview.table.columns)[:MAX_LISTED_COLUMNS],
    }


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def instrument(request: HttpRequest, symbol: str) -> HttpResponse:
    """One instrument: its versions and gaps, the form that edits it, and a beta to measure."""
    row = get_object_or_404(Instrument.objects.select_related("series"), symbol=symbol.upper())
    form = InstrumentForm(request.POST if request.method == "POST" else None, initial=InstrumentForm.initial_of(row))
    if request.method == "POST":
        permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
        if form.is_valid():
            form.save(row)
            messages.success(request, f"Saved {row.symbol}.")
            return redirect("batches:instrument", row.symbol)
    context = instrument_context(row) | _beta_context(row, request) | {"nav": "prices", "form": form}
    return render(request, "batches/instrument.html", context, status=422 if form.errors else 200)


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
