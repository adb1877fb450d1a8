"""A long history: milliseconds of each request of its reader, and of the estimate of the next batch.

    make bench-history

Fills a database of its own with copies of one real batch, in a temporary folder or in the empty one that DATABASE_URL
names: other symbols, strategies, statuses and days, everything else as wide as it was.
"""

import argparse
import copy
import io
import logging
import random
import re
import statistics
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import Field
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import benchmarks.scratch  # noqa: F401  # before all that asks Django
from backtester.engine import STRATEGIES
from batches.models import BatchSession, BatchWords, Instrument, LedgerEntry
from batches.running import submission, worker
from batches.search import words_of
from batches.sweep.start_request import parse_start
from benchmarks.workload import SAMPLE

SEED = 20221228
AT_ONCE = 1_000
REQUEST = {
    "strategy": "sma_cross",
    "parameterRanges": {"fast": {"start": 2, "stop": 20, "step": 2}, "slow": {"start": 25, "stop": 145, "step": 5}},
}
ROUNDS = 7
OWN = ("id", "request", "strategy", "status", "notes", "created_at")
STATUSES = ["complete"] * 90 + ["cancelled"] * 6 + ["error"] * 4
NOTES = ["", "", "", "", "", "Looks like luck", "Try wider stops", "Good plateau, run again with fees"]


def all_symbols() -> list[str]:
    return list(Instrument.objects.exclude(symbol="SP500").values_list("symbol", flat=True))


def one_batch() -> BatchSession:
    """A real one, worked to its end: 20 symbols, 250 combinations each."""
    session = submission.submit(parse_start(REQUEST | {"symbols": all_symbols()}), now=timezone.now())
    while worker.take_turns(session.pk):
        pass
    return BatchSession.objects.get(pk=session.pk)


def changes(original: BatchSession, count: int) -> Iterator[BatchSession]:
    """What the copies have of their own: the newest first, twenty minutes apart."""
    rng = random.Random(SEED)
    everything, strategies = original.request["symbols"], list(STRATEGIES)
    for number in range(1, count):
        symbols = sorted(rng.sample(everything, rng.randint(1, len(everything))))
        yield BatchSession(
            id=uuid.UUID(int=rng.getrandbits(128), version=4),
            request=original.request | {"symbols": symbols},
            strategy=rng.choice(strategies),
            status=rng.choice(STATUSES),
            notes=rng.choice(NOTES),
            created_at=original.created_at - timedelta(minutes=20 * number),
        )


def entries_of(session: BatchSession, entries: dict[str, LedgerEntry]) -> Iterator[LedgerEntry]:
    """What the ledger holds of a copy: the tests of the original, with rules of its own."""
    for symbol in session.request["symbols"]:
        entry = copy.copy(entries[symbol])
        entry.pk, entry.created_at = None, session.created_at
        entry.fingerprint = entry.family = f"{session.pk} {symbol}"
        yield entry


def _values(session: BatchSession, fields: list[Field]) -> list[Any]:
    return [field.get_db_prep_save(getattr(session, field.attname), connection) for field in fields]


def fill(count: int) -> None:
    """Write them, with what they are found by. The wide columns are copied where they are."""
    original = one_batch()
    fields = BatchSession._meta.concrete_fields
    own = [field for field in fields if field.name in OWN]
    table, columns = BatchSession._meta.db_table, ", ".join(str(field.column) for field in fields)
    chosen = ", ".join("%s" if field in own else str(field.column) for field in fields)
    insert = f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} WHERE id = %s"
    key = BatchSession._meta.pk.get_db_prep_value(original.pk, connection)
    rows = changes(original, count)
    entries = {entry.symbol: entry for entry in LedgerEntry.objects.select_related("grid")}
    while some := list(islice(rows, AT_ONCE)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(insert, [[*_values(each, own), key] for each in some])
            BatchWords.objects.bulk_create(
                BatchWords(session=each, text=words_of(each), created_at=each.created_at) for each in some
            )
            LedgerEntry.objects.bulk_create(entry for each in some for entry in entries_of(each, entries))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def measure(what: str, query: str) -> None:
    """A line: the median and the slowest of several requests, how many queries one makes, how many batches it finds."""
    client, taken = Client(SERVER_NAME="localhost"), []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        response = client.get(f"/batches/{query}")
        taken.append((time.perf_counter() - begun) * 1e3)
        assert response.status_code == 200
    with CaptureQueriesContext(connection) as asked:
        client.get(f"/batches/{query}")
    of = re.search(rb"\xe2\x80\x93[\d,]+ of (?:the newest )?([\d,]+)", response.content)
    found = of[1].decode() if of else "none"
    times = f"{statistics.median(taken):8.0f} ms {max(taken):8.0f} ms"
    print(f"{what:44} {times} {len(asked):4} queries {found:>10} listed", flush=True)


def measure_estimate() -> None:
    """A line: what each change of the form waits for. It sums what was tried on the symbols before."""
    client, taken = Client(SERVER_NAME="localhost"), []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        response = client.post("/api/backtest/batch/estimate", REQUEST | {"symbols": all_symbols()}, "application/json")
        taken.append((time.perf_counter() - begun) * 1e3)
        assert response.status_code == 200, response.content
    print(f"{'an estimate':44} {statistics.median(taken):8.0f} ms {max(taken):8.0f} ms", flush=True)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=100_000)
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # nobody is at the other end of REDIS_URL
    call_command("migrate", verbosity=0)
    call_command("load_prices", SAMPLE, verbosity=0, stdout=io.StringIO())
    begun = time.perf_counter()
    fill(options.batches)
    took = time.perf_counter() - begun
    print(f"{connection.vendor}: {options.batches:,} batches, filled in {took:.0f} s", flush=True)
    print(f"{'':44} {'median':>11} {'slowest':>11}")
    measure("the list", "")
    measure("    page 2", "?page=2")
    measure("    the last page", "?page=1000000")
    for status in ("active", "complete", "failed", "cancelled"):
        measure(f"    {status}", f"?status={status}")
    measure("    complete, the last page", "?status=complete&page=1000000")
    measure("search: a strategy", "?search=sma")
    measure("    a symbol", "?search=AAPL")
    measure("    a strategy and a symbol", "?search=grid+dca+aapl")
    measure("    a symbol, the last page", "?search=AAPL&page=1000000")
    measure("    a note, failed ones", "?search=plateau&status=failed")
    measure("    what is in none", "?search=nowhere")
    measure_estimate()
    session = BatchSession.objects.order_by("created_at").values_list("pk", flat=True)[0]
    measure("    an id", f"?search={str(session)[:8]}")


if __name__ == "__main__":
    main()
