"""The sentence of a verdict in the list of batches, on its page, and in what is downloaded."""

import json
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backtester.client.files import read_parquet
from batches.results.exports import json_parts, parquet_parts
from batches.results.query import ResultsQuery
from tests.batches.verdict.conftest import judge, store_prices, walk
from tests.support import jobs
from tests.support.page_reader import HTMX, text_of

pytestmark = pytest.mark.usefixtures("queued", "published")


@pytest.fixture
def ended(sweep):
    store_prices("WALK", walk(11))
    return sweep(["WALK"])


@pytest.fixture
def judged(ended):
    judge(ended)
    return jobs.reread(ended)


def read(session, parts):
    return b"".join(parts(session, ResultsQuery.parse(session, {}, sort="index")))


def test_the_list_has_the_sentence_once_it_is_ready(client, ended):
    entry = client.get("/api/batches").json()["batches"][0]
    assert entry["verdict"] is None
    assert 'hx-trigger="every' in client.get("/batches/", headers=HTMX).content.decode(), "the sentence is to come"
    verdict = judge(ended)
    entry = client.get("/api/batches").json()["batches"][0]
    assert entry["verdict"] == {"state": verdict["state"], "sentence": verdict["sentence"]}
    page = client.get("/batches/", headers=HTMX)
    assert verdict["sentence"] in text_of(page)
    assert 'hx-trigger="every' not in page.content.decode()


def test_the_list_reads_all_sentences_together(client, judged, sweep, django_assert_num_queries):
    with CaptureQueriesContext(connection) as of_one:
        client.get("/batches/", headers=HTMX)
    judge(sweep(["WALK"], fees=0.001))
    with django_assert_num_queries(len(of_one)):
        client.get("/batches/", headers=HTMX)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_download_has_the_sentence_in_a_header(client, judged, kind):
    short = {"state": judged.verdict.state, "sentence": judged.verdict.sentence}
    headers = client.get(f"/api/backtest/batch/{judged.id}/results.{kind}").headers
    state, _, sentence = headers["X-Verdict"].partition("; sentence*=UTF-8''")
    assert {"state": state, "sentence": unquote(sentence)} == short


def test_files_have_the_sentence_in_their_metadata(judged):
    short = {"state": judged.verdict.state, "sentence": judged.verdict.sentence}
    assert json.loads(read(judged, json_parts))["verdict"] == short
    table = read_parquet(read(judged, parquet_parts))
    assert table.attrs == {"sessionId": str(judged.id), "verdict": short}


def test_a_file_without_a_verdict_says_so(client, ended):
    assert "X-Verdict" not in client.get(f"/api/backtest/batch/{ended.id}/results.csv").headers
    assert json.loads(read(ended, json_parts))["verdict"] is None
    assert read_parquet(read(ended, parquet_parts)).attrs["verdict"] is None
