"""Strategies, instruments, and the import of prices."""

from typing import BinaryIO, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from pydantic import TypeAdapter

from batches import permissions
from batches.api.answers import Symbol, answer, form_fields, query_parameters
from batches.api.catalog import catalog, instrument_entry
from batches.api.document import WRITING, Routes, answers, parameters
from batches.api.schemas.market import (
    ARCHIVE_BODY,
    Beta,
    BetaQuery,
    ChangedInstrument,
    DeletedInstrument,
    DeletionQuery,
    Imported,
    Instruments,
    InstrumentsQuery,
    PricesForm,
    Strategies,
)
from batches.api.strict_json import json_body
from batches.errors import Detail, InvalidRequest
from batches.models import PriceImport
from batches.permissions import Permission
from batches.prices import deleting
from batches.prices.archiving import set_archived
from batches.prices.bars import ParsedFile
from batches.prices.beta import chosen_beta
from batches.prices.changes import combined
from batches.prices.drafts import check_upload_size
from batches.prices.importing import Origin, import_prices, read_prices
from batches.prices.merging import chosen_overlap
from batches.prices.options import ROLES
from batches.prices.series import instruments
from batches.symbols import normalized
from batches.validators import shown

router = Routes()


@router.get(
    "/strategies", summary="Strategies with their parameters, and the metrics", response=answers({200: Strategies})
)
def strategies(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Ninja passes it
    """Everything that a form needs."""
    return answer(catalog())


@router.get(
    "/instruments",
    summary="Instruments with prices",
    response=answers({200: Instruments}, 422),
    openapi_extra={"parameters": parameters(InstrumentsQuery)},
)
def list_instruments(request: HttpRequest) -> HttpResponse:
    """Symbol, dates, kind of bars, beta."""
    archived = query_parameters(request, InstrumentsQuery.__annotations__).get("archived", "false")
    if archived not in {"true", "false"}:
        raise InvalidRequest(Detail("archived", f"archived must be true or false, got {shown(archived)}."))
    entries = [instrument_entry(instrument) for instrument in instruments(archived=archived == "true")]
    return answer(Instruments(success=True, instruments=entries))


@router.get(
    "/instruments/beta",
    summary="Beta over chosen dates",
    response=answers({200: Beta}, 422),
    openapi_extra={"parameters": parameters(BetaQuery)},
)
def instrument_beta(request: HttpRequest) -> HttpResponse:
    """Of one instrument against another, on the days that both have."""
    query = query_parameters(request, BetaQuery.__annotations__)
    symbol, benchmark = query.get("symbol", ""), query.get("benchmark") or settings.BENCHMARK_SYMBOL
    beta = chosen_beta(
        symbol=symbol, benchmark=benchmark, start=query.get("startDate", ""), end=query.get("endDate", "")
    )
    return answer(
        Beta(
            success=True,
            symbol=normalized(symbol),
            benchmark=normalized(benchmark),
            beta=beta.value,
            bars=beta.n_bars,
            firstDate=beta.first,
            lastDate=beta.last,
        )
    )


@router.patch(
    "/instruments/{path:symbol}",
    summary="Archive an instrument, or restore it",
    response=answers({200: ChangedInstrument}, *WRITING, 413, 415, 422),
    openapi_extra={"requestBody": ARCHIVE_BODY},
)
def change_instrument(request: HttpRequest, symbol: Symbol) -> HttpResponse:
    """New batches are not offered an archived instrument. Its batches stay, and a request may still name it."""
    permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
    body = json_body(request)
    if not isinstance(body, dict) or list(body) != ["archived"] or not isinstance(body["archived"], bool):
        message = f"archived must be true or false, and the only field, got {shown(body)}."
        raise InvalidRequest(Detail("archived", message))
    (instrument,) = instruments(set_archived([symbol], body["archived"]))
    return answer(ChangedInstrument(success=True, instrument=instrument_entry(instrument)))


@router.delete(
    "/instruments/{path:symbol}",
    summary="Delete an instrument and its prices",
    response=answers({200: DeletedInstrument}, *WRITING, 409, 422),
    openapi_extra={"parameters": parameters(DeletionQuery)},
)
def delete_instrument(request: HttpRequest, symbol: Symbol) -> HttpResponse:
    """409 while an active batch uses it. Ended batches keep their results, and what they need to be replayed."""
    permissions.require(request.user, Permission.EDIT_INSTRUMENTS)
    deletion = deleting.delete([symbol], query_parameters(request, DeletionQuery.__annotations__).get("versions", ""))
    return answer(
        DeletedInstrument(
            success=True, symbol=deletion.symbols[0], deletedVersions=deletion.deleted, keptVersions=deletion.kept
        )
    )


def _names(request: HttpRequest) -> list[str]:
    """Return the fields that a form of prices may have; Django reads its token against forged requests itself."""
    columns = [f"{prefix}.{role}" for role in ROLES for prefix in ("column", "columns")]
    renames = [name for name in request.POST if name.startswith("rename.")]
    return [*PricesForm.__annotations__, *columns, *renames, "csrfmiddlewaretoken"]


def _prices_body() -> dict[str, object]:
    schema = TypeAdapter(PricesForm).json_schema()
    for role in ROLES:
        description = f"The column that is the {role}; empty: the file has none. Also spelled columns.{role}."
        schema["properties"][f"column.{role}"] = {"type": "string", "description": description}
    schema["patternProperties"] = {
        "^columns\\.": {"type": "string", "description": "The same as column.<role>."},
        "^rename\\.": {"type": "string", "description": "The new name of a symbol of the file; empty: leave it out."},
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema | {"additionalProperties": False}}}}


@router.post(
    "/instruments",
    summary="Load prices from files",
    response=answers({200: Imported, 201: Imported}, *WRITING, 409, 413, 415, 422, 507),
    openapi_extra={"requestBody": _prices_body()},
)
def load_instruments(request: HttpRequest) -> HttpResponse:
    """Takes a multipart form with one `file` or several, and how to read them. All of them are stored, or nothing."""
    permissions.require(request.user, Permission.IMPORT_PRICES)
    options = form_fields(request, _names(request), files="file")
    on_overlap, files = chosen_overlap(options), list[tuple[str, ParsedFile]]()
    uploads = [upload for upload in request.FILES.getlist("file") if upload.file is not None]
    if not uploads:
        raise InvalidRequest(Detail("file", "file is missing: send a file of prices in a multipart form."))
    for upload in uploads:
        check_upload_size(upload.size or 0)
        name = str(upload.name)[-100:]
        files.append((name, read_prices(cast(BinaryIO, upload.file), name=name, options=options)))
    origin = Origin(
        name=", ".join(name for name, _ in files),
        size=sum(upload.size or 0 for upload in uploads),
        channel=PriceImport.Channel.API,
        source=options.get("source", ""),
        owner=permissions.owner(request.user),
    )
    report = import_prices(combined(files, on_overlap), origin, on_overlap=on_overlap)
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
