"""The pages as they come from the server, which is how they are without scripts."""

import html
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd
import pytest
from django.urls import reverse

from batches import lifecycle
from batches.models import BatchSession
from batches.plan import plan_of
from batches.results_page import ResultsQuery, page
from batches.schemas import parse_start

from . import market, working

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _quiet(queued, published):
    """Nothing is queued or announced: these tests look at pages."""


def url(session, name="detail", *args):
    return reverse(f"batches:{name}", args=[session.id, *args])


def text_of(response):
    """What a reader sees, tags and runs of blanks left out."""
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(words).split())


def field(response, name):
    """The text of one field of the panel."""
    found = re.search(rf'data-field="{name}">(.*?)</', response.content.decode(), re.DOTALL)
    assert found, name
    return html.unescape(found[1]).strip()


def posted(**changes):
    """The fields of the form for 18 tests."""
    return {
        "form": "1",
        "strategy": "sma_cross",
        "symbols": ["ACME", "BOLT"],
        "fast.mode": "list",
        "fast.values": "3, 5, 8",
        "slow.mode": "range",
        "slow.start": "10",
        "slow.stop": "30",
        "slow.step": "10",
        "direction": "long",
        "feesPercent": "0.1",
        "slippagePercent": "0",
        "initialCapital": "100000",
        "sortBy": "sharpe",
        "timeoutMinutes": "15",
    } | changes


# ---- the form --------------------------------------------------------------------------------------------------------


def test_the_form_opens_with_its_count_and_without_complaints(client, instruments):
    response = client.get("/")
    assert response.status_code == 200
    assert 'data-total="' in response.content.decode()
    assert "aria-invalid" not in response.content.decode()


def test_one_post_starts_the_batch_and_leads_to_its_page(client, instruments):
    response = client.post("/", posted())
    session = BatchSession.objects.get()
    assert response.status_code == 303
    assert response["Location"] == url(session)
    assert session.total == 18
    assert session.request["fees"] == 0.001


def test_a_bad_field_is_told_at_the_field_and_nothing_is_stored(client, instruments):
    response = client.post("/", posted(**{"slow.start": "abc"}))
    assert response.status_code == 422
    assert "abc" in error_at(response, "slow")
    assert 'value="abc"' in response.content.decode()
    assert not BatchSession.objects.exists()


def error_at(response, name):
    """What stands under a field of the form."""
    found = re.search(rf'id="error-{name}">(.*?)</p>', response.content.decode())
    assert found, name
    return html.unescape(found[1])


def test_too_many_combinations_are_told_at_the_parameters(client, instruments, settings):
    settings.BATCH_MAX_COMBINATIONS = 17
    response = client.post("/count/", posted(), headers=HTMX)
    assert 'id="error-parameterRanges" hx-swap-oob="true">18 combinations are too many' in response.content.decode()
    assert "18 combinations are too many" in error_at(client.post("/", posted()), "parameterRanges")


def test_no_symbol_at_all_is_told_at_the_symbols(client, instruments):
    assert "at least one symbol" in error_at(client.post("/", posted(symbols=[])), "symbols")


def test_a_full_installation_is_told_above_the_form(client, instruments, settings):
    settings.BATCH_MAX_RUNNING = 0
    response = client.post("/", posted())
    assert response.status_code == 429
    assert "BATCH_MAX_RUNNING" in text_of(response)


def test_counting_without_scripts_starts_nothing(client, instruments):
    response = client.post("/", posted(intent="count"))
    assert 'data-total="18"' in response.content.decode()
    assert not BatchSession.objects.exists()


def test_the_count_follows_what_is_typed_and_the_address_bar_gets_the_link(client, instruments):
    response = client.post("/count/", posted(), headers=HTMX)
    assert 'data-total="18"' in response.content.decode()
    link = response["HX-Replace-Url"]
    assert 'data-total="18"' in client.get(link).content.decode()


def test_the_count_carries_errors_to_their_fields(client, instruments):
    body = client.post("/count/", posted(**{"fast.values": "3, 0"}), headers=HTMX).content.decode()
    assert re.search(r'id="error-fast" hx-swap-oob="true">[^<]*0[^<]*</p>', body)
    assert re.search(r'id="error-slow" hx-swap-oob="true"></p>', body)


def test_a_post_from_another_site_is_refused_in_the_look_of_the_rest(instruments):
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/", posted())
    assert response.status_code == 403
    assert "This request was refused" in text_of(response)


# ---- one batch -------------------------------------------------------------------------------------------------------


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
    assert "There is no such page" in text_of(response)


def test_cancelling_without_scripts_leads_back_to_the_batch(client, halfway):
    response = client.post(url(halfway, "act", "cancel"))
    assert response.status_code == 302
    assert working.reread(halfway).status == "cancelled"
    again = client.get(response["Location"])
    assert field(again, "headline") == f"Cancelled after {halfway.current} of {halfway.total} tests"


def test_pause_and_resume(client, halfway):
    assert client.post(url(halfway, "act", "pause"), headers=HTMX).status_code == 204
    assert working.reread(halfway).status == "paused"
    assert client.post(url(halfway, "act", "resume"), headers=HTMX).status_code == 204
    assert working.reread(halfway).status == "running"


def test_retry_leads_to_the_new_batch(client, halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    response = client.post(url(halfway, "act", "retry"), headers=HTMX)
    retry = BatchSession.objects.get(retry_of=halfway)
    assert response["HX-Redirect"] == url(retry)


def test_a_refused_action_says_why_on_the_page(client, halfway):
    response = client.post(url(halfway, "act", "delete"), follow=True)
    assert "still active" in text_of(response)
    assert BatchSession.objects.filter(pk=halfway.pk).exists()


def test_deleting_leads_to_the_list(client, finished):
    response = client.post(url(finished, "act", "delete"))
    assert response["Location"] == reverse("batches:list")
    assert not BatchSession.objects.exists()


@pytest.mark.parametrize("action", ["explode", "complete"])
def test_other_actions_do_not_exist(client, finished, action):
    assert client.post(url(finished, "act", action)).status_code == 404


def test_actions_need_a_post(client, halfway):
    assert client.get(url(halfway, "act", "cancel")).status_code == 405
    assert working.reread(halfway).status == "running"


@pytest.mark.parametrize(
    ("asked", "x", "y", "cell"),
    [
        ("", "slow", "fast", "median"),
        ("map.x=fast&map.y=slow&map.aggregate=mean", "fast", "slow", "mean"),
        ("map.x=beauty&map.aggregate=", "slow", "fast", "median"),
    ],
)
def test_a_link_holds_what_the_heatmap_shows(client, finished, asked, x, y, cell):
    body = client.get(f"{url(finished)}?{asked}&sort=fast").content.decode()
    chosen = re.findall(r'<option(?: value="(\w+)")? selected>([^<]*)', body[body.index('id="heatmap"') :])
    assert [value or text for value, text in chosen] == [x, y, "sharpe", cell]


# ---- results ---------------------------------------------------------------------------------------------------------


def rows_of(response):
    """(symbol, index) of each row of results, in order."""
    body = response.content.decode()
    body = body[body.index('aria-labelledby="results-title"') : body.index('aria-label="Pages of results"')]
    return [(symbol, int(index)) for index, symbol in re.findall(r'/results/(\d+)/">(\w+)</a></th>', body)]


def wanted(session, **query):
    shown = page(session, ResultsQuery.parse(session, query))
    return [(row["symbol"], row["index"]) for row in shown.rows]


def test_results_come_best_first(client, finished):
    assert rows_of(client.get(url(finished))) == wanted(finished, sort="-sharpe")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("sort=fast", {"sort": "fast"}),
        ("sort=-maxDrawdown&symbol=BOLT", {"sort": "-maxDrawdown", "symbol": "BOLT"}),
        ("min.trades=3&sort=trades", {"sort": "trades", "min.trades": "3"}),
        ("by=slow&least=20&most=20", {"min.slow": "20", "max.slow": "20"}),
        ("by=exposure&most=40%25", {"max.exposure": "0.4"}),
        ("page=2&pageSize=10", {"page": "2", "pageSize": "10"}),
    ],
)
def test_sorting_filtering_and_paging_are_links(client, finished, asked, meant):
    assert rows_of(client.get(f"{url(finished)}?{asked}")) == wanted(finished, **meant)


def test_the_downloads_are_of_what_is_filtered_in_the_order_that_is_shown(client, finished):
    body = client.get(f"{url(finished)}?by=exposure&most=90%25&sort=-trades&page=2&pageSize=5").content.decode()
    links = re.findall(r'results\.(\w+)\?([^"]*)" download', body)
    assert [kind for kind, _ in links] == ["csv", "json", "parquet"]
    assert [dict(parse_qsl(html.unescape(query))) for _, query in links] == [
        {"max.exposure": "0.9", "sort": "-trades"}
    ] * 3


def test_a_best_value_at_the_edge_of_its_range_is_warned_of_in_words(client, start):
    ranges = {"gridInterval": [0.02, 0.05, 0.1], "maxLots": [4]}
    session = working.finish(working.submit(start(strategy="grid_dca", symbols=["ACME"], parameterRanges=ranges)))
    best = session.leaders[0]["parameters"]["gridInterval"]
    assert best in (0.02, 0.1)
    assert f"The best grid interval ({best:.0%}) is at the edge of its range" in text_of(client.get(url(session)))


def test_a_wrong_query_is_told_and_the_table_still_comes(client, finished):
    response = client.get(f"{url(finished)}?sort=beauty")
    assert "beauty" in text_of(response)
    assert rows_of(response) == wanted(finished)


def test_to_htmx_the_same_address_gives_the_results_alone(client, finished):
    response = client.get(url(finished), headers=HTMX)
    assert "<html" not in response.content.decode()
    assert rows_of(response) == wanted(finished)
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


# ---- one combination -------------------------------------------------------------------------------------------------


def test_a_combination_shows_its_metrics_as_they_were_recorded(client, finished):
    row = page(finished, ResultsQuery.parse(finished, {})).rows[0]
    response = client.get(url(finished, "combination", row["index"]))
    text = text_of(response)
    assert f"Sharpe ratio {row['sharpe']:.2f}" in text
    assert f"Trades {row['trades']}" in text
    assert response.context["chart"]["equity"].startswith("M")


def test_a_failed_combination_says_why(client, finished):
    failed = next(
        row for row in page(finished, ResultsQuery.parse(finished, {"pageSize": "100"})).rows if "error" in row
    )
    response = client.get(url(finished, "combination", failed["index"]))
    assert response.status_code == 422
    assert failed["error"] in text_of(response)
    assert f"{failed['symbol']}, Fast average {failed['parameters']['fast']}, Slow average 70" in text_of(response)
    assert "Run this again" in text_of(response)


def test_a_combination_outside_of_the_grid_is_a_page_not_found(client, finished):
    assert client.get(url(finished, "combination", finished.total)).status_code == 404


@pytest.mark.parametrize("scaled", [False, True])
def test_the_python_snippet_computes_the_same_numbers(client, start, scaled, tmp_path, monkeypatch):
    body = start(symbols=["ACME"])
    if scaled:
        ranges = {"gridInterval": [0.03, 0.05], "maxLots": [4]}
        body = {"strategy": "grid_dca", "symbols": ["ACME"], "parameterRanges": ranges, "fees": 0.001}
        body |= {"enableBetaScaling": True, "coefficients": [0.5, 1.5], "startDate": "2019-09-02"}
    session = working.finish(working.submit(body))
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
    session = working.submit(body)
    assert session.total == 1
    wanted_parameters = plan_of(finished).identity(4)["parameters"]
    assert session.request["parameterRanges"] == {name: [value] for name, value in wanted_parameters.items()}


def test_run_this_again_opens_the_form_with_this_combination_alone(client, start):
    body = start(enableBetaScaling=True, coefficients=[0.5, 1.5], wholeShares=True, startDate="2019-09-02")
    session = working.finish(working.submit(body))
    again = client.get(url(session, "combination", 12)).context["again"]
    form = client.get(again).context["sweep"]
    alone = parse_start(form.wire()).as_json()
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
    assert "Slow average is at the end of the range" in text
    assert "Fast average is" not in text


def test_what_is_undefined_says_why(client, start):
    session = working.finish(working.submit(start(symbols=["ACME"], startDate="2020-12-01")))
    index = next(row["index"] for row in page(session, ResultsQuery.parse(session, {})).rows if row["trades"] == 0)
    played = client.get(url(session, "combination", index)).context["played"]
    text = text_of(client.get(url(session, "combination", index)))
    assert played["undefined"]["winRate"]["sentence"] in text
    assert f"Longest drawdown {played['maxDrawdownDays']} days" in text


def test_a_strategy_that_buys_in_lots_is_compared_with_those_who_never_sell(client, start):
    ranges = {"gridInterval": [0.03], "maxLots": [4]}
    session = working.finish(working.submit(start(strategy="grid_dca", symbols=["ACME"], parameterRanges=ranges)))
    response = client.get(url(session, "combination", 0))
    held = response.context["played"]["buyAndHold"]
    assert [each["title"] for each in response.context["holders"]] == [
        "This combination", "Buy and hold", "Same purchases", "Equal instalments",
    ]  # fmt: skip
    for name in ("samePurchases", "equalInstalments"):
        assert held[name]["equity"][-1] == held[name]["metrics"]["finalEquity"]
    assert 'class="lots"' in response.content.decode()


def test_a_strategy_that_is_all_in_at_once_is_compared_with_one_holder_only(client, finished):
    response = client.get(url(finished, "combination", 4))
    assert set(response.context["played"]["buyAndHold"]) == {"metrics", "equity"}
    assert "never sell" not in response.content.decode()


def test_the_neighbours_are_one_step_away_and_carry_their_recorded_rows(client, finished):
    plan = plan_of(finished)
    index = next(i for i in range(finished.total) if plan.identity(i)["parameters"] == {"fast": 5, "slow": 20})
    found = client.get(url(finished, "combination", index)).context["neighbours"]
    assert [(each["axis"], each["row"]["parameters"]) for each in found] == [
        ("fast", {"fast": 3, "slow": 20}),
        ("fast", {"fast": 8, "slow": 20}),
        ("slow", {"fast": 5, "slow": 10}),
        ("slow", {"fast": 5, "slow": 70}),
    ]
    symbol = plan.identity(index)["symbol"]
    assert all(each["row"]["symbol"] == symbol and each["row"]["index"] == each["index"] for each in found)


def test_neighbours_that_are_not_finished_are_left_out(client, submitted):
    lifecycle.cancel(submitted.id, submitted.created_at)
    assert client.get(url(submitted, "combination", 0)).context["neighbours"] == []


def test_the_distribution_tells_what_explains_the_differences(client, finished):
    response = client.get(url(finished, "spread"), headers=HTMX)
    assert response.context["spread"]["count"] == finished.successful
    assert {label for label, _ in response.context["importance"]} == {"Symbol", "Fast average", "Slow average"}
    assert "<html" not in response.content.decode()
    assert "<html" in client.get(url(finished, "spread")).content.decode()


# ---- the list --------------------------------------------------------------------------------------------------------


def test_the_list_says_how_far_each_batch_is(client, halfway):
    text = text_of(client.get("/batches/"))
    assert f"{halfway.current} of {halfway.total}" in text
    assert "SMA cross" in text
    assert "ACME, BOLT, CORE" in text


def test_the_list_asks_again_only_while_a_batch_is_active(client, halfway):
    assert 'hx-trigger="every' in client.get("/batches/", headers=HTMX).content.decode()
    lifecycle.cancel(halfway.id, halfway.created_at)
    assert 'hx-trigger="every' not in client.get("/batches/", headers=HTMX).content.decode()


@pytest.mark.parametrize(
    ("status", "shown"), [("", True), ("active", True), ("complete", False), ("failed", False), ("nonsense", True)]
)
def test_the_list_shows_the_batches_of_one_kind(client, halfway, status, shown):
    body = client.get(f"/batches/?status={status}").content.decode()
    assert (str(halfway.id) in body) is shown


def test_an_empty_list_leads_to_the_form(client, db):
    assert "Start the first one" in text_of(client.get("/batches/"))


def test_no_page_holds_inline_script_or_style(client, finished):
    for address in ("/", "/batches/", url(finished), url(finished, "combination", 0), "/nowhere/"):
        body = client.get(address).content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", body), address
        for tag in re.findall(r"<script[^>]*>", body):
            assert "src=" in tag or 'type="application/json"' in tag, tag
