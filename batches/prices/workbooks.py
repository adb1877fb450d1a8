"""From a workbook (.xlsx) to the rows of its sheets, as text."""

import csv
import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

import python_calamine

from batches.prices.tables import BadPriceFile, check_bytes

MAX_CELLS = 10_000_000  # of a sheet, with those that are empty: a full one of seven columns has 7.3 million
CELL = re.compile(rb"<(?:\w+:)?c(?=[\s/>])(?:[^>]*?\sr=[\"'](?P<column>[A-Za-z]{1,3})(?P<row>\d{1,7})[\"'])?")
ROW = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
ROW_NUMBER = re.compile(rb"<(?:\w+:)?row\s[^>]*?\br=[\"'](\d{1,9})[\"']")
TEXT_END = re.compile(rb"</(?:\w+:)?si>")


def sheets(data: bytes, name: str) -> dict[str, bytes]:
    """Return the sheets that are not empty as CSV."""
    _check_extent(data, name)
    try:
        workbook = python_calamine.load_workbook(io.BytesIO(data))
        sheets = {sheet: _as_csv(workbook.get_sheet_by_name(sheet)) for sheet in workbook.sheet_names}
    except BaseException as error:  # a panic of the library is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        raise BadPriceFile(
            name, ("", f"this Excel workbook cannot be read ({str(error)[:200]}); save it as CSV")
        ) from None
    filled = {sheet: content for sheet, content in sheets.items() if content.strip(b",\n")}
    if not filled:
        raise BadPriceFile(name, ("", "the workbook is empty"))
    return filled


def _check_extent(data: bytes, name: str) -> None:
    """Count before unpacking: a sheet takes memory for all cells between its outer ones, and a copy of each text."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = {entry: archive.read(entry) for entry in archive.namelist() if entry.endswith(".xml")}
    longest = max(
        (len(text) for entry, xml in contents.items() if "strings" in entry.lower() for text in TEXT_END.split(xml)),
        default=0,
    )
    for xml in contents.values():
        rows = columns = n_cells = n_placed = 0
        for match in CELL.finditer(xml):
            n_cells += 1
            if match["row"]:
                n_placed += 1
                rows, columns = max(rows, int(match["row"])), max(columns, _column_number(match["column"]))
        rows = max([rows, len(ROW.findall(xml)), *(int(number) for number in ROW_NUMBER.findall(xml))])
        extent = rows * max(columns, n_cells - n_placed)
        if extent > MAX_CELLS:
            raise BadPriceFile(name, ("", f"a sheet must have at most {MAX_CELLS:,} cells, got {extent:,}"))
        check_bytes(longest * n_cells, name)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _as_csv(sheet: Any) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    first_row = sheet.start[0] if sheet.start else 0
    sink.write("\n" * first_row)  # so that the line numbers are those of the rows
    writer.writerows([_cell(value) for value in row] for row in sheet.iter_rows())
    return sink.getvalue().encode(errors="replace")


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return " ".join(value.split()) if isinstance(value, str) else value
