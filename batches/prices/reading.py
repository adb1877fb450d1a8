"""From an uploaded file to a table. The content decides what kind of file it is; the name only names the symbol."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from batches.errors import Detail, InvalidRequest
from batches.formatting import shortened
from batches.prices.columnar import read_arrow, read_parquet
from batches.prices.delimited import read_text
from batches.prices.named_columns import is_moments
from batches.prices.nested import looks_like_json, read_json
from batches.prices.options import NO_OPTIONS, BadRow, check_options, encoding_of
from batches.prices.symbol_names import symbol_of
from batches.prices.tables import HINT, BadPriceFile, BadRows, FileFormat, Table, check_size, is_text
from batches.prices.texts import decoded
from batches.prices.unpacking import Content, Kind, contents
from batches.prices.workbooks import sheets
from batches.validators import nearest, shown

PART_COLUMN = "file or sheet"
MARKUP = re.compile(rb"\s*<(!doctype|html|head|body|table|div|p|script|\?xml|svg|meta|error)\b", re.IGNORECASE)
MOST_PARTS = 5  # that a note names
Part = tuple[str, Content]  # its name, and a file


def read_table(source: BinaryIO | Path | bytes, *, name: str, options: Mapping[str, str] = NO_OPTIONS) -> Table:
    """Read with the options part, encoding, delimiter and header; BadPriceFile if the content is not a table."""
    check_options(options)
    upload = contents(source, name)
    parts = [part for file in upload.files for part in _parts(file, is_only=len(upload.files) == 1)]
    names = tuple(part_name for part_name, _ in parts)
    chosen = options.get("part", "")
    if chosen:
        if chosen not in names:
            hint = nearest(chosen, names)
            raise InvalidRequest(Detail("part", f"The file has no part {shown(chosen)}.{hint}"))
        parts = [part for part in parts if part[0] == chosen]
    ignored = (f"Left out of the archive: {shortened(upload.ignored, MOST_PARTS)}.",) if upload.ignored else ()
    if len(parts) == 1:
        part_name, content = parts[0]
        form = FileFormat(parts=names if len(names) > 1 else (), part=part_name if len(names) > 1 else "")
        table = _read(content, options, form)
        own = table.symbol or (symbol_of(part_name)[0] if len(names) > 1 else "")
        if upload.is_archive and len(names) == 1:
            own = own or symbol_of(content.name)[0]
        return replace(table, name=name, symbol=own, notes=(*ignored, *table.notes))
    return _joined(parts, name, options, ignored)


def _parts(file: Content, *, is_only: bool) -> list[Part]:
    """A workbook has a part for each sheet; the name of a sheet stands for one symbol only among several."""
    if file.kind is not Kind.WORKBOOK:
        return [(file.name, file)]
    tables = sheets(file.data, file.name)
    return [
        (sheet if is_only else f"{file.name} {sheet}", Content(file.name, Kind.WORKBOOK, data))
        for sheet, data in tables.items()
    ]


def _read(content: Content, options: Mapping[str, str], form: FileFormat) -> Table:
    name, data = content.name, content.data
    if content.kind is Kind.PARQUET:
        return read_parquet(data, name, replace(form, kind="Parquet"))
    if content.kind is Kind.ARROW:
        return read_arrow(data, name, replace(form, kind="Feather"))
    if content.kind is Kind.WORKBOOK:
        options = {key: value for key, value in options.items() if key != "delimiter"} | {"delimiter": ","}
        return read_text(data, name, options, replace(form, kind="Excel workbook"), "row")
    if not data or data.isspace():
        raise BadPriceFile(name, ("", "the file is empty"))
    text = decoded(data, name, encoding_of(options.get("encoding", "")))
    if not text.data or text.data.isspace():
        raise BadPriceFile(name, ("", "the file is empty"))
    form = replace(form, kind="CSV", encoding=text.encoding)
    if MARKUP.match(text.data):
        what = (
            "an XML document" if b"<?xml" in text.data[:100] else "a web page (HTML), perhaps a sign-in or error page"
        )
        raise BadPriceFile(name, ("", f"this is {what}, not a table; download the prices as CSV"))
    table = read_json(text.data, name, options, form) if looks_like_json(text.data) else None
    table = table or read_text(text.data, name, options, form)
    note = f"The text is read as {text.encoding}: check names with accents or other scripts."
    return replace(table, notes=(note, *table.notes)) if text.is_guessed else table


# ---- Several files or sheets -----------------------------------------------------------------------------------------


def _joined(parts: list[Part], name: str, options: Mapping[str, str], notes: tuple[str, ...]) -> Table:
    """Put those with the same columns under each other; of several kinds, take the one with the most rows."""
    tables, failures = list[tuple[str, Table]](), list[tuple[str, str]]()
    for part_name, content in parts:
        try:
            tables.append((part_name, _read(content, options, FileFormat())))
        except BadPriceFile as error:
            failures.append((part_name, error.details[0].message))
    groups: dict[tuple[str, ...], list[tuple[str, Table]]] = {}
    for part_name, table in tables:
        groups.setdefault(tuple(column.lower() for column in table.columns), []).append((part_name, table))
    is_archive = any(content.kind is not Kind.WORKBOOK for _, content in parts)
    if not groups or (failures and is_archive and options.get("onBadRow") != BadRow.SKIP):
        raise BadPriceFile(name, *failures, hint=HINT if groups else "")
    group = max(groups.values(), key=lambda group: (_has_dates(group[0][1]), _n_rows(group)))
    taken = {part_name for part_name, _ in group}
    other_prices = [part for part, table in tables if part not in taken and _has_dates(table)]
    if other_prices and is_archive and options.get("onBadRow") != BadRow.SKIP:
        message = f"its columns differ from those of {group[0][0][:60]}; choose one with part"
        raise BadPriceFile(name, *((part_name, message) for part_name in other_prices), hint=HINT)
    others = [part_name for part_name, _ in parts if part_name not in taken]
    if others:
        notes = (*notes, f"Left out, since the columns differ or there is no table: {shortened(others, MOST_PARTS)}.")
    names = tuple(part_name for part_name, _ in parts)
    if len(group) == 1:
        part_name, table = group[0]
        symbol = table.symbol or (symbol_of(part_name)[0] if is_archive else "")
        form = replace(table.format, parts=names, part=part_name)
        return replace(table, name=name, symbol=symbol, format=form, notes=(*notes, *table.notes))
    return _stacked(group, name, names, notes)


def _has_dates(table: Table) -> bool:
    return any(is_moments(column) for column in table.columns.values())


def _n_rows(group: list[tuple[str, Table]]) -> int:
    return sum(len(table.places) for _, table in group)


def _stacked(group: list[tuple[str, Table]], name: str, parts: tuple[str, ...], notes: tuple[str, ...]) -> Table:
    first = group[0][1]
    symbols = [table.symbol or symbol_of(part_name)[0] for part_name, table in group]
    columns = {
        column: _concatenated([list(table.columns.values())[index] for _, table in group])
        for index, column in enumerate(first.columns)
    }
    lengths = [len(table.places) for _, table in group]
    check_size(sum(lengths), len(columns) + 1, name)
    codes = np.repeat(np.arange(len(group), dtype=np.int32), lengths)
    columns[PART_COLUMN] = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(symbols))])
    kept = tuple(
        (f"{part_name} {place}", message) for part_name, table in group for place, message in table.ragged.kept
    )
    return Table(
        name,
        columns,
        np.concatenate([table.places for _, table in group]),
        first.place_word,
        replace(first.format, parts=parts),
        (*notes, *dict.fromkeys(note for _, table in group for note in table.notes)),
        unnamed=first.unnamed,
        duplicates=first.duplicates,
        symbol_column=PART_COLUMN,
        ragged=BadRows(kept, sum(table.ragged.count for _, table in group)),
        part_starts=tuple(np.cumsum([0, *lengths[:-1]]).tolist()),
        part_names=tuple(part_name for part_name, _ in group),
    )


def _concatenated(columns: list[pa.ChunkedArray]) -> pa.ChunkedArray:
    if any(is_text(column) for column in columns):
        columns = [column.cast(pa.string()) for column in columns]
    return pa.chunked_array([chunk for column in columns for chunk in column.chunks])
