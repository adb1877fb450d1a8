from datetime import date

import numpy as np
import pytest

from backtester.engine import BadPrices, Prices, Rules, buy_and_hold, buy_and_hold_equity, estimate_beta
from backtester.engine.errors import BadParameters
from tests.engine import synthetic


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["close", "open", "high", "low"])
def test_a_price_that_cannot_be_is_refused_with_its_day(bad, column):
    values = {name: np.full(5, 10.0) for name in ("close", "open", "high", "low")}
    values[column][3] = bad
    with pytest.raises(BadPrices, match=rf"ACME: {column} on 2001-01-04 \(bar 3\) must be a number above zero, got "):
        Prices("ACME", synthetic.dates(5), **values)


def test_a_volume_may_be_unknown_but_not_negative_or_infinite():
    close = np.full(3, 10.0)
    volume = Prices("ACME", synthetic.dates(3), close, volume=[7, np.nan, 0]).volume
    assert np.array_equal(volume, [7, np.nan, 0], equal_nan=True)
    for bad in (-1.0, np.inf):
        with pytest.raises(BadPrices, match="volume on 2001-01-02"):
            Prices("ACME", synthetic.dates(3), close, volume=[7, bad, 0])


@pytest.mark.parametrize(
    ("days", "says"),
    [
        (["2020-01-02", "2020-01-02"], "appears twice"),
        (["2020-01-03", "2020-01-02"], "comes after 2020-01-03"),
        (["2020-01-03", "NaT"], "has no date"),
        ([], "has no bars"),
        (["2020-01-03"], "2 values of close for 1 dates"),
    ],
)
def test_dates_must_rise(days, says):
    with pytest.raises(BadPrices, match=says):
        Prices("ACME", np.array(days, dtype="datetime64[D]"), np.ones(2))


def test_a_low_above_its_high_is_refused():
    with pytest.raises(BadPrices, match=r"low must not be above high on 2001-01-01 \(bar 0\), got 3 and 2"):
        Prices("ACME", synthetic.dates(1), np.ones(1), high=np.array([2.0]), low=np.array([3.0]))


def test_arrays_are_copied_and_read_only():
    close = np.ones(3)
    bars = Prices("ACME", synthetic.dates(3), close)
    close[0] = 5.0
    assert bars.close[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 2.0


def test_a_cut_includes_both_days():
    bars = synthetic.prices(synthetic.walk(10), opens=synthetic.walk(10, seed=9))
    cut = bars.between(date(2001, 1, 2), date(2001, 1, 4))
    assert cut.dates.astype(str).tolist() == ["2001-01-02", "2001-01-03", "2001-01-04"]
    assert cut.has_ohlc
    assert cut.open.tolist() == bars.open[1:4].tolist()
    assert bars.between(None, None).n_bars == 10
    with pytest.raises(BadPrices, match="no bars from 2030-01-01"):
        bars.between(date(2030, 1, 1), None)


def test_a_year_has_365_periods_only_where_weekends_are_traded():
    week = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")
    assert Prices("COIN", week, np.ones(len(week))).periods_per_year == 365
    assert synthetic.prices(synthetic.walk(60)).periods_per_year == 252


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fees", -0.1), ("fees", 1.0), ("slippage", float("nan")), ("initial_capital", 0), ("fees", True),
        ("initial_capital", float("inf")), ("direction", "up"), ("fees", "0.1"),
    ],
)  # fmt: skip
def test_a_rule_with_an_unusable_value_is_refused(field, value):
    with pytest.raises(BadParameters) as caught:
        Rules(**{field: value})
    assert caught.value.field == field


def test_buy_and_hold_pays_once_and_is_never_sold():
    bars = synthetic.prices([10.0, 20.0, 30.0, 15.0])
    equity = buy_and_hold_equity(bars, Rules(fees=0.25, initial_capital=100.0))
    assert equity == pytest.approx([100, 80, 120, 60])
    assert buy_and_hold_equity(bars, Rules(slippage=0.25, initial_capital=100.0)) == pytest.approx([100, 80, 120, 60])
    numbers = buy_and_hold(bars, Rules(fees=0.25, initial_capital=100.0))
    assert numbers["final_equity"] == pytest.approx(60)
    assert numbers["max_drawdown"] == pytest.approx(-0.5)
    assert numbers["exposure"] == pytest.approx(3 / 4)
    assert np.isnan(numbers["win_rate"])


@pytest.mark.parametrize(("last_day", "known"), [("2020-01-30", False), ("2020-01-31", True)])
def test_an_annual_return_is_undefined_under_thirty_days(last_day, known):
    days = np.array(["2020-01-01", "2020-01-02", last_day], dtype="datetime64[D]")
    numbers = buy_and_hold(Prices("ACME", days, np.array([10.0, 10.0, 11.0])), Rules())
    assert np.isnan(numbers["annualized_return"]) != known
    assert numbers["total_return"] == pytest.approx(0.1)


def test_beta_is_the_slope_of_simple_returns():
    market = np.array([100.0, 110.0, 99.0, 108.9])
    twice = np.array([100.0, 120.0, 96.0, 115.2])
    assert estimate_beta(twice, market) == pytest.approx(2.0)
    assert np.isnan(estimate_beta(twice, np.full(4, 7.0)))
    assert np.isnan(estimate_beta(twice[:2], market[:2]))
