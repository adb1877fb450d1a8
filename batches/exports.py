"""All rows of a batch as CSV or Parquet, a chunk at a time: memory does not grow with the number of tests."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from backtester.engine import METRIC_NAMES
from batches.models import BatchSession, ChunkStatus, ResultChunk
from batches.plan import Plan, plan_of
from batches.results import decode_block
from batches.schemas import wire_name

ROWS_AT_ONCE = 20_000


def tables(session: BatchSession) -> Iterator[pa.Table]:
    """The finished tests in the order of their index, failed ones with their `error`."""
    plan = plan_of(session)
    finished = ResultChunk.objects.filter(session=session, status__in=[ChunkStatus.DONE, ChunkStatus.FAILED])
    if not finished.exists():  # the columns are there all the same
        yield _table(plan, ResultChunk(session=session, symbol_number=0, start=0, stop=1), 0, 1).slice(0, 0)
    # Ids first, then a chunk at a time: one long read would keep SQLite's log from being cleaned up.
    for pk in finished.order_by("start").values_list("pk", flat=True):
        chunk = ResultChunk.objects.get(pk=pk)
        for start in range(chunk.start, chunk.stop, ROWS_AT_ONCE):
            yield _table(plan, chunk, start, min(start + ROWS_AT_ONCE, chunk.stop))


def _table(plan: Plan, chunk: ResultChunk, start: int, stop: int) -> pa.Table:
    index = np.arange(start, stop, dtype=np.int64)
    decoded = plan.grid.decode_many(index)
    metrics = np.full((len(METRIC_NAMES), stop - start), np.nan)
    if chunk.block is not None:
        metrics = decode_block(chunk.block, chunk.stop - chunk.start)[:, start - chunk.start : stop - chunk.start]
    beta = plan.betas[chunk.symbol_number] if plan.grid.coefficients else None
    columns: dict[str, Any] = {
        "index": index,
        "symbol": pa.array([plan.grid.symbols[chunk.symbol_number]] * len(index), pa.string()),
        **{wire_name(name): values for name, values in decoded.parameters.items()},
        "beta": pa.array([beta] * len(index), pa.float64()),
        "coefficient": pa.array(
            [None] * len(index) if decoded.coefficient is None else decoded.coefficient, pa.float64()
        ),
        **{wire_name(name): pa.array(metrics[row], from_pandas=True) for row, name in enumerate(METRIC_NAMES)},
        "error": pa.array(_errors(chunk, start, stop), pa.string()),
    }
    trades = METRIC_NAMES.index("trades")
    columns["trades"] = pa.array(metrics[trades], pa.int64(), from_pandas=True)
    return pa.table(columns)


def _errors(chunk: ResultChunk, start: int, stop: int) -> list[str | None]:
    errors: list[str | None] = [None] * (stop - start)
    for message, ranges in chunk.failures:
        for first, last in ranges:
            for index in range(max(first, start), min(last, stop)):
                errors[index - start] = message
    return errors


def csv_lines(session: BatchSession) -> Iterator[str]:
    """CSV in machine format: a point for decimals, undefined values empty."""
    header = True
    for table in tables(session):
        text = io.StringIO()
        writer = csv.writer(text)
        if header:
            writer.writerow(table.column_names)
            header = False
        columns = [column.to_pylist() for column in table.columns]
        columns[-1] = [harmless(value) for value in columns[-1]]
        writer.writerows(zip(*columns, strict=True))
        yield text.getvalue()


def harmless(text: str | None) -> str | None:
    """A text that a spreadsheet would run as a formula gets a quote before it."""
    return f"'{text}" if text and text[0] in "=+-@\t\r\n\0" else text


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


def parquet_parts(session: BatchSession) -> Iterator[bytes]:
    """A Parquet file in parts."""
    pipe = _Pipe()
    writer: pq.ParquetWriter | None = None
    for table in tables(session):
        writer = writer or pq.ParquetWriter(pipe, table.schema, compression="zstd")
        writer.write_table(table)
        yield pipe.take()
    if writer:
        writer.close()
        yield pipe.take()
