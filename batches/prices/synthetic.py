"""One-minute bars of no real market, made from a seed, so that a new installation has bars within a day."""

import numpy as np
import numpy.typing as npt

from backtester.engine.zones import instants
from batches.prices.bars import ParsedFile, ParsedSeries

Floats = npt.NDArray[np.float64]
SYMBOL = "SYNTHETIC-1M"
NAME = "Synthetic one-minute bars, no real market"
SOURCE = "synthetic: a random walk from the seed 'backtester minutes', no real market"
SEED = list(b"backtester minutes")
TIMEZONE = "America/New_York"
FIRST, STOP = np.datetime64("2021-01-01"), np.datetime64("2023-01-01")
# Of the New York Stock Exchange; its half days are whole ones here.
HOLIDAYS = [
    "2021-01-01", "2021-01-18", "2021-02-15", "2021-04-02", "2021-05-31", "2021-07-05",
    "2021-09-06", "2021-11-25", "2021-12-24", "2022-01-17", "2022-02-21", "2022-04-15",
    "2022-05-30", "2022-06-20", "2022-07-04", "2022-09-05", "2022-11-24", "2022-12-26",
]  # fmt: skip
OPENING, SESSION = 9 * 60 + 30, 390  # minutes of the wall clock
STEPS = 4  # of the price within a bar
DAILY_VOLATILITY, OVERNIGHT_SHARE, DRIFT = 0.012, 0.2, 0.0003
START_PRICE, VOLUME = 100.0, 2_000.0


def minute_bars() -> ParsedFile:
    """Return two years of bars in exchange hours: calm and volatile days, busiest at the open and the close."""
    days = np.arange(FIRST, STOP)
    days = days[np.is_busday(days, holidays=HOLIDAYS)]
    random = np.random.default_rng(SEED)
    activity = 0.6 + 1.2 * np.linspace(-1.0, 1.0, SESSION) ** 2  # about 1 on average
    volatility = _volatility(random, len(days))[:, None] * activity
    steps = random.standard_normal((len(days), SESSION, STEPS))
    steps *= (DAILY_VOLATILITY * np.sqrt((1 - OVERNIGHT_SHARE) / (SESSION * STEPS)) * volatility)[:, :, None]
    steps[:, 0, 0] += DRIFT + DAILY_VOLATILITY * np.sqrt(OVERNIGHT_SHARE) * random.standard_normal(len(days))
    prices = np.round(START_PRICE * np.exp(np.cumsum(steps)), 2).reshape(-1, STEPS)
    volume = np.round(VOLUME * volatility * random.exponential(1.0, volatility.shape)).ravel()
    columns: dict[str, npt.NDArray[np.generic]] = {
        "date": _moments(days),
        "close": prices[:, -1],
        "open": prices[:, 0],
        "high": prices.max(axis=1),
        "low": prices.min(axis=1),
        "volume": volume,
    }
    places = np.arange(1, len(prices) + 1, dtype=np.int32)
    return ParsedFile([ParsedSeries(SYMBOL, columns, places, TIMEZONE)], notes=(), place_word="row")


def _volatility(random: np.random.Generator, n_days: int) -> Floats:
    """Return the volatility of each day as a multiple of the usual one; volatile days follow each other."""
    levels, level = np.empty(n_days), 0.0
    for day, shock in enumerate(random.standard_normal(n_days)):
        level = 0.95 * level + 0.1 * shock
        levels[day] = level
    multiples: Floats = np.exp(levels)
    return multiples


def _moments(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Return when each bar opens, datetime64[ns] in UTC."""
    minutes = np.arange(OPENING, OPENING + SESSION).astype("timedelta64[m]")
    wall = (days.astype("datetime64[m]")[:, None] + minutes).ravel().astype("datetime64[ns]")
    return instants(wall.view(np.int64), TIMEZONE).view("datetime64[ns]")
