"""What a signal strategy decides from, as data: kinds of decisions over rows of indicators."""

import numpy as np

from backtester.engine.arrays import Ints, Values
from backtester.engine.kernels.indicator_rows import CLOSE, DEVIATIONS, EMA, HIGHEST, LAG, LOWEST, MACD, RSI, SMA
from backtester.engine.kernels.signal_words import APART, CHANNEL, CROSS, LEVEL
from backtester.engine.strategy import Decisions
from backtester.engine.tolerance import LEVEL as LEVEL_TIE

__all__ = ["DEVIATIONS", "EMA", "LAG", "RSI", "SMA", "channels", "cross", "levels", "macd_cross", "parts_of"]


def keys_of(kind: int, windows: Values, spans: Values | int = 0) -> Ints:
    """Return one number for each row of an indicator; rows are made in the order of these."""
    return np.asarray((kind << 48) + (windows << 24) + spans, dtype=np.int64)


def parts_of(key: int) -> tuple[int, int]:
    """Return kind and window of a row from its number; `keys_of` backwards."""
    return key >> 48, (key >> 24) & 0xFFFFFF


def cross(kind: int, fast: Values, slow: Values, *, ready: Values | None = None) -> Decisions:
    """Long while the fast row is above the slow row, short while below; a tie is neither.

    ready : int64[n], the first bar that decides; by default the first with both rows
    """
    return Decisions(CROSS, (keys_of(kind, fast), keys_of(kind, slow)), ready=ready)


def macd_cross(fast: Values, slow: Values, signal: Values) -> Decisions:
    """Long while the MACD line is above its average, short while below; a tie is relative to the slow average.

    EMA is linear: with the distance of an average from its own average as rows, the line is above its average where the
    row of `fast` is above that of `slow`.
    """
    keys = (keys_of(MACD, fast, signal), keys_of(MACD, slow, signal), keys_of(EMA, slow), keys_of(EMA, fast))
    return Decisions(APART, keys, ready=slow + signal - 2, group=signal)


def levels(kind: int, windows: Values, begins: float, limits: tuple[Values | float, ...]) -> Decisions:
    """Long from where the row is beyond a level until it is back beyond another, short the other way round.

    begins : 1.0, longs begin above their level and end below, shorts begin below; -1.0, the mirror image
    limits : where longs begin and end, and where shorts begin and end
    """
    signs = (begins, -begins, -begins, begins)
    table = np.stack(
        [sign * np.broadcast_to(x, windows.shape) + LEVEL_TIE for sign, x in zip(signs, limits, strict=True)]
    )
    return Decisions(
        LEVEL, (keys_of(kind, windows),), levels=np.ascontiguousarray(table.T, dtype=np.float64), begins=begins
    )


def channels(entry: Values, leave: Values) -> Decisions:
    """Long from a close above the highest high of `entry` bars until one below the lowest low of `leave` bars; short
    the other way round."""
    keys = (keys_of(HIGHEST, entry), keys_of(LOWEST, leave), keys_of(LOWEST, entry), keys_of(HIGHEST, leave))
    return Decisions(CHANNEL, (*keys, keys_of(CLOSE, np.zeros_like(entry))))
