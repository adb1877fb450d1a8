"""The price store at size: import, what it takes on disk, reading one, a hundred and all series, planning over all.

Makes a market of random walks, in prices of two decimals, in a database of its own: SQLite in a temporary folder, or
the empty one that DATABASE_URL names.
"""

import argparse
import io
import logging
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client

import benchmarks.scratch  # noqa: F401  # before all that asks Django
from batches.models import Instrument, InstrumentGroup
from batches.prices import series
from batches.prices.importing import prepare, read_prices, store
from batches.running import estimating
from batches.sweep.start_request import parse_start

SEED = 20221228
FORM = {"form": "1", "fast.mode": "list", "fast.values": "5", "slow.mode": "list", "slow.values": "50"}


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
        series.load_series(pk)
        taken.append((time.perf_counter() - begun) * 1e3)
    return taken


def _forget() -> None:
    """As a new process, which has read nothing yet."""
    series.cache.clear()
    series.count_bars.cache_clear()


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
    estimating.estimate(parse_start({"strategy": "sma_cross", "symbols": symbols, "parameterRanges": ranges} | dates))


def with_names_and_groups() -> None:
    """As an exchange has them: a name for each instrument, and a dozen sectors."""
    instruments = list(Instrument.objects.exclude(symbol=settings.BENCHMARK_SYMBOL))
    for each in instruments:
        each.name = f"{each.symbol.title()} Industries Incorporated"
    Instrument.objects.bulk_update(instruments, ["name"], batch_size=400)
    for number in range(12):
        InstrumentGroup.objects.create(name=f"Sector {number + 1}").instruments.set(instruments[number::12])


def form_page(what: str, path: str, posted: dict[str, Any] | None = None) -> None:
    """The median time of a page of the form, and what goes over the wire."""
    client, taken = Client(SERVER_NAME="localhost", headers={"accept-encoding": "gzip"}), []
    for _ in range(7):
        begun = time.perf_counter()
        response = client.get(path) if posted is None else client.post(path, posted)
        taken.append((time.perf_counter() - begun) * 1e3)
        assert response.status_code == 200, response.content
    print(f"{what:58} {statistics.median(taken):8.0f} ms {len(response.content) / 1e3:6,.1f} kB", flush=True)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=5_000)
    parser.add_argument("--bars", type=int, default=7_500)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    print(f"{connection.vendor}: {options.symbols:,} symbols x {options.bars:,} bars", flush=True)
    data = wide_parquet(options.symbols, options.bars)
    parsed = timed(f"read and check a Parquet file of {len(data) / 1e6:,.0f} MB", lambda: read_prices(data, name="all"))
    timed("store it, with betas and gaps", lambda: store(prepare(parsed, source="bench")))
    timed("store it again: nothing has changed", lambda: store(prepare(parsed, source="bench")))
    print(f"{'database':58} {database_bytes() / 1e6:8,.0f} MB")
    ids = list(Instrument.objects.order_by("?").values_list("series_id", flat=True))
    print(f"{'load one series (median of 200)':58} {statistics.median(load(ids[:200])):8.2f} ms")
    timed("load 100 series", lambda: load(ids[:100]))
    timed(f"load all {len(ids):,} series", lambda: load(ids))
    symbols = list(Instrument.objects.values_list("symbol", flat=True))
    for words, dates in (("all dates", {}), ("chosen dates", {"startDate": "1994-06-01", "endDate": "2015-12-31"})):
        _forget()
        timed(f"estimate a batch over all symbols, {words}", partial(estimate, symbols, **dates))
        timed(f"estimate it again, {words}", partial(estimate, symbols, **dates))
    with_names_and_groups()
    form_page("the form", "/")
    form_page("the count of 20 symbols", "/count/", FORM | {"symbols": symbols[:20]})
    form_page("the count of all", "/count/", FORM | {"symbols": "*"})
    form_page("a search among them", "/symbols/?find=industries")


if __name__ == "__main__":
    main()
