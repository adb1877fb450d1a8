"""Slow twins of the kernels, written to be believed: plain Python, one idea a function, nothing from the engine."""

import itertools
import math
from dataclasses import dataclass, field
from statistics import fmean, mean, pstdev, stdev

TIE = 1e-10


@dataclass
class Outcome:
    """equity by bar, closed deals as (entry bar, exit bar, profit), and the entry bar of a deal open at the end."""

    equity: list[float]
    deals: list[tuple[int, int, float]] = field(default_factory=list)
    open_since: int | None = None
    costs: list[float] = field(default_factory=list)  # capital put into each deal, the open one last


def sma(close, window, t):
    """Average of the last `window` closes at bar t, None before there are enough."""
    return math.fsum(close[t - window + 1 : t + 1]) / window if t >= window - 1 else None


def above(x, y):
    return x is not None and y is not None and x > y * (1 + TIE)


def reached_down(price, level):
    """A level met exactly counts as reached."""
    return price <= level * (1 + TIE)


def reached_up(price, level):
    return price >= level * (1 - TIE)


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
    line = [x - y for x, y in zip(emas(close, fast), emas(close, slow), strict=True)]
    average = emas(line, signal)
    wishes = []
    for t in range(len(close)):
        margin = TIE * max(close[: t + 1])  # what a tie is, on the scale of the prices
        ahead = line[t] - average[t]
        ready = t >= slow + signal - 2
        wishes.append(0 if not ready or abs(ahead) <= 1.5 * margin else 1 if ahead > 0 else -1)
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


def is_stopped(close, side, paid, entry, t, stops):
    """Whether the close of bar t touches a stop of a position entered at `entry` for `paid`."""
    loss, gain, trail = stops
    best = max(close[entry : t + 1]) if side > 0 else min(close[entry : t + 1])
    worse, better = (reached_down, reached_up) if side > 0 else (reached_up, reached_down)
    return (
        (loss > 0 and worse(close[t], paid * (1 - side * loss)))
        or (gain > 0 and better(close[t], paid * (1 + side * gain)))
        or (trail > 0 and worse(close[t], best * (1 - side * trail)))
    )


def rounded_down(value, price):
    """What is spent on as many whole shares as the value pays for."""
    return math.floor(value / price + 1e-9) * price


def follow(
    close,
    fill,
    wishes,
    *,
    direction="long",
    fees=0.0,
    slippage=0.0,
    capital=100_000.0,
    stops=(0.0, 0.0, 0.0),
    whole=False,
):
    """All in while wanted: what was wished at one close is done at the next bar's fill price."""
    allowed = {"long": (1,), "short": (-1,), "both": (1, -1)}[direction]
    cash, shares, side, entry, at_entry = capital, 0.0, 0, 0, capital
    paid, waiting = 0.0, 0  # waiting: the wish that a stop has ended, until it changes
    outcome = Outcome([capital])
    for t in range(1, len(close)):
        wish = wishes[t - 1] if wishes[t - 1] in allowed else 0
        waiting = waiting if wish == waiting else 0
        if side != 0 and wish == side and is_stopped(close, side, paid, entry, t - 1, stops):
            waiting = wish
        if wish == waiting:
            wish = 0
        if wish != side and side != 0:
            proceeds = shares * fill[t] * (1 - side * slippage)
            cash = max(cash + proceeds - abs(proceeds) * fees, 0.0)
            outcome.deals.append((entry, t, cash - at_entry))
            shares, side = 0.0, 0
        if wish != side and cash > 0:
            paid = fill[t] * (1 + wish * slippage)
            value = cash / (1 + fees)
            if whole:
                value = rounded_down(value, paid)
            if value == 0:
                waiting, wish = wish, side
        if wish != side and cash > 0:
            at_entry, entry, side = cash, t, wish
            outcome.costs.append(value * (1 + fees))
            shares = side * value / paid
            cash -= side * value + value * fees
        worth = cash + shares * close[t]
        if worth <= 0:  # ruined: bought back here, and over
            if side != 0:
                outcome.deals.append((entry, t, -at_entry))
            outcome.equity += [0.0] * (len(close) - t)
            return outcome
        outcome.equity.append(worth)
    outcome.open_since = entry if side != 0 else None
    return outcome


def grid_dca(
    close,
    fill,
    interval,
    profit,
    trailing,
    max_lots,
    *,
    direction="long",
    fees=0.0,
    slippage=0.0,
    capital=100_000.0,
    whole=False,
):
    """Lots at each step against the position, all sold on a trailing stop above the required profit."""
    lot = full_lot = capital / max_lots / (1 + fees)
    cash, side, entry, at_entry = capital, 0, 0, capital
    lots: list[tuple[float, float]] = []  # lots: (shares, price paid)
    since = [close[0]]  # prices since the last buy, or since the last sale while nothing is held
    last_buy = 0.0
    order = None
    outcome = Outcome([capital])
    for t in range(1, len(close)):
        held = sum(shares for shares, _ in lots)
        if order == "leave":
            got = fill[t] * (1 - side * slippage)
            cash = max(cash + side * held * got - held * got * fees, 0.0)
            outcome.deals.append((entry, t, cash - at_entry))
            lots, side, since = [], 0, [fill[t]]
        elif order in ("buy", "sell short"):
            sign = 1 if order == "buy" else -1
            paid = fill[t] * (1 + sign * slippage)
            if whole:
                lot = rounded_down(full_lot, paid)
            if lot > 0 and held * paid + lot * (1 + fees) <= (cash + sign * held * paid) * (1 + 1e-12):
                if not lots:
                    side, entry, at_entry = sign, t, cash
                    outcome.costs.append(0.0)
                outcome.costs[-1] += lot * (1 + fees)
                lots.append((lot / paid, paid))
                cash -= sign * lot + lot * fees
                last_buy, since = fill[t], [fill[t]]
        held = sum(shares for shares, _ in lots)
        worth = cash + side * held * close[t]
        if worth <= 0:
            if lots:
                outcome.deals.append((entry, t, -at_entry))
            outcome.equity += [0.0] * (len(close) - t)
            return outcome
        outcome.equity.append(worth)
        since.append(close[t])
        order = None
        if side == 0:
            if direction != "short" and reached_down(close[t], max(since) * (1 - interval)):
                order = "buy"
            elif direction != "long" and reached_up(close[t], min(since) * (1 + interval)):
                order = "sell short"
        else:
            average = sum(shares * paid for shares, paid in lots) / held
            if side > 0:
                enough = reached_up(close[t], average * (1 + profit))
                turned = reached_down(close[t], max(since) * (1 - trailing))
                further = reached_down(close[t], last_buy * (1 - interval))
            else:
                enough = reached_down(close[t], average * (1 - profit))
                turned = reached_up(close[t], min(since) * (1 + trailing))
                further = reached_up(close[t], last_buy * (1 + interval))
            if enough and turned:
                order = "leave"
            elif further and len(lots) < max_lots:
                order = "buy" if side > 0 else "sell short"
    outcome.open_since = entry if lots else None
    return outcome


def system_quality(profits):
    """sqrt(N) * mean / sample deviation; None of it when the deviation is only rounding."""
    if len(profits) < 2 or stdev(profits) ** 2 <= 1e-13 * fmean(p * p for p in profits):
        return math.nan
    return math.sqrt(len(profits)) * fmean(profits) / stdev(profits)


def longest_drawdown(equity, days):
    """Days from the newest peak to each bar that is below it, and to the bar that meets it again; the most."""
    highest = list(itertools.accumulate(equity, max))
    below = [now < peak * (1 - TIE) for now, peak in zip(equity, highest, strict=True)]
    spans = [0]
    for t in range(1, len(equity)):
        if below[t] or below[t - 1]:
            newest = max(s for s in range(t) if not below[s])
            spans.append(days[t] - days[newest])
    return max(spans)


def measure(outcome, days, *, periods):
    """All metrics by their definitions; days: ordinal day of each bar."""
    equity = outcome.equity
    returns = [b / a - 1 if a > 0 else 0.0 for a, b in itertools.pairwise(equity)]
    years = (days[-1] - days[0]) / 365.25
    growth = equity[-1] / equity[0]
    annual = -1.0 if growth <= 0 else growth ** (1 / years) - 1 if days[-1] - days[0] >= 30 else math.nan
    deviation = stdev(returns) if len(returns) > 1 else math.nan
    if deviation**2 < 1e-13 * mean(r * r for r in returns):
        deviation = 0.0
    downside = math.sqrt(mean(min(r, 0.0) ** 2 for r in returns))
    drawdown = min(equity[t] / max(equity[: t + 1]) - 1 for t in range(len(equity)))
    shares = [profit / cost for (_, _, profit), cost in zip(outcome.deals, outcome.costs, strict=False)]
    profits = [profit for _, _, profit in outcome.deals]
    won = sum(profit for profit in profits if profit > 0)
    lost = -sum(profit for profit in profits if profit < 0)
    spans = [(a, b) for a, b, _ in outcome.deals]
    if outcome.open_since is not None:
        spans.append((outcome.open_since, len(equity) - 1))
    bars_in = {t for a, b in spans for t in range(a, b + 1)}
    return {
        "total_return": growth - 1,
        "annualized_return": annual,
        "annualized_volatility": deviation * math.sqrt(periods),
        "sharpe": mean(returns) / deviation * math.sqrt(periods) if deviation > 0 else math.nan,
        "sortino": mean(returns) / downside * math.sqrt(periods) if downside > 0 else math.nan,
        "calmar": annual / -drawdown if drawdown < 0 else math.nan,
        "max_drawdown": drawdown,
        "win_rate": sum(profit > 0 for profit in profits) / len(profits) if profits else math.nan,
        "profit_factor": won / lost if lost > 0 else math.nan,
        "trades": len(profits),
        "exposure": len(bars_in) / len(equity),
        "final_equity": equity[-1],
        "expectancy": fmean(profits) if profits else math.nan,
        "sqn": system_quality(profits),
        "best_trade": max(shares, default=math.nan),
        "worst_trade": min(shares, default=math.nan),
        "deployed_capital": max(outcome.costs, default=math.nan),
        "return_on_deployed": (equity[-1] - equity[0]) / max(outcome.costs, default=math.nan),
        "max_drawdown_duration": longest_drawdown(equity, days),
    }


def rebalance(close, targets, *, direction="long", fees=0.0, capital=100_000.0):
    """Equity by bar when the share `target` of it is held from the next close on; traded only when the target changes.

    The value to hold after paying the fee is found by bisection, not by a formula.
    """
    cash, shares, last = capital, 0.0, 0.0
    equity = [capital]
    for t in range(1, len(close)):
        target = targets[t - 1]
        allowed = (target > 0 and direction != "short") or (target < 0 and direction != "long")
        target = target if allowed else 0.0
        if target != last:
            last = target
            if target * shares <= 0 and shares != 0:
                cash, shares = max(cash + shares * close[t] - abs(shares * close[t]) * fees, 0.0), 0.0
            if target != 0:
                worth = cash + shares * close[t]
                low, high = -2 * worth, 2 * worth
                for _ in range(200):
                    value = (low + high) / 2
                    left = worth - abs(value - shares * close[t]) * fees
                    low, high = (value, high) if value < target * left else (low, value)
                traded = value - shares * close[t]
                cash -= traded + abs(traded) * fees
                shares = value / close[t]
        worth = cash + shares * close[t]
        if worth <= 0:
            return equity + [0.0] * (len(close) - t)
        equity.append(worth)
    return equity


def volatility_targets(close, window, target, every, *, periods):
    returns = [b / a - 1 for a, b in itertools.pairwise(close)]
    targets = [0.0] * len(close)
    for t in range(window, len(close)):
        if (t - window) % every == 0:
            volatility = stdev(returns[t - window : t]) * math.sqrt(periods)
            targets[t] = min(1.0, target / volatility)
        else:
            targets[t] = targets[t - 1]
    return targets


def periodic_dca(close, fill, every, instalments, profit, *, fees=0.0, slippage=0.0, capital=100_000.0, whole=False):
    """An instalment every so many bars while there is cash; all sold at the required profit, if there is one."""
    lot = capital / instalments / (1 + fees)
    cash, at_entry, entry, leaving = capital, capital, 0, False
    lots: list[tuple[float, float]] = []  # (shares, price paid)
    outcome = Outcome([capital])
    for t in range(1, len(close)):
        if leaving:
            held = sum(shares for shares, _ in lots)
            cash += held * fill[t] * (1 - slippage) * (1 - fees)
            outcome.deals.append((entry, t, cash - at_entry))
            lots = []
        elif (t - 1) % every == 0 and cash >= capital / instalments * (1 - 1e-12):
            paid = fill[t] * (1 + slippage)
            spent = rounded_down(lot, paid) if whole else lot
            if spent > 0:
                if not lots:
                    at_entry, entry = cash, t
                    outcome.costs.append(0.0)
                lots.append((spent / paid, paid))
                cash -= spent * (1 + fees)
                outcome.costs[-1] += spent * (1 + fees)
        held = sum(shares for shares, _ in lots)
        outcome.equity.append(cash + held * close[t])
        average = sum(shares * paid for shares, paid in lots) / held if lots else math.inf
        leaving = profit > 0 and reached_up(close[t], average * (1 + profit))
    outcome.open_since = entry if lots else None
    return outcome
