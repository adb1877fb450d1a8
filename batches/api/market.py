"""Strategies, instruments, and the import of prices."""

from typing import BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pydantic import TypeAdapter

from batches import permissions
from batches.api.answers import answer
from batches.api.catalog import catalog, instrument_entry
from batches.api.document import WRITING, Routes, answers, parameters
from batches.api.schemas.market import Beta, BetaQuery, Imported, Instruments, PricesForm, Strategies
from batches.errors import Detail, InvalidRequest
from batches.models import PriceImport
from batches.permissions import Permission
from batches.prices.beta import chosen_beta
from batches.prices.drafts import check_upload_size
from batches.prices.importing import import_prices, read_prices
from batches.prices.mapping import ROLES
from batches.prices.series import instruments

router = Routes()


@router.get(
    "/strategies", summary="Strategies with their parameters, and the metrics", response=answers({200: Strategies})
)
def strategies(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Ninja passes it
    """Everything that a form needs."""
    return answer(catalog())


@router.get("/instruments", summary="Instruments with prices", response=answers({200: Instruments}))
def list_instruments(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Ninja passes it
    """Symbol, dates, kind of bars, beta."""
    return answer(Instruments(success=True, instruments=[instrument_entry(instrument) for instrument in instruments()]))


@router.get(
    "/instruments/beta",
    summary="Beta over chosen dates",
    response=answers({200: Beta}, 422),
    openapi_extra={"parameters": parameters(BetaQuery)},
)
def instrument_beta(request: HttpRequest) -> HttpResponse:
    """Of one instrument against another, on the days that both have."""
    query = request.GET
    symbol, benchmark = query.get("symbol", ""), query.get("benchmark") or settings.BENCHMARK_SYMBOL
    beta = chosen_beta(
        symbol=symbol, benchmark=benchmark, start=query.get("startDate", ""), end=query.get("endDate", "")
    )
    return answer(
        Beta(
            success=True,
            symbol=symbol.upper(),
            benchmark=benchmark.upper(),
            beta=beta.value,
            bars=beta.n_bars,
            firstDate=beta.first,
            lastDate=beta.last,
        )
    )


def _prices_body() -> dict[str, object]:
    schema = TypeAdapter(PricesForm).json_schema()
    for role in ROLES:
        schema["properties"][f"column.{role}"] = {"type": "string", "description": f"The column that is the {role}."}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema | {"additionalProperties": False}}}}


@router.post(
    "/instruments",
    summary="Load prices from a CSV or Parquet file",
    response=answers({200: Imported, 201: Imported}, *WRITING, 413, 415, 422, 507),
    openapi_extra={"requestBody": _prices_body()},
)
def load_instruments(request: HttpRequest) -> HttpResponse:
    """Takes a multipart form with `file`, and how to read it. All of the file is stored, or nothing."""
    permissions.require(request.user, Permission.IMPORT_PRICES)
    upload = request.FILES.get("file")
    if upload is None or upload.file is None:
        raise InvalidRequest(Detail("file", "file is missing: send a CSV or Parquet file in a multipart form."))
    check_upload_size(upload.size or 0)
    name = str(upload.name)[:100]
    report = import_prices(
        read_prices(cast(BinaryIO, upload.file), name=name, options=request.POST.dict()),
        name=name,
        size=upload.size or 0,
        source=request.POST.get("source", ""),
        channel=PriceImport.Channel.API,
        owner=permissions.owner(request.user),
    )
    stored = instruments([*report.added, *report.updated, *report.unchanged])
    imported = Imported(
        success=True,
        added=list(report.added),
        updated=list(report.updated),
        unchanged=list(report.unchanged),
        notes=list(report.notes),
        instruments=[instrument_entry(instrument) for instrument in stored],
    )
    return answer(imported, 201 if report.added else 200)
