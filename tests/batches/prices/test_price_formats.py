"""Layouts, dates, decimals and time zones of files of prices."""

import gzip
import io

import pandas as pd
import pytest

from tests.support.doc_blocks import blocks
from tests.support.price_files import LONG, WIDE, parquet, read


def closes(content, name="prices.csv"):
    """{symbol: {date: close}}, to compare layouts with."""
    return {
        series.symbol: dict(zip(series.columns["date"].astype(str), series.columns["close"], strict=True))
        for series in read(content, name).series
    }


EXPECTED = {
    "ACME": {"2020-01-02": 10.0, "2020-01-03": 11.0},
    "BOLT": {"2020-01-02": 20.0, "2020-01-03": 20.5},
}


@pytest.mark.parametrize(
    "content",
    [
        LONG,
        WIDE,
        LONG.replace(",", ";"),
        LONG.replace(",", "\t"),
        LONG.replace("\n", "\r\n"),
        LONG.replace("BOLT,2020-01-02", "\n\nBOLT,2020-01-02"),
        "\ufeff" + LONG,
        LONG.rstrip("\n"),
        LONG.replace("symbol,date,close", " Ticker , DATE ,Close"),
        LONG.replace("2020-01-02", "20200102").replace("2020-01-03", "2020-01-03T00:00:00-05:00"),
        gzip.compress(LONG.encode(), mtime=0),
    ],
    ids=[
        "long",
        "wide",
        "semicolons",
        "tabs",
        "crlf",
        "blank-lines",
        "bom",
        "no-last-newline",
        "words",
        "dates",
        "gzip",
    ],
)
def test_the_same_prices_are_read_from_every_format(content):
    assert closes(content) == EXPECTED


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_parquet_is_read_with_dates_of_any_kind(zone):
    frame = pd.read_csv(io.StringIO(LONG))
    frame["date"] = pd.to_datetime(frame["date"]).dt.tz_localize(zone)
    assert closes(parquet(frame), "prices.parquet") == EXPECTED
    assert closes(parquet(frame.assign(date=frame["date"].dt.date)), "prices.parquet") == EXPECTED
    assert closes(parquet(frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d"))), "prices.parquet") == EXPECTED


def test_the_wide_parquet_that_pandas_writes_is_read():
    frame = pd.read_csv(io.StringIO(WIDE), index_col="Date", parse_dates=True)
    assert closes(parquet(frame), "any name") == EXPECTED
    frame.index.name = None
    assert closes(parquet(frame), "any name") == EXPECTED


def test_an_empty_cell_of_a_wide_table_is_a_day_without_a_bar():
    prices = closes("date,ACME,BOLT\n2020-01-02,10,\n2020-01-03,11,20.5\n")
    assert prices == {"ACME": EXPECTED["ACME"], "BOLT": {"2020-01-03": 20.5}}


def test_a_file_of_one_symbol_has_its_name():
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,9,12,8,10,5,100\n"
    (series,) = read(text, "Downloads/brk-b.csv").series
    assert series.symbol == "BRK-B"
    assert {name: list(values) for name, values in series.columns.items() if name != "date"} == {
        "close": [5.0], "open": [4.5], "high": [6.0], "low": [4.0], "volume": [100.0],
    }  # fmt: skip


def test_tickers_that_look_like_columns_are_symbols_in_a_wide_table():
    assert sorted(closes("date,LOW,OPEN\n2020-01-02,1,2\n")) == ["LOW", "OPEN"]


GERMAN = "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n03.01.2020;10,5;12,25;10;11;7\n02.01.2020;9;10;9;10;5\n"
INTRADAY = """symbol,date,open,high,low,close,volume
ACME,2020-01-02 15:55,11,12,10,11.5,3
ACME,2020-01-02 09:30,10,11,9,10.5,2
ACME,2020-01-03 09:30,20,21,19,20.5,4
"""


def test_a_file_with_decimal_commas_is_read():
    parsed = read(GERMAN, "sap.csv")
    (series,) = parsed.series
    assert series.symbol == "SAP"
    assert {name: list(column.astype(str)) for name, column in series.columns.items()} == {
        "date": ["2020-01-02", "2020-01-03"], "close": ["10.0", "11.0"], "open": ["9.0", "10.5"],
        "high": ["10.0", "12.25"], "low": ["9.0", "10.0"], "volume": ["5.0", "7.0"],
    }  # fmt: skip
    assert parsed.notes == (
        "Numbers are read with a decimal comma.",
        "Rows are not sorted by date: line 3 (SAP on 2020-01-02) is older than the row before it.",
    )


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["13/01/2020", "02/02/2020"], ["2020-01-13", "2020-02-02"]),
        (["01/13/2020", "02/02/2020"], ["2020-01-13", "2020-02-02"]),
        (["1.2.2020", "2.2.2020"], ["2020-02-01", "2020-02-02"]),
        (["2020/01/13", "2020/02/02"], ["2020-01-13", "2020-02-02"]),
    ],
)
def test_the_order_of_day_and_month_is_found_in_the_dates(dates, expected):
    (series,) = read("date;close\n" + "".join(f"{day};1\n" for day in dates), "x.csv").series
    assert list(series.columns["date"].astype(str)) == expected


def test_an_option_resolves_ambiguous_dates():
    text = "date,close\n01/02/2020,1\n01/03/2020,1\n"
    (series,) = read(text, "x.csv", dateOrder="dmy").series
    assert list(series.columns["date"].astype(str)) == ["2020-02-01", "2020-03-01"]


def test_bars_within_a_day_are_kept():
    (series,) = (parsed := read(INTRADAY)).series
    assert series.dates.dtype == "datetime64[ns]"
    assert len(series.dates) == 3
    assert series.timezone == "UTC"
    assert "Times are when a bar opens, and days are those of UTC." in parsed.notes


def test_a_day_with_two_bars_among_days_is_one_bar():
    days = "".join(f"ACME,2020-01-{day:02},20,21,19,20.5,4\n" for day in range(3, 13))
    early, late = "ACME,2020-01-02 09:30,10,12,9,11,2\n", "ACME,2020-01-02 16:00,11,11.5,10,11.5,3\n"
    parsed = read(f"symbol,date,open,high,low,close,volume\n{early}{late}{days}")
    (series,) = parsed.series
    assert {name: list(column.astype(str)[:2]) for name, column in series.columns.items()} == {
        "date": ["2020-01-02", "2020-01-03"], "close": ["11.5", "20.5"], "open": ["10.0", "20.0"],
        "high": ["12.0", "21.0"], "low": ["9.0", "19.0"], "volume": ["5.0", "4.0"],
    }  # fmt: skip
    assert "Days with several bars: 12 bars are combined into 11 daily bars." in parsed.notes


@pytest.mark.parametrize(
    ("written", "zone", "day"),
    [
        ("2020-01-02T20:00:00-05:00", "", "2020-01-02"),  # the exchange's own day, as it is written
        ("2020-01-02T20:00:00-05:00", "UTC", "2020-01-03"),
        ("2020-01-01T15:00:00Z", "Asia/Tokyo", "2020-01-02"),
        ("2020-01-01 15:00", "Asia/Tokyo", "2020-01-02"),
        ("2020-01-02 03:00:00+0530", "Asia/Kolkata", "2020-01-02"),
    ],
)
def test_a_time_belongs_to_the_written_day_or_to_that_of_the_time_zone(written, zone, day):
    text = f"symbol,date,close\nACME,{written},1\n"
    assert str(read(text, timeZone=zone).series[0].columns["date"][0]) == day
    frame = pd.DataFrame({"symbol": ["ACME"], "date": [pd.Timestamp(written)], "close": [1.0]})
    assert str(read(parquet(frame), timeZone=zone).series[0].columns["date"][0]) == day


def test_a_close_that_halves_in_one_bar_is_noted():
    parsed = read("date,A,B\n2020-01-02,10,1\n2020-01-03,4.9,1\n2020-01-06,10,1\n")
    (note,) = parsed.notes
    assert note.startswith(
        "A close halves or doubles in one bar: A on 2020-01-03 goes from 10 to 4.9 (line 3), and 1 more"
    )


def test_options_assign_columns_with_unknown_names():
    text = "wann,was,wieviel,rest\n2020-01-02,ACME,5,x\n"
    options = {"layout": "long", "column.date": "wann", "column.symbol": "was", "column.close": "wieviel"}
    assert read(text, **options).series[0].symbol == "ACME"
    (series,) = read(
        text.replace("ACME", "1"), **options | {"layout": "single", "column.symbol": "", "symbol": "bolt"}
    ).series
    assert (series.symbol, series.columns["close"][0]) == ("BOLT", 5.0)


def test_every_file_of_the_documentation_is_read_as_it_says():
    long, wide, german = (block.text for block in blocks("docs/prices.md", "csv"))
    assert closes(long)["AAPL"] == {"2020-01-02": 72.96, "2020-01-03": 72.25}
    assert closes(wide) == {"AAPL": {"2020-01-02": 72.96, "2020-01-03": 72.25}, "MSFT": {"2020-01-02": 154.49}}
    assert closes(german, "SAP.csv") == {"SAP": {"2020-01-02": 120.75, "2020-01-13": 122.0}}
