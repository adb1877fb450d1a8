"""What can be swept, over what; and how prices come in."""

from typing import BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from batches import permissions
from batches.api.answers import answer
from batches.api.catalogue import catalogue, instrument_entry
from batches.api.document import Routes
from batches.api.openapi import operations
from batches.errors import Detail, InvalidRequest
from batches.models import PriceImport
from batches.permissions import Right
from batches.prices.beta import chosen_beta
from batches.prices.drafts import check_upload_size
from batches.prices.importing import import_prices, read_prices
from batches.prices.series import instruments

router = Routes()


@router.get(
    "/strategies", summary="Strategies with their parameters, and the metrics", openapi_extra=operations.STRATEGIES
)
def strategies(request: HttpRequest) -> HttpResponse:
    """Everything that a form needs."""
    return answer({"success": True} | catalogue())


@router.get("/instruments", summary="Instruments with prices", openapi_extra=operations.INSTRUMENTS)
def list_instruments(request: HttpRequest) -> HttpResponse:
    """Symbol, dates, kind of bars, beta."""
    return answer({"success": True, "instruments": [instrument_entry(found) for found in instruments()]})


@router.get("/instruments/beta", summary="Beta over chosen dates", openapi_extra=operations.BETA)
def instrument_beta(request: HttpRequest) -> HttpResponse:
    """Of one instrument against another, on the days that both have."""
    given = request.GET
    wanted = {"symbol": given.get("symbol", ""), "benchmark": given.get("benchmark") or settings.BENCHMARK_SYMBOL}
    found = chosen_beta(**wanted, start=given.get("startDate", ""), end=given.get("endDate", ""))
    return answer(
        {
            "success": True,
            "symbol": wanted["symbol"].upper(),
            "benchmark": wanted["benchmark"].upper(),
            "beta": found.value,
            "bars": found.n_bars,
            "firstDate": found.first,
            "lastDate": found.last,
        }
    )


@router.post("/instruments", summary="Load prices from a CSV or Parquet file", openapi_extra=operations.IMPORT)
def load_instruments(request: HttpRequest) -> HttpResponse:
    """A multipart form with `file`, and what is known of how to read it. All of the file is stored, or nothing."""
    permissions.require(request.user, Right.IMPORT_PRICES)
    upload = request.FILES.get("file")
    if upload is None or upload.file is None:
        raise InvalidRequest(Detail("file", "file is missing; a CSV or Parquet file in a multipart form is wanted."))
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
    found = [instrument_entry(each) for each in instruments([*report.added, *report.updated, *report.unchanged])]
    names = {"added": report.added, "updated": report.updated, "unchanged": report.unchanged, "notes": report.notes}
    return answer({"success": True, **names, "instruments": found}, 201 if report.added else 200)
