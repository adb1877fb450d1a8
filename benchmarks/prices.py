"""The price store at size: import, what it takes on disk, reading one, a hundred and all series, planning over all.

Makes a market of random walks, in prices of two decimals, in a database of its own: SQLite in a temporary folder, or
the empty one that DATABASE_URL names.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FOLDER = tempfile.TemporaryDirectory()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backtester.settings")
os.environ["DATA_DIR"] = FOLDER.name
os.environ["REDIS_URL"] = f"unix://{FOLDER.name}/nobody.sock"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from batches import market_data, submission  # noqa: E402
from batches.models import Instrument  # noqa: E402
from batches.price_import import read_prices, store_prices  # noqa: E402
from batches.schemas import parse_start  # noqa: E402

SEED = 20221228


def wide_parquet(symbols: int, bars: int) -> bytes:
    """One column of closes for each symbol."""
    rng = np.random.default_rng(SEED)
    closes = np.round(100 * np.exp(np.cumsum(rng.normal(0.0002, 0.015, (bars, symbols)), axis=0)) + 0.01, 2)
    days = np.busday_offset("1994-01-03", np.arange(bars), roll="forward")
    names = [settings.BENCHMARK_SYMBOL, *(f"S{number:04}" for number in range(1, symbols))]
    sink = io.BytesIO()
    pd.DataFrame(closes, columns=names, index=pd.Index(days.astype("datetime64[ns]"), name="date")).to_parquet(sink)
    return sink.getvalue()


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Say how long it took."""
    begun = time.perf_counter()
    found = work()
    print(f"{what:58} {time.perf_counter() - begun:8.2f} s", flush=True)
    return found


def load(ids: list[int]) -> list[float]:
    """Milliseconds for each series, read from the database."""
    _forget()
    taken = []
    for pk in ids:
        begun = time.perf_counter()
        market_data.load_series(pk)
        taken.append((time.perf_counter() - begun) * 1e3)
    return taken


def _forget() -> None:
    """As a new process, which has read nothing yet."""
    for cached in (market_data.load_series, market_data.load_prices, market_data.count_bars):
        cached.cache_clear()


def database_bytes() -> int:
    """On disk, the write-ahead log put away."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(settings.DATABASES["default"]["NAME"]).stat().st_size


def estimate(symbols: list[str], **dates: str) -> None:
    """What the form does at each change."""
    ranges = {"fast": [5, 10], "slow": [50, 100]}
    submission.estimate(parse_start({"strategy": "sma_cross", "symbols": symbols, "parameterRanges": ranges} | dates))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--bars", type=int, default=7_500)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    print(f"{connection.vendor}: {options.symbols:,} symbols x {options.bars:,} bars", flush=True)
    data = wide_parquet(options.symbols, options.bars)
    parsed = timed(f"read and check a Parquet file of {len(data) / 1e6:,.0f} MB", lambda: read_prices(data, name="all"))
    timed("store it, with betas and gaps", lambda: store_prices(parsed, source="bench"))
    timed("store it again: nothing has changed", lambda: store_prices(parsed, source="bench"))
    print(f"{'database':58} {database_bytes() / 1e6:8,.0f} MB")
    ids = list(Instrument.objects.order_by("?").values_list("series_id", flat=True))
    print(f"{'load one series (median of 200)':58} {statistics.median(load(ids[:200])):8.2f} ms")
    timed("load 100 series", lambda: load(ids[:100]))
    timed(f"load all {len(ids):,} series", lambda: load(ids))
    symbols = list(Instrument.objects.values_list("symbol", flat=True))
    for words, dates in (("all dates", {}), ("chosen dates", {"startDate": "2000-01-03", "endDate": "2015-12-31"})):
        _forget()
        timed(f"estimate a batch over all symbols, {words}", lambda dates=dates: estimate(symbols, **dates))
        timed(f"estimate it again, {words}", lambda dates=dates: estimate(symbols, **dates))


if __name__ == "__main__":
    main()
