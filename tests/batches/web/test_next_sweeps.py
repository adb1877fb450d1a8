"""From a result to the next sweep, the winner beside buy and hold, and one filter for the whole page."""

import html
import re
from urllib.parse import parse_qs, urlparse

import pytest
from django.http import QueryDict

from batches.formatting import metric
from batches.results.columns import columns_of
from batches.results.holding import Holding
from batches.results.query import ResultsQuery, column, page
from batches.web import next_sweeps, winner
from batches.web.best_rows import best_rows
from batches.web.forms.sweep_form import SweepForm
from tests.support import jobs
from tests.support.page_reader import text_of, url

pytestmark = pytest.mark.usefixtures("queued", "published")


def values_of(link):
    """The values of each parameter in the form that a link opens."""
    sweep = SweepForm(QueryDict(urlparse(html.unescape(link)).query))
    assert sweep.request is not None, sweep.errors
    return sweep.request.axes


def test_a_refined_sweep_has_a_quarter_of_the_step_around_the_value(start):
    session = jobs.submit(start(parameterRanges={"fast": [4, 8, 12], "slow": [20, 40, 60]}))
    axes = values_of(next_sweeps.refined(session, {"fast": 8, "slow": 60}))
    assert axes == {"fast": list(range(4, 13)), "slow": list(range(40, 81, 5))}


def test_a_refined_sweep_of_percentages_is_exact_and_stays_in_bounds(start):
    ranges = {"gridInterval": [0.02, 0.04, 0.06], "maxLots": [4]}
    session = jobs.submit(start(strategy="grid_dca", symbols=["ACME"], parameterRanges=ranges))
    axes = values_of(next_sweeps.refined(session, {"gridInterval": 0.04, "maxLots": 4}))
    assert axes["grid_interval"] == [0.02, 0.025, 0.03, 0.035, 0.04, 0.045, 0.05, 0.055, 0.06]
    assert axes["max_lots"] == [4]


def test_an_edge_is_extended_by_the_width_of_its_range(start):
    session = jobs.submit(start(parameterRanges={"fast": [2, 4, 6], "slow": [20, 30, 40]}))
    below, above = next_sweeps.edges(session, {"fast": 6, "slow": 20})
    assert (below.reach, values_of(below.href)["fast"]) == ("10", [2, 4, 6, 8, 10])
    assert values_of(above.href)["slow"][:2] == [10, 20] or values_of(above.href)["slow"][0] == 2
    assert next_sweeps.edges(session, {"fast": 4, "slow": 30}) == []


def test_the_winner_stands_beside_buy_and_hold():
    row = {"annualizedReturn": 0.24, "sharpe": 0.8, "maxDrawdown": -0.7, "trades": 79, "exposure": 0.57}
    hold = {"annualizedReturn": 0.2, "sharpe": 0.9, "maxDrawdown": -0.8, "trades": 0, "exposure": 1.0}
    lines = {line.name: (line.value, line.held, line.gain, line.sign) for line in winner.figures(row, hold)}
    assert lines["annualizedReturn"] == ("24.0%", "20.0%", "+4.0 pts", "up")
    assert lines["sharpe"] == ("0.80", "0.90", "−0.10", "down")
    assert lines["trades"] == ("79", "0", "", "")
    assert {line.value for line in winner.figures(None, None)} == {"–"}


def test_one_filter_holds_for_table_histogram_and_best_by_symbol(client, finished):
    query = "min.trades=3&symbol=BOLT"
    kept = page(finished, ResultsQuery.parse(finished, {"min.trades": "3", "symbol": "BOLT"}))
    body = client.get(f"{url(finished)}?{query}")
    assert f"{kept.total} tests of 27" in text_of(body)
    assert f"Median of {kept.total} tests" in text_of(client.get(f"{url(finished, 'spread')}?{query}"))
    rows = best_rows(finished, ResultsQuery.parse(finished, {"min.trades": "3", "symbol": "BOLT"}))
    assert set(rows) == {"BOLT"}
    assert rows["BOLT"] is not None
    assert rows["BOLT"]["index"] == kept.rows[0]["index"]
    answer = client.get(f"/api/backtest/batch/{finished.id}/heatmap?{query}").json()
    assert (answer["tests"], sum(map(sum, answer["counts"]))) == (kept.total, kept.total)
    assert (
        f"spread/?{'min.trades=3'}" in html.unescape(body.content.decode()) or "min.trades=3" in body.content.decode()
    )


def test_ahead_of_holding_is_the_annual_return_less_that_of_buy_and_hold(client, finished):
    columns = columns_of(finished)
    ahead = column(columns, "aheadOfHolding")
    comparison = finished.results["comparison"]
    rows = page(finished, ResultsQuery.parse(finished, {"sort": "-aheadOfHolding"})).rows
    held = {symbol: metrics["annualizedReturn"] for symbol, metrics in comparison.items()}
    expected = [row["annualizedReturn"] - held[row["symbol"]] for row in rows if "error" not in row]
    assert expected == sorted(expected, reverse=True)
    assert sorted(value for value in ahead.tolist() if value == value) == pytest.approx(sorted(expected))


def test_each_test_is_compared_with_holding_the_bars_of_its_own_timeframe(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME", "BOLT"], timeframes=["1d", "1w"])))
    rows = page(session, ResultsQuery.parse(session, {"sort": "index", "pageSize": "100"})).rows
    leads = column(columns_of(session), "aheadOfHolding")
    holding, held = Holding(session), {}
    for row, lead in zip(rows, leads, strict=True):
        on_page = client.get(f"/api/backtest/batch/{session.id}/results/{row['index']}").json()["buyAndHold"]["metrics"]
        held[row["symbol"], row["timeframe"]] = on_page["annualizedReturn"]
        assert holding.beside(row["symbol"], row) == on_page
        assert lead == pytest.approx(row["annualizedReturn"] - on_page["annualizedReturn"])
    assert len(set(held.values())) == 4
    best = session.results["summary"]["overallBest"]
    body = client.get(url(session))
    (figure,) = [figure for figure in body.context["figures"] if figure.name == "annualizedReturn"]
    assert figure.held == metric(held[best["symbol"], best["timeframe"]], "fraction")


def test_a_test_that_never_traded_does_not_win(start):
    session = jobs.finish(jobs.submit(start(sortBy="maxDrawdown", startDate="2020-10-01")))
    idle = [row for row in jobs.frame(session).to_dict("records") if row["exposure"] == 0]
    winners = [session.results["summary"]["overallBest"], *session.leaders]
    assert all(row["exposure"] > 0 for row in winners if row)
    assert idle or session.leaders  # the period is short enough for tests that do nothing


def test_a_doubt_has_a_button(client, start):
    session = jobs.finish(jobs.submit(start(parameterRanges={"fast": [3, 5, 8], "slow": [10, 20, 30]})))
    body = client.get(url(session)).content.decode()
    links = re.findall(r'<a class="button small" href="(/\?[^"]+)">(Extend to [\d.]+%?|Refine around this)</a>', body)
    assert "Refine around this" in [label for _, label in links]
    assert all(parse_qs(urlparse(html.unescape(link)).query)["strategy"] == ["sma_cross"] for link, _ in links)
