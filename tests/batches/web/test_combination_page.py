"""The page of one combination."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from batches.results.query import ResultsQuery, page
from batches.results.replay import played
from batches.running import lifecycle
from batches.sweep.plan import plan_of
from batches.sweep.start_request import parse_start
from batches.web.combination_page import monthly_returns
from tests.support import jobs, market
from tests.support.page_reader import HTMX, text_of, url
from tests.support.price_files import read, store_prices

pytestmark = pytest.mark.usefixtures("queued", "published")  # nothing is queued or announced: these tests look at pages


def test_a_combination_shows_its_metrics_as_they_were_recorded(client, finished):
    row = page(finished, ResultsQuery.parse(finished, {})).rows[0]
    response = client.get(url(finished, "combination", row["index"]))
    text = text_of(response)
    assert f"Sharpe ratio {row['sharpe']:.2f}" in text
    assert f"Trades {row['trades']}" in text
    assert [lane.name for lane in response.context["chart"].lanes] == ["price", "equity", "drawdown"]


def test_a_failed_combination_says_why(client, finished):
    failed = next(
        row for row in page(finished, ResultsQuery.parse(finished, {"pageSize": "100"})).rows if "error" in row
    )
    response = client.get(url(finished, "combination", failed["index"]))
    assert response.status_code == 422
    assert failed["error"] in text_of(response)
    assert f"{failed['symbol']}, Fast average {failed['parameters']['fast']}, Slow average 70" in text_of(response)
    assert "Edit and rerun" in text_of(response)


def test_a_combination_outside_of_the_grid_is_a_page_not_found(client, finished):
    assert client.get(url(finished, "combination", finished.total)).status_code == 404


@pytest.mark.parametrize("scaled", [False, True])
def test_the_python_snippet_computes_the_same_numbers(client, start, scaled, tmp_path, monkeypatch):
    body = start(symbols=["ACME"])
    if scaled:
        ranges = {"gridInterval": [0.03, 0.05], "maxLots": [4]}
        body = {"strategy": "grid_dca", "symbols": ["ACME"], "parameterRanges": ranges, "fees": 0.001}
        body |= {"enableBetaScaling": True, "coefficients": [0.5, 1.5], "startDate": "2019-09-02"}
    session = jobs.finish(jobs.submit(body))
    response = client.get(url(session, "combination", 1))
    frame = pd.DataFrame({"ACME": market.closes("ACME")}, index=pd.DatetimeIndex(market.days("ACME"), name="date"))
    frame.to_csv(tmp_path / "prices.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(response.context["snippets"][3]["text"], names)
    recorded = response.context["played"]["metrics"]
    assert len(names["table"]) == 1
    assert names["table"].iloc[0]["final_equity"] == recorded["finalEquity"]
    assert names["table"].iloc[0]["trades"] == recorded["trades"]


def test_the_curl_snippet_starts_this_combination_alone(client, finished):
    snippet = client.get(url(finished, "combination", 4)).context["snippets"][1]["text"]
    body = json.loads(snippet[snippet.index("'{") + 1 : snippet.rindex("'")])
    session = jobs.submit(body)
    assert session.total == 1
    wanted_parameters = plan_of(finished).identity(4)["parameters"]
    assert session.request["parameterRanges"] == {name: [value] for name, value in wanted_parameters.items()}


def test_run_this_again_opens_the_form_with_this_combination_alone(client, start):
    body = start(enableBetaScaling=True, coefficients=[0.5, 1.5], wholeShares=True, startDate="2019-09-02")
    session = jobs.finish(jobs.submit(body))
    again = client.get(url(session, "combination", 12)).context["again"]
    form = client.get(again).context["sweep"]
    alone = parse_start(form.body).as_json()
    row = plan_of(session).identity(12)
    assert alone == session.request | {
        "symbols": [row["symbol"]],
        "parameterRanges": {name: [value] for name, value in row["parameters"].items()},
        "coefficients": [row["coefficient"]],
    }


def test_a_value_at_the_end_of_its_range_is_said_to_be_there(client, finished):
    plan = plan_of(finished)
    index = next(i for i in range(finished.total) if plan.identity(i)["parameters"] == {"fast": 5, "slow": 10})
    text = text_of(client.get(url(finished, "combination", index)))
    assert "Slow average is at the end of its range" in text
    assert "Fast average is" not in text


def test_what_is_undefined_says_why(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], startDate="2020-12-01")))
    index = next(row["index"] for row in page(session, ResultsQuery.parse(session, {})).rows if row["trades"] == 0)
    played = client.get(url(session, "combination", index)).context["played"]
    text = text_of(client.get(url(session, "combination", index)))
    assert played["undefined"]["winRate"]["sentence"] in text
    assert f"Longest drawdown {played['metrics']['maxDrawdownDuration']:,.0f} days" in text


def test_a_strategy_that_buys_in_lots_is_compared_with_three_holders(client, start):
    ranges = {"gridInterval": [0.03], "maxLots": [4]}
    session = jobs.finish(jobs.submit(start(strategy="grid_dca", symbols=["ACME"], parameterRanges=ranges)))
    response = client.get(url(session, "combination", 0))
    held = response.context["played"]["buyAndHold"]
    assert [holder.title for holder in response.context["holders"]] == [
        "This combination", "Buy and hold", "Same purchases", "Equal installments",
    ]  # fmt: skip
    for name in ("samePurchases", "equalInstalments"):
        assert held[name]["equity"][-1] == held[name]["metrics"]["finalEquity"]
    assert 'class="lots"' in response.content.decode()
    assert "Compared with buy and hold" in response.content.decode()


def test_a_strategy_that_is_all_in_at_once_is_compared_with_one_holder_only(client, finished):
    response = client.get(url(finished, "combination", 4))
    assert set(response.context["played"]["buyAndHold"]) == {"metrics", "equity"}
    assert "Compared with buy and hold" not in response.content.decode()


def test_neighbors_are_one_step_away_and_carry_their_recorded_rows(client, finished):
    plan = plan_of(finished)
    index = next(i for i in range(finished.total) if plan.identity(i)["parameters"] == {"fast": 5, "slow": 20})
    neighbors = client.get(url(finished, "combination", index)).context["neighbors"]
    assert [(neighbor.axis, neighbor.row["parameters"]) for neighbor in neighbors] == [
        ("fast", {"fast": 3, "slow": 20}),
        ("fast", {"fast": 8, "slow": 20}),
        ("slow", {"fast": 5, "slow": 10}),
        ("slow", {"fast": 5, "slow": 70}),
    ]
    symbol = plan.identity(index)["symbol"]
    assert all(neighbor.row["symbol"] == symbol for neighbor in neighbors)
    assert all(neighbor.row["index"] == neighbor.index for neighbor in neighbors)


def test_neighbors_that_are_not_finished_are_left_out(client, submitted):
    lifecycle.cancel(submitted.id, submitted.created_at)
    assert client.get(url(submitted, "combination", 0)).context["neighbors"] == []


def test_the_distribution_tells_what_explains_the_differences(client, finished):
    response = client.get(url(finished, "spread"), headers=HTMX)
    assert response.context["spread"].count == finished.successful
    assert {label for label, _ in response.context["importance"]} == {"Symbol", "Fast average", "Slow average"}
    assert "<html" not in response.content.decode()
    assert "<html" in client.get(url(finished, "spread")).content.decode()


def test_monthly_returns_compound_to_the_whole():
    days = np.arange(np.datetime64("2019-11-04"), np.datetime64("2021-02-20"))
    equity = 100 * np.exp(np.cumsum(np.random.default_rng(5).normal(0, 0.01, len(days))))
    lines = monthly_returns(days.astype(np.int64), equity)
    assert [line.year for line in lines] == ["2019", "2020", "2021"]
    assert lines[0].months[:10] == [None] * 10
    assert np.prod([1 + line.total for line in lines]) == pytest.approx(equity[-1] / equity[0])


def test_nothing_is_won_back_from_ruin():
    days = np.array(["2020-01-30", "2020-01-31", "2020-02-03"], "datetime64[D]").astype(np.int64)
    lines = monthly_returns(days, np.array([100.0, 0.0, 0.0]))
    assert lines[0].months[:3] == [-1.0, None, None]


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/New_York"])
def test_the_months_of_hours_are_the_exchange_s_and_take_every_bar(client, db, zone):
    """A picture is thinned, and a morning in Sydney or an evening in New York has another day in UTC."""
    hours = pd.timedelta_range("8h", "22h", freq="1h", closed="left")
    wall = pd.DatetimeIndex((pd.bdate_range("2021-01-01", "2022-12-30").to_numpy()[:, None] + hours.to_numpy()).ravel())
    closes = 100 * np.exp(np.cumsum(np.random.default_rng(8).normal(0, 0.01, len(wall))))
    opened = wall.tz_localize(zone).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    file = pd.DataFrame({"time": opened, "close": closes}).to_csv(index=False)
    store_prices(read(file, "HOUR.csv", timeZone=zone))
    body = {"strategy": "sma_cross", "symbols": ["HOUR"], "parameterRanges": {"fast": [3], "slow": [10]}}
    session = jobs.finish(jobs.submit(body | {"timeframes": ["1h"]}))
    months = client.get(url(session, "combination", 0)).context["months"]
    equity = pd.Series(played(session, 0).replay.equity, wall)
    ends = equity.groupby([wall.year, wall.month]).last()
    expected = ends / ends.shift(fill_value=equity.iloc[0]) - 1
    assert [value for line in months for value in line.months] == pytest.approx(expected.tolist(), abs=1e-12)
