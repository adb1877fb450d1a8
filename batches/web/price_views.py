"""The pages of prices: the instruments, one of them, an import from upload to decision. All work without scripts."""

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
from batches.permissions import Right
from batches.prices import drafts
from batches.prices.beta import chosen_beta
from batches.prices.mapping import ROLES, Layout
from batches.web.htmx import page_or_part
from batches.web.instrument_list import SORTS, InstrumentQuery, regroup
from batches.web.instrument_page import edit, facts_of

ON_A_PAGE, RECENT, LISTED_COLUMNS = 50, 8, 200
WAITING = PriceImport.Outcome.WAITING
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
    """All instruments; to htmx, the table alone."""
    return _list(request)


def _list(request: HttpRequest, refused: BatchError | None = None) -> HttpResponse:
    query = InstrumentQuery.parse(request.GET)
    shown = Paginator(query.found(), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "nav": "prices",
        "query": query,
        "shown": shown,
        "sorts": SORTS,
        "groups": InstrumentGroup.objects.all(),
        "imports": PriceImport.objects.select_related("owner").defer("content")[:RECENT],
        "refused": refused,
        "largest": settings.PRICES_MAX_BYTES,
        "benchmark": settings.BENCHMARK_SYMBOL,
    }
    response = page_or_part(request, "batches/prices.html", "batches/_instruments.html", context)
    if refused:
        response.status_code = refused.status
    return response


@require_POST
def group(request: HttpRequest) -> HttpResponse:
    """Put the ticked instruments into a group, or take them out of it."""
    permissions.require(request.user, Right.EDIT_INSTRUMENTS)
    try:
        messages.success(request, regroup(request.POST.getlist("symbols"), request.POST))
    except BatchError as error:
        messages.error(request, error.message)
    return redirect(f"{reverse('batches:prices')}?{InstrumentQuery.parse(request.POST).query()}")


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Keep the file and show what is in it. A script, which tells how far it is, gets the address as JSON."""
    scripted = request.headers.get("Accept") == "application/json"
    try:
        permissions.require(request.user, Right.IMPORT_PRICES)
        with storage.refusals():
            address = reverse("batches:price_import", args=[_received(request).pk])
    except BatchError as error:
        if scripted:
            return JsonResponse(error.as_json(), status=error.status)
        return _list(request, refused=error)
    return JsonResponse({"url": address}, status=201) if scripted else HttpResponseRedirect(address, status=303)


def _received(request: HttpRequest) -> PriceImport:
    file = request.FILES.get("file")
    if file is None or file.file is None:
        raise InvalidRequest(Detail("file", "Choose a file first: CSV, also gzipped, or Parquet."))
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
    """What a file holds, and how it is read; a POST reads it otherwise, stores it, or throws it away."""
    permissions.require(request.user, Right.IMPORT_PRICES)
    draft = get_object_or_404(PriceImport, pk=pk)
    intent = request.POST.get("intent", "check")
    given = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    try:
        with storage.refusals():
            if intent == "discard":
                drafts.discard(draft)
                messages.success(request, f"{draft.name} is discarded.")
                return redirect("batches:prices")
            if intent == "store":
                report = drafts.store(draft, given, now=timezone.now())
                messages.success(request, f"{draft.name} is imported: {report}.")
                return redirect("batches:prices")
    except BatchError as error:
        if error.status != 422:  # what is wrong with the file is told below, in full
            messages.error(request, error.message)
        draft.refresh_from_db()
    return page_or_part(request, "batches/price_import.html", "batches/_price_look.html", _look_context(draft, given))


def _look_context(draft: PriceImport, given: dict[str, str]) -> dict[str, Any]:
    if draft.outcome != WAITING:
        return {"nav": "prices", "draft": draft}
    look = drafts.look(draft, given)
    names = list(look.table.columns)
    return {
        "nav": "prices",
        "draft": draft,
        "look": look,
        "layouts": LAYOUTS,
        "date_orders": DATE_ORDERS,
        "roles": [(role, ROLE_LABELS[role], look.mapping.columns.get(role, "")) for role in ROLES],
        "column_names": names[:LISTED_COLUMNS],
        "per_bar": look.mapping.layout is not Layout.WIDE,
    }


@ensure_csrf_cookie
@require_http_methods(["GET", "HEAD", "POST"])
def instrument(request: HttpRequest, symbol: str) -> HttpResponse:
    """One instrument: its versions and gaps, its groups and manual beta to edit, and a beta to measure."""
    found = get_object_or_404(Instrument.objects.select_related("series"), symbol=symbol.upper())
    problems: dict[str, str] = {}
    if request.method == "POST":
        permissions.require(request.user, Right.EDIT_INSTRUMENTS)
        try:
            edit(found, request.POST)
            messages.success(request, f"{found.symbol} is changed.")
            return redirect("batches:instrument", found.symbol)
        except InvalidRequest as error:
            problems = {detail.field: detail.message for detail in error.details}
    context = (
        facts_of(found)
        | _measured_beta(found, request)
        | {"nav": "prices", "problems": problems, "given": request.POST}
    )
    return render(request, "batches/instrument.html", context, status=422 if problems else 200)


def _measured_beta(found: Instrument, request: HttpRequest) -> dict[str, Any]:
    """The beta that was asked for in the address."""
    asked = {name: request.GET.get(name, "").strip() for name in ("benchmark", "startDate", "endDate")}
    context: dict[str, Any] = {"asked": asked | {"benchmark": asked["benchmark"] or settings.BENCHMARK_SYMBOL}}
    if not asked["benchmark"]:
        return context
    try:
        measured = chosen_beta(found.symbol, asked["benchmark"], asked["startDate"], asked["endDate"])
    except BatchError as error:
        return context | {"beta_problem": error.message}
    return context | {"measured": measured}
