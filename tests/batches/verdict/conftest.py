"""Markets for verdicts: made from a seed, stored as instruments, and judged in this process."""

import numpy as np
import pytest

from batches.models import Instrument, PriceSeries
from batches.prices.series import encode_bars
from batches.verdict import turns as verdict_turns
from batches.verdict.answers import verdict_answer
from tests.batches.verdict.locked_days import EDGE
from tests.support import jobs


def store_prices(symbol, closes, first="2000-01-03", days=None):
    days = np.busday_offset(np.datetime64(first), np.arange(len(closes)), roll="forward") if days is None else days
    series = PriceSeries.objects.create(
        symbol=symbol,
        sha256=f"made for {symbol}",
        has_ohlc=False,
        first_date=days[0].astype(object),
        last_date=days[-1].astype(object),
        n_bars=len(days),
        source="made",
        data=encode_bars({"date": days, "close": np.asarray(closes, dtype=float)}),
    )
    return Instrument.objects.create(symbol=symbol, series=series)


def walk(seed, bars=1300, drift=0.0004, deviation=0.012):
    return 100 * np.exp(np.cumsum(np.random.RandomState(seed).normal(drift, deviation, bars)))


def trend(seed, bars=1300, momentum=0.0022, deviation=0.01, length=80):
    """A market whose drift turns its sign every now and then: a moving average finds it."""
    stream = np.random.RandomState(seed)
    signs = np.repeat(stream.choice([-1, 1], bars // length + 1), length)[:bars]
    return 100 * np.exp(np.cumsum(signs * momentum + stream.normal(0, deviation, bars)))


def judge(session, limit=2_000):
    """Take turns until the verdict is no longer being computed; return its answer."""
    for _ in range(limit):
        if not verdict_turns.take_turn():
            break
    return verdict_answer(jobs.reread(session))


@pytest.fixture
def sweep(db):
    """sweep(symbols, **changes): a finished batch of 20 crosses of each symbol."""

    def run(symbols, **changes):
        body = {
            "strategy": "sma_cross",
            "symbols": symbols,
            "parameterRanges": {"fast": [3, 5, 8, 12, 16], "slow": [20, 30, 45, 70]},
            "sortBy": "sharpe",
            "fees": 0.0005,
        }
        return jobs.finish(jobs.submit(body | changes))

    return run


@pytest.fixture
def market(db):
    """1,300 business days from 2000-01-03 on."""
    store_prices("WALK", walk(11))
    store_prices("OTHER", walk(12))


@pytest.fixture
def locked(market, sweep):
    return sweep(["WALK"], holdout=EDGE)


@pytest.fixture
def noise(sweep):
    store_prices("NOIS", walk(11))
    return sweep(["NOIS"])
