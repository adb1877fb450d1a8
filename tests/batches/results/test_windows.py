"""Ranges of curves, thinned without hiding an extreme, and pages of trades."""

import numpy as np
import pandas as pd
import pytest

from batches.results import windows
from batches.results.windows import thinned
from tests.support import jobs
from tests.support.market import store
from tests.support.page_reader import text_of
from tests.support.price_files import parquet, read, store_prices

pytestmark = pytest.mark.django_db
BODY = {"strategy": "sma_cross", "parameterRanges": {"fast": [3], "slow": [20]}, "fees": 0.0001}


@pytest.fixture
def minutes(queued):
    index = pd.date_range("2024-01-30", periods=4 * 1440, freq="1min")
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.0005, len(index)))), 4)
    store_prices(read(parquet(pd.DataFrame({"time": index, "close": close})), "MIN.parquet"))
    return jobs.finish(jobs.submit(BODY | {"symbols": ["MIN"]}))


@pytest.fixture
def days(queued):
    store("ACME")
    return jobs.finish(jobs.submit(BODY | {"symbols": ["ACME"]}))


def fetch(client, session, query=""):
    return client.get(f"/api/backtest/batch/{session.pk}/results/0{query}")


def test_bars_within_a_day_are_moments_and_are_thinned(client, minutes):
    answer = fetch(client, minutes).json()
    assert answer["range"] | {"points": 0} == {
        "from": "2024-01-30T00:00:00Z", "to": "2024-02-02T23:59:00Z", "bars": 5760, "points": 0,
    }  # fmt: skip
    assert 1_500 < len(answer["dates"]) == answer["range"]["points"] <= 2_000
    curves = (answer["equity"], answer["drawdown"], answer["exposure"], answer["buyAndHold"]["equity"])
    assert {len(curve) for curve in curves} == {len(answer["dates"])}
    assert "2024-01-31T23:59:00Z" in answer["dates"]
    trade = answer["trades"][0]
    assert trade["entryDate"].endswith(":00Z")
    assert answer["timeframe"] == "1m"


def test_thinning_keeps_the_extremes(client, minutes):
    whole = fetch(client, minutes, "?points=20000").json()
    assert len(whole["equity"]) == 5760
    thin = fetch(client, minutes, "?points=50").json()
    assert len(thin["equity"]) <= 50
    for extreme in (min, max):
        assert extreme(thin["equity"]) == extreme(whole["equity"])
    assert min(thin["drawdown"]) == min(whole["drawdown"])
    at = dict(zip(whole["dates"], whole["equity"], strict=True))
    assert [at[moment] for moment in thin["dates"]] == thin["equity"]


def test_a_range_is_shown_closer(client, minutes):
    answer = fetch(client, minutes, "?from=2024-01-31T10:00:00Z&to=2024-01-31T11:59:00Z&points=500").json()
    assert answer["range"] == {"from": "2024-01-31T10:00:00Z", "to": "2024-01-31T11:59:00Z", "bars": 120, "points": 120}
    whole = fetch(client, minutes, "?points=20000").json()
    first = whole["dates"].index("2024-01-31T10:00:00Z")
    assert answer["drawdown"] == whole["drawdown"][first : first + 120]
    assert answer["metrics"] == whole["metrics"]
    day = fetch(client, minutes, "?from=2024-01-31&to=2024-01-31").json()
    assert day["range"]["bars"] == 1440


def test_days_stay_whole_unless_a_range_is_chosen(client, days):
    answer = fetch(client, days).json()
    assert len(answer["dates"]) == 400
    assert answer["range"]["from"] == answer["dates"][0] == "2019-06-21"
    cut = fetch(client, days, "?from=2020-01-01&to=2020-12-31&points=40").json()
    assert len(cut["dates"]) <= 40
    assert cut["dates"][0] == "2020-01-01"


def test_trades_come_in_pages(client, minutes, monkeypatch):
    everything = fetch(client, minutes).json()
    monkeypatch.setattr(windows, "TRADES", 10)
    page = fetch(client, minutes, "?trades.page=2").json()
    assert page["trades"] == everything["trades"][10:20]
    total = len(everything["trades"])
    assert page["tradePages"] == {"page": 2, "pages": -(-total // 10), "pageSize": 10, "total": total}
    assert fetch(client, minutes, "?trades.page=99999").json()["trades"] == []
    monkeypatch.setattr(windows, "MOST_TRADES", 5)
    assert len(fetch(client, minutes).json()["trades"]) == 10


@pytest.mark.parametrize(
    ("query", "field", "says"),
    [
        ("?from=soon", "from", "from must be a date as YYYY-MM-DD, or a moment as YYYY-MM-DDTHH:MM:SSZ, got 'soon'."),
        ("?points=5", "points", "points must be an integer between 10 and 20,000, got '5'."),
        ("?trades.page=0", "trades.page", "trades.page must be an integer between 1 and"),
        ("?from=2030-01-01", "from", "There are no bars in this range; the test has 2024-01-30T00:00:00Z to"),
    ],
)
def test_a_window_that_cannot_be_shown_is_refused(client, minutes, query, field, says):
    answer = fetch(client, minutes, query)
    assert answer.status_code == 422
    detail = answer.json()["details"][0]
    assert detail["field"] == field
    assert says in detail["message"]


@pytest.mark.parametrize("n", [1, 9, 10, 11, 999, 12_345])
@pytest.mark.parametrize("points", [10, 57, 2_000])
def test_positions_are_increasing_within_the_limit_and_have_both_ends(n, points):
    values = np.random.default_rng(n).normal(size=n)
    dates = np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(1, "h")
    positions = thinned(values, dates, points)
    assert len(positions) <= max(points, 1)
    assert (positions[0], positions[-1]) == (0, n - 1)
    assert (np.diff(positions) > 0).all()
    assert values[positions].max() == values.max()


def test_the_page_zooms_and_pages(client, minutes, monkeypatch):
    address = f"/batches/{minutes.pk}/results/0/"
    page = client.get(address)
    assert "2024-01-30 00:00 UTC to 2024-02-02 23:59 UTC, 5,760 bars of 1m" in text_of(page)
    closer = client.get(f"{address}?from=2024-01-31T10:00Z&to=2024-01-31T11:59Z")
    view = closer.context["chart"].view
    assert (view["start"], view["end"]) == ("2024-01-31T10:00:00Z", "2024-01-31T11:59:00Z")
    assert "120 bars" in text_of(closer)
    wrong = client.get(f"{address}?from=2030-01-01")
    assert wrong.status_code == 200
    assert "There are no bars in this range" in text_of(wrong)
    monkeypatch.setattr(windows, "MOST_TRADES", 5)
    monkeypatch.setattr(windows, "TRADES", 5)
    assert "Page 2 of" in text_of(client.get(f"{address}?trades.page=2"))
