"""Stored bars. A price series never changes once written, so each process caches those that it has read."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from backtester.engine import Prices
from batches.models import Instrument, PriceSeries

BAR_COLUMNS = ("date", "close", "open", "high", "low", "volume")


def encode_bars(columns: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """Return an Arrow IPC stream of the given columns: `date` as date32, the others as float64."""
    table = pa.table(
        {
            name: pa.array(columns[name].astype("datetime64[D]") if name == "date" else columns[name])
            for name in BAR_COLUMNS
            if name in columns
        }
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def decode_bars(data: bytes) -> dict[str, npt.NDArray[np.generic]]:
    table = pa.ipc.open_stream(data).read_all()
    return {name: table.column(name).combine_chunks().to_numpy(zero_copy_only=False) for name in table.column_names}


@lru_cache(maxsize=512)
def load_series(series_id: int) -> Prices:
    return decode_prices(PriceSeries.objects.get(pk=series_id))


def decode_prices(series: PriceSeries) -> Prices:
    columns = decode_bars(bytes(series.data))
    dates = columns.pop("date").astype("datetime64[D]")
    return Prices(series.symbol, dates, **columns)  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def load_prices(series_id: int, start: date | None, end: date | None) -> Prices:
    """Return the bars of a series from `start` to `end`, both included."""
    return load_series(series_id).between(start, end)


@lru_cache(maxsize=100_000)
def count_bars(series_id: int, start: date | None, end: date | None) -> int:
    """Return how many bars `load_prices` has, also cached for more series than fit into memory."""
    return load_prices(series_id, start, end).n_bars


def tested_instruments(symbols: Sequence[str]) -> list[Instrument]:
    """Return only what a plan needs of the instruments: reading groups doubles the time for thousands."""
    fields = ("symbol", "manual_beta", "series__n_bars", "series__first_date", "series__last_date")
    return list(Instrument.objects.select_related("series").filter(symbol__in=symbols).only(*fields))


def instruments(symbols: Sequence[str] | None = None) -> list[Instrument]:
    """Return instruments, by default all, with their groups and series but without the bars."""
    rows = Instrument.objects.select_related("series").defer("series__data").prefetch_related("groups")
    return list(rows if symbols is None else rows.filter(symbol__in=symbols))
