"""Answers about strategies, metrics and instruments, and the uploads and query strings of the same routes."""

from datetime import date
from typing import Annotated, Literal, NotRequired

from django.conf import settings
from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from batches.api.schemas.batches import Day, Success
from batches.sweep.wire_types import Count, MetricName, Symbol

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class Parameter(TypedDict):
    """One parameter of a strategy."""

    name: Annotated[str, Field(description="Its name in requests.")]
    label: Annotated[str, Field(description="Its name for people.")]
    kind: Annotated[Literal["int", "float", "percent"], Field(description="int: whole; percent: a fraction.")]
    unit: Annotated[str, Field(description="Its unit.")]
    default: Annotated[float, Field(description="In its unit; taken when the parameter is left out.")]
    minimum: Annotated[float, Field(description="In its unit, included.")]
    maximum: Annotated[float, Field(description="In its unit, included.")]
    help: Annotated[str, Field(description="What it does.")]
    scaledByBeta: Annotated[bool, Field(description="Whether beta scaling multiplies it.")]
    optional: Annotated[bool, Field(description="Whether it is off when left out.")]
    suggested: Annotated[dict[str, float], Field(description="start, stop and step of a sensible range.")]


class Strategy(TypedDict):
    """One strategy."""

    name: Annotated[str, Field(description="Its name in requests.")]
    title: Annotated[str, Field(description="Its name for people.")]
    description: Annotated[str, Field(description="What it does.")]
    source: Annotated[str, Field(description="Where it is described.")]
    directions: Annotated[list[str], Field(description="The sides it can trade; the first is its default.")]
    parameters: Annotated[list[Parameter], Field(description="What can be swept.")]
    constraints: Annotated[list[str], Field(description="Which combinations are tested, e.g. `fast < slow`.")]


class Metric(TypedDict):
    """One metric."""

    name: MetricName
    label: Annotated[str, Field(description="Its name for people.")]
    unit: Annotated[str, Field(description="Its unit.")]
    formula: Annotated[str, Field(description="How it is computed.")]
    source: Annotated[str, Field(description="Where the formula is from.")]
    description: Annotated[str, Field(description="What it measures.")]
    higherIsBetter: Annotated[bool, Field(description="Whether the largest value is the best.")]


class Strategies(TypedDict):
    """What can be swept, and what comes out."""

    success: Success
    strategies: Annotated[list[Strategy], Field(description="The strategies.")]
    metrics: Annotated[list[Metric], Field(description="The metrics of every test.")]


class Instrument(TypedDict):
    """One instrument."""

    symbol: Symbol
    name: Annotated[str, Field(description="Its name for people.")]
    kind: Annotated[Literal["ohlc", "close"], Field(description="Bars with open, high and low, or closes alone.")]
    firstDate: Annotated[Day, Field(description="Day of the first bar.")]
    lastDate: Annotated[Day, Field(description="Day of the last bar.")]
    bars: Annotated[int, Field(description="Number of bars.", ge=1)]
    source: Annotated[str, Field(description="Where the prices come from.")]
    beta: Annotated[float | None, Field(description="Against the benchmark, a ratio; null when it cannot be measured.")]
    manualBeta: Annotated[float | None, Field(description="A beta stored by hand, which replaces the measured one.")]
    groups: Annotated[list[str], Field(description="Names of the groups it is in.")]
    gaps: Annotated[
        Count, Field(description="Days without a bar, between its first and last, on which the benchmark has one.")
    ]
    updatedAt: Annotated[Moment, Field(description="When its prices last changed, ISO 8601.")]


class Instruments(TypedDict):
    """What can be swept over."""

    success: Success
    instruments: Annotated[list[Instrument], Field(description="By symbol.")]


class Imported(TypedDict):
    """All of the file is stored."""

    success: Success
    added: Annotated[list[str], Field(description="New symbols.")]
    updated: Annotated[list[str], Field(description="Symbols whose prices changed.")]
    unchanged: Annotated[list[str], Field(description="Symbols whose prices were stored already.")]
    notes: Annotated[list[str], Field(description="Remarks on how the file was read.")]
    instruments: Annotated[list[Instrument], Field(description="All of them.")]


class Beta(TypedDict):
    """The beta of one instrument against another."""

    success: Success
    symbol: Symbol
    benchmark: Symbol
    beta: Annotated[
        float | None, Field(description="A ratio; null with fewer than three common bars, or a flat benchmark.")
    ]
    bars: Annotated[Count, Field(description="Days that both have.")]
    firstDate: Annotated[date | None, Field(description="The first of them.")]
    lastDate: Annotated[date | None, Field(description="The last of them.")]


class BetaQuery(TypedDict):
    """Which beta is computed."""

    symbol: Annotated[str, Field(description="An instrument of /api/instruments.")]
    benchmark: NotRequired[Annotated[str, Field(description="Another one; BENCHMARK_SYMBOL when left out.")]]
    startDate: NotRequired[Annotated[Day, Field(description="The first day; all bars when left out.")]]
    endDate: NotRequired[Annotated[Day, Field(description="The last day, included.")]]


class PricesForm(TypedDict):
    """A file of prices. Whatever is left out is detected; `column.<role>` names the column of a role."""

    file: Annotated[
        str,
        Field(
            description="CSV (also gzipped) or Parquet,"
            f" at most {settings.PRICES_MAX_BYTES:,} bytes (PRICES_MAX_BYTES).",
            json_schema_extra={"format": "binary"},
        ),
    ]
    source: NotRequired[Annotated[str, Field(description="Where the prices come from; else the file's name.")]]
    layout: NotRequired[
        Annotated[
            Literal["long", "single", "wide"],
            Field(
                description="A row is a bar of the symbol it names (long), a bar of the one symbol (single), or a day"
                " with the closes of all symbols (wide)."
            ),
        ]
    ]
    symbol: NotRequired[Annotated[str, Field(description="Of a file of one symbol; else its name is taken: AAPL.csv.")]]
    decimal: NotRequired[Annotated[Literal[".", ","], Field(description="The decimal sign.")]]
    dateOrder: NotRequired[Annotated[Literal["ymd", "dmy", "mdy"], Field(description="Order of year, month and day.")]]
    timeZone: NotRequired[Annotated[str, Field(description="Time zone to convert times to, such as America/New_York.")]]
