"""All metrics by their definitions."""

import itertools
import math
from statistics import fmean, mean, stdev

from .ties import ZERO, loss


def system_quality(profits):
    """sqrt(N) * mean / sample deviation; None of it when the deviation is only rounding."""
    if len(profits) < 2 or stdev(profits) ** 2 <= 1e-13 * fmean(p * p for p in profits):
        return math.nan
    return math.sqrt(len(profits)) * fmean(profits) / stdev(profits)


def longest_drawdown(equity, days):
    """Days from the newest peak to each bar that is below it, and to the bar that meets it again; the most."""
    highest = list(itertools.accumulate(equity, max))
    below = [now < peak * (1 - ZERO) for now, peak in zip(equity, highest, strict=True)]
    spans = [0]
    newest = 0
    for t in range(1, len(equity)):
        if below[t] or below[t - 1]:
            spans.append(days[t] - days[newest])
        if not below[t]:
            newest = t
    return max(spans)


def measure(outcome, days, *, periods):
    """All metrics by their definitions; days: ordinal day of each bar."""
    equity = outcome.equity
    returns = [b / a - 1 if a > 0 else 0.0 for a, b in itertools.pairwise(equity)]
    years = (days[-1] - days[0]) / 365.25
    growth = equity[-1] / equity[0]
    annual = -1.0 if growth <= 0 else growth ** (1 / years) - 1 if days[-1] - days[0] >= 30 else math.nan
    deviation = stdev(returns) if len(returns) > 1 else math.nan
    if deviation**2 <= max(1e-13 * mean(r * r for r in returns), ZERO**2):
        deviation = 0.0
    downside = math.sqrt(mean(loss(r) ** 2 for r in returns))
    drawdown = loss(min(equity[t] / max(equity[: t + 1]) - 1 for t in range(len(equity))))
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
