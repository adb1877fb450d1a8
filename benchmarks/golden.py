"""What vectorbt and backtesting.py say about SMA crosses on the sample prices, written down for the tests.

Run in the peers' own environment, which `benchmarks/engine.py` makes:  var/peers/bin/python benchmarks/golden.py
Both are given our conventions: a state above by more than a tie, filled at the next close, all in, fees on each side.
"""

import csv
import pathlib
import sys

import backtesting
import numpy as np
import pandas as pd
import vectorbt as vbt

ROOT = pathlib.Path(__file__).parents[1]
SAMPLE = ROOT / "backtester" / "sample_data" / "sp500_20_close.csv.gz"
TARGET = ROOT / "tests" / "engine" / "golden" / "sma_cross.csv"
CASES = [
    (symbol, fast, slow, fees)
    for symbol in ("AAPL", "XOM", "JNJ", "RRC", "AMD")
    for fast, slow in ((5, 20), (20, 60), (50, 200), (31, 173))
    for fees in (0.0, 0.001)
]
CASH = 1e13  # backtesting.py buys whole shares: with this much, a share is nothing


def wanted(close, fast, slow):
    """Long at each close, as booleans; the averages are exact enough that only true ties are ties."""
    exact = close.astype(np.longdouble)

    def average(window):
        sums = np.concatenate(([0], np.cumsum(exact)))
        result = np.full(len(close), np.nan, dtype=np.longdouble)
        result[window - 1 :] = (sums[window:] - sums[:-window]) / window
        return result

    with np.errstate(invalid="ignore"):
        return average(fast) > average(slow) * (1 + np.longdouble(1e-10))


def by_vectorbt(closes, long, fees):
    before = pd.Series(long).shift(1, fill_value=False).to_numpy()  # decided one bar earlier
    earlier = pd.Series(before).shift(1, fill_value=False).to_numpy()
    portfolio = vbt.Portfolio.from_signals(
        closes, before & ~earlier, ~before & earlier, fees=fees, init_cash=CASH, freq="1D", direction="longonly"
    )
    returns = portfolio.returns().iloc[1:]  # the first bar has no return; vectorbt counts one of zero
    accessor = returns.vbt.returns(freq="1D", year_freq="252 days")
    closed = portfolio.trades.closed
    return {
        "total_return": portfolio.total_return(),
        "sharpe": accessor.sharpe_ratio(),
        "sortino": accessor.sortino_ratio(),
        "annualized_volatility": accessor.annualized_volatility(),
        "max_drawdown": portfolio.max_drawdown(),
        "trades": int(closed.count()),
        "win_rate": closed.win_rate(),
        "profit_factor": closed.profit_factor(),
    }


def by_backtesting(closes, long, fees):
    class Follow(backtesting.Strategy):
        def init(self):
            pass

        def next(self):
            now = long[len(self.data) - 1]
            if now and not self.position:
                self.buy()
            elif not now and self.position:
                self.position.close()

    bars = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), closes), index=closes.index)
    stats = backtesting.Backtest(bars, Follow, cash=CASH, commission=fees, finalize_trades=False).run()
    return {
        "total_return": stats["Return [%]"] / 100,
        "max_drawdown": stats["Max. Drawdown [%]"] / 100,
        "trades": stats["# Trades"],
    }


def main():
    prices = pd.read_csv(SAMPLE, index_col="date", parse_dates=True)
    rows = []
    for symbol, fast, slow, fees in CASES:
        closes = prices[symbol]
        long = wanted(closes.to_numpy(), fast, slow)
        for package, result in (
            (f"vectorbt {vbt.__version__}", by_vectorbt(closes, long, fees)),
            (f"backtesting.py {backtesting.__version__}", by_backtesting(closes, long, fees)),
        ):
            rows += [(package, symbol, fast, slow, fees, name, repr(float(value))) for name, value in result.items()]
    TARGET.parent.mkdir(exist_ok=True)
    with TARGET.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("package", "symbol", "fast", "slow", "fees", "metric", "value"))
        writer.writerows(rows)
    sys.stdout.write(f"{len(rows)} numbers in {TARGET.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
