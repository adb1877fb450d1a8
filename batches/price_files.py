"""From the bytes of a CSV or Parquet file to a table of columns. What the file is decides its content, not its name."""

import csv
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from batches.errors import BatchError, Detail

# A small compressed file can ask for any amount of memory: what it unpacks to is limited, not what it is.
MAX_BYTES = 512 * 1024 * 1024
MAX_CELLS = 20_000_000
MAX_COLUMNS = 5_001
SHOWN_PROBLEMS = 5


class BadPriceFile(BatchError):
    """Nothing of the file is stored. Each detail names a line, or a symbol and a date."""

    def __init__(self, name: str, *problems: tuple[str, str]) -> None:
        shown = [f"{where}: {what}" if where else what for where, what in problems[:SHOWN_PROBLEMS]]
        if len(problems) > SHOWN_PROBLEMS:
            shown.append(f"and {len(problems) - SHOWN_PROBLEMS:,} more")
        details = tuple(Detail(where or "file", what) for where, what in problems[:SHOWN_PROBLEMS])
        super().__init__(f"{name}: {'; '.join(shown)}.", code="BAD_PRICE_FILE", status=422, details=details)


@dataclass(frozen=True)
class Table:
    """Columns as they stand in the file (text, in a CSV), and where each row is found in it."""

    name: str
    columns: dict[str, pd.Series]
    places: npt.NDArray[np.int64]
    place_word: str  # "line" or "row"

    def place(self, row: int | np.integer) -> str:
        """Where a row is, for a person."""
        return f"{self.place_word} {self.places[row]}"


def read_table(source: BinaryIO | Path, *, name: str) -> Table:
    """Read CSV (gzipped or not) or Parquet; BadPriceFile when it is neither."""
    data = source.read_bytes() if isinstance(source, Path) else source.read()
    if data[:2] == b"\x1f\x8b":
        data = _unzipped(data, name)
    if not data.strip():
        raise BadPriceFile(name, ("", "the file is empty"))
    if len(data) > MAX_BYTES:
        raise BadPriceFile(name, ("", f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read"))
    if data[:4] == b"PAR1":
        return _from_parquet(data, name)
    return _from_csv(data, name)


def _unzipped(data: bytes, name: str) -> bytes:
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unpack.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise BadPriceFile(name, ("", f"the gzip archive is damaged ({error})")) from None
    if not unpack.eof and len(text) <= MAX_BYTES:
        raise BadPriceFile(name, ("", "the gzip archive is cut off"))
    return text


def _check_size(rows: int, columns: int, name: str) -> None:
    if columns > MAX_COLUMNS or rows * columns > MAX_CELLS:
        limits = f"at most {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells are read"
        raise BadPriceFile(name, ("", f"the file has {rows:,} rows of {columns:,} columns; {limits}"))


def _from_parquet(data: bytes, name: str) -> Table:
    try:
        # The footer says how much the file will become: looked at before anything is unpacked.
        file = pa_parquet.ParquetFile(pa.BufferReader(data))
        _check_size(file.metadata.num_rows, file.metadata.num_columns, name)
        groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
        if sum(group.total_byte_size for group in groups) > MAX_BYTES:
            raise BadPriceFile(name, ("", f"the table is larger than {MAX_BYTES:,} bytes"))
        table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadPriceFile(name, ("", f"it cannot be read as Parquet ({str(error)[:200]})")) from None
    names = _distinct(table.column_names, name)
    columns = {own: table.column(number).to_pandas() for number, own in enumerate(names)}
    return Table(name, columns, np.arange(1, table.num_rows + 1), "row")


def _from_csv(data: bytes, name: str) -> Table:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadPriceFile(name, (f"line {line}", "this is not UTF-8 text")) from None
    if "\0" in text:
        raise BadPriceFile(name, (f"line {text[: text.index(chr(0))].count(chr(10)) + 1}", "this is not text"))
    header, _, body = text.partition("\n")
    delimiter = max(",;\t", key=header.count)
    names = _distinct([cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])], name)
    if not body.strip():
        raise BadPriceFile(name, ("", "there is a header and nothing below it"))
    _check_size(body.count("\n"), len(names), name)
    table, places = _parsed(body, names, delimiter, name)
    frame = pd.DataFrame({own: table.column(own).to_pandas().str.strip() for own in names})
    filled = (frame != "").any(axis=1).to_numpy()
    return Table(name, {own: frame[own][filled].reset_index(drop=True) for own in names}, places[filled], "line")


def _parsed(body: str, names: list[str], delimiter: str, name: str) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """All cells as text, with the line that each row is on."""
    blank, ragged = list[int](), list[tuple[str, str]]()

    def wrong_row(row: pa_csv.InvalidRow) -> str:
        if row.text.strip(delimiter + " \r"):
            ragged.append((f"line {row.number + 1}", f"{row.actual_columns} cells, the header has {len(names)}"))
        else:
            blank.append(row.number + 1)
        return "skip"

    try:
        table = pa_csv.read_csv(
            io.BytesIO(body.encode()),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=wrong_row
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        raise BadPriceFile(name, ("", f"it cannot be read as CSV ({str(error)[:200]})")) from None
    if ragged:
        raise BadPriceFile(name, *ragged)
    lines = np.arange(2, table.num_rows + len(blank) + 2)
    return table, lines[~np.isin(lines, blank)]


def _distinct(names: list[str], name: str) -> list[str]:
    """The column names; none may be empty, or stand there twice."""
    if len(names) > MAX_COLUMNS:
        _check_size(0, len(names), name)
    seen = set[str]()
    for number, own in enumerate(names, 1):
        if not own:
            raise BadPriceFile(name, ("line 1", f"column {number} has no name"))
        if own.lower() in seen:
            raise BadPriceFile(name, ("line 1", f"the column {own[:40]!r} stands there twice"))
        seen.add(own.lower())
    return names
