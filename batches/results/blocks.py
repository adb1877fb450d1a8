"""The block of a finished chunk: its metrics as float64[n_metrics, n_tests], of which parts are read."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast

import numpy as np
from django.db import connection, models

from backtester.engine import METRICS
from backtester.engine.arrays import Floats
from batches.models import ResultChunk


def encode_block(metrics: Floats) -> bytes:
    return metrics.tobytes()


def decode_block(block: bytes | memoryview | None, size: int) -> Floats:
    """Return float64[n_metrics, size].

    New metrics are only ever added after the others, so an older block has fewer rows; the missing ones are NaN.
    """
    stored = np.frombuffer(block or b"", dtype=np.float64).reshape(-1, size)
    missing = len(METRICS) - len(stored)
    return np.vstack([stored, np.full((missing, size), np.nan)]) if missing else stored


def result_bytes(total: int) -> int:
    """Return the stored size of the results of so many tests."""
    return total * len(METRICS) * 8


def store_rows(rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
    """Update columns of many chunks, (id, {column: value}) each, with one statement; Django's takes one for each."""
    for columns, group in groupby(rows, key=lambda row: tuple(row[1])):
        fields = [cast("models.Field[Any, Any]", ResultChunk._meta.get_field(name)) for name in columns]
        names = ", ".join(f"{field.column} = %s" for field in fields)
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {ResultChunk._meta.db_table} SET {names} WHERE id = %s",  # noqa: S608 - names of our own
                [
                    [*(field.get_db_prep_save(values[field.name], connection) for field in fields), pk]
                    for pk, values in group
                ],
            )


class Piece(NamedTuple):
    """A range of bytes in the block of one chunk."""

    chunk_id: int
    first: int
    length: int


def read_pieces(pieces: Sequence[Piece]) -> list[bytes]:
    """Return the bytes of each piece, b"" where the block ends before it or no longer exists.

    A block is megabytes, and neither database reads all of it.
    """
    if not pieces:
        return []
    return _from_sqlite(pieces) if connection.vendor == "sqlite" else _from_postgres(pieces)


def _from_sqlite(pieces: Sequence[Piece]) -> list[bytes]:
    """Read through blob handles: `substr` would copy the whole block for each piece."""
    by_chunk: dict[int, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        if piece.length:
            by_chunk[piece.chunk_id].append(number)
    connection.ensure_connection()
    contents = [b""] * len(pieces)
    for chunk_id, numbers in by_chunk.items():
        try:
            blob = connection.connection.blobopen(ResultChunk._meta.db_table, "block", chunk_id, readonly=True)
        except sqlite3.OperationalError:
            if ResultChunk.objects.filter(pk=chunk_id).exists():
                raise
            continue
        with blob:
            for number in numbers:
                if pieces[number].first < len(blob):
                    blob.seek(pieces[number].first)
                    contents[number] = blob.read(pieces[number].length)
    return contents


def _from_postgres(pieces: Sequence[Piece]) -> list[bytes]:
    """Read with `substring`, which fetches only the slices of the block that it needs."""
    table = connection.ops.quote_name(ResultChunk._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT substring(block FROM first + 1 FOR length)"  # noqa: S608 - the name of our table
            f" FROM unnest(%s::bigint[], %s::int[], %s::int[]) WITH ORDINALITY AS piece (id, first, length, number)"
            f" LEFT JOIN {table} USING (id) ORDER BY number",
            [list(column) for column in zip(*pieces, strict=True)],
        )
        return [bytes(data or b"") for (data,) in cursor.fetchall()]
