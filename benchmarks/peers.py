"""The same SMA crosses by vectorbt and backtesting.py; run by `engine.py` in the peers' own environment.

    python peers.py vectorbt|kernels|minutes|backtesting COUNT      prints one JSON object

The rules are ours: above by more than a tie, filled at the next close, fees of 0.1 % on each side, all in.
"""

import json
import os
import resource
import sys
import time

import numpy as np
import pandas as pd
from workload import FEES, MINUTE_FAST, MINUTE_FEES, MINUTE_SLOW, MINUTES, closes, pairs, walk

CHUNK = 100  # vectorbt is fastest and smallest in chunks of about this many columns


def changes(fast, slow):
    """bool[n_bars, n] each: where a position is opened and closed, one bar after its averages have crossed."""
    long = np.zeros(fast.shape, dtype=bool)
    long[1:] = (fast > slow * (1 + 1e-10))[:-1]
    before = np.zeros(fast.shape, dtype=bool)
    before[1:] = long[:-1]
    return long & ~before, ~long & before


def in_chunks(run, chosen, size=CHUNK):
    """Compile with a first chunk, then measure all of them."""
    run(chosen[:size])
    began = time.process_time()
    returns = np.concatenate([run(chosen[i : i + size]) for i in range(0, len(chosen), size)])
    return time.process_time() - began, returns


def vectorbt(count):
    import vectorbt as vbt

    close = closes()["AAPL"]

    def run(part):
        fast = vbt.MA.run(close, [a for a, _ in part], short_name="fast").ma.to_numpy()
        slow = vbt.MA.run(close, [b for _, b in part], short_name="slow").ma.to_numpy()
        portfolio = vbt.Portfolio.from_signals(close, *changes(fast, slow), fees=FEES, freq="1D")
        closed = portfolio.trades.closed
        # The six numbers of the comparison; each is computed by vectorbt when it is asked for.
        numbers = (
            portfolio.total_return(), portfolio.annualized_return(), portfolio.max_drawdown(),
            portfolio.sharpe_ratio(), closed.win_rate(), closed.count(),
        )  # fmt: skip
        return np.asarray(numbers[0])

    return *in_chunks(run, pairs(count)), f"vectorbt {vbt.__version__}, in chunks of {CHUNK}"


def kernels(count):
    return by_kernels(closes()["AAPL"].to_numpy(), pairs(count), FEES, CHUNK)


def minutes(count):
    """The same over the minutes of `engine.py`, two columns at a time: a table of all has gigabytes."""
    return by_kernels(walk(MINUTES), pairs(count, MINUTE_FAST, MINUTE_SLOW), MINUTE_FEES, 2)


def by_kernels(values, chosen, fees, size):
    """vectorbt without its API: what it has in Rust, called one after the other, no more than the numbers need."""
    import vectorbt as vbt
    from vectorbt.generic import dispatch as generic
    from vectorbt.portfolio import dispatch as portfolio
    from vectorbt.records import dispatch as records
    from vectorbt.returns import dispatch as returns

    vbt.settings["engine"] = "rust"
    close = values[:, None]
    windows = sorted({window for pair in chosen for window in pair})
    # One table of averages for all pairs, as the engine has it.
    table = np.column_stack([generic.rolling_mean_1d(close[:, 0], window, window) for window in windows])
    at = {window: number for number, window in enumerate(windows)}

    def run(part):
        n = len(part)
        shape = (len(close), n)
        one, cash = np.ones(n, dtype=np.int64), np.full(n, 100.0)
        prices = np.broadcast_to(close, shape)
        opened, closed = changes(*(table[:, [at[pair[side]] for pair in part]] for side in (0, 1)))
        orders, _ = portfolio.simulate_from_signals(
            shape, one, cash, portfolio.build_call_seq(shape, one), entries=opened, exits=closed, fees=fees,
            close=close, price=close, max_orders=int(opened.sum() + closed.sum()), use_stops=False,
        )  # fmt: skip
        columns = records.col_map(orders["col"], n)
        trades = portfolio.get_exit_trades(orders, prices, columns)
        money = portfolio.cash(portfolio.cash_flow(shape, orders, columns, False), cash)
        shares = portfolio.assets(portfolio.asset_flow(shape, orders, columns, 0))
        wealth = portfolio.value(money, portfolio.asset_value(prices, shares))
        daily = returns.returns(wealth, cash)
        ended = trades[trades["status"] == 1]
        # The six numbers of the comparison.
        numbers = (
            wealth[-1] / cash - 1, returns.annualized_return(daily, 252.0), returns.max_drawdown(daily),
            returns.sharpe_ratio(daily, 252.0), np.bincount(ended["col"], ended["pnl"] > 0, n),
            np.bincount(ended["col"], minlength=n),
        )  # fmt: skip
        return numbers[0]

    return *in_chunks(run, chosen, size), f"vectorbt {vbt.__version__}, its Rust kernels alone"


def backtesting(count):
    os.environ["TQDM_DISABLE"] = "1"
    import warnings

    import backtesting as package

    warnings.simplefilter("ignore")
    close = closes()["AAPL"]
    bars = pd.DataFrame(dict.fromkeys(("Open", "High", "Low", "Close"), close))

    def average(values, window, missing):
        # It would begin one bar after the first average; without NaN it begins at once, and nothing is above infinity.
        return pd.Series(values).rolling(window).mean().fillna(missing)

    class Cross(package.Strategy):
        fast = 5
        slow = 20

        def init(self):
            self.short = self.I(average, self.data.Close, self.fast, 0.0, plot=False)
            self.long = self.I(average, self.data.Close, self.slow, np.inf, plot=False)

        def next(self):
            above = self.short[-1] > self.long[-1] * (1 + 1e-10)
            if above and not self.position:
                self.buy()
            elif not above and self.position:
                self.position.close()

    test = package.Backtest(bars, Cross, cash=1e13, commission=FEES)
    began = time.process_time()
    returns = [test.run(fast=a, slow=b)["Return [%]"] / 100 for a, b in pairs(count)]
    return time.process_time() - began, np.array(returns), f"backtesting.py {package.__version__}"


def main():
    task, count = sys.argv[1], int(sys.argv[2])
    seconds, returns, name = {"vectorbt": vectorbt, "kernels": kernels, "minutes": minutes, "backtesting": backtesting}[
        task
    ](count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answer = {"name": name, "count": count, "seconds": seconds, "peak": peak, "returns": returns.tolist()}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
