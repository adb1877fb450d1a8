"""The page of one batch, as it comes from the server, and its results."""

import html
import re
from typing import Any
from urllib.parse import parse_qsl

import pytest

from batches.models import BatchSession
from batches.running import lifecycle
from batches.web.presenters import MOST_LISTED, facts, first_symbols
from tests.support import jobs
from tests.support.page_reader import HTMX, expected_rows, field, rows_of, text_of, url
from tests.support.sweep_switches import store_odd_instruments

pytestmark = pytest.mark.usefixtures("queued", "published")  # nothing is queued or announced: these tests look at pages


def test_a_running_batch_reads_as_the_wish_has_it(client, halfway):
    response = client.get(url(halfway))
    last = halfway.last_test
    assert field(response, "headline") == f"Testing {last['symbol']} ({halfway.current} of {halfway.total})"
    assert field(response, "successful") == str(halfway.successful)
    assert field(response, "failed") == str(halfway.failed)
    assert field(response, "best").startswith(f"{halfway.leaders[0]['symbol']} - ")
    assert 'role="progressbar"' in response.content.decode()
    assert f'aria-valuenow="{halfway.current * 1000 // halfway.total / 10}"' in response.content.decode()


def test_without_scripts_a_running_batch_refreshes_itself_and_an_ended_one_does_not(client, halfway):
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in client.get(url(halfway)).content.decode()
    lifecycle.cancel(halfway.id, halfway.created_at)
    assert 'http-equiv="refresh"' not in client.get(url(halfway)).content.decode()


def test_an_unknown_batch_is_a_page_not_found(client, db):
    response = client.get("/batches/00000000-0000-4000-8000-000000000000/")
    assert response.status_code == 404
    assert "Page not found" in text_of(response)


@pytest.mark.parametrize(
    ("query", "x", "y", "cell"),
    [
        ("", "slow", "fast", "median"),
        ("map.x=fast&map.y=slow&map.aggregate=mean", "fast", "slow", "mean"),
        ("map.x=beauty&map.aggregate=", "slow", "fast", "median"),
    ],
)
def test_a_link_holds_what_the_heatmap_shows(client, finished, query, x, y, cell):
    body = client.get(f"{url(finished)}?{query}&sort=fast").content.decode()
    chosen = re.findall(
        r'<option(?: value="(\w+)")? selected>([^<]*)',
        body[body.index('id="heatmap"') : body.index('id="results-title"')],
    )
    assert [value or text for value, text in chosen] == [x, y, "sharpe", cell]


def test_results_come_best_first(client, finished):
    assert rows_of(client.get(url(finished))) == expected_rows(finished, sort="-sharpe")


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("sort=fast", {"sort": "fast"}),
        ("sort=-maxDrawdown&symbol=BOLT", {"sort": "-maxDrawdown", "symbol": "BOLT"}),
        ("min.trades=3&sort=trades", {"sort": "trades", "min.trades": "3"}),
        ("by=slow&least=20&most=20", {"min.slow": "20", "max.slow": "20"}),
        ("by=exposure&most=40%25", {"max.exposure": "0.4"}),
        ("by=maxDrawdown&least=−12,5%25", {"min.maxDrawdown": "-0.125"}),
        ("page=2&pageSize=10", {"page": "2", "pageSize": "10"}),
    ],
)
def test_sorting_filtering_and_paging_are_links(client, finished, query, fields):
    assert rows_of(client.get(f"{url(finished)}?{query}")) == expected_rows(finished, **fields)


def test_the_downloads_are_of_what_is_filtered_in_the_order_that_is_shown(client, finished):
    body = client.get(f"{url(finished)}?by=exposure&most=90%25&sort=-trades&page=2&pageSize=5").content.decode()
    links = re.findall(r'results\.(\w+)\?([^"]*)" download', body)
    assert [kind for kind, _ in links] == ["csv", "json", "parquet"]
    assert [dict(parse_qsl(html.unescape(query))) for _, query in links] == [
        {"max.exposure": "0.9", "sort": "-trades"}
    ] * 3


def test_a_best_value_at_the_edge_of_its_range_is_warned_of_in_words(client, start):
    ranges = {"gridInterval": [0.02, 0.05, 0.1], "maxLots": [4]}
    session = jobs.finish(jobs.submit(start(strategy="grid_dca", symbols=["ACME"], parameterRanges=ranges)))
    best = session.leaders[0]["parameters"]["gridInterval"]
    assert best in (0.02, 0.1)
    words = f"The best grid interval ({best:.0%}) is at the edge of the range tested"
    assert words in text_of(client.get(url(session)))


def test_a_wrong_query_is_told_and_the_table_still_comes(client, finished):
    response = client.get(f"{url(finished)}?sort=beauty")
    assert "beauty" in text_of(response)
    assert rows_of(response) == expected_rows(finished)


def test_to_htmx_the_same_address_gives_the_results_alone(client, finished):
    response = client.get(url(finished), headers=HTMX)
    assert "<html" not in response.content.decode()
    assert rows_of(response) == expected_rows(finished)
    assert "HX-Request" in response["Vary"]


def test_a_page_of_the_history_is_a_whole_page(client, finished):
    response = client.get(url(finished), headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert "<html" in response.content.decode()


def test_the_chosen_columns_stay_in_every_link(client, finished):
    body = client.get(f"{url(finished)}?show=sharpe&show=trades").content.decode()
    heads = re.findall(r'class="number"[^>]*><a href="([^"]+)"', body)
    assert len(heads) == 4  # fast, slow, and the two that were chosen
    assert all("show=sharpe" in html.unescape(link) and "show=trades" in html.unescape(link) for link in heads)


def test_failures_are_grouped_by_cause(client, finished):
    text = text_of(client.get(url(finished)))
    assert finished.failed == 3
    assert "Failures by cause" in text
    assert finished.failures[0]["message"] in text


def test_the_page_of_a_batch_without_comparison_shows_dashes(client, start):
    session = jobs.finish(jobs.submit(start(includeComparison=False)))
    assert rows_of(client.get(url(session))) == expected_rows(session)
    by_symbol = text_of(client.get(url(session))).partition("Best by symbol")[2]
    assert "–" in by_symbol
    assert by_symbol.startswith(" not compared with buy and hold")
    assert "ahead of buy and hold" not in by_symbol


def test_the_page_of_a_batch_shows_a_symbol_without_a_best_test(client, start):
    session = jobs.finish(jobs.submit(start(parameterRanges={"fast": [8], "slow": [70]})))
    assert session.results["summary"]["bestBySymbol"]["CORE"] is None
    assert "CORE – " in text_of(client.get(url(session))).partition("Best by symbol")[2]


def test_a_stop_has_its_label_and_its_percentage_on_every_page(client, start):
    session = jobs.finish(jobs.submit(start(parameterRanges={"fast": [3], "slow": [10], "stopLoss": [0.05, 0.1]})))
    response = client.get(url(session))
    assert re.fullmatch("Fast average 3, Slow average 10, Stop loss (5|10)%", field(response, "bestParameters"))
    assert "Stop loss 5%, 10% Dates" in text_of(response)
    combination = text_of(client.get(url(session, "combination", 0)))
    assert "ACME, Fast average 3, Slow average 10, Stop loss 5%" in combination
    assert "stopLoss" not in text_of(response) + combination.partition("Reproduce this result")[0]


def test_settings_name_each_switch_that_was_changed(client, start, finished):
    labels = {"Shares", "Buy and hold", "Stops early"}
    assert not labels & dict(facts(finished)).keys()
    body = start(wholeShares=True, includeComparison=False, abortFailureShare=0.25, abortMinimumTests=1)
    changed = dict(facts(jobs.submit(body)))
    words = ("whole ones only", "not compared", "above 25% failed, after 1 test")
    assert [changed[label] for label in ("Shares", "Buy and hold", "Stops early")] == list(words)


def test_settings_leave_out_a_stop_that_was_not_used(client, finished):
    assert "Stop loss" not in text_of(client.get(url(finished))).partition("Settings")[2]


def test_the_best_of_several_coefficients_says_its_own(client, start):
    session = jobs.finish(jobs.submit(start(enableBetaScaling=True, coefficients=[0.5, 1.5])))
    best = session.results["summary"]["overallBest"]
    assert field(client.get(url(session)), "bestParameters").endswith(f", coefficient {best['coefficient']:.2f}")


def test_the_best_of_several_timeframes_says_its_own(client, start):
    session = jobs.finish(jobs.submit(start(timeframes=["1d", "1w"])))
    best = session.results["summary"]["overallBest"]
    assert field(client.get(url(session)), "bestParameters").startswith(f"{best['timeframe']}, Fast average ")


def test_the_page_of_a_single_test_speaks_of_one(client, start):
    session = jobs.finish(jobs.submit(start(symbols=["ACME"], parameterRanges={"fast": [3], "slow": [10]})))
    assert "Download the row: CSV" in text_of(client.get(url(session)))
    parallel = text_of(client.get(url(session, "parallel"), headers=HTMX))
    assert "1 of 1 test passes the filters. Shown is the best, and a sample of all tests" in parallel


def test_no_page_holds_inline_script_or_style(client, finished):
    for address in ("/", "/batches/", url(finished), url(finished, "combination", 0), "/nowhere/"):
        body = client.get(address).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", body), address
        for tag in re.findall(r"<script[^>]*>", body):
            assert "src=" in tag or 'type="application/json"' in tag, tag


@pytest.mark.parametrize(("metric", "first"), [("annualizedReturn", "S0199"), ("exposure", "S0001")])
def test_of_many_symbols_the_best_are_listed_best_first(metric, first):
    rows: dict[str, Any] = {f"S{number:04}": {metric: number / 100} for number in range(1, 200)}
    symbols = first_symbols(BatchSession(sort_by=metric), {"S0000": None, "NONE": {metric: None}} | rows)
    assert len(symbols) == MOST_LISTED
    assert symbols[0] == (first, rows[first])
    few: dict[str, Any] = {"B": {metric: 1.0}, "A": None}
    assert first_symbols(BatchSession(sort_by=metric), few) == list(few.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbols": ["PAIR", "ACME"]}, "of 2 bars needs at least|needs at least"),
        ({"symbols": ["ACME"], "parameterRanges": {"fast": [2], "slow": [60]}, "startDate": "2020-12-01"}, "needs at"),
        ({"symbols": ["ACME", "FLAT"], "sortBy": "sharpe"}, "FLAT – "),
        ({"symbols": ["FLAT"], "sortBy": "winRate"}, "No test gave a result that can be ranked"),
        (
            {"symbols": ["ACME"], "startDate": "2020-12-08", "sortBy": "annualizedReturn"}
            | {"parameterRanges": {"fast": [2], "slow": [5]}},
            "No test gave",
        ),
        ({"symbols": ["FLAT"], "sortBy": "maxDrawdown"}, "No test gave a result that can be ranked"),
        ({"strategy": "periodic_dca", "parameterRanges": {"every": [21], "instalments": [24]}}, "Best by symbol"),
    ],
)
def test_the_page_of_an_odd_batch_says_what_is_odd(client, start, changes, words):
    store_odd_instruments()
    session = jobs.finish(jobs.submit(start(**changes)))
    response = client.get(url(session))
    assert response.status_code == 200
    assert re.search(words, text_of(response)), session.results["validation"]
    assert "inf" not in re.findall(r"[\w.]+%", text_of(response))


def test_the_table_is_ranked_by_what_is_chosen_and_shows_it(client, finished):
    page = client.get(url(finished), {"sort": "-calmar"})
    assert [label for _, label, is_current in page.context["table"].rankings if is_current] == ["Calmar ratio"]
    assert page.context["table"].columns[0].name == "calmar"
    ranked = client.get(url(finished), {"sort": "-sharpe", "formula": "sharpe * sqrt(trades)"})
    table = ranked.context["table"]
    first = table.page.rows[0]
    assert table.columns[0].label == "sharpe * sqrt(trades)"
    assert table.rows[0].cells[0] == f"{first['sharpe'] * first['trades'] ** 0.5:.2f}"
    assert "sort=-%3Dsharpe+%2A+sqrt%28trades%29" in table.export_query
    worst = client.get(url(finished), {"sort": "=sharpe"}).context["table"].rankings
    assert "sharpe, worst first" in {label for _, label, is_current in worst if is_current}


def test_a_wrong_formula_says_why_and_the_batch_keeps_its_order(client, finished):
    response = client.get(url(finished), {"formula": "open(1)"})
    assert "is not allowed in a formula" in text_of(response)
    assert response.context["table"].query.sort == finished.sort_by


def test_the_height_of_rows_is_remembered(client, finished):
    def rows(query=""):
        match = re.search(r'data-rows="(\w+)"', client.get(f"{url(finished)}{query}").content.decode())
        return match and match[1]

    assert rows() == "dense"
    assert rows("?rows=comfortable&sort=-sharpe") == "comfortable"
    assert rows() == "comfortable"
    assert rows("?rows=odd") == "dense"
    link = '?sort=-sharpe&amp;rows=comfortable#results" '
    assert link in client.get(f"{url(finished)}?sort=-sharpe").content.decode()


def test_a_running_batch_has_the_rows_of_its_results(client, halfway):
    client.cookies["rows"] = "comfortable"
    assert 'data-rows="comfortable"' in client.get(url(halfway)).content.decode()


@pytest.mark.parametrize("part", ["", "parallel/"])
def test_the_page_and_its_largest_picture_are_compressed(client, finished, part):
    plain = client.get(f"{url(finished)}{part}")
    packed = client.get(f"{url(finished)}{part}", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2
