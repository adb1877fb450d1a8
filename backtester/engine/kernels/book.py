"""The trade book: cash, position, costs, equity, drawdowns and trades of one combination, carried from block to block.

All strategies trade through `open_nb`, `close_nb` and `ruin_nb`; between two orders the position is constant and
`holding.hold_nb` accounts for all its bars together. A book is a row of numbers, float64[N_BOOK].
"""

from typing import NamedTuple

import numpy as np

from backtester.engine.arrays import Floats
from backtester.engine.jit import inline, leaf
from backtester.engine.kernels.block_tables import BOUGHT, BUY, CLOSE, DAY, FILL, SELL, SOLD
from backtester.engine.metrics.metrics import write_metrics_nb
from backtester.engine.tolerance import RETURN, equity_nb, profit_nb, whole_nb

(
    CASH, SHARES, EQUITY, PEAK, PEAK_DAY, BELOW, LONGEST, LEFT, TROUGH, SUM_R, SUM_R2, SUM_DOWN2, SIDE, PRICE,
    BEST_CLOSE, ENTRY, BEFORE, COST, EXPOSED, EXPOSED_TO, CLOSED, WON, PROFIT, LOSS, SQUARES, BEST, WORST, DEPLOYED,
    WISH, LATCH, _SHORT_LATCH, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP,
) = range(34)  # fmt: skip
# BELOW : 1 while the equity is below PEAK; LEFT : what the deepest drawdown left of its peak; BEST_CLOSE : since the
# entry; EXPOSED_TO : the last bar counted in EXPOSED; WISH : the side of the last signal; LATCH : 1 while a long is
# latched; the next column is that of a short
N_BOOK = 40


class Exchange(NamedTuple):
    """The rules of a run, see `Rules`."""

    long: bool
    short: bool
    fees: float
    slippage: float
    capital: float
    whole: bool


class Calendar(NamedTuple):
    periods: float
    years: float


@leaf
def begin_nb(book: Floats, capital: float, day: float) -> None:
    for column in range(N_BOOK):
        book[column] = 0.0
    for column in (CASH, EQUITY, PEAK, TROUGH):
        book[column] = capital
    book[PEAK_DAY] = day
    book[LEFT] = 1.0
    book[EXPOSED_TO] = -1.0
    book[BEST], book[WORST] = -np.inf, np.inf


@inline
def open_nb(book: Floats, exchange: Exchange, points: Floats, side: int, point: int, bar: int) -> bool:
    """Put all cash into a position at the fill of a point: V * (1 + fees) = cash, on the short side too."""
    cash = book[CASH]
    shares = cash * points[BOUGHT if side > 0 else SOLD, point]
    rest, cost = 0.0, cash
    if exchange.whole:
        shares = whole_nb(shares)
        if shares <= 0.0:
            return False
        cost = shares / points[BOUGHT if side > 0 else SOLD, point]
        rest = cash - cost
    # short: cash - cost + 2 * value = cash + what the shares bring
    book[CASH] = rest if side > 0 else cash + shares * points[SELL, point]
    book[SHARES] = side * shares
    book[BEFORE], book[COST], book[ENTRY] = cash, cost, bar
    book[DEPLOYED] = max(book[DEPLOYED], cost)
    book[SIDE], book[BEST_CLOSE] = side, points[CLOSE, point]
    book[PRICE] = points[FILL, point] * (1.0 + side * exchange.slippage)
    return True


@inline
def end_nb(book: Floats, cash: float, bar: int) -> None:
    """Write down a trade that ends at a bar and leaves so much cash."""
    pnl = profit_nb(cash, book[BEFORE])
    book[CLOSED] += 1.0
    book[WON] += pnl > 0.0
    book[PROFIT] += max(pnl, 0.0)
    book[LOSS] -= min(pnl, 0.0)
    book[SQUARES] += pnl * pnl
    if pnl > book[BEST] * book[COST]:
        book[BEST] = pnl / book[COST]
    if pnl < book[WORST] * book[COST]:
        book[WORST] = pnl / book[COST]
    count_bars_nb(book, bar)
    book[CASH], book[SHARES], book[SIDE] = cash, 0.0, 0.0


@inline
def count_bars_nb(book: Floats, bar: int) -> None:
    """Count the bars of the position up to `bar`; one on which a position was turned counts once."""
    book[EXPOSED] += bar - max(book[ENTRY], book[EXPOSED_TO] + 1.0) + 1.0
    book[EXPOSED_TO] = bar


@inline
def close_nb(book: Floats, points: Floats, point: int, bar: int) -> None:
    """Sell, or buy back, everything at the fill of a point."""
    cash = book[CASH] + book[SHARES] * points[SELL if book[SIDE] > 0.0 else BUY, point]
    end_nb(book, equity_nb(cash, book[CASH]), bar)


@leaf
def ruin_nb(book: Floats, bar: int) -> None:
    """A close leaves nothing: the position ends there, and the test trades no more."""
    if book[SIDE] != 0.0:
        end_nb(book, 0.0, bar)
    book[CASH] = 0.0
    add_return_nb(book, 0.0)
    book[LEFT], book[TROUGH], book[BELOW] = 0.0, 0.0, 1.0


@inline
def add_return_nb(book: Floats, equity: float) -> None:
    r = equity / book[EQUITY] - 1.0 if book[EQUITY] > 0.0 else 0.0
    down = r * (r < -RETURN)  # as `loss_nb`, without a branch that is wrong half of the time
    book[SUM_R] += r
    book[SUM_R2] += r * r
    book[SUM_DOWN2] += down * down
    book[EQUITY] = equity


@inline
def mark_nb(book: Floats, points: Floats, point: int, start: int) -> None:
    """Account for the orders of a point; of a position, peaks and drawdowns are left to `hold_nb`."""
    equity = equity_nb(book[CASH] + book[SHARES] * points[CLOSE, point], book[CASH])
    if equity == 0.0:
        ruin_nb(book, start + point)
        return
    add_return_nb(book, equity)
    if book[SHARES] == 0.0:
        mark_cash_nb(book, points, point)


@inline
def mark_cash_nb(book: Floats, points: Floats, point: int) -> None:
    """Compare the equity of a point without a position with the peak."""
    equity, peak = book[CASH], book[PEAK]
    book[EQUITY], book[TROUGH] = equity, min(book[TROUGH], equity)
    if equity < peak * (1.0 - RETURN):  # a rounding below the peak is no drawdown
        if equity < book[LEFT] * peak:
            book[LEFT] = equity / peak
        book[BELOW] = 1.0
        return
    if book[BELOW] != 0.0:
        book[LONGEST] = max(book[LONGEST], points[DAY, point] - book[PEAK_DAY])
    book[PEAK], book[PEAK_DAY], book[BELOW] = max(peak, equity), points[DAY, point], 0.0


@leaf
def finish_nb(book: Floats, day: float, bar: int) -> None:
    """Close the counts at the last bar: what is open or below a peak counts to there."""
    if book[SIDE] != 0.0:
        count_bars_nb(book, bar)
    if book[BELOW] != 0.0:
        book[LONGEST] = max(book[LONGEST], day - book[PEAK_DAY])


@leaf
def write_book_nb(book: Floats, calendar: Calendar, capital: float, n_bars: int, out: Floats, column: int) -> None:
    """Write the metrics of a finished book to a column of `out` float64[n_metrics, .]."""
    write_metrics_nb(
        out, column, capital, book[EQUITY], n_bars - 1, book[SUM_R], book[SUM_R2], book[SUM_DOWN2], book[LEFT] - 1.0,
        book[LONGEST], int(book[CLOSED]), int(book[WON]), book[PROFIT], book[LOSS], int(book[EXPOSED]), book[SQUARES],
        book[BEST], book[WORST], book[DEPLOYED], calendar.periods, calendar.years,
    )  # fmt: skip
