"""Pieces of the blocks that finished chunks are stored as: one metric out of all, or all of one test."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from django.db import connection

from batches.models import ResultChunk


class Piece(NamedTuple):
    """Some bytes of the block of one chunk."""

    chunk_id: int
    first: int
    length: int


def read_pieces(pieces: Sequence[Piece]) -> list[bytes]:
    """The bytes of each, in the same order; none where the block ends before it, or is not there any more.

    A block is megabytes, and neither database need look at all of it.
    """
    if not pieces:
        return []
    return _from_sqlite(pieces) if connection.vendor == "sqlite" else _from_postgres(pieces)


def _from_sqlite(pieces: Sequence[Piece]) -> list[bytes]:
    """With its handles on blobs: `substr` would copy the whole block for each piece."""
    by_chunk: dict[int, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        if piece.length:
            by_chunk[piece.chunk_id].append(number)
    connection.ensure_connection()
    found = [b""] * len(pieces)
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
                    found[number] = blob.read(pieces[number].length)
    return found


def _from_postgres(pieces: Sequence[Piece]) -> list[bytes]:
    """It keeps a block in slices, and `substring` reads those that are wanted."""
    table = connection.ops.quote_name(ResultChunk._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT substring(block FROM first + 1 FOR length)"  # noqa: S608 - the name of our table
            f" FROM unnest(%s::bigint[], %s::int[], %s::int[]) WITH ORDINALITY AS piece (id, first, length, number)"
            f" LEFT JOIN {table} USING (id) ORDER BY number",
            [list(each) for each in zip(*pieces, strict=True)],
        )
        return [bytes(data or b"") for (data,) in cursor.fetchall()]
