"""What an import would change: each series of a file compared with the stored one."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.db.models import F

from batches.errors import Conflict, Detail
from batches.models import Instrument, PriceSeries
from batches.prices.bars import ParsedFile, ParsedSeries
from batches.prices.merging import Merged, OnOverlap, merged
from batches.prices.series import BAR_COLUMNS, stored_columns

MAX_NAMED = 20  # symbols in the notes
SERIES_AT_ONCE = 50  # decoded together
WAY_OUT = (
    "Choose append (onOverlap=append) to keep the stored bars and add the new ones,"
    " or replace (onOverlap=replace) to use the file only"
)


class PricesDiffer(Conflict):
    """Bars of the file are not those that are stored, and the file does not say which to keep."""

    def __init__(self, problems: Sequence[Detail]) -> None:
        named = "; ".join(problem.message for problem in problems[:MAX_NAMED])
        more = f"; and {len(problems) - MAX_NAMED:,} more symbols" if len(problems) > MAX_NAMED else ""
        super().__init__(f"{named}{more}. {WAY_OUT}.", code="PRICES_DIFFER")
        self.details = tuple(problems[:MAX_NAMED])


@dataclass(frozen=True)
class Version:
    """The current series of a stored instrument."""

    series_id: int
    sha256: str


@dataclass(frozen=True)
class Change:
    """series : to store; sha256 : of its content; kind : new, same or changed; sentence, problem : see `Merged`"""

    series: ParsedSeries
    sha256: str
    kind: str
    sentence: str = ""
    problem: str = ""


def stored_versions(symbols: Iterable[str]) -> dict[str, Version]:
    rows = Instrument.objects.filter(symbol__in=list(symbols)).annotate(sha256=F("series__sha256"))
    return {symbol: Version(pk, sha256) for symbol, pk, sha256 in rows.values_list("symbol", "series_id", "sha256")}


def find_changes(parsed: Sequence[ParsedSeries], current: dict[str, Version], on_overlap: OnOverlap) -> list[Change]:
    """Compare each series of a file with the stored one of its symbol."""
    changes = []
    for start in range(0, len(parsed), SERIES_AT_ONCE):
        hashed = [(series, content_hash(series)) for series in parsed[start : start + SERIES_AT_ONCE]]
        versions = [current[series.symbol] for series, _ in hashed if series.symbol in current]
        stored = PriceSeries.objects.in_bulk([version.series_id for version in versions])
        for series, sha256 in hashed:
            version = current.get(series.symbol)
            if version is None or version.sha256 == sha256:
                changes.append(Change(series, sha256, "same" if version else "new"))
            else:
                changes.append(_changed(stored[version.series_id], series, on_overlap))
    return changes


def _changed(stored: PriceSeries, series: ParsedSeries, on_overlap: OnOverlap) -> Change:
    if on_overlap is not OnOverlap.REPLACE:  # a file that names no zone goes on with the stored one
        series = replace(series, timezone=stored.timezone)
    result = merged(stored_columns(stored), series, on_overlap)
    sha256 = content_hash(result.series)
    kind = "same" if sha256 == stored.sha256 else "changed"
    return Change(result.series, sha256, kind, result.sentence, result.problem)


def combined(files: Sequence[tuple[str, ParsedFile]], on_overlap: OnOverlap) -> ParsedFile:
    """Return the bars of several files, given with their names, as those of one."""
    if len(files) == 1:
        return files[0][1]
    between = OnOverlap.APPEND if on_overlap is OnOverlap.APPEND else OnOverlap.REFUSE
    series, problems = dict[str, ParsedSeries](), list[Detail]()
    for name, parsed in files:
        for own in parsed.series:
            result = merged(series[own.symbol].columns, own, between) if own.symbol in series else Merged(own)
            series[own.symbol] = result.series
            if result.problem:
                problems.append(Detail(own.symbol, f"{name}: {result.problem}"))
    if problems:
        raise PricesDiffer(problems)
    return ParsedFile(
        series=sorted(series.values(), key=lambda own: own.symbol),
        notes=tuple(f"{name}: {note}" for name, parsed in files for note in parsed.notes),
        skipped=tuple(Detail(f"{name}, {row.field}", row.message) for name, parsed in files for row in parsed.skipped),
        n_skipped=sum(parsed.n_skipped for _, parsed in files),
    )


def change_notes(changes: Sequence[Change]) -> tuple[str, ...]:
    """Return one sentence for each of the first changed symbols."""
    sentences = [change.sentence for change in changes if change.sentence]
    if len(sentences) <= MAX_NAMED:
        return tuple(sentences)
    return (*sentences[:MAX_NAMED], f"{len(sentences) - MAX_NAMED:,} more symbols change.")


def problems_of(changes: Sequence[Change]) -> list[Detail]:
    return [Detail(change.series.symbol, change.problem) for change in changes if change.problem]


def content_hash(parsed: ParsedSeries) -> str:
    """Hash the values, so that the same prices in another file format are the same content."""
    digest = hashlib.sha256()
    for name in BAR_COLUMNS:
        if name in parsed.columns:
            column = parsed.columns[name]
            plain = np.ascontiguousarray(column).astype("<i8" if name == "date" else "<f8", copy=False)
            digest.update(f"{_label(name, parsed)}:{len(plain)}:".encode())
            digest.update(plain.data)
    return digest.hexdigest()


def _label(name: str, parsed: ParsedSeries) -> str:
    return f"moment {parsed.timezone}" if name == "date" and parsed.dates.dtype == "datetime64[ns]" else name
