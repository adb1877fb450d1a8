"""From Parquet and Feather to a table, in bounded memory."""

import ast
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from batches.prices.column_names import is_value
from batches.prices.named_columns import check_lengths, named_table
from batches.prices.tables import BadPriceFile, FileFormat, Table, check_bytes, check_size

BATCH_ROWS = 65_536
ARROW_MAGIC = b"ARROW1\0\0"


def read_parquet(data: bytes, name: str, form: FileFormat) -> Table:
    try:
        # The footer holds the unpacked size: check it before unpacking anything.
        file = pa_parquet.ParquetFile(pa.BufferReader(data))
        check_size(file.metadata.num_rows, file.metadata.num_columns, name)
        for field in file.schema_arrow:
            _check_kind(field.name, field.type, name)
        # Text stays a dictionary: one long text in a million rows is then stored once.
        texts = [field.name for field in file.schema_arrow if _is_plain_text(field.type)]
        file = pa_parquet.ParquetFile(pa.BufferReader(data), read_dictionary=texts)
        batches = _counted(file.iter_batches(batch_size=BATCH_ROWS, use_threads=False), name)
        table = pa.Table.from_batches(batches, schema=file.schema_arrow)
        table.validate(full=True)  # text that is not UTF-8, indices outside their dictionary
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadPriceFile(name, ("", f"invalid Parquet ({str(error)[:200]})")) from None
    return _table(table, name, form)


def read_arrow(data: bytes, name: str, form: FileFormat) -> Table:
    """Feather (an Arrow file is a stream behind its mark) or an Arrow stream."""
    stream = pa.py_buffer(data).slice(len(ARROW_MAGIC) if data.startswith(ARROW_MAGIC) else 0)
    try:
        _check_stream(stream, name)
        reader = pa.ipc.open_stream(stream)
        for field in reader.schema:
            _check_kind(field.name, field.type, name)
        table = pa.Table.from_batches(_counted(reader, name), schema=reader.schema)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise BadPriceFile(name, ("", f"invalid Feather or Arrow data ({str(error)[:200]})")) from None
    return _table(table, name, form)


def _counted(batches: Iterable[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    """The size in the header of a file may be wrong: count what is unpacked, and stop at the limit."""
    unpacked = rows = 0
    for batch in batches:
        unpacked, rows = unpacked + batch.nbytes, rows + batch.num_rows
        check_bytes(unpacked, name)
        check_size(rows, batch.num_columns, name)
        yield batch


def _table(table: pa.Table, name: str, form: FileFormat) -> Table:
    if not table.num_rows:
        raise BadPriceFile(name, ("", "the table has no rows"))
    columns = [_plain(column) for column in table.columns]
    for own, column in zip(table.column_names, columns, strict=True):
        if pa.types.is_dictionary(column.type):
            check_lengths(own, column, name)
    rows = np.arange(1, table.num_rows + 1, dtype=np.int64)
    names, symbols = _levels(table.column_names)
    return named_table(Table(name, {}, rows, "row", form), names, columns, symbols)


def _levels(columns: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Return names and symbols of `('Close', 'AAPL')`, as pandas writes two levels of columns."""
    pairs = [_pair(column) for column in columns]
    if not any(pair and pair[1] for pair in pairs):
        return list(columns), None
    levels = [pair or (column, "") for pair, column in zip(pairs, columns, strict=True)]
    if sum(is_value(second) for _, second in levels) > sum(is_value(first) for first, _ in levels):
        levels = [(second, first) if second else (first, "") for first, second in levels]
    return [first for first, _ in levels], [second for _, second in levels]


def _pair(column: str) -> tuple[str, str] | None:
    if not (column.startswith("('") and len(column) < 200):
        return None
    try:
        pair = ast.literal_eval(column)
    except (ValueError, SyntaxError):
        return None
    return (str(pair[0]), str(pair[1])) if isinstance(pair, tuple) and len(pair) == 2 else None


def _is_plain_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _check_kind(column: str, kind: pa.DataType, name: str) -> None:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    types = pa.types
    numbers = types.is_integer(plain) or types.is_floating(plain) or types.is_decimal(plain)
    others = types.is_boolean(plain) or types.is_null(plain) or types.is_time(plain)
    if not (numbers or others or _is_plain_text(plain) or types.is_date(plain) or types.is_timestamp(plain)):
        message = f"it must contain numbers, text or dates, got {str(kind)[:40]}"
        raise BadPriceFile(name, (f"column {column[:40]}", message))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column as text, numbers or dates."""
    kind = column.type
    if pa.types.is_dictionary(kind) and not _is_plain_text(kind.value_type):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_boolean(kind) or pa.types.is_null(kind) or pa.types.is_time(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if _is_plain_text(kind):
        return column.dictionary_encode()
    return column


# ---- The size of an Arrow stream, before it is unpacked --------------------------------------------------------------


def _check_stream(stream: pa.Buffer, name: str) -> None:
    """Add up what the buffers of each message unpack to: the first eight bytes of a compressed one say it."""
    unpacked = 0
    for message in pa.ipc.MessageReader.open_stream(stream):
        if message.type not in ("record batch", "dictionary"):
            continue
        meta = memoryview(message.metadata)
        batch = _follow(meta, 0)
        header = _follow(meta, _slot(meta, batch, 2))
        if message.type == "dictionary":
            header = _follow(meta, _slot(meta, header, 1))
        rows = struct.unpack_from("<q", meta, slot)[0] if (slot := _slot(meta, header, 0)) else 0
        check_size(rows, 1, name)
        if not _slot(meta, header, 3):  # not compressed: no larger than the file
            continue
        vector = _follow(meta, _slot(meta, header, 2))
        for index in range(_offset(meta, vector)):
            start, length = struct.unpack_from("<qq", meta, vector + 4 + 16 * index)
            if length >= 8:
                unpacked += max(0, struct.unpack_from("<q", message.body, start)[0])
        check_bytes(unpacked, name)


def _offset(meta: memoryview, position: int) -> int:
    return int(struct.unpack_from("<I", meta, position)[0])


def _follow(meta: memoryview, position: int) -> int:
    return position + _offset(meta, position)


def _slot(meta: memoryview, table: int, number: int) -> int:
    """Return the position of a field of a flatbuffers table; 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", meta, table)[0]
    size = struct.unpack_from("<H", meta, vtable)[0]
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", meta, vtable + at)[0] if at < size else 0
    return table + offset if offset else 0
