"""CSV and Parquet hold every test with its parameters, and nothing that a spreadsheet would run."""

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from batches import exports
from batches.exports import csv_lines, harmless, parquet_parts
from batches.models import ChunkStatus
from batches.recording import record_poison

from . import working

COLUMNS = ["index", "symbol", "fast", "slow", "beta", "coefficient", *working.METRIC_COLUMNS, "error"]


def read_csv(session):
    return pd.read_csv(io.StringIO("".join(csv_lines(session))))


def read_parquet(session):
    return pq.read_table(io.BytesIO(b"".join(parquet_parts(session))))


@pytest.mark.parametrize("read", [read_csv, lambda session: read_parquet(session).to_pandas()], ids=["csv", "parquet"])
def test_every_test_is_there_with_the_values_of_the_engine_to_the_bit(finished, read):
    table, expected = read(finished), working.frame(finished)
    assert list(table.columns) == COLUMNS
    assert table["index"].tolist() == list(range(27))
    assert (
        table[["symbol", "fast", "slow"]].to_numpy().tolist()
        == expected[["symbol", "fast", "slow"]].to_numpy().tolist()
    )
    for metric in working.METRIC_COLUMNS:
        np.testing.assert_array_equal(table[metric].to_numpy(float), expected[metric].to_numpy(float))
    assert table["error"].fillna("").tolist() == expected["error"].fillna("").tolist()
    assert table["error"].notna().sum() == 3


def test_a_scaled_batch_says_beta_and_coefficient(start):
    session = working.finish(working.submit(start(enableBetaScaling=True, coefficients=[1, 0.5])))
    expected = working.frame(session)
    for table in (read_csv(session), read_parquet(session).to_pandas()):
        np.testing.assert_array_equal(table["beta"], expected["beta"])
        np.testing.assert_array_equal(table["coefficient"], expected["coefficient"])


def test_csv_is_in_machine_format(finished):
    text = "".join(csv_lines(finished))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 27
    failed = next(row for row in rows if row["error"])
    assert failed["sharpe"] == failed["trades"] == failed["beta"] == ""
    assert rows[0]["trades"].isdigit()
    assert "nan" not in text.lower()
    assert "None" not in text


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
    assert empty.schema == read_parquet(working.finish(working.submit(start()))).schema


def test_what_is_finished_of_a_running_batch_is_there(halfway):
    expected = [
        index
        for chunk in halfway.chunks.filter(status=ChunkStatus.DONE).order_by("start")
        for index in range(chunk.start, chunk.stop)
    ]
    assert read_csv(halfway)["index"].tolist() == expected
    assert read_parquet(halfway)["index"].to_pylist() == expected


def test_tests_that_no_worker_survived_are_there_with_the_reason(submitted):
    chunk = working.claim(submitted.pk)
    record_poison(chunk, "=No worker survived.", timezone.now())
    session = working.finish(submitted)
    table = read_csv(session)
    assert len(table) == 27
    assert set(table["error"][chunk.start : chunk.stop]) == {"'=No worker survived."}
    assert read_parquet(session)["error"].to_pylist()[chunk.start] == "=No worker survived."


def test_large_chunks_are_written_in_parts(finished, monkeypatch):
    whole_csv, whole_parquet = "".join(csv_lines(finished)), read_parquet(finished)
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 1)
    assert "".join(csv_lines(finished)) == whole_csv
    assert read_parquet(finished).equals(whole_parquet)
    assert len(list(csv_lines(finished))) == 27


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"])
def test_what_a_spreadsheet_would_run_is_made_harmless(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", [None, "", "slow of 70 bars needs at least 72 bars; CORE has 60.", "a=1"])
def test_other_texts_stay_as_they_are(text):
    assert harmless(text) == text
