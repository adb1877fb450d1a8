"""What becomes of wishes: cash, shares, equity and deals, bar by bar."""

import math
from dataclasses import dataclass, field

from .ties import TIE, equity_of, reached_down, reached_up
from .ties import profit as profit_of


@dataclass
class Outcome:
    """equity by bar, closed deals as (entry bar, exit bar, profit), and the entry bar of a deal open at the end."""

    equity: list[float]
    deals: list[tuple[int, int, float]] = field(default_factory=list)
    open_since: int | None = None
    costs: list[float] = field(default_factory=list)  # capital put into each deal, the open one last


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
    return math.floor(value / price + min(1e-12 * value / price, 1e-3)) * price


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
            cash = equity_of(cash, proceeds - abs(proceeds) * fees)
            outcome.deals.append((entry, t, profit_of(cash, at_entry)))
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
        worth = equity_of(cash, shares * close[t])
        if worth == 0:  # ruined: bought back here, and over
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
            cash = equity_of(cash, side * held * got - held * got * fees)
            outcome.deals.append((entry, t, profit_of(cash, at_entry)))
            lots, side, since = [], 0, []
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
        worth = equity_of(cash, side * held * close[t])
        if worth == 0:
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
            outcome.deals.append((entry, t, profit_of(cash, at_entry)))
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
        if abs(target - last) > TIE:
            last = target
            if target * shares <= 0 and shares != 0:
                cash, shares = equity_of(cash, shares * close[t] - abs(shares * close[t]) * fees), 0.0
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
        worth = equity_of(cash, shares * close[t])
        if worth == 0:
            return equity + [0.0] * (len(close) - t)
        equity.append(worth)
    return equity
