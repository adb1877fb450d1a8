"""From a symbol to checked bars. A price series never changes once written, so each process keeps what it has read."""

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
    """Arrow IPC stream of the bars: `date` as date32, the others as float64; only the columns given."""
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
    """The columns that `encode_bars` was given."""
    table = pa.ipc.open_stream(data).read_all()
    return {name: table.column(name).combine_chunks().to_numpy(zero_copy_only=False) for name in table.column_names}


@lru_cache(maxsize=512)
def load_series(series_id: int) -> Prices:
    """The whole series, from the database the first time, then from this process's memory."""
    return decode_prices(PriceSeries.objects.get(pk=series_id))


def decode_prices(series: PriceSeries) -> Prices:
    """The bars of a row, checked."""
    columns = decode_bars(bytes(series.data))
    dates = columns.pop("date").astype("datetime64[D]")
    return Prices(series.symbol, dates, **columns)  # type: ignore[arg-type]


@lru_cache(maxsize=512)
def load_prices(series_id: int, start: date | None, end: date | None) -> Prices:
    """The bars of a series from `start` to `end`, both included."""
    return load_series(series_id).between(start, end)


@lru_cache(maxsize=100_000)
def count_bars(series_id: int, start: date | None, end: date | None) -> int:
    """How many bars `load_prices` has: remembered also for more series than a process keeps."""
    return load_prices(series_id, start, end).n_bars


def tested_instruments(symbols: Sequence[str]) -> list[Instrument]:
    """What a plan needs of them, and no more: their groups cost half of the count of thousands."""
    needed = ("symbol", "manual_beta", "series__n_bars", "series__first_date", "series__last_date")
    return list(Instrument.objects.select_related("series").filter(symbol__in=symbols).only(*needed))


def instruments(symbols: Sequence[str] | None = None) -> list[Instrument]:
    """What can be tested, with its groups and the present version of its prices (without the bars themselves)."""
    found = Instrument.objects.select_related("series").defer("series__data").prefetch_related("groups")
    return list(found if symbols is None else found.filter(symbol__in=symbols))
