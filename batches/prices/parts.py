"""A long series in the database: an Arrow stream for each month, so that no row has a hundred megabytes."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtester.engine.bar_sizes import first_bars
from batches.models import PricePart, PriceSeries
from batches.prices.encoding import decode_bars, encode_bars

LONG = 50_000  # bars; more of them are stored in parts
PARTS_PER_STATEMENT = 50  # about 50 MB

Columns = Mapping[str, npt.NDArray[np.generic]]


class Part(NamedTuple):
    n_bars: int
    data: bytes


def is_long(columns: Columns) -> bool:
    return len(columns["date"]) > LONG


def encode_parts(columns: Columns) -> list[Part]:
    """Return the bars month by month, in UTC."""
    dates: npt.NDArray[np.datetime64] = columns["date"]  # type: ignore[assignment]
    edges = [0, *first_bars(dates, "M").tolist(), len(dates)]
    return [
        Part(stop - start, encode_bars({name: values[start:stop] for name, values in columns.items()}))
        for start, stop in pairwise(edges)
    ]


def store_parts(series_id: int, parts: list[Part]) -> None:
    """Parts that another process stored meanwhile are the same: their series has the same content."""
    rows = [PricePart(series_id=series_id, position=position, **part._asdict()) for position, part in enumerate(parts)]
    PricePart.objects.bulk_create(rows, batch_size=PARTS_PER_STATEMENT, ignore_conflicts=True)


def stored_columns(series: PriceSeries) -> dict[str, npt.NDArray[np.generic]]:
    """Return the columns of a series, month by month into arrays of its length."""
    if series.data:
        return decode_bars(bytes(series.data))
    columns: dict[str, npt.NDArray[np.generic]] = {}
    start = 0
    for n_bars, data in series.parts.order_by("position").values_list("n_bars", "data").iterator(chunk_size=4):
        for name, values in decode_bars(bytes(data)).items():
            if name not in columns:
                columns[name] = np.empty(series.n_bars, dtype=values.dtype)
            columns[name][start : start + n_bars] = values
        start += n_bars
    return columns
