"""Bars as bytes: Arrow IPC streams, compressed."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Columns = Mapping[str, npt.NDArray[np.generic]]
BAR_COLUMNS = ("date", "close", "open", "high", "low", "volume")


def bar_table(columns: Columns) -> pa.Table:
    """Return `date` as date32, or timestamp[ns] of bars within a day, the others as float64."""
    return pa.table({name: pa.array(columns[name]) for name in BAR_COLUMNS if name in columns})


def encode_bars(columns: Columns) -> bytes:
    table, sink = bar_table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def decode_bars(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    return arrays(pa.ipc.open_stream(data).read_all())


def arrays(table: pa.Table) -> dict[str, npt.NDArray[np.generic]]:
    """Return the columns without a copy where the table has one chunk."""
    return {name: _one_array(table.column(name)).to_numpy(zero_copy_only=False) for name in table.column_names}


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which copies even one chunk
