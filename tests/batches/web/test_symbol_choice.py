"""The form with thousands of instruments: selection, search, and the link."""

import re

import pytest
from django.http import QueryDict
from django.urls import reverse

from batches.models import BatchSession, Instrument, InstrumentGroup
from batches.web.forms import symbol_choice
from batches.web.forms.sweep_form import SweepForm
from batches.web.forms.symbol_search import MAX_MATCHES, search_symbols
from tests.support import jobs
from tests.support.page_reader import HTMX, error_at, posted, text_of, url

EXCHANGE = 4_000


@pytest.fixture
def exchange(instruments):
    """Thousands of instruments, in two sectors."""
    series = instruments["ACME"].series
    rows = Instrument.objects.bulk_create(
        Instrument(symbol=f"X{number:04}", name=f"Number {number} Works", series=series) for number in range(EXCHANGE)
    )
    InstrumentGroup.objects.create(name="Even").instruments.set(rows[::2])
    InstrumentGroup.objects.create(name="Banks").instruments.set(rows[:3])
    return rows


def opened(query):
    return SweepForm(QueryDict(query))


def chosen(response):
    """Return the values of the checked symbols and groups."""
    return re.findall(r'name="(?:symbols|group)" value="([^"]*)" checked', response.content.decode())


# ---- few -------------------------------------------------------------------------------------------------------------


def test_a_link_may_choose_all_and_groups_also_with_few_instruments(client, instruments):
    InstrumentGroup.objects.create(name="Makers").instruments.add(instruments["CORE"], instruments["ACME"])
    assert chosen(client.get("/?group=Makers")) == ["ACME", "CORE"]
    assert chosen(client.get("/?symbols=*")) == ["ACME", "BOLT", "CORE"]


def defaults(client):
    return client.get("/").context["sweep"].choice.symbols


def test_an_import_does_not_change_the_symbols_that_the_form_opens_with(client, instruments, queued):
    body = {"strategy": "sma_cross", "symbols": ["BOLT", "CORE"], "parameterRanges": {"fast": [2], "slow": [5]}}
    jobs.submit(body)
    Instrument.objects.create(symbol="AAA", series=instruments["ACME"].series)
    assert defaults(client) == ["BOLT", "CORE"]  # what was tested last
    sample = InstrumentGroup.objects.create(name="Sample")
    sample.instruments.set([instruments["ACME"], instruments["CORE"], instruments["SP500"]])
    assert defaults(client) == ["ACME", "CORE"]  # the sample before it, without the index
    sample.delete()
    Instrument.objects.filter(symbol="BOLT").delete()
    assert defaults(client) == ["CORE"]
    BatchSession.objects.all().delete()
    assert defaults(client) == ["AAA", "ACME", "CORE"]


# ---- many ------------------------------------------------------------------------------------------------------------


def test_only_the_chosen_ones_are_chips(client, exchange):
    response = client.get("/")
    assert chosen(response) == ["ACME", "BOLT", "CORE", *(f"X{number:04}" for number in range(17))]
    assert len(response.content) < 60_000


def test_the_number_of_queries_does_not_grow_with_the_instruments(client, exchange, django_assert_max_num_queries):
    with django_assert_max_num_queries(16):
        client.get("/?symbols=*&group=Banks&find=works")


def test_all_and_groups_choose_their_symbols(client, exchange):
    everything = opened("symbols=*")
    assert len(everything.request.symbols) == EXCHANGE + 3
    assert "SP500" not in everything.request.symbols
    both = opened("symbols=ACME&group=Banks")
    assert both.request.symbols == ("ACME", "X0000", "X0001", "X0002")
    assert chosen(client.get("/?symbols=ACME&group=Banks")) == ["Banks", "ACME"]


@pytest.mark.parametrize("query", ["symbols=*", "group=Even", "symbols=ACME&group=Banks&group=Even", "symbols="])
def test_the_link_of_all_and_groups_is_short(exchange, query):
    link = opened(query).query()
    assert query in link
    assert len(link) < 300
    assert opened(link).choice.symbols == opened(query).choice.symbols


def test_symbols_that_do_not_fit_the_link_are_left_out_with_a_note(client, exchange):
    names = ",".join(instrument.symbol for instrument in exchange[:1_000])
    response = client.post("/count/", posted(symbols=[names]), headers=HTMX)
    assert "symbols=&" in response["HX-Replace-Url"]
    assert "1,000 symbols are too many for a link" in text_of(response)
    assert 'data-total="9000"' in response.content.decode()


def test_the_chips_beyond_two_hundred_are_one(client, exchange):
    names = [instrument.symbol for instrument in exchange[:1_000]]
    values = chosen(client.post("/", posted(symbols=[",".join(names)], intent="count")))
    assert values[:-1] == names[: symbol_choice.MAX_CHIPS]
    assert values[-1].split(",") == names[symbol_choice.MAX_CHIPS :]


def test_typed_symbols_are_separated_by_commas_spaces_and_lines(exchange):
    data = QueryDict(mutable=True)
    data.setlist("symbols", ["ACME", " x0001,x0002\r\nX0003 ;ACME\t"])
    assert SweepForm(data).choice.symbols == ["ACME", "X0001", "X0002", "X0003"]


def test_unknown_symbols_and_groups_are_refused_with_a_suggestion(client, exchange):
    assert "Did you mean ACME?" in error_at(client.post("/", posted(symbols=["ACME, ACMEE"])), "symbols")
    assert "Did you mean Banks?" in error_at(client.post("/", posted(group=["Bank"])), "symbols")
    assert opened("group=Bank").request is None
    assert "Did you mean Banks?" in opened("group=Bank").errors["symbols"][0]
    assert not BatchSession.objects.exists()


def test_more_symbols_than_the_limit_are_refused(client, exchange, settings):
    settings.BATCH_MAX_SYMBOLS = 3_000
    assert "at most 3,000 symbols (BATCH_MAX_SYMBOLS)" in error_at(client.post("/", posted(symbols=["*"])), "symbols")


# ---- the search ------------------------------------------------------------------------------------------------------


def matching_symbols(text):
    return [chip.symbol for chip in search_symbols(text).chips]


def test_a_search_finds_symbols_names_and_groups_best_first(exchange, instruments):
    Instrument.objects.create(symbol="ORE", name="Number 1", series=instruments["ACME"].series)
    assert matching_symbols("ore") == ["ORE", "CORE"]
    assert matching_symbols("acme ltd") == ["ACME"]
    assert matching_symbols("number bank") == ["X0000", "X0001", "X0002"]
    assert search_symbols("ore", chosen=["ORE"]).chips[0].symbol == "CORE"
    assert matching_symbols("100%_") == []
    assert matching_symbols(" \0 ") == []


def test_a_search_shows_the_first_matches_and_their_number(client, exchange):
    response = client.get(reverse("batches:symbols"), {"find": "works"}, headers=HTMX)
    assert response.content.decode().count('name="symbols"') == MAX_MATCHES
    assert "The best of 4,000 matches" in text_of(response)
    nothing = client.get(reverse("batches:symbols"), {"find": "<b>"}, headers=HTMX)
    assert "No instrument has “<b>”" in text_of(nothing)


def test_without_scripts_a_search_keeps_what_is_in_the_form(client, exchange):
    response = client.post("/", posted(symbols=["ACME"], find="number 3210", intent="find"))
    assert chosen(response) == ["ACME"]
    assert 'value="X3210"' in response.content.decode()
    assert 'data-total="9"' in response.content.decode()


# ---- the same sweep again --------------------------------------------------------------------------------------------


def test_a_link_to_a_batch_replaces_symbols_that_do_not_fit(client, exchange, queued):
    names = [instrument.symbol for instrument in exchange[:1_000]]
    session = jobs.submit({"strategy": "sma_cross", "symbols": names, "parameterRanges": {"fast": [3], "slow": [10]}})
    [link] = re.findall(r'href="(/\?[^"]*symbolsOf[^"]*)"', client.get(url(session)).content.decode())
    assert len(link) < 500
    assert 'data-total="1000"' in client.get(link.replace("&amp;", "&")).content.decode()
