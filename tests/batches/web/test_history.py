"""The list of batches as someone uses it after a year: search, notes, two side by side, throwing away."""

import html
import re

import numpy as np
import pytest
from django.urls import reverse

from batches.models import BatchSession, Preset
from batches.running import lifecycle, retrying
from batches.search import matching, newest_matching
from batches.web.charts.overlay import overlay
from batches.web.forms import presets
from tests.support import jobs
from tests.support.page_reader import HTMX, text_of, url


@pytest.fixture(autouse=True)
def _quiet(queued, published):
    """Nothing is queued or announced: these tests look at pages."""


@pytest.fixture
def two(start):
    first = jobs.finish(jobs.submit(start(symbols=["ACME", "BOLT"])))
    second = jobs.finish(jobs.submit(start(fees=0.01, symbols=["BOLT", "CORE"])))
    return first, second


def search(text):
    return set(matching(BatchSession.objects.all(), text))


def test_a_batch_is_found_by_strategy_symbol_note_and_id(client, two):
    first, second = two
    client.post(url(first, "notes"), {"notes": "Looks like\r\nluck"})
    assert search("sma cross") == {first, second}
    assert search("acme") == {first}
    assert search("core bolt") == {second}
    assert search("LUCK") == {first}
    assert search(str(second.id)[:8]) == {second}
    assert search("acme core") == set()
    assert search("100%_") == set()
    assert search("  ") == {first, second}


def test_a_retry_is_found_as_well(halfway):
    lifecycle.cancel(halfway.id, halfway.created_at)
    again = retrying.retry(jobs.reread(halfway), now=halfway.created_at)
    assert again in search(again.request["symbols"][0])


def test_the_list_shows_what_the_search_found_and_its_tabs_keep_the_search(client, two):
    response = client.get(reverse("batches:list"), {"search": "core", "status": "complete"})
    body = response.content.decode()
    assert str(two[1].id) in body
    assert str(two[0].id) not in body
    assert re.search(r'href="\?search=core&amp;status=active"|href="\?status=active&amp;search=core"', body)
    assert "No failed batches match “core”" in text_of(
        client.get(reverse("batches:list"), {"search": "core", "status": "failed"})
    )


def test_a_search_lists_the_newest_in_order_and_says_when_there_are_more(client, two, monkeypatch):
    words = text_of(client.get(reverse("batches:list"), {"search": "bolt"}))
    assert "1–2 of 2" in words
    assert newest_matching(BatchSession.objects.all(), "bolt") == [two[1].id, two[0].id]
    monkeypatch.setattr("batches.search.MAX_RESULTS", 1)
    monkeypatch.setattr("batches.history.MAX_RESULTS", 1)
    response = client.get(reverse("batches:list"), {"search": "bolt"})
    assert "1–1 of the newest 1 matches" in text_of(response)
    assert str(two[1].id) in response.content.decode()
    assert str(two[0].id) not in response.content.decode()


@pytest.mark.parametrize("query", ["", "page=2", "status=complete", "search=acme", "search=acme&status=complete"])
def test_the_list_asks_a_few_times_and_leaves_the_wide_columns_alone(
    client, finished, query, django_assert_num_queries
):
    address = f"{reverse('batches:list')}?{query}"
    with django_assert_num_queries(6) as queries:  # count, page, its tags, its verdicts; all tags, saved filters
        client.get(address)
    assert not any('"results"' in query["sql"] for query in queries)
    with django_assert_num_queries(4):
        client.get(address, headers=HTMX)


def test_a_note_is_kept_shown_and_taken_away(client, two):
    session = two[0]
    client.post(url(session, "notes"), {"notes": " Try wider stops "})
    assert jobs.reread(session).notes == "Try wider stops"
    assert "Try wider stops" in text_of(client.get(reverse("batches:list")))
    client.post(url(session, "notes"), {"notes": ""})
    assert jobs.reread(session).notes == ""
    assert search("wider") == set()


def test_a_note_that_is_too_long_is_refused_in_words(client, two):
    response = client.post(url(two[0], "notes"), {"notes": "x" * 2_001}, follow=True)
    assert "notes must be at most 2,000 characters, got 2,001." in text_of(response)
    assert jobs.reread(two[0]).notes == ""


def test_a_note_changes_nothing_that_a_watcher_sees(client, two):
    client.post(url(two[0], "notes"), {"notes": "quiet"})
    assert jobs.reread(two[0]).sequence == two[0].sequence


def test_two_batches_side_by_side(client, two):
    first, second = two
    response = client.get(reverse("batches:compare"), {"batch": [str(first.id), str(second.id)]})
    words = text_of(response)
    assert "Fees, slippage" in words
    assert "Ranked by" not in words  # it is the same
    lines = {line.label: line for line in response.context["by_symbol"]}
    assert set(lines) == {"ACME", "BOLT", "CORE"}
    assert lines["BOLT"].ahead == 0  # lower fees
    assert lines["ACME"].texts[1] == "–"
    averages = {line.label: line.texts for line in response.context["averages"]}
    mean = jobs.frame(first)["annualizedReturn"].mean()
    assert averages["Annual return"][0] == f"−{-mean * 100:.1f}%"


def test_the_symbols_that_batches_share_are_counted(client, two, start):
    dear = jobs.finish(jobs.submit(start(symbols=["ACME", "BOLT", "CORE"], fees=0.02)))
    response = client.get(reverse("batches:compare"), {"batch": [str(two[0].id), str(dear.id)]})
    assert "Of the 2 symbols that they share, the best test is A’s on 2, B’s on 0." in response.context["sentences"]


def test_a_batch_with_itself_has_nothing_different(client, two, start):
    again = jobs.finish(jobs.submit(start(symbols=["ACME", "BOLT"])))
    response = client.get(reverse("batches:compare"), {"batch": [str(two[0].id), str(again.id)]})
    assert "All of them have the same settings" in text_of(response)
    assert all(line.ahead is None for line in response.context["best"])


def test_three_batches_are_summed_up_and_their_best_tests_are_drawn(client, two, start):
    third = jobs.finish(jobs.submit(start(symbols=["BOLT"], parameterRanges={"fast": [3], "slow": [10]}, fees=0.02)))
    response = client.get(reverse("batches:compare"), {"batch": [str(batch.id) for batch in (*two, third)]})
    sentences, drawn = response.context["sentences"], response.context["overlay"]
    bests = [batch.results["summary"]["overallBest"][two[0].sort_by] for batch in (*two, third)]
    winner = "ABC"[bests.index(max(bests))]
    assert sentences[0].startswith(f"{winner} has the best ")
    counts = " against ".join(f"{batch.current} ({letter})" for letter, batch in zip("ABC", (*two, third), strict=True))
    assert f"The best of more tests is better by luck alone: {counts}. The medians are not affected." in sentences
    assert len(drawn.lane.paths) == len(drawn.ends) == 3
    body = response.content.decode()
    assert all(f'class="key k{number}"' in body for number in (1, 2, 3))
    assert [batch["letter"] for batch in response.context["batches"]] == ["A", "B", "C"]


def test_seven_batches_are_refused_in_words(client, two, start):
    ids = [str(jobs.submit(start(symbols=["ACME"])).id) for _ in range(7)]
    response = client.get(reverse("batches:compare"), {"batch": ids}, follow=True)
    assert "Select two to six batches to compare, got 7." in text_of(response)


def test_curves_begin_with_one_on_the_dates_that_all_have():
    days = np.datetime64("2020-01-01") + np.arange(10)
    drawn = overlay([(days, np.arange(100.0, 110.0)), (days[3:8], np.full(5, 50.0))])
    assert (drawn.first, drawn.last) == ("2020-01-04", "2020-01-08")
    assert drawn.ends == pytest.approx([107 / 103, 1.0])
    assert overlay([(days, np.ones(10)), (days + 400, np.ones(10))]) is None
    assert overlay([(days, np.zeros(10)), (days, np.zeros(10))]) is None


def test_a_batch_without_results_can_be_compared(client, two, start):
    waiting = jobs.submit(start())
    assert client.get(reverse("batches:compare"), {"batch": [str(waiting.id), str(two[0].id)]}).status_code == 200


@pytest.mark.parametrize("ids", [[], ["nonsense"], ["00000000-0000-4000-8000-000000000000", "x"]])
def test_fewer_than_two_batches_are_refused_in_words(client, db, ids):
    assert "Select two to six batches" in text_of(client.get(reverse("batches:compare"), {"batch": ids}, follow=True))


def test_several_are_deleted_after_a_question_and_those_at_work_are_left(client, two, start):
    at_work = jobs.submit(start())
    chosen = {"batch": [str(two[0].id), str(at_work.id)]}
    assert "Delete 2 batches?" in text_of(client.get(reverse("batches:delete"), chosen))
    assert BatchSession.objects.count() == 3
    words = text_of(client.post(reverse("batches:delete"), chosen, follow=True))
    assert "1 batch deleted." in words
    assert "still active" in words
    assert set(BatchSession.objects.all()) == {two[1], at_work}


# ---- presets ---------------------------------------------------------------------------------------------------------


def test_a_preset_keeps_the_form_as_its_link(client, instruments):
    client.post(reverse("batches:presets"), {"name": "  Two   fast ", "query": "symbols=ACME&fast=3,5&slow=20"})
    preset = Preset.objects.get()
    assert preset.name == "Two fast"
    assert "symbols=ACME&fast=3,5&slow=20" in preset.query
    assert "Two fast" in text_of(client.get("/"))
    client.post(reverse("batches:presets"), {"name": "Two fast", "query": "symbols=BOLT"})
    assert "symbols=BOLT" in Preset.objects.get().query
    client.post(reverse("batches:delete_preset", args=[preset.pk]))
    assert not Preset.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\0b"])
def test_a_preset_without_a_proper_name_is_refused(client, instruments, name):
    words = text_of(client.post(reverse("batches:presets"), {"name": name, "query": ""}, follow=True))
    assert "1 to 60 characters" in words
    assert not Preset.objects.exists()


def test_presets_are_limited(client, instruments, monkeypatch):
    monkeypatch.setattr(presets, "MAX_PRESETS", 3)
    Preset.objects.bulk_create(Preset(name=f"p{i}", query="") for i in range(3))
    words = text_of(client.post(reverse("batches:presets"), {"name": "one more", "query": ""}, follow=True))
    assert "3 presets already" in words


# ---- saved filters ---------------------------------------------------------------------------------------------------


def captured(pattern, page):
    match = re.search(pattern, page.content.decode())
    assert match
    return html.unescape(match[1])


def save_filter(client, name, query, **headers):
    return client.post(reverse("batches:save_filter"), {"name": name, **query}, **headers)


def test_a_filter_is_saved_opened_and_deleted_without_scripts(client, two):
    page = client.get(reverse("batches:list"), {"search": "core", "status": "complete", "sort": "-total", "tag": ""})
    query = captured(r'name="query" value="([^"]*)"', page)
    assert query == "search=core&status=complete&sort=-total"
    saved = save_filter(client, " Core   done ", {"query": query})
    assert saved["Location"] == f"{reverse('batches:list')}?{query}"
    page = client.get(reverse("batches:list"))
    assert "Saved the filter “Core done”." in text_of(page)
    body = client.get(captured(r'href="([^"]*)">Core done<', page)).content.decode()
    assert str(two[1].id) in body
    assert str(two[0].id) not in body
    save_filter(client, "Core done", {"query": "search=bolt"})
    assert Preset.objects.get().query == "search=bolt"
    client.post(reverse("batches:delete_filter", args=[Preset.objects.get().pk]))
    assert not Preset.objects.exists()


def test_with_scripts_the_form_has_the_newest_filters(client, db):
    sent = {"query": "search=old", "search": "new", "tag": "", "from": "2026-11-01", "sort": "-createdAt", "page": "3"}
    assert save_filter(client, "New", sent, headers=HTMX)["HX-Redirect"] == "/batches/?search=new&from=2026-11-01"
    assert Preset.objects.get().query == "search=new&from=2026-11-01"


@pytest.mark.parametrize(
    ("name", "query", "reason"),
    [
        ("", "search=core", "The name of a filter must have 1 to 60 characters."),
        ("All", "", "Nothing is filtered"),
        ("All", "sort=-createdAt&page=2", "Nothing is filtered"),
        ("Odd", "status=odd", "status must be one of"),
    ],
)
def test_a_filter_that_cannot_be_saved_is_refused_with_the_reason(client, db, name, query, reason):
    save_filter(client, name, {"query": query})
    assert reason in text_of(client.get(reverse("batches:list")))
    assert not Preset.objects.exists()


def test_a_saved_filter_belongs_to_its_user_and_to_its_page(client, db, settings, django_user_model):
    save_filter(client, "Of the installation", {"query": "search=core"})
    assert "Of the installation" in text_of(client.get(reverse("batches:list")))
    ada, bob = (django_user_model.objects.create_user(name) for name in ("ada", "bob"))
    settings.ACCESS_MODE = "team"
    client.force_login(ada)
    save_filter(client, "Of Ada", {"query": "search=core"})
    texts = {}
    for user in (ada, bob):
        client.force_login(user)
        texts[user] = text_of(client.get(reverse("batches:list")))
    assert "Of Ada" in texts[ada]
    assert "Of Ada" not in texts[bob]
    assert "Of the installation" not in texts[ada]
    kept = Preset.objects.get(name="Of Ada")
    assert client.post(reverse("batches:delete_filter", args=[kept.pk])).status_code == 404
    client.force_login(ada)
    assert client.post(reverse("batches:delete_preset", args=[kept.pk])).status_code == 404
    assert not presets.presets_of(ada).exists()
