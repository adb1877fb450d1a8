"""What limits each part, and what a given load needs: `make bench-scaling`, or `python -m benchmarks.scaling`.

Measures, in about eighty seconds: the engine and the cost of a chunk in one process without a queue; then the real
stack with 1, 2 and 4 workers, a batch of 500,000 combinations and fifty of 20 chunks each, the better of two rounds.
On SQLite, or on the PostgreSQL of DATABASE_URL, in new databases of it. Adds what it finds to var/scaling.json.

    python -m benchmarks.scaling --plan 1e8 100000

measures nothing: it computes what 10^8 combinations a day and 100,000 watchers need, from var/scaling.json, or else
from the defaults of `Figures`, which are those of benchmarks/RESULTS.md.
"""

import argparse
import asyncio
import io
import json
import logging
import os
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.scaling_plan import Figures, print_plan

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "var" / "scaling.json"
SAMPLE = ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz"
WORKERS = (1, 2, 4)
FIFTY = 50
ROUNDS = 2
POSTGRES = os.environ.get("DATABASE_URL", "").removesuffix("/postgres")
LARGE = {"fast": {"start": 2, "stop": 201, "step": 1}, "slow": {"start": 205, "stop": 329, "step": 1}}
SMALL = {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}}
TINY = {"fast": {"start": 2, "stop": 6, "step": 1}, "slow": {"start": 25, "stop": 45, "step": 10}}


def chunk_by_chunk(folder: Path) -> dict[str, float]:
    """Claim, compute and record in this process: what the engine does alone, and what a chunk costs beside it."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "backtester.settings", "DATA_DIR": str(folder)}
    os.environ |= {"REDIS_URL": f"unix://{folder}/nobody.sock", **new_database()}
    import django

    django.setup()
    logging.disable(logging.WARNING)  # httpx names each request; without a Redis every event is a warning
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("load_prices", SAMPLE, stdout=io.StringIO(), stderr=io.StringIO())
    work(SMALL)  # compiles
    large, small = work(LARGE), [times for _ in range(5) for times in work(SMALL)]
    rate = sum(times[0] for times in large) / sum(times[2] for times in large)
    say("engine alone, one core", rate, "combinations/s")
    for name, chunks in {"full": large, "small": small}.items():
        tests, claims, _, records = zip(*chunks, strict=True)
        say(f"a {name} chunk, {statistics.mean(tests):,.0f} combinations: claim", statistics.median(claims) * 1e3, "ms")
        say(f"a {name} chunk: record", statistics.median(records) * 1e3, "ms")
    beside = sum(times[1] + times[3] for times in large) / sum(sum(times[1:]) for times in large)
    say("full chunks: share of the time not computing", beside * 100, "%")
    say("small chunks, not computing: claimed and recorded", len(small) / sum(c + r for _, c, _, r in small), "/s")
    return {"engine_tests_s": rate, "small_chunk_tests": statistics.mean(times[0] for times in small)}


def work(ranges: dict[str, Any]) -> list[tuple[int, float, float, float]]:
    """One batch, a chunk at a time: (combinations, seconds to claim, to compute, to record) for each."""
    from django.utils import timezone

    from batches.running import attempts, submission, worker
    from batches.sweep.start_request import parse_start
    from benchmarks.stack_requests import request

    session = submission.submit(parse_start(request(ranges)), now=timezone.now(), owner=None)
    taken = []
    while True:
        began = time.perf_counter()
        claim = worker.claim(session.pk, limit=1)
        claimed = time.perf_counter()
        if not claim:
            return taken
        chunk = claim.chunks[0]
        result = attempts.compute(chunk)
        computed = time.perf_counter()
        attempts.record([(chunk, result)], computed - claimed, lambda: None)
        recorded = time.perf_counter()
        taken.append((result.metrics.shape[1], claimed - began, computed - claimed, recorded - computed))


def new_database() -> dict[str, str]:
    """What a process is told of one of its own; SQLite's is in its data folder."""
    from tests.faults.stack_under_test import new_postgres_database

    return {"DATABASE_URL": new_postgres_database(f"{POSTGRES}/postgres")} if POSTGRES else {}


def with_workers(count: int, folder: Path) -> dict[str, float]:
    """The real stack: a batch of 500,000, then fifty tiny ones at once."""
    from tests.support.stack_process import StackProcess

    database = new_database()
    stack = StackProcess(folder, WORKERS=str(count), **database).start()
    try:
        stack.wait_until_ready()
        large_s, fifty_s = asyncio.run(batches(stack.url))
        chunks, tests, size = stored(folder / "db.sqlite3", database.get("DATABASE_URL", ""))
    finally:
        stack.end()
    say(f"workers: {count}; 500,000 combinations, POST to complete", 500_000 / large_s, "combinations/s")
    say(f"workers: {count}; fifty batches of 20 chunks at once", FIFTY * 20 / fifty_s, "chunks/s")
    return {
        "worker_tests_s": 500_000 / large_s,
        "chunks_s": FIFTY * 20 / fifty_s,
        "tests_per_chunk": tests / chunks,
        "bytes_per_test": size / tests,
    }


async def batches(url: str) -> tuple[float, float]:
    """Seconds of the large batch, and of all the tiny ones: the best round, a shared machine is only ever slower."""
    import httpx

    from benchmarks.stack_requests import run

    large, fifty = [], []
    async with httpx.AsyncClient(timeout=120) as client:
        await run(client, url, SMALL)
        for _ in range(ROUNDS):
            large.append((await run(client, url, LARGE))[1])
            began = time.perf_counter()
            await asyncio.gather(*(run(client, url, TINY) for _ in range(FIFTY)))
            fifty.append(time.perf_counter() - began)
    return min(large), min(fifty)


def stored(file: Path, url: str) -> tuple[int, int, int]:
    """Chunks, combinations and bytes of the largest batch."""
    query = """SELECT COUNT(*), SUM(stop - start), SUM(LENGTH(block)) FROM batches_resultchunk
               GROUP BY session_id ORDER BY 2 DESC LIMIT 1"""
    import psycopg

    with closing(psycopg.connect(url) if url else sqlite3.connect(file)) as connection:
        row = connection.execute(query).fetchone()
    assert row
    return int(row[0]), int(row[1]), int(row[2])


def say(what: str, value: float, unit: str) -> None:
    """One line of the table."""
    print(f"{what:<62} {value:>12,.{0 if value >= 100 else 2}f} {unit}", flush=True)


def measure() -> dict[str, float]:
    """All of it; what a plan needs is of the stack with one worker."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / "var" / "numba"))  # compiled once, not for each stack
    name = "PostgreSQL" if POSTGRES else "SQLite"
    print(f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = chunk_by_chunk(Path(folder))
        stacks = [with_workers(count, Path(folder) / f"workers-{count}") for count in WORKERS]
    if POSTGRES:
        return {f"postgres_{name}": stacks[0][name] for name in ("worker_tests_s", "chunks_s")}
    return found | stacks[0]


def main() -> None:
    """Measure, or plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", nargs=2, type=float, metavar=("COMBINATIONS_A_DAY", "WATCHERS"))
    parser.add_argument("--running", type=int, default=50, help="batches that run at a time (50)")
    options = parser.parse_args()
    found = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    if not options.plan:
        found |= measure()
        FOUND.parent.mkdir(exist_ok=True)
        FOUND.write_text(json.dumps(found, indent=2) + "\n")
    per_day, watchers = options.plan or (1e8, 100_000)
    print_plan(Figures(**found), per_day, watchers, options.running)


if __name__ == "__main__":
    main()
