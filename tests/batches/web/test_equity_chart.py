"""The chart of a combination: thinning out must not hide what matters."""

import re

import numpy as np
import pytest

from batches.web.charts.equity import HEIGHT, POINTS, WIDTH, equity_chart, money_text, ticks


def played(equity, hold=None, trades=()):
    equity = np.asarray(equity, dtype=float)
    days = np.datetime64("2000-01-03") + np.arange(len(equity))
    return {
        "dates": [str(day) for day in days],
        "equity": equity.tolist(),
        "drawdown": (equity / np.maximum.accumulate(equity) - 1).tolist(),
        "buyAndHold": {"equity": (equity if hold is None else np.asarray(hold, dtype=float)).tolist()},
        "trades": list(trades),
    }


def test_a_drawdown_of_one_bar_is_still_seen_among_ten_thousand():
    equity = np.full(10_000, 100.0)
    equity[4_330] = 40.0
    chart = equity_chart(played(equity))
    assert len(chart.points["x"]) <= POINTS
    assert min(chart.points["drawdown"]) == pytest.approx(-0.6)


def test_the_first_and_the_last_bar_are_kept():
    chart = equity_chart(played(np.linspace(100, 200, 5_001)))
    assert chart.points["dates"][0] == "2000-01-03"
    assert chart.points["equity"][-1] == 200.0


def test_everything_lies_inside_of_the_picture():
    chart = equity_chart(played(100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.05, 3_000)))))
    for name in ("equity", "hold", "drawdown"):
        pairs = re.findall(r"(-?[\d.]+) (-?[\d.]+)", getattr(chart, name))
        assert all(0 <= float(x) <= WIDTH and 0 <= float(y) <= HEIGHT for x, y in pairs), name


@pytest.mark.parametrize(("end", "log"), [(150.0, False), (5_000.0, True)])
def test_a_curve_that_grows_many_times_is_drawn_on_a_logarithmic_scale(end, log):
    assert equity_chart(played(np.geomspace(100, end, 500))).log is log


@pytest.mark.parametrize("equity", [[100.0, 100.0, 100.0], [100.0, 50.0, 0.0], [100.0]])
def test_flat_ruined_and_single_bars_are_drawn_too(equity):
    assert "nan" not in str(equity_chart(played(equity))).lower()


def test_entries_and_exits_are_marked_and_an_open_trade_has_no_exit():
    trades = [
        {"side": "long", "entryDate": "2000-01-05", "exitDate": "2000-01-09"},
        {"side": "short", "entryDate": "2000-01-10", "exitDate": None},
    ]
    marks = equity_chart(played(np.linspace(100, 120, 20), trades=trades)).marks
    assert {side: path.count("M") for side, path in marks.items()} == {"buy": 1, "sell": 2}


def test_many_trades_are_marked_too_below_the_curve():
    day = {"side": "long", "entryDate": "2000-01-05", "exitDate": "2000-01-09"}
    marks = equity_chart(played(np.linspace(100, 120, 20), trades=[day] * 100)).marks
    assert {side: path.count("M") for side, path in marks.items()} == {"buy": 100, "sell": 100}
    assert "Z" not in marks["buy"]


def test_ticks_are_round_numbers_between_the_ends():
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(-0.47, 0, 3) == [-0.4, -0.2, 0]


@pytest.mark.parametrize(("value", "want"), [(150_000, "150k"), (2_500_000, "2.5M"), (3e9, "3B"), (12, "12")])
def test_money_is_short(value, want):
    assert money_text(value) == want
