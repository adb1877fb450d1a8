"""What a file may come in: archives, workbooks, Feather, Parquet and JSON; and what is refused by its name."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest

from batches.errors import InvalidRequest
from tests.support.price_files import closes, parquet, read, refusal
from tests.support.workbook_files import workbook

CSV = "Date,Open,High,Low,Close\n2020-01-02,1,2,1,1.5\n2020-01-03,1,2,1,1.25\n"
FRAME = pd.read_csv(io.StringIO(CSV), index_col="Date", parse_dates=True)
BARS = [1.5, 1.25]


def archive(**files):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name.replace("_", ".", 1), content)
    return sink.getvalue()


def feather(frame, compression="lz4"):
    sink = io.BytesIO()
    pyarrow.feather.write_feather(frame, sink, compression=compression)
    return sink.getvalue()


def arrow_stream(frame):
    table, sink = pa.Table.from_pandas(frame), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


SHEET: list[list[object]] = [["Date", "Close"], [(43832,), 1.5], [(43833,), 1.25]]
PACKED = {
    "bzip2": bz2.compress(CSV.encode()),
    "xz": lzma.compress(CSV.encode()),
    "zstd": pa.compress(CSV.encode(), "zstd", asbytes=True),
    "two gzips in a row": gzip.compress(CSV[:45].encode()) + gzip.compress(CSV[45:].encode()),
    "Parquet": parquet(FRAME),
    "Feather with LZ4": feather(FRAME.reset_index()),
    "Feather with zstd": feather(FRAME.reset_index(), "zstd"),
    "Feather, not compressed": feather(FRAME.reset_index(), "uncompressed"),
    "an Arrow stream": arrow_stream(FRAME.reset_index()),
    "a workbook": workbook(SHEET),
    "a workbook with a title": workbook([["Apple"], [], *SHEET]),
    "a workbook that starts in column B": workbook([[None, *row] for row in SHEET]),
    "a workbook with another sheet": workbook(SHEET, Notes=[["made by", "me"]]),
}


@pytest.mark.parametrize("content", PACKED.values(), ids=PACKED)
def test_the_bars_are_read_whatever_the_file_is(content):
    assert closes(content, "AAPL.bin.gz") == {"AAPL.BIN": BARS}


def test_the_cells_of_a_workbook_are_read_as_they_are_written():
    german = workbook([["Datum", "Schluss"], ["02.01.2020", "1.234,50"], ["13.01.2020", "1.235,50"]])
    assert closes(german, "SAP.xlsx") == {"SAP": [1234.5, 1235.5]}


def test_the_files_of_an_archive_are_read_together():
    assert closes(archive(AAPL_csv=CSV, MSFT_csv=CSV), "all.zip") == {"AAPL": BARS, "MSFT": BARS}
    months = archive(**{"B-1d-2025-01_csv": CSV, "B-1d-2025-02_csv": CSV.replace("2020", "2021")})
    assert closes(months, "b.zip") == {"B": BARS + BARS}


def test_the_sheets_of_a_workbook_are_symbols():
    assert closes(workbook(SHEET, MSFT=SHEET), "two.xlsx") == {"MSFT": BARS, "SHEET1": BARS}


def test_one_file_of_an_archive_can_be_chosen():
    content = archive(AAPL_csv=CSV, MSFT_csv=CSV)
    assert closes(content, "all.zip", part="MSFT.csv") == {"MSFT": BARS}
    with pytest.raises(InvalidRequest, match=r"has no part 'MSFT'\. Did you mean MSFT\.csv\?"):
        read(content, "all.zip", part="MSFT")


def test_files_that_are_no_tables_are_left_out_of_an_archive_with_a_note():
    parsed = read(archive(AAPL_csv=CSV, readme_txt="hello"), "all.zip")
    assert "Left out of the archive: readme.txt." in parsed.notes


def test_a_problem_in_an_archive_names_the_file():
    wrong = CSV.replace("1,2,1,1.25", "1,0.5,1,1.25")
    assert "MSFT.csv line 3: MSFT on 2020-01-03: low must not be above high" in refusal(
        archive(AAPL_csv=CSV, MSFT_csv=wrong), "all.zip"
    )


def test_files_of_an_archive_with_other_columns_are_refused_or_skipped():
    content = archive(AAPL_csv=CSV, MSFT_csv="Date,Close\n2020-01-02,1\n")
    assert "MSFT.csv: its columns differ from those of AAPL.csv; choose one with part" in refusal(content, "all.zip")
    assert closes(content, "all.zip", onBadRow="skip") == {"AAPL": BARS}


TWO_LEVELS = pd.concat({"AAPL": FRAME, "MSFT": FRAME}, axis=1)


@pytest.mark.parametrize("frame", [TWO_LEVELS, TWO_LEVELS.swaplevel(axis=1)], ids=["symbol first", "price first"])
def test_two_levels_of_columns_are_symbols_and_prices(frame):
    expected = {"AAPL": BARS, "MSFT": BARS}
    assert closes(parquet(frame), "all.parquet") == expected
    assert closes(frame.to_csv(), "all.csv") == expected
    assert closes(frame.rename_axis(index=None).to_csv(), "all.csv") == expected


# ---- JSON ------------------------------------------------------------------------------------------------------------

OHLC = {"open": 1, "high": 2, "low": 1, "close": 1.5}
LETTERS = {"o": 1, "h": 2, "l": 1, "c": 1.5, "v": 9}
ARRAYS = [[1577923200000, 1, 2, 1, 1.5, 9], [1578009600000, 1, 2, 1, 1.25, 9]]
DOCUMENTS = {
    "records": ([{"date": "2020-01-02", **OHLC}], {"X": [1.5]}),
    "arrays": (ARRAYS, {"X": BARS}),
    "records in a document with a symbol": (
        {"ticker": "AAPL", "status": "OK", "results": [{"t": 1577923200000, "vw": 1.2, **LETTERS}]},
        {"AAPL": [1.5]},
    ),
    "records of several symbols": (
        {"bars": {name: [{"t": "2020-01-02T05:00:00Z", **LETTERS}] for name in ("A1", "B1")}, "next": None},
        {"A1": [1.5], "B1": [1.5]},
    ),
    "by date": (
        {"Meta Data": {"2. Symbol": "IBM"}, "Time Series (Daily)": {"2020-01-02": {"1. open": "1", "4. close": "1.5"}}},
        {"IBM": [1.5]},
    ),
    "columns": ({"s": "ok", "t": [1577923200], "o": [1], "h": [2], "l": [1], "c": [1.5]}, {"X": [1.5]}),
    "names and rows": (
        {"dataset": {"dataset_code": "AAPL", "column_names": ["Date", "Close"], "data": [["2020-01-02", 1.5]]}},
        {"AAPL": [1.5]},
    ),
    "lists in several places": (
        {
            "meta": {"symbol": "AAPL"},
            "timestamp": [1577975400, 1578061800],
            "indicators": {"quote": [{"open": [1, 1], "high": [2, 2], "low": [1, 1], "close": BARS}]},
        },
        {"AAPL": BARS},
    ),
    "an inner record": ({"candles": [{"time": "2020-01-02T22:00:00Z", "mid": LETTERS}]}, {"X": [1.5]}),
    "observations": ({"observations": [{"vintage": "2020", "date": "2020-01-02", "value": "1.5"}]}, {"X": [1.5]}),
}  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_table_is_found_wherever_it_is_in_json(document, expected):
    assert closes(json.dumps(document), "x.json") == expected


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
def test_json_is_read_in_each_form_that_pandas_writes(orient):
    assert closes(FRAME.to_json(orient=orient, date_format="iso"), "AAPL.json") == {"AAPL": BARS}


def test_json_by_the_line_is_read():
    lines = [{"date": "2020-01-02", "close": 1.5}, {"date": "2020-01-03", "close": 1.25}]
    assert closes("\n".join(map(json.dumps, lines)), "AAPL.jsonl") == {"AAPL": BARS}


@pytest.mark.parametrize("document", [{"status": "ok"}, [1, 2, 3], {"a": {"b": [[]]}}, [], "{"])
def test_json_without_a_table_is_refused(document):
    text = document if isinstance(document, str) else json.dumps(document)
    assert "JSON" in refusal(text, "x.json")


def test_a_message_in_json_is_quoted():
    text = '{"Note": "You have reached the limit"}'
    assert f"this is JSON without a table of prices: {text}" in refusal(text, "x.json")


# ---- What is not read ------------------------------------------------------------------------------------------------

UNSUPPORTED = {
    "an old Excel workbook (.xls); save it as CSV or .xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "a binary Excel workbook (.xlsb)": archive(**{"xl/workbook_bin": b""}),
    "an OpenDocument file": archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"),
    "a PDF document": b"%PDF-1.7 ...",
    "a web page (HTML)": "<!DOCTYPE html><html></html>",
    "an XML document": "<?xml version='1.0'?><Workbook/>",
    "a 7-Zip archive; unpack it": b"7z\xbc\xaf\x27\x1c",
    "a tar archive": b"\0" * 257 + b"ustar",
    "an SQLite database": b"SQLite format 3\0",
    "an HDF5 file; write it with DataFrame.to_parquet": b"\x89HDF\r\n",
    "a Python pickle, which is never read": pickle.dumps(FRAME),
}


@pytest.mark.parametrize(("what", "content"), UNSUPPORTED.items(), ids=[*UNSUPPORTED])
def test_what_is_not_read_is_named_for_what_it_is(what, content):
    assert f"this is {what}" in refusal(content, "prices")
