"""Symbols of other markets: each is stored, tested, filtered, opened and exported under its own name."""

import csv
import io
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.http import QueryDict
from django.urls import reverse

from batches.models import Instrument, InstrumentGroup
from batches.results.exports import csv_parts, parquet_parts
from batches.results.query import ResultsQuery
from batches.symbols import MAX_LENGTH, is_allowed, joined, listed, normalized
from batches.web.forms.sweep_form import SweepForm
from tests.support import jobs
from tests.support.price_files import read, store_prices

SYMBOLS = [
    "M&M", "L&TFH.NS", "FX/USDT:USDT", "NASDAQ:FAAPL", "FES1!", "FBRK B", "700 HK EQUITY", "贵州茅台", "ČEZ", "$FSPX",
    "@FES", "F" * 40, "#FNQ", "FA'B", "F+G", "NA", "NULL", "TRUE", "=1+1", "50%", 'A"B', "A,B;C", "<B>X", "A?B=C",
    "..X", "F" * MAX_LENGTH, "ÄÖÜ ß".upper(), "{{X}}", "A\\B", "/LEADING", "BETA", "한국 전력",
]  # fmt: skip


def file_of(symbols):
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["symbol", "date", "close"])
    for symbol in symbols:
        rows.writerows([symbol, f"2020-01-{day:02}", 10 + day % 5] for day in range(1, 29))
    return text.getvalue()


@pytest.fixture
def loaded(db):
    store_prices(read(file_of(SYMBOLS)))
    return SYMBOLS


@pytest.fixture
def batch(loaded, queued):
    body = {"strategy": "sma_cross", "symbols": SYMBOLS, "parameterRanges": {"fast": [2], "slow": [5, 6]}}
    return jobs.finish(jobs.submit(body))


def test_each_is_stored_under_its_own_name(client, loaded):
    assert set(Instrument.objects.values_list("symbol", flat=True)) == set(SYMBOLS)
    listing = client.get("/api/instruments").json()["instruments"]
    assert {instrument["symbol"] for instrument in listing} == set(SYMBOLS)


def test_each_has_a_page_whose_link_opens_the_form_with_it(client, loaded):
    for symbol in SYMBOLS:
        page = client.get(reverse("batches:instrument", args=[symbol]))
        assert page.status_code == 200
        assert page.context["instrument"].symbol == symbol
        (link,) = re.findall(r'<a class="button" href="(/\?[^"]*)">Test this symbol', page.content.decode())
        assert SweepForm(QueryDict(urlsplit(unescape(link)).query)).choice.symbols == [symbol]


def test_each_is_filtered_opened_and_exported(client, batch):
    for symbol in SYMBOLS:
        check_results_of(client, batch, symbol)


def check_results_of(client, batch, symbol):
    address = f"/api/backtest/batch/{batch.pk}"
    rows = client.get(f"{address}/results", {"symbol": symbol.lower()}).json()["results"]
    assert [row["symbol"] for row in rows] == [symbol] * 2
    assert client.get(f"{address}/results/{rows[0]['index']}").json()["symbol"] == symbol
    assert client.get(reverse("batches:combination", args=[batch.pk, rows[0]["index"]])).status_code == 200
    assert client.get(f"{address}/heatmap", {"symbol": symbol}).json()["symbol"] == symbol
    assert client.get(f"/batches/{batch.pk}/", {"symbol": symbol}).status_code == 200
    query = ResultsQuery.parse(batch, {"symbol": symbol}, sort="index")
    parquet = pq.read_table(pa.BufferReader(b"".join(parquet_parts(batch, query))))
    assert parquet["symbol"].to_pylist() == [symbol] * 2
    text = b"".join(csv_parts(batch, query)).decode()
    (exported,) = {row["symbol"] for row in csv.DictReader(io.StringIO(text))}
    assert exported == (f"'{symbol}" if symbol[0] in "=+-@" else symbol)  # a spreadsheet would run it


def test_a_link_chooses_all_of_them_and_pages_escape_them(client, batch):
    InstrumentGroup.objects.create(name="All").instruments.set(Instrument.objects.all())
    page = client.get(f"/batches/{batch.pk}/").content.decode()
    again = unescape(re.findall(r'href="(/\?[^"]*symbols[^"]*)"', page)[0])
    form = client.get(again)
    assert form.context["sweep"].choice.symbols == SYMBOLS
    for html in (page, form.content.decode(), client.get("/prices/").content.decode()):
        assert "<B>X" not in html
    values = re.findall(r'name="symbols" value="([^"]*)" checked', form.content.decode())
    posted = QueryDict(mutable=True)
    posted.setlist("symbols", [unescape(value) for value in values])
    assert set(SweepForm(posted).choice.symbols) == set(SYMBOLS)
    query = parse_qs(urlsplit(again).query)
    assert SweepForm(QueryDict(SweepForm(QueryDict(urlsplit(again).query)).query())).choice.symbols == SYMBOLS
    assert list(query) == list(parse_qs(SweepForm(QueryDict(urlsplit(again).query)).query()))


def test_pasted_names_with_blanks_are_symbols_if_they_are_stored(loaded):
    data = QueryDict(mutable=True)
    data.setlist("symbols", ['700 hk  equity, M&M  FES1!\n fbrk b;"A,B;C"'])
    assert SweepForm(data).choice.symbols == ["700 HK EQUITY", "M&M", "FES1!", "FBRK B", "A,B;C"]


@pytest.mark.parametrize("symbols", [SYMBOLS, ["A"], ['"', '""', ',"', "A B"], ["*A", "A*"]])
def test_a_list_of_symbols_reads_back(symbols):
    assert [name for name, _ in listed(joined(symbols))] == symbols


@pytest.mark.parametrize("name", ["", "*", ".", "..", "A/../B", "A\0", "\u202eA", "A\nB", "F" * 65, "\ud800"])
def test_names_without_an_address_or_a_print_are_not_allowed(name):
    assert not is_allowed(name)


def test_names_are_normalized_to_one_spelling():
    assert normalized(" brk\u00a0 b\t") == "BRK B"
    assert normalized("c\u030cez") == normalized("ČEZ") == "ČEZ"
