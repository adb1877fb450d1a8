"""Export the rows of a batch that pass a query's filters, in its order, as CSV, JSON or Parquet.

In the order of the index, which is the database's, memory does not grow with the number of tests. Any other order needs
four bytes for each.
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
from backtester.engine.arrays import Ints
from batches.models import BatchSession, ResultChunk
from batches.results.columns import (
    ResultColumns,
    chunks_of,
    columns_in_memory,
    columns_of,
    columns_of_chunk,
    columns_of_tests,
    finished_chunks,
)
from batches.results.damage import checked
from batches.results.failures import Failures
from batches.results.judged import judged, short_verdict
from batches.results.query import Positions, ResultsQuery, order_of, select
from batches.sweep.plan import Plan, plan_of
from batches.sweep.wire_names import JUDGED, wire_name

ROWS_AT_ONCE = 20_000
PANDAS_ATTRS = b"PANDAS_ATTRS"  # the metadata that pandas reads as the `attrs` of the table
FORMULA = r"\A([=+\-@\t\r\n\x00])"  # the start of a text that a spreadsheet would run


def _slices(session: BatchSession, query: ResultsQuery) -> Iterator[tuple[ResultColumns, Ints, Failures]]:
    """Yield (columns, positions within them, causes of failure), at most ROWS_AT_ONCE rows at a time."""
    for columns, positions, failures in _parts(session, query):
        for start in range(0, len(positions), ROWS_AT_ONCE):
            yield columns, positions[start : start + ROWS_AT_ONCE], failures


def _parts(session: BatchSession, query: ResultsQuery) -> Iterator[tuple[ResultColumns, Ints, Failures]]:
    if query.sort != "index" or query.descending:
        yield from _sorted_parts(session, query)
        return
    plan, chunks = plan_of(session), finished_chunks(session)
    if query.symbol:
        chunks = chunks.filter(symbol_number=plan.grid.symbols.index(query.symbol))
    # Ids first, then a chunk at a time: one long read would keep SQLite's log from being cleaned up.
    for pk in list(chunks.order_by("start").values_list("pk", flat=True)):
        chunk = checked(ResultChunk.objects.get(pk=pk))
        columns = columns_of_chunk(session, chunk)
        yield columns, select(columns, query), Failures(chunk.failures)


def _sorted_parts(session: BatchSession, query: ResultsQuery) -> Iterator[tuple[ResultColumns, Ints, Failures]]:
    """Yield a part at a time. Between two parts, while the client reads, only the order of the tests is kept."""
    tests = _tests_in_order(session, query)
    chunks, failures = chunks_of(session), Failures.of(session)  # afterwards: each of the tests is in one
    for start in range(0, len(tests), ROWS_AT_ONCE):
        part = tests[start : start + ROWS_AT_ONCE].astype(np.int64)
        yield columns_of_tests(session, chunks, part), np.arange(len(part)), failures


def _tests_in_order(session: BatchSession, query: ResultsQuery) -> Positions:
    """Return the indices of the tests that pass the query's filters, in its order, int32[n]."""
    columns = columns_of(session)
    order = order_of(columns, query)
    is_complete = len(columns.index) == session.total  # then positions are indices, and the cache holds them
    return order if is_complete else columns.index[order].astype(np.int32)


def tables(session: BatchSession, query: ResultsQuery) -> Iterator[pa.Table]:
    """Yield at least one table, perhaps an empty one, of the wire's flat columns; failed tests have an `error`."""
    pending: list[pa.Table] = []
    columns = columns_in_memory(plan_of(session), np.empty((len(METRIC_NAMES), 0)))
    empty = columns, columns.index, Failures([])
    for part in chain([empty], _slices(session, query)):
        pending.append(_table(*part))
        if sum(table.num_rows for table in pending) >= ROWS_AT_ONCE:
            yield _joined(pending)
            pending = []
    if pending:
        yield _joined(pending)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Join tables into one chunk: Arrow 26 writes a corrupt CSV after a chunk without rows."""
    return pa.concat_tables(tables).combine_chunks()


def _table(columns: ResultColumns, positions: Ints, failures: Failures) -> pa.Table:
    plan, index = columns.plan, columns.index[positions]
    decoded = plan.grid.decode_many(index)
    metrics = columns.metrics_at(positions)
    undefined = np.full(len(index), np.nan)
    is_scaled = decoded.coefficient is not None
    betas = np.array(plan.betas, dtype=np.float64)[decoded.symbol_number] if is_scaled else undefined
    arrays: dict[str, Any] = {
        "index": index,
        "symbol": pa.array(plan.grid.symbols, pa.string()).take(pa.array(decoded.symbol_number)),
        **_timeframes(plan, index),
        **{wire_name(name): values for name, values in decoded.parameters.items()},
        "beta": pa.array(betas, from_pandas=True),
        "coefficient": pa.array(decoded.coefficient if is_scaled else undefined, from_pandas=True),
        **{wire_name(name): pa.array(metrics[row], from_pandas=True) for row, name in enumerate(METRIC_NAMES)},
        **{name: pa.array(judged(columns.verdict, name, index), from_pandas=True) for name in JUDGED},
        "error": failures.messages(index),
    }
    arrays["trades"] = pa.array(metrics[METRIC_NAMES.index("trades")], pa.int64(), from_pandas=True)
    return pa.table(arrays)


def _timeframes(plan: Plan, index: Ints) -> dict[str, Any]:
    """Return a column where the batch has the axis: files of other batches keep the columns that they always had."""
    if not plan.grid.timeframes:
        return {}
    return {"timeframe": pa.array(plan.timeframes, pa.string()).take(pa.array(index // plan.grid.size_per_series))}


def csv_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    """Yield a CSV file in parts: a decimal point, as many digits as give the same number again, nothing for null."""
    is_first = True
    for table in tables(session, query):
        if is_first:
            yield _header(table.column_names)
            is_first = False
        for name in ("symbol", "error"):
            table = table.set_column(table.column_names.index(name), name, harmless(table[name]))
        yield _lines(table)


def _lines(table: pa.Table) -> bytes:
    """Quote only texts that need it; Arrow quotes all texts of a table or none."""
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
    """Put a quote before texts that a spreadsheet would run as a formula. texts : string[n]"""
    return pc.replace_substring_regex(texts, FORMULA, r"'\1")


def _about(session: BatchSession) -> dict[str, Any]:
    return {"sessionId": str(session.id), "verdict": short_verdict(session)}


def json_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    """Yield a JSON object in parts, with the rows under `results` as in a page of results."""
    head = {"success": True, **_about(session), "results": []}
    before = orjson.dumps(head)[:-2]
    for columns, positions, failures in _slices(session, query):
        rows = columns.rows(positions)
        for row, message in zip(rows, failures.messages(columns.index[positions]).to_pylist(), strict=True):
            if message is not None:
                row["error"] = message
        yield before + orjson.dumps(rows)[1:-1]
        before = b","
    yield b"]}" if before == b"," else before + b"]}"


class _Pipe(io.RawIOBase):
    """A file whose content is taken in parts; its position goes on, as Parquet's footer needs."""

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
        """Return what was written since the last call."""
        content, self.parts = b"".join(self.parts), []
        return content


def parquet_parts(session: BatchSession, query: ResultsQuery) -> Iterator[bytes]:
    pipe = _Pipe()
    writer: pq.ParquetWriter | None = None
    for table in tables(session, query):
        if writer is None:
            schema = table.schema.with_metadata({PANDAS_ATTRS: orjson.dumps(_about(session))})
            writer = pq.ParquetWriter(pipe, schema, compression="zstd")
        writer.write_table(table)
        yield pipe.take()
    if writer:
        writer.close()
        yield pipe.take()
