"""What each strategy wishes for at each close."""

import itertools
import math
from statistics import fmean, pstdev, stdev

from .ties import TIE, above


def sma(close, window, t):
    """Average of the last `window` closes at bar t, None before there are enough."""
    return math.fsum(close[t - window + 1 : t + 1]) / window if t >= window - 1 else None


def sma_cross_wishes(close, fast, slow, direction="both"):
    """+1, -1 or 0 at each close."""
    wishes = []
    for t in range(len(close)):
        a, b = sma(close, fast, t), sma(close, slow, t)
        wishes.append(1 if above(a, b) else -1 if above(b, a) else 0)
    return wishes


def emas(series, span):
    levels = [series[0]]
    for value in series[1:]:
        levels.append(2 / (span + 1) * value + (1 - 2 / (span + 1)) * levels[-1])
    return levels


def ema_cross_wishes(close, fast, slow, direction="both"):
    a, b = emas(close, fast), emas(close, slow)
    ready = [t >= slow - 1 for t in range(len(close))]
    return [1 if ok and above(x, y) else -1 if ok and above(y, x) else 0 for ok, x, y in zip(ready, a, b, strict=True)]


def macd_wishes(close, fast, slow, signal, direction="both"):
    slow_average = emas(close, slow)
    line = [x - y for x, y in zip(emas(close, fast), slow_average, strict=True)]
    average = emas(line, signal)
    wishes = []
    for t in range(len(close)):
        margin = TIE * slow_average[t]  # what a tie is, on the scale of the prices
        ahead = line[t] - average[t]
        ready = t >= slow + signal - 2
        wishes.append(0 if not ready or abs(ahead) <= margin else 1 if ahead > 0 else -1)
    return wishes


def latched(begin_long, end_long, begin_short, end_short, direction):
    """Each side from a bar that begins it until a bar that ends it; the long one goes first."""
    wishes, long, short = [], False, False
    for a, b, c, d in zip(begin_long, end_long, begin_short, end_short, strict=True):
        long = (long or a) and not b
        short = (short or c) and not d
        wishes.append(1 if long and direction != "short" else -1 if short and direction != "long" else 0)
    return wishes


def rsi(close, period):
    """Wilder's index at each bar, None before there are enough changes."""
    changes = [b - a for a, b in itertools.pairwise(close)]
    values: list[float | None] = [None] * len(close)
    for t in range(period, len(close)):
        if t == period:
            up = sum(max(c, 0) for c in changes[:period]) / period
            down = sum(max(-c, 0) for c in changes[:period]) / period
        else:
            up = (up * (period - 1) + max(changes[t - 1], 0)) / period
            down = (down * (period - 1) + max(-changes[t - 1], 0)) / period
        values[t] = 50.0 if up + down == 0 else 100 * up / (up + down)
    return values


def rsi_reversal_wishes(close, period, entry, leave, direction="both"):
    values = rsi(close, period)
    return latched(
        [v is not None and v < entry - 1e-9 for v in values],
        [v is not None and v > leave + 1e-9 for v in values],
        [v is not None and v > 100 - entry + 1e-9 for v in values],
        [v is not None and v < 100 - leave - 1e-9 for v in values],
        direction,
    )


def z_scores(close, window):
    values: list[float | None] = [None] * len(close)
    for t in range(window - 1, len(close)):
        part = close[t - window + 1 : t + 1]
        if max(part) > min(part):
            values[t] = (close[t] - fmean(part)) / pstdev(part)
    return values


def bollinger_reversal_wishes(close, window, width, direction="both"):
    z = z_scores(close, window)
    return latched(
        [v is not None and v < -width - 1e-9 for v in z], [v is not None and v > 1e-9 for v in z],
        [v is not None and v > width + 1e-9 for v in z], [v is not None and v < -1e-9 for v in z], direction,
    )  # fmt: skip


def bollinger_breakout_wishes(close, window, width, direction="both"):
    z = z_scores(close, window)
    return latched(
        [v is not None and v > width + 1e-9 for v in z], [v is not None and v < -1e-9 for v in z],
        [v is not None and v < -width - 1e-9 for v in z], [v is not None and v > 1e-9 for v in z], direction,
    )  # fmt: skip


def donchian_wishes(close, leave, entry, direction="both"):
    def highest(window, t):
        return max(close[t - window : t]) if t >= window else None

    def lowest(window, t):
        return min(close[t - window : t]) if t >= window else None

    bars = range(len(close))
    return latched(
        [above(close[t], highest(entry, t)) for t in bars], [above(lowest(leave, t), close[t]) for t in bars],
        [above(lowest(entry, t), close[t]) for t in bars], [above(close[t], highest(leave, t)) for t in bars],
        direction,
    )  # fmt: skip


def momentum_wishes(close, skip, lookback, direction="both"):
    wishes = []
    for t in range(len(close)):
        new, old = (close[t - skip], close[t - lookback]) if t >= lookback else (None, None)
        wishes.append(1 if above(new, old) else -1 if above(old, new) else 0)
    return wishes


def volatility_targets(close, window, target, every, *, periods):
    returns = [b / a - 1 for a, b in itertools.pairwise(close)]
    targets = [0.0] * len(close)
    for t in range(window, len(close)):
        if (t - window) % every == 0:
            volatility = stdev(returns[t - window : t]) * math.sqrt(periods)
            targets[t] = min(1.0, target / volatility) if volatility > 1e-11 else 1.0
        else:
            targets[t] = targets[t - 1]
    return targets
