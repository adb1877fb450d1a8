"""Answers about strategies, metrics and instruments, and the uploads and query strings of the same routes."""

from datetime import date
from typing import Annotated, Literal, NotRequired

from django.conf import settings
from typing_extensions import TypedDict

from batches.api.schemas.batches import Day, Moment, Success, object_schema, request_body
from batches.prices.options import DELIMITERS, ENCODINGS
from batches.sweep.wire_types import Count, MetricName, Symbol, doc


class Parameter(TypedDict):
    """One parameter of a strategy."""

    name: Annotated[str, doc("Its name in requests.")]
    label: Annotated[str, doc("Its name for people.")]
    kind: Annotated[Literal["int", "float", "percent"], doc("int: whole; percent: a fraction.")]
    unit: Annotated[str, doc("Its unit.")]
    default: Annotated[float, doc("In its unit; taken when the parameter is left out.")]
    minimum: Annotated[float, doc("In its unit, included.")]
    maximum: Annotated[float, doc("In its unit, included.")]
    help: Annotated[str, doc("What it does.")]
    scaledByBeta: Annotated[bool, doc("Whether beta scaling multiplies it.")]
    optional: Annotated[bool, doc("Whether it is off when left out.")]
    suggested: Annotated[dict[str, float], doc("start, stop and step of a sensible range.")]


class Strategy(TypedDict):
    """One strategy."""

    name: Annotated[str, doc("Its name in requests.")]
    title: Annotated[str, doc("Its name for people.")]
    description: Annotated[str, doc("What it does.")]
    source: Annotated[str, doc("Where it is described.")]
    directions: Annotated[list[str], doc("The sides it can trade; the first is its default.")]
    parameters: Annotated[list[Parameter], doc("What can be swept.")]
    constraints: Annotated[list[str], doc("Which combinations are tested, e.g. `fast < slow`.")]


class Metric(TypedDict):
    """One metric."""

    name: MetricName
    label: Annotated[str, doc("Its name for people.")]
    unit: Annotated[str, doc("Its unit.")]
    formula: Annotated[str, doc("How it is computed.")]
    source: Annotated[str, doc("Where the formula is from.")]
    description: Annotated[str, doc("What it measures.")]
    higherIsBetter: Annotated[bool, doc("Whether the largest value is the best.")]


class Strategies(TypedDict):
    """What can be swept, and what comes out."""

    success: Success
    strategies: Annotated[list[Strategy], doc("The strategies.")]
    metrics: Annotated[list[Metric], doc("The metrics of every test.")]


class Instrument(TypedDict):
    """One instrument."""

    symbol: Symbol
    name: Annotated[str, doc("Its name for people.")]
    kind: Annotated[Literal["ohlc", "close"], doc("Bars with open, high and low, or closes alone.")]
    firstDate: Annotated[Day, doc("Day of the first bar.")]
    lastDate: Annotated[Day, doc("Day of the last bar.")]
    bars: Annotated[int, doc("Number of bars.", ge=1)]
    source: Annotated[str, doc("Where the prices come from.")]
    beta: Annotated[float | None, doc("Against the benchmark, a ratio; null when it cannot be measured.")]
    manualBeta: Annotated[float | None, doc("A beta stored by hand, which replaces the measured one.")]
    groups: Annotated[list[str], doc("Names of the groups it is in.")]
    barSeconds: Annotated[float | None, doc("Length of a bar: a day 86,400, a month 2,629,800; null: irregular.")]
    timezone: Annotated[str, doc("Time zone of the days of bars within a day, such as America/New_York.")]
    calendar: Annotated[str, doc("The traded hours, as found from the bars: 24/7, 24/5, 09:30-16:00 or weekdays.")]
    firstAt: Annotated[str, doc("The first bar: a date, or the moment at which a bar within a day opens, ISO 8601.")]
    lastAt: Annotated[str, doc("The last bar, in the same way.")]
    periodsPerYear: Annotated[float, doc("Bars a year, counted; annualizes volatility, Sharpe and Sortino.", gt=0)]
    gaps: Annotated[Count, doc("Days without a bar, between its first and last, on which the benchmark has one.")]
    archived: Annotated[bool, doc("Whether new batches are not offered it; a request may still name it.")]
    updatedAt: Annotated[Moment, doc("When its prices last changed, ISO 8601.")]


class Instruments(TypedDict):
    """What can be swept over."""

    success: Success
    instruments: Annotated[list[Instrument], doc("By symbol.")]


class InstrumentsQuery(TypedDict):
    """Which instruments."""

    archived: NotRequired[Annotated[Literal["true", "false"], doc("true: only archived ones; default false.")]]


ARCHIVED = {"type": "boolean", "description": "true: new batches are not offered it; false: they are again."}
ARCHIVE_BODY = request_body(object_schema({"archived": ARCHIVED}, required=["archived"]))


class ChangedInstrument(TypedDict):
    """The instrument as it is now."""

    success: Success
    instrument: Instrument


class Imported(TypedDict):
    """All of the file is stored."""

    success: Success
    added: Annotated[list[str], doc("New symbols.")]
    updated: Annotated[list[str], doc("Symbols whose prices changed.")]
    unchanged: Annotated[list[str], doc("Symbols whose prices were stored already.")]
    notes: Annotated[list[str], doc("Remarks on how the file was read.")]
    instruments: Annotated[list[Instrument], doc("All of them.")]


class Beta(TypedDict):
    """The beta of one instrument against another."""

    success: Success
    symbol: Symbol
    benchmark: Symbol
    beta: Annotated[float | None, doc("A ratio; null with fewer than three common bars, or a flat benchmark.")]
    bars: Annotated[Count, doc("Days that both have.")]
    firstDate: Annotated[date | None, doc("The first of them.")]
    lastDate: Annotated[date | None, doc("The last of them.")]


class BetaQuery(TypedDict):
    """Which beta is computed."""

    symbol: Annotated[str, doc("An instrument of /api/instruments.")]
    benchmark: NotRequired[Annotated[str, doc("Another one; BENCHMARK_SYMBOL when left out.")]]
    startDate: NotRequired[Annotated[Day, doc("The first day; all bars when left out.")]]
    endDate: NotRequired[Annotated[Day, doc("The last day, included.")]]


class DeletionQuery(TypedDict):
    """What is deleted."""

    versions: NotRequired[
        Annotated[
            Literal["unused", "all", "old"],
            doc(
                "unused (default): the instrument, with the versions of its prices that no batch needs; all: with all"
                " of them, so that its tests cannot be computed again; old: only old versions that no batch needs."
            ),
        ]
    ]


class DeletedInstrument(TypedDict):
    """The instrument, or its old versions, are gone."""

    success: Success
    symbol: Symbol
    deletedVersions: Annotated[Count, doc("Versions of the prices that were deleted.")]
    keptVersions: Annotated[Count, doc("Versions that are kept, because batches need them to be replayed.")]


class PricesForm(TypedDict):
    """A file of prices, or several. Whatever is left out is detected; `column.<role>` names the column of a role.

    The column of the time may hold the date as well.
    """

    file: Annotated[
        str,
        doc(
            "CSV, Excel, Parquet, Feather or JSON, also in gzip or zip, at most"
            f" {settings.PRICES_MAX_BYTES:,} bytes (PRICES_MAX_BYTES). May be sent several times.",
            json_schema_extra={"format": "binary"},
        ),
    ]
    onOverlap: NotRequired[
        Annotated[
            Literal["refuse", "append", "replace"],
            doc(
                "What happens to the stored bars of a symbol. refuse (default): new bars are appended, and 409 if bars"
                " of the same date differ; append: the stored ones stay; replace: the file replaces all of them."
            ),
        ]
    ]
    onBadRow: NotRequired[
        Annotated[Literal["refuse", "skip"], doc("Rows that are no bars refuse the file (default), or are left out.")]
    ]
    part: NotRequired[Annotated[str, doc("The sheet of a workbook or the file of an archive; else all of them.")]]
    encoding: NotRequired[
        Annotated[str, doc(f"Encoding of the text: {', '.join(ENCODINGS)}, or another name of one of them.")]
    ]
    delimiter: NotRequired[
        Annotated[Literal[tuple(DELIMITERS.values())], doc("What separates the cells.")]  # type: ignore[valid-type]
    ]
    header: NotRequired[Annotated[str, doc("The number of the header's line, or none.")]]
    source: NotRequired[Annotated[str, doc("Where the prices come from; else the file's name.")]]
    layout: NotRequired[
        Annotated[
            Literal["long", "single", "wide"],
            doc(
                "A row is a bar of the symbol it names (long), a bar of the one symbol (single), or a day"
                " with the closes of all symbols (wide)."
            ),
        ]
    ]
    symbol: NotRequired[Annotated[str, doc("Of a file of one symbol; else its name is taken: AAPL.csv.")]]
    decimal: NotRequired[Annotated[Literal[".", ","], doc("The decimal sign.")]]
    dateOrder: NotRequired[Annotated[Literal["ymd", "dmy", "mdy"], doc("Order of year, month and day.")]]
    timeZone: NotRequired[Annotated[str, doc("Time zone to convert times to, such as America/New_York.")]]
