"""A small synthetic market: three shares, one with a short history, and the benchmark index."""

import numpy as np

from backtester.engine import Prices
from batches.models import Instrument, PriceSeries
from batches.prices.series import encode_bars

BARS = {"ACME": 400, "BOLT": 380, "CORE": 60, "SP500": 400}
LAST_DAY = np.datetime64("2020-12-31")


def closes(symbol):
    """Seeded by the symbol; the shares follow the index, so that their betas are plausible."""
    rng = np.random.default_rng(sum(map(ord, symbol)))
    market = np.random.default_rng(500).normal(0.0003, 0.01, max(BARS.values()))[-BARS[symbol] :]
    own = 0.0 if symbol == "SP500" else rng.normal(0, 0.015, BARS[symbol])
    share = 1.0 if symbol == "SP500" else 1.3
    return np.round(50 * np.exp(np.cumsum(share * market + own)), 2)


def days(symbol):
    """Business days up to LAST_DAY: a symbol with fewer bars starts later."""
    return np.busday_offset(LAST_DAY, np.arange(-BARS[symbol] + 1, 1), roll="backward")


def prices(symbol):
    return Prices(symbol, days(symbol), closes(symbol))


def store(symbol):
    dates = days(symbol)
    series = PriceSeries.objects.create(
        symbol=symbol,
        sha256=f"made up for {symbol}",
        has_ohlc=False,
        first_date=dates[0].astype(object),
        last_date=dates[-1].astype(object),
        n_bars=len(dates),
        source="made up",
        data=encode_bars({"date": dates, "close": closes(symbol)}),
    )
    return Instrument.objects.create(symbol=symbol, name=f"{symbol} Ltd", series=series)
