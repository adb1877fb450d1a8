"""The roles of columns in a file without a header, from their cells."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from batches.prices.named_columns import is_moments
from batches.prices.shapes import is_clock
from batches.prices.tables import Table

SAMPLED_ROWS = 1_000
ORDERS = (
    ("open", "high", "low", "close"), ("open", "close", "high", "low"), ("close", "open", "high", "low"),
    ("close", "high", "low", "open"), ("low", "high", "open", "close"), ("high", "low", "open", "close"),
)  # fmt: skip


def guess_unnamed(table: Table) -> dict[str, str]:
    """Return role to column: the first date, the time of day behind it, then prices and the volume."""
    names = list(table.columns)
    dates = [name for name in names if is_moments(table.columns[name])]
    if not dates:
        return {}
    columns = {"date": dates[0]}
    after = names[names.index(dates[0]) + 1 :]
    before = [name for name in names[: names.index(dates[0])] if _is_symbols(table.columns[name])]
    behind = [name for name in after[:1] if _is_symbols(table.columns[name])]
    if before or behind or table.symbol_column:
        columns["symbol"] = [*before, *behind, table.symbol_column][0]
    if after and _is_clocks(table.columns[after[0]]):
        columns["time"] = after[0]
    taken = {*columns.values(), *dates}
    values = {name: _values(table.columns[name]) for name in after if name not in taken}
    numeric = {name: column for name, column in values.items() if not np.isnan(column).all()}
    order = _order(list(numeric.values())[:4])
    priced, rest = list(numeric)[: len(order)], list(numeric)[len(order) :]
    columns |= dict(zip(order, priced, strict=True))
    if len(rest) > 1 and {"low", "high"} <= columns.keys():
        low, high = numeric[columns["low"]], numeric[columns["high"]]
        rest = rest[1:] if ((numeric[rest[0]] >= low) & (numeric[rest[0]] <= high)).all() else rest  # an average price
    return columns | dict(zip(("volume",), rest, strict=False))


def _order(prices: list[npt.NDArray[np.float64]]) -> tuple[str, ...]:
    """Return the first order in which no price lies outside low to high; only closes if there are fewer than four."""
    if len(prices) < 4:
        return ("close",)
    for order in ORDERS:
        named = dict(zip(order, prices, strict=True))
        low, high = np.minimum(named["open"], named["close"]), np.maximum(named["open"], named["close"])
        with np.errstate(invalid="ignore"):
            if not ((named["low"] > low * (1 + 1e-6)) | (named["high"] < high * (1 - 1e-6))).any():
                return order
    return ORDERS[0]


def _texts(column: pa.ChunkedArray) -> list[str]:
    return [str(text or "").strip() for text in column.slice(0, SAMPLED_ROWS).cast(pa.string()).to_pylist()]


def _values(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    import pandas as pd

    texts = pd.Series(_texts(column)).str.replace(",", ".", regex=False)
    return pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)


def _is_symbols(column: pa.ChunkedArray) -> bool:
    """Return whether the cells are words, or codes with zeros before them."""
    texts = [text for text in _texts(column) if text]
    return bool(texts) and all(any(map(str.isalpha, text)) or text.startswith("00") for text in texts)


def _is_clocks(column: pa.ChunkedArray) -> bool:
    """Return whether all cells are times of day; without colons, two of four or six digits at least must differ."""
    texts = [text for text in _texts(column) if text]
    return bool(texts) and all(is_clock(text) and (":" in text or len(text) in (4, 6)) for text in texts)
