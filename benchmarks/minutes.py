"""Five years of minutes of a market that never closes: import, and the page of one test with many trades.

    python -m benchmarks.minutes [--bars 2630000] [--rounds 3]

One process without a stack: each line is wall time and the processor time of all threads of it, the best of the rounds.
"""

import argparse
import io
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import benchmarks.scratch  # noqa: F401  # before all that asks Django
from batches.models import BatchSession, Instrument, PriceSeries
from batches.running import submission, worker
from batches.sweep.start_request import parse_start

SEED = 20221228
CROSS = {"strategy": "sma_cross", "symbols": ["MINUTES"], "parameterRanges": {"fast": [20], "slow": [60]}, "fees": 1e-4}


def minute_bars(bars: int) -> pd.DataFrame:
    """Open, high, low, close and volume of a random walk, a minute apart."""
    rng = np.random.default_rng(SEED)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0.0, 0.0006, bars))), 4)
    before = np.concatenate(([100.0], close[:-1]))
    room = np.round(np.abs(rng.normal(0.0, 0.02, bars)), 4)
    return pd.DataFrame(
        {
            "date": pd.date_range("2020-01-01", periods=bars, freq="min", tz="UTC"),
            "open": before,
            "high": np.maximum(before, close) + room,
            "low": np.minimum(before, close) / (1 + room / 100),
            "close": close,
            "volume": rng.integers(1, 10_000, bars).astype(float),
        }
    )


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - wall, time.process_time() - processor, found


def say(what: str, rounds: list[tuple[float, float]]) -> None:
    wall, processor = (min(values) for values in zip(*rounds, strict=True))
    print(f"{what:50} {wall:7.2f} s, processor {processor:7.2f} s", flush=True)


def upload(client: Client, name: str, content: bytes) -> tuple[float, float]:
    """Import the file into a database without these prices."""
    Instrument.objects.all().delete()
    PriceSeries.objects.all().delete()
    file = SimpleUploadedFile(name, content)
    wall, processor, response = timed(lambda: client.post("/api/instruments", {"file": file}))
    assert response.status_code in (200, 201), response.content
    return wall, processor


def finished(body: dict[str, Any]) -> BatchSession:
    session = submission.submit(parse_start(body), now=timezone.now(), owner=None)
    while worker.take_turns(session.pk):
        pass
    session.refresh_from_db()
    assert session.successful == session.total, session
    return session


def page(client: Client, address: str) -> tuple[float, float]:
    wall, processor, response = timed(lambda: client.get(address))
    assert response.status_code == 200, response.content
    return wall, processor


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=2_630_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    client = Client(SERVER_NAME="localhost")
    bars, sink = minute_bars(options.bars), io.BytesIO()
    bars.to_parquet(sink, index=False)
    csv = bars.assign(date=bars["date"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")).to_csv(index=False).encode()
    for name, content in (("MINUTES.csv", csv), ("MINUTES.parquet", sink.getvalue())):
        taken = [upload(client, name, content) for _ in range(options.rounds)]
        say(f"import of {options.bars:,} bars, {name} ({len(content) / 1e6:.0f} MB)", taken)
    session = finished(CROSS)
    address = reverse("batches:combination", args=[session.pk, 0])
    page(client, address)  # templates and kernels are loaded
    say("page of one test", [page(client, address) for _ in range(options.rounds)])


if __name__ == "__main__":
    main()
