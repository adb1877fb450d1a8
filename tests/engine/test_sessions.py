"""Flat at the end of each session: against the slow twin, and the rule in small."""

import itertools

import numpy as np
import pytest

from backtester.engine import METRIC_NAMES, BadParameters, Grid, Prices, Rules, get_strategy, replay, run_slice
from backtester.engine.time_blocks import block_sums
from backtester.engine.zones import instants

from .reference import signals, trading
from .reference.metrics import measure

DIRECTIONS = ("long", "short", "both")
AXES = {"fast": [1, 5], "slow": [3, 20], "stop_loss": [0.0, 0.01], "trailing_stop": [0.0, 0.02]}


def bars_of(sizes, *, opens, seed=7, zone="America/New_York"):
    """Return bars of 30 minutes, so many each day; days are those of New York, and clocks change in March."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, sum(sizes))))
    first = np.datetime64("2024-03-04T09:30", "ns")
    days = np.concatenate([np.full(size, day) for day, size in enumerate(sizes)])
    places = np.concatenate([np.arange(size) for size in sizes])
    wall = first + days * np.timedelta64(1, "D") + places * np.timedelta64(30, "m")
    dates = instants(wall.view(np.int64), zone).view("datetime64[ns]")
    return Prices("TEST", dates, close, close * np.exp(random.normal(0, 0.004, len(close))) if opens else None,
                  timezone=zone)  # fmt: skip


def flat_wishes(wishes, days):
    """No position is asked for at a close whose order is filled on the last bar of a day."""
    n = len(days)
    return [0 if t + 2 < n and days[t + 1] != days[t + 2] else wish for t, wish in enumerate(wishes)]


WORLDS = {"sessions": [13] * 30, "half days": [13, 7, 13, 1, 13, 2] * 6, "long": [13] * 200}


@pytest.mark.parametrize(
    ("world", "direction", "fees", "opens"), list(itertools.product(WORLDS, DIRECTIONS, (0.0, 0.002), (False, True)))
)
def test_a_strategy_that_is_flat_at_night_is_what_the_slow_twin_says(world, direction, fees, opens):
    bars = bars_of(WORLDS[world], opens=opens)
    close, fill, days = bars.close.tolist(), bars.fill.tolist(), bars.trading_days.tolist()
    rules = Rules(direction=direction, fees=fees, slippage=fees / 2, flat_at_session_end=True)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], AXES)
    metrics = run_slice(grid, bars, 0, grid.size, rules).metrics
    for index in range(grid.size):
        values = grid.decode(index).parameters
        wishes = flat_wishes(signals.sma_cross_wishes(close, values["fast"], values["slow"]), days)
        stops = (values["stop_loss"], 0.0, values["trailing_stop"])
        twin = trading.follow(close, fill, wishes, direction=direction, fees=fees, slippage=fees / 2, stops=stops)
        expected = measure(twin, bars.days.tolist(), periods=bars.periods_per_year)
        got = dict(zip(METRIC_NAMES, metrics[:, index].tolist(), strict=True))
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), index


@pytest.mark.parametrize("name", ["sma_cross", "ema_cross", "macd", "rsi_reversal", "donchian_breakout", "momentum"])
def test_no_position_is_carried_over_a_night(name):
    bars = bars_of([13] * 60, opens=True)
    grid = Grid(get_strategy(name), ["TEST"], {})
    rules = Rules(direction=get_strategy(name).directions[-1], flat_at_session_end=True)
    shares = replay(grid, bars, 0, rules).shares
    last = np.flatnonzero(np.diff(bars.trading_days))
    assert (shares[last] == 0).all()
    carried = replay(grid, bars, 0, Rules(direction=rules.direction)).shares
    assert (carried[last] != 0).any()
    assert (shares != 0).any()


def test_later_bars_change_nothing_before_them():
    bars = bars_of([13] * 20, opens=True)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], {"fast": [2], "slow": [5]})
    rules = Rules(direction="both", flat_at_session_end=True)
    whole = replay(grid, bars, 0, rules)
    for stop in (100, 103, 104, 105, 110):
        cut = replay(grid, bars.part(0, stop), 0, rules)
        known = stop - 1  # whether the last bar ends its day is not known
        assert np.array_equal(cut.shares[:known], whole.shares[:known]), stop


def test_slices_and_block_sums_are_those_of_the_whole():
    bars = bars_of([13] * 100, opens=True)
    grid = Grid(get_strategy("sma_cross"), ["TEST"], AXES)
    rules = Rules(direction="both", fees=0.001, flat_at_session_end=True)
    whole = run_slice(grid, bars, 0, grid.size, rules).metrics
    parts = [run_slice(grid, bars, start, start + 1, rules).metrics for start in range(grid.size)]
    assert np.array_equal(np.concatenate(parts, axis=1), whole, equal_nan=True)
    sums = block_sums(grid.strategy, bars, grid, 0, grid.size, rules, np.array([0, 400, 1300]))
    total = np.exp(sums.log_growth.sum(axis=1)) - 1
    assert total == pytest.approx(whole[METRIC_NAMES.index("total_return")], rel=1e-9)


@pytest.mark.parametrize(("name", "sizes", "says"), [
    ("grid_dca", [13] * 30, "grid_dca cannot be flat"),
    ("volatility_target", [13] * 30, "does not trade by signals alone"),
    ("sma_cross", [1] * 30, "bars within a day only"),
])  # fmt: skip
def test_what_has_no_session_to_end_is_refused(name, sizes, says):
    bars = bars_of(sizes, opens=False)
    if max(sizes) == 1:
        bars = Prices("TEST", bars.trading_days.view("datetime64[D]"), bars.close)
    grid = Grid(get_strategy(name), ["TEST"], {})
    with pytest.raises(BadParameters, match=says) as caught:
        run_slice(grid, bars, 0, 1, Rules(flat_at_session_end=True))
    assert caught.value.field == "flat_at_session_end"


def test_the_rule_is_true_or_false():
    with pytest.raises(BadParameters, match="flat_at_session_end must be True or False, got 1"):
        Rules(flat_at_session_end=1)
