"""Files of public bug reports, made up again: what is read of each, or why it is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from batches.models import Instrument
from batches.prices.series import decode_bars
from tests.support.price_files import read, refusal

CASES = Path(__file__).resolve().parents[2] / "data/field_cases"
CLOSES_ALONE = {"column.open": ""}

# File, fields of the form, and the closes of each symbol (oldest first) or a part of the refusal.
READ = [
    ("01-yfinance-multiindex-csv/FMUL.csv", {}, {"FMUL": [20.5, 21.0, 20.75]}),
    ("01-yfinance-multiindex-csv/two.csv", {}, {"FMUA": [20.5, 21.0], "FMUB": [9.5, 9.0]}),
    ("03-binance-klines/FBINUSDT-1d-us.csv", {"symbol": "FB"}, {"FB": [0.317, 0.319, 0.315]}),
    ("03-binance-klines/FBINUSDT-1d-ms.csv", {"symbol": "FB"}, {"FB": [0.317, 0.319, 0.315]}),
    ("03-binance-klines/FBINUSDT-1d-2025-01.zip", {}, {"FBINUSDT": [0.317, 0.319, 0.315]}),
    (
        "03-binance-klines/FBINUSDT-named.csv",
        {"column.date": "open_time", "symbol": "FB"},
        {"FB": [0.317, 0.319, 0.315]},
    ),
    ("05-mt4-date-and-time-columns/FMTUSDJPY1.csv", {}, {"FMTUSDJPY1": [77.702, 77.7, 77.7, 77.74]}),
    ("06-mt5-tabs-brackets/FMEURUSD_Daily.csv", {}, {"FMEURUSD": [1.121, 1.1189, 1.1195]}),
    ("07-histdata-ascii/DAT_ASCII_FHEURUSD_M1_2012.csv", {}, {"FHEURUSD": [1.30656, 1.30656, 1.3141, 1.3142]}),
    ("07-histdata-ascii/FHEURUSD-with-header.csv", {"symbol": "FH"}, {"FH": [1.30656, 1.30656, 1.3141, 1.3142]}),
    ("09-investing-com/FINV Historical Data.csv", {}, {"FINV": [26098, 25941, 26046]}),
    ("09-investing-com/FINV-old.csv", {"symbol": "FINV"}, {"FINV": [25941, 26046]}),
    ("09-investing-com/FINV-small.csv", {"symbol": "FINV"}, {"FINV": [41, 46]}),
    ("10-nasdaq-dollar-signs/FNDQ.csv", {}, {"FNDQ": [1025.1, 1029.9, 1033.4]}),
    ("10-nasdaq-dollar-signs/FNDQ-plain.csv", {"symbol": "FNDQ"}, {"FNDQ": [29.9, 33.4]}),
    ("12-nse-bhavcopy-trailing-comma/bhav.csv", {}, {"FBHA": [53.5, 54.7], "FBHB": [10.2, 10.0]}),
    ("12-nse-bhavcopy-trailing-comma/trailing-only.csv", {"symbol": "FTRAIL"}, {"FTRAIL": [1, 2]}),
    ("14-tushare-akshare/tushare.csv", {}, {"002808.SZ": [3.05, 3.07]}),
    ("14-tushare-akshare/akshare.csv", {}, {"000001": [9.2, 9.4]}),
    ("15-dukascopy-gmt-time/FDKEURUSD-gmt.csv", {"symbol": "FDK"}, {"FDK": [1.116, 1.116, 1.116, 1.1196]}),
    ("15-dukascopy-gmt-time/FDKEURUSD-local.csv", {"symbol": "FDK"}, {"FDK": [1.116, 1.1196]}),
    ("17-pandas-unnamed-index/FPD.csv", {}, {"FPD": [1.1, 1.2]}),
    ("17-pandas-unnamed-index/FPC.csv", {}, {"FPC": [1.1, 1.2]}),
    ("17-pandas-unnamed-index/FPU.csv", {}, {"FPU": [1.1, 1.2]}),
    ("18-utf-16/FUTF.csv", {}, {"FUTF": [1.1, 1.2]}),
    ("18-utf-16/FUTFBE.csv", {}, {"FUTFBE": [1.1, 1.2]}),
    ("20-yahoo-null-row/FNUL.csv", {}, {"FNUL": [28.9, 29.5, 29.6]}),
    ("20-yahoo-null-row/FNUE.csv", {}, {"FNUE": [30.2, 30.8]}),
    ("20-yahoo-null-row/FNUV.csv", {}, {"FNUV": [30.2, 30.4, 30.8]}),
    ("22-open-zero-in-old-rows/FOPN.csv", CLOSES_ALONE, {"FOPN": [0.211, 0.209, 0.755, 0.765]}),
    ("22-open-zero-in-old-rows/FOPN.csv", {"onBadRow": "skip"}, {"FOPN": [0.755, 0.765]}),
    ("24-negative-oil/FOILW.csv", {"onBadRow": "skip"}, {"FOILW": [18.31, 8.91]}),
    ("25-clocks-go-back/FDST.csv", {}, {"FDST": [61.4, 61.9, 61.2, 61.6]}),
    ("25-clocks-go-back/FDST.csv", {"timeZone": "America/New_York"}, {"FDST": [61.4, 61.9, 61.2, 61.6]}),
    ("25-clocks-go-back/FDSP.parquet", {}, {"FDSP": [61.4, 61.9, 61.2, 61.6]}),
    ("26-tradingview-export/BINANCE_FTVUSDT, 1D.csv", {}, {"FTVUSDT": [10.5, 10.7, 10.6]}),
    ("26-tradingview-export/NASDAQ_FTV, 1D.csv", {}, {"FTV": [10.5, 10.7, 10.6]}),
    ("26-tradingview-export/FTVQ.parquet", {}, {"FTVQ": [10.5, 10.7]}),
    ("27-no-column-called-close/FES.csv", {}, {"FES": [3259, 3226.25]}),
    ("27-no-column-called-close/FBBG.csv", {}, {"FBBG": [32.59, 32.26]}),
    ("27-no-column-called-close/FNAV.csv", {}, {"FNAV": [32.5, 32.57]}),
    ("28-last-day-twice/FTWI.csv", {}, {"FTWI": [1.62, 1.58]}),
    ("30-bar-that-cannot-be/FBAR.csv", {"onBadRow": "skip"}, {"FBAR": [10.2]}),
    ("31-excel-zip-feather-json/prices.zip", {}, {"FBINUSDT": [0.317, 0.319, 0.315]}),
    ("31-excel-zip-feather-json/prices.feather", {}, {"PRICES": [1.1, 1.2]}),
    ("31-excel-zip-feather-json/prices.json", {}, {"PRICES": [10.5, 10.7]}),
    ("33-alpha-vantage-adjusted/FAV.csv", {}, {"FAV": [23.7, 23.9, 24.1]}),
    ("36-ticker-na/na-wide.csv", {}, {"NA": [1, 1.1], "NULL": [2, 2.1], "TRUE": [3, 3.1]}),
    ("56-endings-of-file-names/FUPP.CSV", {}, {"FUPP": [1.1, 1.2]}),
    ("56-endings-of-file-names/ftab.txt", {}, {"FTAB": [1.1, 1.2]}),
    ("56-endings-of-file-names/FTS.tsv", {}, {"FTS": [1.1, 1.2]}),
    ("56-endings-of-file-names/FDUP (1).csv", {}, {"FDUP": [1.1, 1.2]}),
    ("58-one-empty-column-of-many/wide.csv", {}, {"FWA": [1, 1.1], "FWC": [3, 3.1]}),
]
NOTED = [
    ("15-dukascopy-gmt-time/FDKEURUSD-gmt.csv", "2 flat bars without volume are on a weekend"),
    ("20-yahoo-null-row/FNUL.csv", "1 row without any price is left out, as a day without a bar, starting with line 3"),
    ("20-yahoo-null-row/FNUV.csv", "The volume of 1 bar is unknown"),
    ("28-last-day-twice/FTWI.csv", "1 row is an exact copy of another and left out, starting with line 4"),
    ("58-one-empty-column-of-many/wide.csv", "No prices are in the columns of FWBAD"),
    (
        "03-binance-klines/FBINUSDT-1d-us.csv",
        "There is no header; the columns are read as date (column 1), open (column 2)",
    ),
]
REFUSED = [
    ("22-open-zero-in-old-rows/FOPN.csv", "line 2: FOPN on 1962-01-02: open must be above 0, got 0"),
    ("22-open-zero-in-old-rows/FOPN.csv", "To read closes alone, leave column.open, column.high and column.low empty"),
    ("24-negative-oil/FOIL.csv", "line 3: FOIL on 2020-04-20: close must be above 0, got -37.63"),
    ("24-negative-oil/FOILW.csv", "line 3: FOILW on 2020-04-20: close must be above 0, got -36.98"),
    ("28-last-day-twice/FTWD.csv", "line 4: FTWD on 2019-01-25: duplicate of line 3 with other values"),
    ("30-bar-that-cannot-be/FBAR.csv", "line 3: FBAR on 2020-01-03: close must be within low and high, got 12"),
    ("30-bar-that-cannot-be/FSWAP.csv", "line 2: FSWAP on 2020-01-02: low must not be above high"),
    ("31-excel-zip-feather-json/prices.xlsx", "this Excel workbook cannot be read"),
    ("31-excel-zip-feather-json/prices.html", "this is a web page (HTML)"),
]


def read_case(file, **options):
    path = CASES / file
    return read(path.read_bytes(), path.name, **options)


def closes_of(parsed):
    return {series.symbol: series.columns["close"].tolist() for series in parsed.series}


@pytest.mark.parametrize(("file", "options", "closes"), READ)
def test_the_bars_of_a_field_case_are_read(file, options, closes):
    expected = {symbol: pytest.approx(values) for symbol, values in closes.items()}
    assert closes_of(read_case(file, **options)) == expected


@pytest.mark.parametrize(("file", "note"), NOTED)
def test_what_was_done_to_a_field_case_is_noted(file, note):
    assert any(note in sentence for sentence in read_case(file).notes)


@pytest.mark.parametrize(("file", "message"), REFUSED)
def test_a_field_case_that_is_refused_names_the_place_and_a_way_out(file, message):
    path = CASES / file
    assert message in refusal(path.read_bytes(), path.name)


@pytest.mark.parametrize("path", sorted((CASES / "34-symbols-of-other-markets").iterdir()), ids=lambda path: path.name)
def test_the_symbols_of_other_markets_are_read_under_their_names(path):
    symbol = re.split(r"[,\n]", path.read_text())[3]
    assert list(closes_of(read(path.read_bytes(), path.name))) == [symbol.upper()]


def test_tickers_that_look_like_missing_values_are_symbols():
    assert list(closes_of(read_case("36-ticker-na/na.csv"))) == ["INF", "NA", "NAN", "NONE", "NULL", "TRUE"]


def test_bars_of_a_date_and_a_time_column_are_minutes():
    (series,) = read_case("05-mt4-date-and-time-columns/FMTUSDJPY1.csv").series
    assert series.dates.astype("datetime64[m]").astype(str).tolist() == [
        "2011-12-08T18:49", "2011-12-08T18:50", "2011-12-09T00:01", "2011-12-09T00:02",
    ]  # fmt: skip


def uploaded(client, file, options):
    path = CASES / file
    return client.post("/api/instruments", {"file": SimpleUploadedFile(path.name, path.read_bytes())} | options)


@pytest.mark.django_db
@pytest.mark.parametrize(("file", "options", "closes"), READ)
def test_a_field_case_is_uploaded(client, file, options, closes):
    response = uploaded(client, file, options)
    assert response.status_code == 201, response.content
    stored = {
        instrument.symbol: decode_bars(bytes(instrument.series.data))["close"].tolist()
        for instrument in Instrument.objects.select_related("series")
    }
    assert stored == {symbol: pytest.approx(values) for symbol, values in closes.items()}
    assert set(read_case(file, **options).notes) <= set(response.json()["notes"])


@pytest.mark.django_db
@pytest.mark.parametrize(("file", "message"), REFUSED)
def test_a_field_case_that_is_refused_leaves_nothing_behind(client, file, message):
    response = uploaded(client, file, {})
    assert (response.status_code, response.json()["code"]) == (422, "BAD_PRICE_FILE")
    assert message in response.json()["error"]
    assert not Instrument.objects.exists()


@pytest.mark.django_db
def test_the_api_stores_field_cases_and_says_what_it_did(client):
    sent = {}
    for file in ("03-binance-klines/FBINUSDT-1d-2025-01.zip", "09-investing-com/FINV Historical Data.csv"):
        path = CASES / file
        response = client.post("/api/instruments", {"file": SimpleUploadedFile(path.name, path.read_bytes())})
        sent[path.name] = (response.status_code, response.json()["added"])
    assert sent == {"FBINUSDT-1d-2025-01.zip": (201, ["FBINUSDT"]), "FINV Historical Data.csv": (201, ["FINV"])}
    assert "The volume of 1 bar is unknown." in response.json()["notes"]
    volume = decode_bars(bytes(Instrument.objects.get(symbol="FINV").series.data))["volume"]
    assert volume[:2].tolist() == [188_030, 190_650]
    assert np.isnan(volume[2])
