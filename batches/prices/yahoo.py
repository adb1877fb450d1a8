"""Daily bars from Yahoo Finance through yfinance, which is optional: its users install it."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa

from batches.errors import BatchError
from batches.prices.bars import ParsedFile
from batches.prices.layouts import bars_by_symbol
from batches.prices.mapping import guess
from batches.prices.tables import Table
from batches.symbols import normalized

WAITS_S = (1.0, 4.0, 16.0)  # before each retry; Yahoo lifts its rate limit after a pause
TIMEOUT_S = 20
COLUMNS = ["Open", "High", "Low", "Close", "Volume"]


class YahooError(BatchError):
    """Nothing could be fetched; nothing is stored."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="YAHOO", status=502)


def fetch(
    symbols: Sequence[str],
    start: date,
    end: date,
    *,
    say: Callable[[str], object],
    sleep: Callable[[float], object] = time.sleep,
) -> ParsedFile:
    """Fetch the bars of all symbols from `start` to `end`, both included, adjusted for splits and dividends."""
    yfinance = _yfinance()
    frames = []
    for symbol in dict.fromkeys(map(normalized, symbols)):
        say(f"Fetching {symbol} ...")
        frames.append(_bars(yfinance, symbol, start, end, say, sleep))
    frame = pd.concat(frames, ignore_index=True)
    columns = {name: pa.chunked_array([pa.array(frame[name])]) for name in frame.columns}
    table = Table("Yahoo Finance", columns, np.arange(1, len(frame) + 1), "row")
    return bars_by_symbol(table, guess(table))


def _yfinance() -> ModuleType:
    try:
        import yfinance
    except ImportError:
        raise YahooError("yfinance is not installed. Install it with: .venv/bin/pip install yfinance") from None
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # its errors are reported by YahooError
    return yfinance  # type: ignore[no-any-return]


def _bars(
    yfinance: ModuleType,
    symbol: str,
    start: date,
    end: date,
    say: Callable[[str], object],
    sleep: Callable[[float], object],
) -> pd.DataFrame:
    frame = _history(yfinance, symbol, say, sleep, start=start, end=end + timedelta(days=1))  # Yahoo excludes the end
    frame = frame[frame["Close"].notna()]
    if frame.empty:
        raise YahooError(f"Yahoo Finance has no prices for {symbol} from {start} to {end}.")
    days = pd.DatetimeIndex(frame.index).tz_localize(None)  # the exchange's own
    return frame[COLUMNS].assign(Date=days.to_numpy(), Symbol=symbol).reset_index(drop=True)


def _history(
    yfinance: ModuleType,
    symbol: str,
    say: Callable[[str], object],
    sleep: Callable[[float], object],
    **span: date,
) -> pd.DataFrame:
    """Retry after a pause when the network fails or Yahoo limits the rate."""
    limited, unknown = yfinance.exceptions.YFRateLimitError, yfinance.exceptions.YFTickerMissingError
    waits = iter(WAITS_S)
    while True:
        try:
            frame: pd.DataFrame = yfinance.Ticker(symbol).history(
                **span, interval="1d", auto_adjust=True, raise_errors=True, timeout=TIMEOUT_S
            )
            return frame
        except unknown as error:
            raise YahooError(f"Yahoo Finance has no prices for {symbol}: {_first_line(error)}") from None
        except (limited, OSError) as error:  # network errors are OSErrors, whichever library raises them
            wait = next(waits, None)
            if wait is None:
                raise YahooError(_unreachable(symbol, error, limited)) from None
            say(f"{symbol}: {_first_line(error)}. Retrying in {wait:g} s.")
            sleep(wait)


def _unreachable(symbol: str, error: Exception, limited: type[Exception]) -> str:
    attempts = f"attempts for {symbol}: {len(WAITS_S) + 1}"
    if isinstance(error, limited):
        return f"Yahoo Finance limits the rate of requests ({attempts}). Try again in an hour, or with fewer symbols."
    return f"Yahoo Finance cannot be reached ({attempts}): {_first_line(error)}. Check the network connection."


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].partition(". See ")[0][:200]
