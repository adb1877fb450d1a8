"""Sweeps over bars within a day through the running stack of two workers, from the POST to `complete`.

    python -m benchmarks.minutes_stack

5,000 SMA crosses over 2.6 million minutes, the bars loaded before; 1,000,000 tests: 20 markets, five timeframes of
hours, eight years. Each line is wall time, and the processor time of all processes of the stack.
"""

import asyncio
import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import psutil

from benchmarks.minutes import minute_bars
from benchmarks.stack_requests import run_request
from tests.support.stack_process import StackProcess

HOURS = 8 * 365 * 24 + 48
MARKETS = [f"HOURS{number}" for number in range(20)]
ROUNDS = 3
MINUTES: dict[str, Any] = {
    "strategy": "sma_cross",
    "symbols": ["MINUTES"],
    "parameterRanges": {"fast": {"start": 5, "stop": 54, "step": 1}, "slow": {"start": 60, "stop": 258, "step": 2}},
    "fees": 0.0001,
}
MARKETS_BY_TIMEFRAMES: dict[str, Any] = {
    "strategy": "sma_cross",
    "symbols": MARKETS,
    "timeframes": ["1h", "2h", "4h", "8h", "12h"],
    "parameterRanges": {"fast": {"start": 2, "stop": 51, "step": 1}, "slow": {"start": 52, "stop": 251, "step": 1}},
    "fees": 0.0001,
}


def parquet(table: pd.DataFrame) -> bytes:
    sink = io.BytesIO()
    table.to_parquet(sink, index=False)
    return sink.getvalue()


def hours() -> pd.DataFrame:
    """A random walk of each market, an hour apart."""
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0.0, 0.004, (HOURS, len(MARKETS))), axis=0))
    dates = pd.date_range("2016-01-01", periods=HOURS, freq="h", tz="UTC")
    return pd.DataFrame(np.round(closes, 6), columns=MARKETS).assign(date=dates)


def processor_seconds(stack: StackProcess) -> float:
    assert stack.process is not None
    top = psutil.Process(stack.process.pid)
    return sum(sum(process.cpu_times()[:2]) for process in (top, *top.children(recursive=True)))


async def sweep(stack: StackProcess, what: str, body: dict[str, Any]) -> None:
    async with httpx.AsyncClient(timeout=600) as client:
        for number in range(ROUNDS):
            before = processor_seconds(stack)
            first, whole, _ = await run_request(client, stack.url, body)
            used = processor_seconds(stack) - before
            name = "cold" if number == 0 else "warm"
            print(f"{what}, {name}: first {first:.2f} s, complete {whole:.2f} s, processor {used:.2f} s", flush=True)


def main() -> None:
    """Start a stack, measure, stop it."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = StackProcess(Path(folder)).start()
        try:
            stack.wait_until_ready()
            for name, table in (("MINUTES.parquet", minute_bars(2_600_000)), ("hours.parquet", hours())):
                began = time.perf_counter()
                answer = httpx.post(f"{stack.url}/api/instruments", files={"file": (name, parquet(table))}, timeout=600)
                answer.raise_for_status()
                print(f"import of {name}: {time.perf_counter() - began:.2f} s", flush=True)
            asyncio.run(sweep(stack, "5,000 crosses x 2.6 million minutes", MINUTES))
            asyncio.run(sweep(stack, "1,000,000 tests, 20 markets x 5 timeframes", MARKETS_BY_TIMEFRAMES))
        finally:
            stack.end()


if __name__ == "__main__":
    main()
