"""New prices for a symbol: old batches keep theirs."""

import numpy as np
from django.db.models import F
from django.utils import timezone

from batches.models import (
    BatchSession,
    ChunkStatus,
    ResultChunk,
)
from batches.prices import series
from batches.running import retrying
from batches.sweep import plan
from tests.support import jobs
from tests.support.page_reader import text_of
from tests.support.price_uploads import send


def uploaded(client, closes):
    """Import one symbol's closes through the page."""
    days = np.busday_offset("2020-01-01", np.arange(len(closes)), roll="forward")
    rows = "".join(f"ACME,{day},{close!r}\n" for day, close in zip(days, closes.tolist(), strict=True))
    page = send(client, "symbol,date,close\n" + rows)["Location"]
    client.post(page, {"intent": "store", "onOverlap": "replace"})


def test_an_update_of_the_prices_changes_no_replay_of_an_older_batch(client, db, queued):
    closes = np.round(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, 300))), 2)
    uploaded(client, closes)
    body = {"strategy": "sma_cross", "symbols": ["ACME"], "parameterRanges": {"fast": [3, 5], "slow": [10, 20]}}
    old = jobs.finish(jobs.submit(body))

    def replayed(session):
        answers = [client.get(f"/api/backtest/batch/{session.pk}/results/{index}").json() for index in range(4)]
        return [(answer["metrics"], answer["equity"], answer["trades"]) for answer in answers]

    before, rows = replayed(old), client.get(f"/api/backtest/batch/{old.pk}/results").json()["results"]
    assert "newer prices" not in text_of(client.get(f"/batches/{old.pk}/"))
    uploaded(client, closes[::-1])
    series.cache.clear()
    plan._plans.clear()
    assert replayed(old) == before
    assert "newer prices are available for ACME" in text_of(client.get(f"/batches/{old.pk}/"))
    new = jobs.finish(jobs.submit(body))
    assert replayed(new) != before
    assert client.get(f"/api/backtest/batch/{old.pk}/results").json()["results"] == rows
    assert "newer prices" not in text_of(client.get(f"/batches/{new.pk}/"))
    retried = jobs.finish(retrying.retry(_halved(old), now=timezone.now()))
    assert replayed(retried) == before  # a retry goes on with the prices of the batch it continues


def _halved(session):
    """As if it had been cancelled before its last chunk."""
    last = session.chunks.order_by("position").last()
    ResultChunk.objects.filter(pk=last.pk).update(status=ChunkStatus.WAITING, block=None)
    tests = last.stop - last.start
    BatchSession.objects.filter(pk=session.pk).update(status="cancelled", successful=F("successful") - tests)
    return jobs.reread(session)
