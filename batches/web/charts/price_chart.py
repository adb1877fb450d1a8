"""The chart of a combination or of an instrument, drawn on the server so that it needs no scripts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.engine import buy_and_hold_equity, hold_instalments, price_lines
from backtester.engine.arrays import Bools, Floats, Ints
from batches.results.replay import Played
from batches.results.windows import moment_text
from batches.web.charts.lanes import SIZE, Curve, Lane, Scale, depth_lane, lane, percent_of, time_ticks
from batches.web.charts.ranges import View

READ_OUT = 600  # bars that the cursor stops at
MOST_MARKS = 80  # trades with triangles; more are dots
MOST_SHADES = 45  # positions shaded over the whole height; more are a strip below
DOT_WIDTH, DOT_HEIGHT = 2, 5  # thousandths; less than a dot on a wide screen
ROWS = 1_000  # of dots, and more than there are
MOST_LINKED = 2_000  # trades that light up with their row


@dataclass(frozen=True)
class Mark:
    trade: int
    side: str
    x: str
    y: str


@dataclass(frozen=True)
class Chart:
    """shade, dots : paths; axis : (percent, anchor, text); points, rest : what is read out"""

    lanes: list[Lane]
    view: dict[str, Any]
    scales: list[tuple[str, str, bool]]
    axis: list[tuple[str, str, str]]
    points: dict[str, Any]
    rest: list[tuple[str, Any, str]]
    marks: list[Mark]
    shade: str = ""
    dots: dict[str, str] | None = None


def combination_chart(played: Played, view: View) -> Chart:
    """Draw prices with the strategy's lines, entries and exits, equity against buy and hold, and the drawdown.

    Seen from the left edge: buy and hold starts there with the equity of the combination.
    """
    plan, replay, prices = played.plan, played.replay, played.prices
    shown = slice(view.first, view.last)
    close, equity, drawdown = prices.close[shown], replay.equity[shown], replay.drawdown[shown]
    lines = price_lines(plan.grid.strategy, prices, replay.effective_parameters, plan.rules)
    curves = [Curve("price", f"Close of {prices.symbol}", close)]
    curves += [Curve(f"line{k}", label, line[shown]) for k, (label, line) in enumerate(lines.items(), start=1)]
    holders = {"hold": ("Buy and hold", buy_and_hold_equity(prices, plan.rules))}
    if plan.grid.strategy.kind == "path":
        lots = hold_instalments(prices, plan.rules, replay.shares)
        if "same_purchases" in lots:  # nothing was bought otherwise
            holders["lots"] = ("Same purchases, never sold", lots["same_purchases"].equity)
    start = "" if view.is_whole else ", from the same start"
    held = [
        Curve(kind, label + start, curve[shown] * (equity[0] / curve[view.first] if curve[view.first] > 0 else 1.0))
        for kind, (label, curve) in holders.items()
    ]
    price_lane = lane("price", "Price", curves, log=view.log)
    equity_lane = lane("equity", "Equity", [Curve("equity", "This combination", equity), *held], log=view.log)
    trades = _trades(replay.trade_bars, view)
    exits = trades[~replay.is_open[trades[:, 0]]]
    ends = _ends(trades[:, :2], replay.is_long, view), _ends(exits[:, ::2], ~replay.is_long, view)
    draw = _marks if len(trades) <= MOST_MARKS else dots
    drawn = draw(np.concatenate(ends), close, price_lane.scale, view)
    read_out = [
        ("Close", close, "price"),
        ("equity", equity, "currency"),
        ("buy and hold", held[0].values, "currency"),
        ("drawdown", drawdown, "fraction"),
    ]
    return _chart(view, [price_lane, equity_lane, depth_lane(drawdown)], read_out, trades=trades, **drawn)


def instrument_chart(view: View) -> Chart:
    """Draw the closes of an instrument, and how far they are below the highest one before."""
    shown = slice(view.first, view.last)
    whole = view.prices.close
    close, drawdown = whole[shown], (whole / np.maximum.accumulate(whole) - 1.0)[shown]
    lanes = [lane("price", "Price", [Curve("price", "Close", close)], log=view.log), depth_lane(drawdown)]
    return _chart(view, lanes, [("Close", close, "price"), ("below the highest close", drawdown, "fraction")])


def _chart(
    view: View,
    lanes: list[Lane],
    read_out: list[tuple[str, Floats, str]],
    *,
    trades: Ints | None = None,
    marks: list[Mark] | None = None,
    dots: dict[str, str] | None = None,
) -> Chart:
    bars = np.unique(np.linspace(0, view.last - view.first - 1, READ_OUT).astype(np.int64))
    trades = np.zeros((0, 3), dtype=np.int64) if trades is None else trades
    across = _across(trades[:, 1:], view)
    points = {
        "dates": moment_text(view.dates[bars]),
        "series": [
            {"label": label, "kind": kind, "values": [float(f"{value:.6g}") for value in values[bars].tolist()]}
            for label, values, kind in read_out
        ],
        "trades": [
            [number, round(start, 2), round(end, 2)]
            for number, (start, end) in zip(
                trades[:MOST_LINKED, 0].tolist(), across[:MOST_LINKED].tolist(), strict=True
            )
        ],
    }
    return Chart(
        lanes=lanes,
        view=view.as_fields(),
        scales=view.scales(is_log=lanes[0].scale.log),
        axis=time_ticks(view.dates),
        points=points,
        rest=[(label, float(values[-1]), kind) for label, values, kind in read_out],
        marks=marks or [],
        shade=shade(across * 10),
        dots=dots,
    )


def _trades(bars: Ints, view: View) -> Ints:
    """Return int64[n, 3], the number, the entry and the exit of the trades that the range shows a part of."""
    inside = np.flatnonzero((bars[:, 0] < view.last) & (bars[:, 1] >= view.first))
    return np.column_stack((inside, bars[inside]))


def _across(bars: Ints, view: View) -> Floats:
    """Return the places of bars in percent of the width, cut at the edges."""
    places: Floats = 100.0 * (bars - view.first) / max(1, view.last - view.first - 1)
    return np.clip(places, 0.0, 100.0)


def _ends(ends: Ints, buys: Bools, view: View) -> Ints:
    """Return int64[n, 3], the trade, the bar and whether it is a purchase, of the entries or exits that are in sight.

    ends : int64[n, 2], trade and bar; buys : bool[all trades]
    """
    inside = ends[(ends[:, 1] >= view.first) & (ends[:, 1] < view.last)]
    return np.column_stack((inside, buys[inside[:, 0]]))


def _marks(ends: Ints, close: Floats, scale: Scale, view: View) -> dict[str, Any]:
    """Return a mark for each end, on the close of its bar."""
    bars = ends[:, 1]
    places = percent_of(_across(bars, view) * 10), percent_of(scale.y(close[bars - view.first]))
    marks = [
        Mark(trade, "buy" if is_buy else "sell", x, y)
        for (trade, _, is_buy), x, y in zip(ends.tolist(), *places, strict=True)
    ]
    return {"marks": marks}


def dots(ends: Ints, close: Floats, scale: Scale, view: View) -> dict[str, Any]:
    """Return one path for all buys and one for all sells: points, which a round line cap makes dots.

    One point for each small part of the picture: of tens of thousands of trades most would hide one another.
    """
    x, y = _across(ends[:, 1], view) * 10, scale.y(close[ends[:, 1] - view.first])
    columns, rows = (np.rint(places).astype(np.int64) for places in (x / DOT_WIDTH, y / DOT_HEIGHT))
    paths = {}
    for side, is_side in (("buy", ends[:, 2] == 1), ("sell", ends[:, 2] == 0)):
        cells = np.unique(columns[is_side] * ROWS + rows[is_side])
        places = zip((cells // ROWS * DOT_WIDTH).tolist(), (cells % ROWS * DOT_HEIGHT).tolist(), strict=True)
        paths[side] = "".join(f"M{column} {row}h0" for column, row in places)
    return {"dots": paths}


def shade(across: Floats) -> str:
    """Return the areas of all positions as one path, thousandths. across : float64[n, 2], sorted by the entry"""
    top = 0.0 if len(across) <= MOST_SHADES else SIZE * 0.97
    starts, ends = across[:, 0], np.maximum.accumulate(np.maximum(across[:, 1], across[:, 0] + 0.5))
    first = np.flatnonzero(np.append(True, starts[1:] > ends[:-1]))[: len(across)]  # of those that overlap
    last = np.append(first[1:], len(across))[: len(first)] - 1
    areas = zip(starts[first].tolist(), ends[last].tolist(), strict=True)
    return "".join(f"M{a:.1f} {top:.0f}H{b:.1f}V1000H{a:.1f}Z" for a, b in areas)
