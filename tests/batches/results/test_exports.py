"""Exports hold every test that passes the filters, with its parameters, and nothing that a spreadsheet would run."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from batches.models import ChunkStatus
from batches.results import exports
from batches.results.exports import csv_parts, harmless, json_parts, parquet_parts
from batches.results.query import ResultsQuery, page
from batches.running.recording import record_lost_chunk
from batches.sweep.wire_names import JUDGED
from tests.support import jobs, market

COLUMNS = ["index", "symbol", "fast", "slow", "beta", "coefficient", *jobs.METRIC_COLUMNS, *JUDGED, "error"]


def asked(session, **given):
    return ResultsQuery.parse(session, given, sort="index")


def csv_text(session, **given):
    return b"".join(csv_parts(session, asked(session, **given))).decode()


def read_csv(session, **given):
    return pd.read_csv(io.StringIO(csv_text(session, **given)))


def read_parquet(session, **given):
    return pq.read_table(pa.BufferReader(b"".join(parquet_parts(session, asked(session, **given)))))


def read_json(session, **given):
    return json.loads(b"".join(json_parts(session, asked(session, **given))))


@pytest.mark.parametrize("read", [read_csv, lambda session: read_parquet(session).to_pandas()], ids=["csv", "parquet"])
def test_every_test_is_there_with_the_values_of_the_engine_to_the_bit(finished, read):
    table, expected = read(finished), jobs.frame(finished)
    assert list(table.columns) == COLUMNS
    assert table["index"].tolist() == list(range(27))
    assert (
        table[["symbol", "fast", "slow"]].to_numpy().tolist()
        == expected[["symbol", "fast", "slow"]].to_numpy().tolist()
    )
    for metric in jobs.METRIC_COLUMNS:
        np.testing.assert_array_equal(table[metric].to_numpy(float), expected[metric].to_numpy(float))
    assert table["error"].fillna("").tolist() == expected["error"].fillna("").tolist()
    assert table["error"].notna().sum() == 3


def test_a_scaled_batch_says_beta_and_coefficient(start):
    session = jobs.finish(jobs.submit(start(enableBetaScaling=True, coefficients=[1, 0.5])))
    expected = jobs.frame(session)
    for table in (read_csv(session), read_parquet(session).to_pandas()):
        np.testing.assert_array_equal(table["beta"], expected["beta"])
        np.testing.assert_array_equal(table["coefficient"], expected["coefficient"])


def test_csv_is_in_machine_format(finished):
    text = csv_text(finished)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 27
    failed = next(row for row in rows if row["error"])
    assert failed["sharpe"] == failed["trades"] == failed["beta"] == ""
    assert rows[0]["trades"].isdigit()
    assert "nan" not in text.lower()
    assert "None" not in text


@pytest.mark.parametrize("text", ["Two, with a comma.", 'A "quoted" word.', "Two\nlines."])
def test_texts_are_quoted_where_they_need_it_and_only_there(submitted, text):
    chunk = jobs.claim(submitted.pk)
    record_lost_chunk(chunk, text, timezone.now())
    assert next(csv.DictReader(io.StringIO(csv_text(submitted))))["error"] == text
    assert '"' not in csv_text(jobs.finish(submitted), symbol="BOLT")


def test_parquet_has_the_same_types_from_the_first_row_to_the_last(finished, submitted):
    types = {field.name: field.type for field in read_parquet(finished).schema}
    assert types["index"] == types["fast"] == types["trades"] == pa.int64()
    assert types["symbol"] == types["error"] == pa.string()
    assert types["sharpe"] == types["beta"] == types["coefficient"] == pa.float64()


def test_a_batch_without_results_has_the_columns_all_the_same(submitted, start):
    assert list(read_csv(submitted).columns) == COLUMNS
    empty = read_parquet(submitted)
    assert empty.column_names == COLUMNS
    assert empty.num_rows == 0
    assert empty.schema == read_parquet(jobs.finish(jobs.submit(start()))).schema


def test_what_is_finished_of_a_running_batch_is_there(halfway):
    expected = [
        index
        for chunk in halfway.chunks.filter(status=ChunkStatus.DONE).order_by("start")
        for index in range(chunk.start, chunk.stop)
    ]
    assert read_csv(halfway)["index"].tolist() == expected
    assert read_parquet(halfway)["index"].to_pylist() == expected


def test_tests_that_no_worker_survived_are_there_with_the_reason(submitted):
    chunk = jobs.claim(submitted.pk)
    record_lost_chunk(chunk, "=No worker survived.", timezone.now())
    session = jobs.finish(submitted)
    table = read_csv(session)
    assert len(table) == 27
    assert set(table["error"][chunk.start : chunk.stop]) == {"'=No worker survived."}
    assert read_parquet(session)["error"].to_pylist()[chunk.start] == "=No worker survived."


@pytest.mark.parametrize("sort", ["index", "-sharpe"])
def test_the_number_of_rows_in_a_part_changes_nothing(finished, monkeypatch, sort):
    whole = [read(finished, sort=sort) for read in (csv_text, read_json, read_parquet)]
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 1)
    assert csv_text(finished, sort=sort) == whole[0]
    assert read_json(finished, sort=sort) == whole[1]
    assert read_parquet(finished, sort=sort).equals(whole[2])
    assert len(list(exports.tables(finished, asked(finished, sort=sort)))) == 27


FILTERS = [
    {},
    {"sort": "-sharpe"},
    {"sort": "maxDrawdown", "symbol": "BOLT"},
    {"symbol": "bolt", "min.fast": "5", "max.slow": "20"},
    {"sort": "-index", "min.sharpe": "-1e9"},
    {"min.trades": "1000000"},
]


@pytest.mark.parametrize("given", FILTERS, ids=lambda given: "&".join(f"{k}={v}" for k, v in given.items()) or "all")
def test_an_export_holds_what_the_table_shows_on_all_of_its_pages_in_its_order(finished, given):
    rows = page(finished, ResultsQuery.parse(finished, {"sort": "index", "pageSize": "1000"} | given)).rows
    assert read_json(finished, **given)["results"] == rows
    indices = [row["index"] for row in rows]
    assert read_csv(finished, **given)["index"].tolist() == indices
    assert read_parquet(finished, **given)["index"].to_pylist() == indices


def test_json_is_null_where_nothing_is_defined_and_names_its_batch(finished, submitted):
    failed = next(row for row in read_json(finished)["results"] if "error" in row)
    assert failed["sharpe"] is None
    assert failed["parameters"] == {"fast": 3, "slow": 70}
    empty = {"success": True, "sessionId": str(submitted.id), "verdict": None, "results": []}
    assert read_json(submitted) == empty


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_made_harmless(text):
    assert harmless(pa.array([text])).to_pylist() == [f"'{text}"]


def test_other_texts_stay_as_they_are():
    texts = [None, "", "slow of 70 bars needs at least 72 bars; CORE has 60.", "a=1", "a\n=1"]
    assert harmless(pa.array(texts, pa.string())).to_pylist() == texts


def test_a_symbol_that_looks_like_a_formula_is_made_harmless_too(start, monkeypatch):
    monkeypatch.setitem(market.BARS, "-ACME", 400)
    market.store("-ACME")
    session = jobs.finish(jobs.submit(start(symbols=["-ACME"])))
    assert set(read_csv(session)["symbol"]) == {"'-ACME"}
    assert set(read_parquet(session)["symbol"].to_pylist()) == {"-ACME"}
