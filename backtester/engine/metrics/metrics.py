"""The metrics of a test: their definitions, and the kernel that computes them.

Notation of the formulas: equity E_0 .. E_n at the closes (E_0 is the initial capital), r_t = E_t / E_(t-1) - 1,
n returns, mean m, sample standard deviation s (ddof 1), P periods a year. An undefined metric is NaN.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import inline, kernel
from backtester.engine.metrics.undefined import (
    EQUAL_TRADES,
    FAILED,
    NO_CLOSED_TRADES,
    NO_DRAWDOWN,
    NO_LOSING_BAR,
    NO_LOSING_TRADES,
    NO_TRADES,
    ONE_CLOSED_TRADE,
    ONE_RETURN,
    TOO_LARGE,
    UNDER_30_DAYS,
    ZERO_VARIANCE,
    Reason,
    Row,
    is_undefined,
)
from backtester.engine.tolerance import RETURN, VARIANCE, loss_nb

MIN_YEARS = 30 / 365.25  # extrapolating a shorter test to a year is noise

# Columns of the trade table that the plain kernels fill: float64[n_bars + 1, TRADE_FIELDS]
ENTRY_BAR, EXIT_BAR, SIDE, ENTRY_PRICE, EXIT_PRICE, SHARES, PNL, COST = range(8)
TRADE_FIELDS = 8
STILL_OPEN = -1.0


@dataclass(frozen=True)
class Metric:
    """undefined : possible reasons for no number, the first that holds counts; FAILED goes before all of them"""

    name: str
    label: str
    unit: Literal["fraction", "ratio", "count", "currency", "days"]
    formula: str
    source: str
    description: str
    higher_is_better: bool = True
    undefined: tuple[Reason, ...] = ()


METRICS: tuple[Metric, ...] = (
    Metric(
        "total_return", "Total return", "fraction", "E_n / E_0 - 1", "definition", "Gain over the whole test.",
    ),
    Metric(
        "annualized_return", "Annual return", "fraction", "(E_n / E_0) ** (1 / years) - 1",
        "compound annual growth rate, by the calendar (a year has 365.25 days)",
        "Constant yearly gain that gives the same end. Undefined under 30 days; −100% when nothing is left.",
        undefined=(TOO_LARGE, UNDER_30_DAYS),
    ),
    Metric(
        "annualized_volatility", "Volatility", "fraction", "s * sqrt(P)", "definition, ddof 1",
        "Yearly standard deviation of the bar returns.", higher_is_better=False,
        undefined=(ONE_RETURN,),
    ),
    Metric(
        "sharpe", "Sharpe ratio", "ratio", "m / s * sqrt(P)", "W. F. Sharpe, The Sharpe Ratio, 1994",
        "Mean return for each unit of deviation; risk-free rate zero. Undefined without deviation.",
        undefined=(ONE_RETURN, ZERO_VARIANCE),
    ),
    Metric(
        "sortino", "Sortino ratio", "ratio", "m * sqrt(P) / sqrt(mean(min(r, 0) ** 2))",
        "F. Sortino, L. Price, Performance Measurement in a Downside Risk Framework, 1994",
        "Mean return for each unit of downside deviation, over all returns. Undefined without a loss.",
        undefined=(NO_LOSING_BAR,),
    ),
    Metric(
        "calmar", "Calmar ratio", "ratio", "annualized_return / |max_drawdown|", "T. W. Young, Calmar Ratio, 1991",
        "Annual return for each unit of the deepest drawdown, over the whole test. Undefined without a drawdown.",
        undefined=(TOO_LARGE, UNDER_30_DAYS, NO_DRAWDOWN),
    ),
    Metric(
        "max_drawdown", "Max drawdown", "fraction", "min(E_t / max(E_0 .. E_t) - 1)", "definition, at closes",
        "Deepest fall from an earlier peak, zero or negative; the initial capital counts as a peak.",
    ),
    Metric(
        "win_rate", "Win rate", "fraction", "closed trades with profit > 0 / closed trades", "definition",
        "Share of closed trades that made money after costs. Undefined without a closed trade.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES),
    ),
    Metric(
        "profit_factor", "Profit factor", "ratio", "gross profit / gross loss of closed trades",
        "definition, in currency",
        "Money won for each unit lost. Undefined without a losing trade.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES, NO_LOSING_TRADES),
    ),
    Metric(
        "trades", "Trades", "count", "number of closed trades", "definition",
        "Trades closed within the test; a position open at the end is not one.",
    ),
    Metric(
        "exposure", "Exposure", "fraction", "bars with a position / bars", "definition, entry and exit bar included",
        "Share of the bars with a position.", higher_is_better=False,
    ),
    Metric(
        "final_equity", "Final equity", "currency", "E_n", "definition",
        "Cash and position at the last close.",
    ),
    Metric(
        "expectancy", "Expectancy", "currency", "mean(profit of closed trades)", "definition, in currency",
        "What a closed trade made on average, after costs. Undefined without a closed trade.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES),
    ),
    Metric(
        "sqn", "System quality number", "ratio", "sqrt(N) * mean(profit) / s(profit), N closed trades",
        "V. K. Tharp, Trade Your Way to Financial Freedom, 1998; N is not capped at 100",
        "How far the average trade stands off zero. Undefined under two closed trades.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES, ONE_CLOSED_TRADE, EQUAL_TRADES),
    ),
    Metric(
        "best_trade", "Best trade", "fraction", "max(profit / capital put in)", "definition, closed trades",
        "Return of the best closed trade on the capital put into it. Undefined without a closed trade.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES),
    ),
    Metric(
        "worst_trade", "Worst trade", "fraction", "min(profit / capital put in)", "definition, closed trades",
        "Return of the worst closed trade on the capital put into it. Undefined without a closed trade.",
        undefined=(NO_TRADES, NO_CLOSED_TRADES),
    ),
    Metric(
        "deployed_capital", "Deployed capital", "currency", "max(capital put into a trade)",
        "definition, fees included",
        "The most capital that was in a trade at once, at what it cost. Undefined without a trade.",
        higher_is_better=False,
        undefined=(NO_TRADES,),
    ),
    Metric(
        "return_on_deployed", "Return on deployed capital", "fraction", "(E_n - E_0) / deployed_capital",
        "definition; what DCA bots call return on investment",
        "Gain of the test on the most capital that was at work. Undefined without a trade.",
        undefined=(NO_TRADES,),
    ),
    Metric(
        "max_drawdown_duration", "Longest drawdown", "days", "max(days from a peak of E to its recovery)",
        "definition, at closes; one that is open counts to the end",
        "Calendar days from a peak of the equity until it is met again, the longest; 0 without a drawdown.",
        higher_is_better=False,
    ),
)  # fmt: skip
METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in METRICS)
N_METRICS = len(METRICS)


def undefined_reasons(metrics: Row) -> dict[str, Reason]:
    """Return metric name -> reason for the undefined ones. metrics : all of one test, NaN or None where undefined."""
    missing = [metric for metric in METRICS if is_undefined(metrics[metric.name])]
    return {
        metric.name: next((reason for reason in (FAILED, *metric.undefined) if reason.holds(metrics)), FAILED)
        for metric in missing
    }


@inline
def write_metrics_nb(
    out: Floats,
    column: int,
    capital: float,
    final: float,
    n_returns: int,
    sum_r: float,
    sum_r2: float,
    sum_down2: float,
    drawdown: float,
    longest: float,
    n_closed: int,
    n_won: int,
    gross_profit: float,
    gross_loss: float,
    exposed: int,
    squared_profits: float,
    best: float,
    worst: float,
    deployed: float,
    periods: float,
    years: float,
) -> None:
    """Turn sums into the metrics of `column` of `out` float64[n_metrics, n_combinations]."""
    growth = final / capital
    mean = sum_r / n_returns
    variance = (sum_r2 - sum_r * mean) / (n_returns - 1) if n_returns > 1 else np.nan
    if variance <= max(VARIANCE * (sum_r2 / n_returns), RETURN * RETURN):
        variance = 0.0
    drawdown = drawdown if drawdown < -RETURN else 0.0
    deviation = np.sqrt(variance)
    annual = np.nan
    if growth <= 0.0:
        annual = -1.0
    elif years >= MIN_YEARS:
        annual = growth ** (1.0 / years) - 1.0
        annual = annual if annual < np.inf else np.nan
    out[0, column] = growth - 1.0
    out[1, column] = annual
    out[2, column] = deviation * np.sqrt(periods)
    out[3, column] = mean / deviation * np.sqrt(periods) if deviation > 0.0 else np.nan
    out[4, column] = mean * np.sqrt(periods) / np.sqrt(sum_down2 / n_returns) if sum_down2 > 0.0 else np.nan
    out[5, column] = annual / -drawdown if drawdown < 0.0 else np.nan
    out[6, column] = drawdown
    out[7, column] = n_won / n_closed if n_closed > 0 else np.nan
    out[8, column] = gross_profit / gross_loss if gross_loss > 0.0 else np.nan
    out[9, column] = n_closed
    out[10, column] = exposed / (n_returns + 1)
    out[11, column] = final
    expectancy = (gross_profit - gross_loss) / n_closed if n_closed > 0 else np.nan
    spread = (squared_profits - n_closed * expectancy * expectancy) / (n_closed - 1) if n_closed > 1 else np.nan
    out[12, column] = expectancy
    out[13, column] = (
        np.sqrt(float(n_closed)) * expectancy / np.sqrt(spread)
        if n_closed > 1 and spread > VARIANCE * (squared_profits / n_closed)
        else np.nan
    )
    out[14, column] = best if n_closed > 0 else np.nan
    out[15, column] = worst if n_closed > 0 else np.nan
    out[16, column] = deployed if deployed > 0.0 else np.nan
    out[17, column] = (final - capital) / deployed if deployed > 0.0 else np.nan
    out[18, column] = longest


@kernel
def measure_nb(
    equity: Floats, trades: Floats, n_trades: int, days: Floats, periods: float, years: float, out: Floats, column: int
) -> None:
    """Write the metrics of one equity curve and its trade table.

    equity : float64[n_bars], E_0 .. E_n; trades : float64[., TRADE_FIELDS], of which the first n_trades rows count, in
    order of entry; days : float64[n_bars], the day of each bar; out : float64[n_metrics, .]
    """
    n_bars = len(equity)
    sum_r = sum_r2 = sum_down2 = 0.0
    peak = before = equity[0]
    deepest = 1.0
    longest, top = 0.0, 0
    # deepest = min(E_t / peak_t), with a division only where it falls; a rounding below the peak is no drawdown
    floor, limit = peak * (1.0 - RETURN), peak
    for t in range(1, n_bars):
        now = equity[t]
        r = now / before - 1.0 if before > 0.0 else 0.0
        down = loss_nb(r)
        sum_r += r
        sum_r2 += r * r
        sum_down2 += down * down
        before = now
        if now >= floor:
            if top < t - 1:
                longest = max(longest, days[t] - days[top])
            top = t
            if now > peak:
                peak = now
                floor, limit = peak * (1.0 - RETURN), peak * deepest
        elif now < limit:
            deepest, limit = now / peak, now
    if top < n_bars - 1:
        longest = max(longest, days[n_bars - 1] - days[top])
    n_closed = n_won = exposed = 0
    gross_profit = gross_loss = squared_profits = deployed = 0.0
    best, worst_trade = -np.inf, np.inf
    exposed_to = -1
    for k in range(n_trades):
        is_open = trades[k, EXIT_BAR] == STILL_OPEN
        last = n_bars - 1 if is_open else int(trades[k, EXIT_BAR])
        # A position turned round on one bar leaves and enters there: the bar counts once.
        exposed += last - max(int(trades[k, ENTRY_BAR]), exposed_to + 1) + 1
        exposed_to = last
        if not is_open:
            n_closed += 1
            n_won += trades[k, PNL] > 0.0
            gross_profit += max(trades[k, PNL], 0.0)
            gross_loss -= min(trades[k, PNL], 0.0)
            squared_profits += trades[k, PNL] * trades[k, PNL]
            best = max(best, trades[k, PNL] / trades[k, COST])
            worst_trade = min(worst_trade, trades[k, PNL] / trades[k, COST])
        deployed = max(deployed, trades[k, COST])
    write_metrics_nb(
        out, column, equity[0], equity[n_bars - 1], n_bars - 1, sum_r, sum_r2, sum_down2, deepest - 1.0, longest,
        n_closed, n_won, gross_profit, gross_loss, exposed,
        squared_profits, best, worst_trade, deployed, periods, years,
    )  # fmt: skip
