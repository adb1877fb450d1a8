"""Rows of a batch as CSV, JSON or Parquet: those that pass the filters of a table, in its order, all of its pages.

In the order of the index, where the database holds them, memory does not grow with the number of tests. Another order
needs all of them at once.
"""

import csv
import io
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from backtester.engine import METRIC_NAMES
from batches.models import BatchSession, ResultChunk
from batches.results.columns import Columns, Ints, columns_of, columns_of_chunk, finished_chunks, no_columns
from batches.results.failures import Failures
from batches.results.query import ResultsQuery, in_order, select
from batches.sweep.plan import plan_of
from batches.sweep.wire_names import wire_name

ROWS_AT_ONCE = 20_000
FORMULA = r"\A([=+\-@\t\r\n\x00])"  # a text that starts so would be run by a spreadsheet


def _slices(session: BatchSession, query: ResultsQuery) -> Iterator[tuple[Columns, Ints, Failures]]:
    """(columns, positions within them, why some failed), a part at a time."""
    for columns, positions, failures in _parts(session, query):
        for start in range(0, len(positions), ROWS_AT_ONCE):
            yield columns, positions[start : start + ROWS_AT_ONCE], failures


def _parts(session: BatchSession, query: ResultsQuery) -> Iterator[tuple[Columns, Ints, Failures]]:
    if query.sort != "index" or query.descending:
        columns = columns_of(session)
        yield columns, in_order(columns, query, select(columns, query)), Failures.of(session)
        return
    plan, chunks = plan_of(session), finished_chunks(session)
    if query.symbol:
        chunks = chunks.filter(symbol_number=plan.grid.symbols.index(query.symbol))
    # Ids first, then a chunk at a time: one long read would keep SQLite's log from being cleaned up.
    for pk in list(chunks.order_by("start").values_list("pk", flat=True)):
        chunk = ResultChunk.objects.get(pk=pk)
        columns = columns_of_chunk(plan, chunk)
        yield columns, select(columns, query), Failures(chunk.failures)


def tables(session: BatchSession, query: ResultsQuery) -> Iterator[pa.Table]:
    """At least one table, be it empty, of the flat columns of the contract; failed tests have an `error`."""
    waiting: list[pa.Table] = []
    nothing = no_columns(plan_of(session))
    empty = nothing, nothing.index, Failures([])
    for part in chain([empty], _slices(session, query)):
        waiting.append(_table(*part))
        if sum(table.num_rows for table in waiting) >= ROWS_AT_ONCE:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(some: list[pa.Table]) -> pa.Table:
    """One table in one piece: Arrow 26 writes rubbish into a CSV after a piece without rows."""
    return pa.concat_tables(some).combine_chunks()


def _table(columns: Columns, positions: Ints, failures: Failures) -> pa.Table:
    plan, index = columns.plan, columns.index[positions]
    decoded = plan.grid.decode_many(index)
    metrics = columns.metrics_at(positions)
    nothing = np.full(len(index), np.nan)
    scaled = decoded.coefficient is not None
    betas = np.array(plan.betas, dtype=np.float64)[decoded.symbol_number] if scaled else nothing
    found: dict[str, Any] = {
        "index": index,
        "symbol": pa.array(plan.grid.symbols, pa.string()).take(pa.array(decoded.symbol_number)),
        **{wire_name(name): values for name, values in decoded.parameters.items()},
        "beta": pa.array(betas, from_pandas=True),
        "coefficient": pa.array(decoded.coefficient if scaled else nothing, from_pandas=True),
        **{wire_name(name): pa.array(metrics[row], from_pandas=True) for row, name in enumerate(METRIC_NAMES)},
        "error": failures.messages(index),
    }
    found["trades"] = pa.array(metrics[METRIC_NAMES.index("trades")], pa.int64(), from_pandas=True)
    return pa.table(found)


def csv_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    """CSV in machine format: a point for decimals, as many digits as give the same number again, nothing for null."""
    header = True
    for table in tables(session, query):
        if header:
            yield _header(table.column_names)
            header = False
        for name in ("symbol", "error"):
            table = table.set_column(table.column_names.index(name), name, harmless(table[name]))
        yield _lines(table)


def _lines(table: pa.Table) -> bytes:
    """Quotes only around texts that need them; Arrow quotes all texts of a part or none."""
    for quoting in ("none", "needed"):
        lines = pa.BufferOutputStream()
        try:
            arrow_csv.write_csv(table, lines, arrow_csv.WriteOptions(include_header=False, quoting_style=quoting))
        except pa.ArrowInvalid:  # a text holds a comma, a quote or a line break
            continue
        return bytes(lines.getvalue())
    raise AssertionError("any text can be quoted")


def _header(names: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(names)
    return text.getvalue().encode()


def harmless(texts: Any) -> Any:
    """Texts that a spreadsheet would run as a formula get a quote before them. texts : string[n]"""
    return pc.replace_substring_regex(texts, FORMULA, r"'\1")


def json_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    """One JSON object with the rows of the contract under `results`, as the pages of results have them."""
    before = orjson.dumps({"success": True, "sessionId": str(session.id), "results": []})[:-2]
    for columns, positions, failures in _slices(session, query):
        rows = columns.rows(positions)
        for row, message in zip(rows, failures.messages(columns.index[positions]).to_pylist(), strict=True):
            if message is not None:
                row["error"] = message
        yield before + orjson.dumps(rows)[1:-1]
        before = b","
    yield b"]}" if before == b"," else before + b"]}"


class _Pipe(io.RawIOBase):
    """A file to write to whose content is taken away in parts; its position goes on, as Parquet's footer needs."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self.parts.append(part)
        self.position += len(part)
        return len(part)

    def tell(self) -> int:
        return self.position

    def take(self) -> bytes:
        """What was written since the last call."""
        taken, self.parts = b"".join(self.parts), []
        return taken


def parquet_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    """A Parquet file in parts."""
    pipe = _Pipe()
    writer: pq.ParquetWriter | None = None
    for table in tables(session, query):
        writer = writer or pq.ParquetWriter(pipe, table.schema, compression="zstd")
        writer.write_table(table)
        yield pipe.take()
    if writer:
        writer.close()
        yield pipe.take()
