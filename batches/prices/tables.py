"""From bytes to a table of columns. Detects CSV, gzip or Parquet from the content; the file name is ignored."""

import csv
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from django.conf import settings

from batches.errors import BatchError, Detail

UNPACK_STEP_BYTES = 4 * 1024 * 1024
MAX_CELL_BYTES = 64
MAX_HEADER_BYTES = 1024 * 1024
SHOWN_PROBLEMS, KEPT_PROBLEMS = 5, 100
PARQUET_BATCH_ROWS = 65_536


class BadPriceFile(BatchError):
    """Refuse the whole file. Each problem is (place, message); the message shows the first, `count` counts all."""

    def __init__(self, name: str, *problems: tuple[str, str], count: int | None = None) -> None:
        self.n_problems = len(problems) if count is None else count
        messages = [f"{place}: {message}" if place else message for place, message in problems[:SHOWN_PROBLEMS]]
        if self.n_problems > SHOWN_PROBLEMS:
            messages.append(f"and {self.n_problems - SHOWN_PROBLEMS:,} more")
        details = tuple(Detail(place or "file", message) for place, message in problems[:KEPT_PROBLEMS])
        super().__init__(f"{name}: {'; '.join(messages)}.", code="BAD_PRICE_FILE", status=422, details=details)


@dataclass(frozen=True)
class Table:
    """Columns as they stand in the file (text, in a CSV), and the line or row number of each row."""

    name: str
    columns: dict[str, pa.ChunkedArray]
    places: npt.NDArray[np.int64]
    place_word: str  # "line" or "row"

    def place(self, row: int | np.integer) -> str:
        """`line 7`."""
        return f"{self.place_word} {self.places[row]}"

    def refusal(self, rows: npt.NDArray[np.int64], message: Callable[[int], str]) -> BadPriceFile:
        """Report the first problems; count all of them."""
        problems = [(self.place(row), message(int(row))) for row in rows[:KEPT_PROBLEMS]]
        return BadPriceFile(self.name, *problems, count=len(rows))


def read_table(source: BinaryIO | Path | bytes, *, name: str) -> Table:
    """Raise BadPriceFile if the content is neither CSV nor Parquet."""
    data = _bytes_of(source)
    if data[:2] == b"\x1f\x8b":
        data = _unzipped(data, name)
    if not data[:MAX_HEADER_BYTES].strip():
        raise BadPriceFile(name, ("", "the file is empty"))
    _check_bytes(len(data), name)
    if data[:4] == b"PAR1":
        return _from_parquet(data, name)
    return _from_csv(data, name)


def _bytes_of(source: BinaryIO | Path | bytes) -> bytes:
    """Read one byte more than the limit, which is enough to exceed it."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)
    return source.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)


def _unzipped(data: bytes, name: str) -> bytes:
    """Decompress in steps, to stop a bomb early."""
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    pieces, size, packed = list[bytes](), 0, data
    try:
        while piece := unpack.decompress(packed, UNPACK_STEP_BYTES):
            pieces.append(piece)
            size += len(piece)
            _check_bytes(size, name)
            packed = unpack.unconsumed_tail
    except zlib.error as error:
        raise BadPriceFile(name, ("", f"invalid gzip data ({error})")) from None
    if not unpack.eof:
        raise BadPriceFile(name, ("", "the gzip data is truncated"))
    return b"".join(pieces)


def _check_bytes(size: int, name: str) -> None:
    """Limit the unpacked size: a small compressed file can grow to any size."""
    limit = settings.PRICES_MAX_UNPACKED_BYTES
    if size > limit:
        raise BadPriceFile(
            name, ("", f"the unpacked file must have at most {limit:,} bytes (PRICES_MAX_UNPACKED_BYTES)")
        )


def _check_size(rows: int, columns: int, name: str) -> None:
    max_symbols, max_cells = settings.PRICES_MAX_SYMBOLS, settings.PRICES_MAX_CELLS
    if columns > max_symbols + 1:  # a wide file has a column for each symbol, and one for the date
        message = f"the file must have at most {max_symbols:,} symbols (PRICES_MAX_SYMBOLS), got {columns:,} columns"
        raise BadPriceFile(name, ("", message))
    if rows * columns > max_cells:
        size = f"{rows:,} rows of {columns:,} columns"
        raise BadPriceFile(name, ("", f"the file must have at most {max_cells:,} cells (PRICES_MAX_CELLS), got {size}"))


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def _from_parquet(data: bytes, name: str) -> Table:
    try:
        # The footer holds the unpacked size: check it before unpacking anything.
        file = pa_parquet.ParquetFile(pa.BufferReader(data))
        _check_size(file.metadata.num_rows, file.metadata.num_columns, name)
        names = _distinct(file.schema_arrow.names, name)
        for column, kind in zip(names, file.schema_arrow.types, strict=True):
            _check_kind(column, kind, name)
        # Text stays a dictionary: one long text in a million rows is then stored once.
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        file = pa_parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
        table = pa.Table.from_batches(_counted_batches(file, name), schema=file.schema_arrow)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadPriceFile(name, ("", f"invalid Parquet ({str(error)[:200]})")) from None
    if not table.num_rows:
        raise BadPriceFile(name, ("", "the table has no rows"))
    for column in texts:
        _check_lengths(column, table.column(column), name)
    row_numbers = np.arange(1, table.num_rows + 1, dtype=np.int64)
    return Table(name, dict(zip(names, table.columns, strict=True)), row_numbers, "row")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_kind(column: str, kind: pa.DataType, name: str) -> None:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    numbers = pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_decimal(plain)
    if not (numbers or _is_text(plain) or pa.types.is_date(plain) or pa.types.is_timestamp(plain)):
        message = f"it must contain numbers, text or dates, got {str(kind)[:40]}"
        raise BadPriceFile(name, (f"column {column[:40]}", message))


def _check_lengths(column: str, cells: pa.ChunkedArray, name: str) -> None:
    """A dictionary may repeat one long text at no cost, until each row is read as text."""
    longest = max((pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in cells.chunks), default=0)
    if longest > MAX_CELL_BYTES:
        message = f"a cell must have at most {MAX_CELL_BYTES} characters, got {longest:,}"
        raise BadPriceFile(name, (f"column {column[:40]}", message))


def _counted_batches(file: pa_parquet.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    """The footer may be wrong: count what is unpacked, and stop at the limit."""
    unpacked = 0
    for batch in file.iter_batches(batch_size=PARQUET_BATCH_ROWS, use_threads=False):
        unpacked += batch.nbytes
        _check_bytes(unpacked, name)
        yield batch


# ---- CSV -------------------------------------------------------------------------------------------------------------


def _from_csv(data: bytes, name: str) -> Table:
    if b"\0" in data:
        raise BadPriceFile(name, (_line_of(data, data.index(b"\0")), _not_text(data)))
    end = data.find(b"\n")
    header = _decoded(data[: end if end >= 0 else len(data)][: MAX_HEADER_BYTES + 1], name)
    if len(header) > MAX_HEADER_BYTES:
        raise BadPriceFile(name, ("line 1", f"the header must have at most {MAX_HEADER_BYTES:,} characters"))
    delimiter = max(",;\t", key=header.count)
    try:
        names = _distinct([cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])], name)
    except csv.Error as error:
        raise BadPriceFile(name, ("line 1", f"invalid CSV header ({error})")) from None
    body = pa.py_buffer(data).slice(end + 1)
    if end < 0 or not data[end + 1 : end + 1 + MAX_HEADER_BYTES].strip():
        raise BadPriceFile(name, ("", "the file has a header but no rows"))
    _check_size(data.count(b"\n", end + 1), len(names), name)
    table, places = _parsed(body, names, delimiter, data, name)
    columns = dict(zip(names, table.columns, strict=True))
    filled = _filled(columns)
    if filled is not None:
        columns = {own_name: column.filter(pa.array(filled)) for own_name, column in columns.items()}
        places = places[filled]
    if not places.size:
        raise BadPriceFile(name, ("", "the file has a header but no rows"))
    return Table(name, columns, places, "line")


def _line_of(data: bytes, position: int) -> str:
    breaks = data.count(b"\n", 0, position)
    return f"line {breaks + 1}"


def _not_text(data: bytes) -> str:
    return "this is not UTF-8 text" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "this is not text"


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadPriceFile(name, (_line_of(data, error.start), "this is not UTF-8 text")) from None


def _parsed(
    body: pa.Buffer, names: list[str], delimiter: str, data: bytes, name: str
) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """Return all cells as text, and the line number of each row."""
    blank, ragged, n_ragged = list[int](), list[tuple[str, str]](), 0

    def skip_row(row: pa_csv.InvalidRow) -> str:
        nonlocal n_ragged
        if not row.text.strip(delimiter + " \r"):
            blank.append(row.number + 1)
        elif (n_ragged := n_ragged + 1) <= KEPT_PROBLEMS:
            ragged.append((f"line {row.number + 1}", f"expected {len(names)} cells, got {row.actual_columns}"))
        return "skip"

    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=skip_row
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        _decoded(data, name)  # raises with the line number if the reason is a byte that is not text
        raise BadPriceFile(name, ("", f"invalid CSV ({str(error)[:200]})")) from None
    if ragged:
        raise BadPriceFile(name, *ragged, count=n_ragged)
    lines = np.arange(2, table.num_rows + len(blank) + 2, dtype=np.int64)
    return table, lines[~np.isin(lines, blank)] if blank else lines


def _filled(columns: dict[str, pa.ChunkedArray]) -> npt.NDArray[np.bool_] | None:
    """Return which rows have a cell that is not empty; None if all have. The first column usually decides."""
    filled = None
    for column in columns.values():
        present = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(), dtype=bool)
        filled = present if filled is None else filled | present
        if filled.all():
            return None
    return filled


def _distinct(names: list[str], name: str) -> list[str]:
    """Refuse empty and duplicate column names."""
    _check_size(0, len(names), name)
    seen = set[str]()
    for number, column in enumerate(names, 1):
        if not column:
            raise BadPriceFile(name, ("line 1", f"column {number} has no name"))
        if column.lower() in seen:
            raise BadPriceFile(name, ("line 1", f"duplicate column {column[:40]!r}"))
        seen.add(column.lower())
    return names
