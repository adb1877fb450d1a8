"""From the bytes of a CSV or Parquet file to a table of columns. What the file is decides its content, not its name."""

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

UNPACKED_AT_ONCE = 4 * 1024 * 1024
MAX_CELL_BYTES = 64
MAX_HEADER_BYTES = 1024 * 1024
SHOWN_PROBLEMS, KEPT_PROBLEMS = 5, 100
PARQUET_BATCH_ROWS = 65_536


class BadPriceFile(BatchError):
    """Nothing of the file is stored. Each detail names a line, or a symbol and a date."""

    def __init__(self, name: str, *problems: tuple[str, str], count: int | None = None) -> None:
        self.n_problems = len(problems) if count is None else count
        shown = [f"{where}: {what}" if where else what for where, what in problems[:SHOWN_PROBLEMS]]
        if self.n_problems > SHOWN_PROBLEMS:
            shown.append(f"and {self.n_problems - SHOWN_PROBLEMS:,} more")
        details = tuple(Detail(where or "file", what) for where, what in problems[:KEPT_PROBLEMS])
        super().__init__(f"{name}: {'; '.join(shown)}.", code="BAD_PRICE_FILE", status=422, details=details)


@dataclass(frozen=True)
class Table:
    """Columns as they stand in the file (text, in a CSV), and where each row is found in it."""

    name: str
    columns: dict[str, pa.ChunkedArray]
    places: npt.NDArray[np.int64]
    place_word: str  # "line" or "row"

    def place(self, row: int | np.integer) -> str:
        """Where a row is, for a person."""
        return f"{self.place_word} {self.places[row]}"

    def refusal(self, rows: npt.NDArray[np.int64], words: Callable[[int], str]) -> BadPriceFile:
        """What is wrong with the rows. A file that is wrong everywhere is told of in part, but counted."""
        told = [(self.place(row), words(int(row))) for row in rows[:KEPT_PROBLEMS]]
        return BadPriceFile(self.name, *told, count=len(rows))


def read_table(source: BinaryIO | Path | bytes, *, name: str) -> Table:
    """Read CSV (gzipped or not) or Parquet; BadPriceFile when it is neither."""
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
    """One byte more than is read: enough to see that there are too many."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)
    return source.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)


def _unzipped(data: bytes, name: str) -> bytes:
    """Piece by piece, so that a bomb is seen before it has grown."""
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    pieces, size, packed = list[bytes](), 0, data
    try:
        while piece := unpack.decompress(packed, UNPACKED_AT_ONCE):
            pieces.append(piece)
            size += len(piece)
            _check_bytes(size, name)
            packed = unpack.unconsumed_tail
    except zlib.error as error:
        raise BadPriceFile(name, ("", f"the gzip archive is damaged ({error})")) from None
    if not unpack.eof:
        raise BadPriceFile(name, ("", "the gzip archive is cut off"))
    return b"".join(pieces)


def _check_bytes(size: int, name: str) -> None:
    """A small compressed file can ask for any amount of memory: what it unpacks to is limited, not what it is."""
    limit = settings.PRICES_MAX_UNPACKED_BYTES
    if size > limit:
        words = f"unpacked, it has more than {limit:,} bytes; no more are read (PRICES_MAX_UNPACKED_BYTES)"
        raise BadPriceFile(name, ("", words))


def _check_size(rows: int, columns: int, name: str) -> None:
    """A wide file has a column for each symbol, and one for the date."""
    if columns > settings.PRICES_MAX_SYMBOLS + 1:
        words = f"{columns:,} columns; at most {settings.PRICES_MAX_SYMBOLS:,} symbols are read (PRICES_MAX_SYMBOLS)"
    elif rows * columns > settings.PRICES_MAX_CELLS:
        limit = f"at most {settings.PRICES_MAX_CELLS:,} cells are read (PRICES_MAX_CELLS)"
        words = f"{rows:,} rows of {columns:,} columns; {limit}"
    else:
        return
    raise BadPriceFile(name, ("", f"the file has {words}"))


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def _from_parquet(data: bytes, name: str) -> Table:
    try:
        # The footer says how much the file will become: looked at before anything is unpacked.
        file = pa_parquet.ParquetFile(pa.BufferReader(data))
        _check_size(file.metadata.num_rows, file.metadata.num_columns, name)
        names = _distinct(file.schema_arrow.names, name)
        for own, kind in zip(names, file.schema_arrow.types, strict=True):
            _check_kind(own, kind, name)
        # Text stays a dictionary: one long word said a million times is then stored once.
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        file = pa_parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
        table = pa.Table.from_batches(_counted_batches(file, name), schema=file.schema_arrow)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadPriceFile(name, ("", f"it cannot be read as Parquet ({str(error)[:200]})")) from None
    if not table.num_rows:
        raise BadPriceFile(name, ("", "the table has no rows"))
    for own in texts:
        _check_lengths(own, table.column(own), name)
    return Table(
        name, dict(zip(names, table.columns, strict=True)), np.arange(1, table.num_rows + 1, dtype=np.int64), "row"
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _check_kind(column: str, kind: pa.DataType, name: str) -> None:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    numbers = pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_decimal(plain)
    if not (numbers or _is_text(plain) or pa.types.is_date(plain) or pa.types.is_timestamp(plain)):
        wanted = "numbers, text and dates are read"
        raise BadPriceFile(name, (f"column {column[:40]}", f"it holds {str(kind)[:40]}; {wanted}"))


def _check_lengths(column: str, cells: pa.ChunkedArray, name: str) -> None:
    """A dictionary may repeat one long text at no cost, until the texts are read one by one."""
    longest = max((pc.max(pc.binary_length(part.dictionary)).as_py() or 0 for part in cells.chunks), default=0)
    if longest > MAX_CELL_BYTES:
        words = f"a cell holds {longest:,} characters; at most {MAX_CELL_BYTES} are read"
        raise BadPriceFile(name, (f"column {column[:40]}", words))


def _counted_batches(file: pa_parquet.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    """The footer may lie: what really comes out is counted, and cut off."""
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
        raise BadPriceFile(name, ("line 1", f"it has more than {MAX_HEADER_BYTES:,} characters; no header has so many"))
    delimiter = max(",;\t", key=header.count)
    try:
        names = _distinct([cell.strip() for cell in next(csv.reader([header], delimiter=delimiter), [])], name)
    except csv.Error as error:
        raise BadPriceFile(name, ("line 1", f"it cannot be read as the header of a CSV ({error})")) from None
    body = pa.py_buffer(data).slice(end + 1)
    if end < 0 or not data[end + 1 : end + 1 + MAX_HEADER_BYTES].strip():
        raise BadPriceFile(name, ("", "there is a header and nothing below it"))
    _check_size(data.count(b"\n", end + 1), len(names), name)
    table, places = _parsed(body, names, delimiter, data, name)
    columns = dict(zip(names, table.columns, strict=True))
    filled = _filled(columns)
    if filled is not None:
        columns = {own: column.filter(pa.array(filled)) for own, column in columns.items()}
        places = places[filled]
    if not places.size:
        raise BadPriceFile(name, ("", "there is a header and nothing below it"))
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
    """All cells as text, with the line that each row is on."""
    blank, ragged, n_ragged = list[int](), list[tuple[str, str]](), 0

    def wrong_row(row: pa_csv.InvalidRow) -> str:
        nonlocal n_ragged
        if not row.text.strip(delimiter + " \r"):
            blank.append(row.number + 1)
        elif (n_ragged := n_ragged + 1) <= KEPT_PROBLEMS:
            ragged.append((f"line {row.number + 1}", f"{row.actual_columns} cells, the header has {len(names)}"))
        return "skip"

    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=pa_csv.ParseOptions(
                delimiter=delimiter, ignore_empty_lines=False, invalid_row_handler=wrong_row
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowException as error:
        _decoded(data, name)  # says which line is not text, where that was the reason
        raise BadPriceFile(name, ("", f"it cannot be read as CSV ({str(error)[:200]})")) from None
    if ragged:
        raise BadPriceFile(name, *ragged, count=n_ragged)
    lines = np.arange(2, table.num_rows + len(blank) + 2, dtype=np.int64)
    return table, lines[~np.isin(lines, blank)] if blank else lines


def _filled(columns: dict[str, pa.ChunkedArray]) -> npt.NDArray[np.bool_] | None:
    """Which rows hold anything; None when all do. A row with a first cell does, so the others are seldom looked at."""
    filled = None
    for column in columns.values():
        here = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(column), "").to_numpy(), dtype=bool)
        filled = here if filled is None else filled | here
        if filled.all():
            return None
    return filled


def _distinct(names: list[str], name: str) -> list[str]:
    """The column names; none may be empty, or stand there twice."""
    _check_size(0, len(names), name)
    seen = set[str]()
    for number, own in enumerate(names, 1):
        if not own:
            raise BadPriceFile(name, ("line 1", f"column {number} has no name"))
        if own.lower() in seen:
            raise BadPriceFile(name, ("line 1", f"the column {own[:40]!r} stands there twice"))
        seen.add(own.lower())
    return names
