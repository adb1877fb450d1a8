"""Prices from files: what is understood, what is refused and in which words, and what is stored."""

import gzip
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.core.management import call_command

from batches.errors import BatchError
from batches.market_data import decode_bars
from batches.models import Instrument, PriceSeries
from batches.price_files import BadPriceFile
from batches.price_import import read_prices, store_prices
from tests.fenced import blocks

SAMPLE = Path(__file__).resolve().parents[2] / "backtester/sample_data/sp500_20_close.csv.gz"
LONG = """symbol,date,close
BOLT,2020-01-03,20.5
ACME,2020-01-02,10
ACME,2020-01-03,11
BOLT,2020-01-02,20
"""


def read(content, name="prices.csv", **given):
    data = content if isinstance(content, bytes) else content.encode()
    return read_prices(io.BytesIO(data), name=name, given=given)


def closes(content, name="prices.csv"):
    """{symbol: {date: close}}, to compare layouts with."""
    return {
        series.symbol: dict(zip(series.columns["date"].astype(str), series.columns["close"], strict=True))
        for series in read(content, name).series
    }


def parquet(frame, **options):
    sink = io.BytesIO()
    frame.to_parquet(sink, **options)
    return sink.getvalue()


def refusal(content, name="prices.csv"):
    with pytest.raises(BadPriceFile) as caught:
        read(content, name)
    return caught.value.message


EXPECTED = {
    "ACME": {"2020-01-02": 10.0, "2020-01-03": 11.0},
    "BOLT": {"2020-01-02": 20.0, "2020-01-03": 20.5},
}
WIDE = "Date,acme,BOLT\n2020-01-03,11,20.5\n2020-01-02,10,20\n"


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
def test_the_same_prices_are_read_from_every_way_to_write_them(content):
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
    found = closes("date,ACME,BOLT\n2020-01-02,10,\n2020-01-03,11,20.5\n")
    assert found == {"ACME": EXPECTED["ACME"], "BOLT": {"2020-01-03": 20.5}}


def test_a_file_of_one_symbol_has_its_name():
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,9,12,8,10,5,100\n"
    (series,) = read(text, "Downloads/brk-b.csv").series
    assert series.symbol == "BRK-B"
    assert {name: list(values) for name, values in series.columns.items() if name != "date"} == {
        "close": [5.0], "open": [4.5], "high": [6.0], "low": [4.0], "volume": [100.0],
    }  # fmt: skip


def test_tickers_that_look_like_columns_are_symbols_in_a_wide_table():
    assert sorted(closes("date,LOW,OPEN\n2020-01-02,1,2\n")) == ["LOW", "OPEN"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "prices.csv: the file is empty."),
        ("  \n\n", "the file is empty"),
        ("symbol,date,close\n", "there is a header and nothing below it"),
        ("symbol,close\nACME,1\n", "line 1: there is no column 'date'; wanted are symbol, date, close"),
        ("symbol,date,price\nACME,2020-01-02,1\n", "line 1: there is no column 'close'"),
        ("date\n2020-01-02\n", "line 1: there is no column with prices"),
        ("date,,A\n2020-01-02,1,2\n", "line 1: column 2 has no name"),
        ("date,ACME,acme\n2020-01-02,1,2\n", "line 1: the column 'acme' stands there twice"),
        ("date,=cmd()\n2020-01-02,1\n", "line 1: the symbol '=CMD()' cannot be used"),
        (LONG.replace("BOLT,2020-01-02", "../B,2020-01-02"), "line 5: the symbol '../B' cannot be used"),
        (LONG.replace("11", "eleven"), "line 4: close is 'eleven', not a number"),
        (LONG.replace("11", "1,5"), "line 4: 4 cells, the header has 3"),
        ("\n\n".join(LONG.splitlines()).replace("11", "x"), "line 7: close is 'x', not a number"),
        (LONG.replace("11", ""), "line 4: ACME on 2020-01-03: close is missing"),
        (LONG.replace("11", "0"), "line 4: ACME on 2020-01-03: close is 0; a number above zero is wanted"),
        (LONG.replace("11", "-3"), "close is -3; a number above zero is wanted"),
        (LONG.replace("11", "inf"), "close is inf; a number above zero is wanted"),
        (LONG.replace("11", "1e999"), "line 4: "),
        (LONG.replace("2020-01-03,11", "2020-02-30,11"), "line 4: the date is '2020-02-30'; one like 2022-12-28"),
        (LONG.replace("2020-01-03,11", "01/03/2020,11"), "line 4: the date is '01/03/2020'; one like 2022-12-28"),
        (LONG.replace("2020-01-03,11", ",11"), "line 4: the date is missing"),
        (LONG.replace("2020-01-03,11", "0000-01-01,11"), "line 4: the date is '0000-01-01'"),
        (LONG + "ACME,2020-01-02,10\n", "line 6: ACME on 2020-01-02: it was there before, on line 3"),
        (
            "symbol,date,close\nA,2020-01-02 09:30,1\n" * 1 + "A,2020-01-02 09:30,1\n",
            "A on 2020-01-02 09:30:00: it was",
        ),
        ("date,close\n01/02/2020,1\n01/03/2020,1\n", "line 2: is '01/02/2020' day or month first?"),
        ("date;close\n2020-01-02;1.234,5\n", "line 2: close is '1.234,5', not a number"),
        (
            "symbol,date,close\nA,2020-01-02,-1\nA,2020-01-02,5\n",
            "line 2: A on 2020-01-02: close is -1; a number above zero",
        ),
        (
            "date," + ",".join(f"S{n}" for n in range(6_000)) + "\n2020-01-02" + ",1" * 6_000 + "\n",
            "at most 5,000 symbols are read (PRICES_MAX_SYMBOLS)",
        ),
        (
            "symbol,date,close\n" + "".join(f"S{n},2020-01-02,1\n" for n in range(5_001)),
            "it has 5,001 symbols; at most",
        ),
        ("x" * 2_000_000 + ",y\n1,2\n", "line 1: it has more than 1,048,576 characters"),
        ("date," + "x" * 200_000 + "\n1,2\n", "line 1: it cannot be read as the header"),
        ("date,close\n2020-01-02," + "1" * 3_000_000 + "\n", "it cannot be read as CSV"),
        ("date,ACME,BOLT\n2020-01-02,1,\n", "column BOLT: there is no price in it"),
        ("date,open,high,low,close\n2020-01-02,1,1,2,1\n", "low 2 is above high 1"),
        (b"\xff\xfe\x00", "line 1: this is not UTF-8 text"),
        (b"symbol,date,close\nA\0,2020-01-02,1\n", "line 2: this is not text"),
        (gzip.compress(LONG.encode(), mtime=0)[:-10], "the gzip archive is cut off"),
        (b"\x1f\x8b" + b"junk" * 10, "the gzip archive is damaged"),
        (b"PAR1" + b"junk" * 10, "it cannot be read as Parquet"),
        (parquet(pd.DataFrame({"date": ["2020-01-02"], "ACME": [[1, 2]]})), "column ACME: it holds list<"),
    ],
)
def test_a_bad_file_is_refused_in_words_that_name_the_place(content, words):
    assert words in refusal(content)


GERMAN = "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen\n03.01.2020;10,5;12,25;10;11;7\n02.01.2020;9;10;9;10;5\n"
INTRADAY = """symbol,date,open,high,low,close,volume
ACME,2020-01-02 15:55,11,12,10,11.5,3
ACME,2020-01-02 09:30,10,11,9,10.5,2
ACME,2020-01-03 09:30,20,21,19,20.5,4
"""


def test_a_file_from_a_country_with_decimal_commas_is_read():
    parsed = read(GERMAN, "sap.csv")
    (series,) = parsed.series
    assert series.symbol == "SAP"
    assert {name: list(column.astype(str)) for name, column in series.columns.items()} == {
        "date": ["2020-01-02", "2020-01-03"], "close": ["10.0", "11.0"], "open": ["9.0", "10.5"],
        "high": ["10.0", "12.25"], "low": ["9.0", "10.0"], "volume": ["5.0", "7.0"],
    }  # fmt: skip
    assert parsed.notes == (
        "Numbers are read with a decimal comma.",
        "Not in the order of time: line 3 (SAP on 2020-01-02) is older than the row before it. The rows are sorted.",
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


def test_the_order_that_the_dates_leave_open_can_be_said():
    text = "date,close\n01/02/2020,1\n01/03/2020,1\n"
    (series,) = read(text, "x.csv", dateOrder="dmy").series
    assert list(series.columns["date"].astype(str)) == ["2020-02-01", "2020-03-01"]


def test_several_bars_on_a_day_become_a_daily_one():
    parsed = read(INTRADAY)
    (series,) = parsed.series
    assert {name: list(column.astype(str)) for name, column in series.columns.items()} == {
        "date": ["2020-01-02", "2020-01-03"], "close": ["11.5", "20.5"], "open": ["10.0", "20.0"],
        "high": ["12.0", "21.0"], "low": ["9.0", "19.0"], "volume": ["5.0", "4.0"],
    }  # fmt: skip
    assert "Intraday: 3 bars are put together into 2 daily ones." in parsed.notes


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
def test_a_time_belongs_to_the_day_that_is_written_or_to_that_of_the_named_zone(written, zone, day):
    text = f"symbol,date,close\nACME,{written},1\n"
    assert str(read(text, timeZone=zone).series[0].columns["date"][0]) == day
    frame = pd.DataFrame({"symbol": ["ACME"], "date": [pd.Timestamp(written)], "close": [1.0]})
    assert str(read(parquet(frame), timeZone=zone).series[0].columns["date"][0]) == day


def test_a_close_that_halves_at_once_is_pointed_out():
    parsed = read("date,A,B\n2020-01-02,10,1\n2020-01-03,4.9,1\n2020-01-06,10,1\n")
    (note,) = parsed.notes
    assert note.startswith(
        "A close halves or doubles at once: A on 2020-01-03 goes from 10 to 4.9 (line 3), and 1 more"
    )


def test_columns_with_strange_names_can_be_pointed_at():
    text = "wann,was,wieviel,rest\n2020-01-02,ACME,5,x\n"
    given = {"layout": "long", "column.date": "wann", "column.symbol": "was", "column.close": "wieviel"}
    assert read(text, **given).series[0].symbol == "ACME"
    (series,) = read(
        text.replace("ACME", "1"), **given | {"layout": "single", "column.symbol": "", "symbol": "bolt"}
    ).series
    assert (series.symbol, series.columns["close"][0]) == ("BOLT", 5.0)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"layout": "tall"}, "layout is 'tall'; long or single or wide is wanted."),
        ({"decimal": ";"}, "decimal is ';'; . or , is wanted."),
        ({"column.close": "clsoe"}, "The file has no column 'clsoe'. Did you mean close?"),
        ({"timeZone": "America/NewYork"}, "timeZone is 'America/NewYork'; one like America/New_York is wanted."),
        ({"timeZone": "/etc/passwd"}, "timeZone is '/etc/passwd'"),
        ({"column.open": "close"}, "one column is taken for two things"),
    ],
)
def test_a_wrong_word_on_how_to_read_a_file_is_refused(given, words):
    with pytest.raises(BatchError, match=re.escape(words)):
        read(LONG, **given)


def test_many_problems_are_told_in_part_and_counted():
    lines = "".join(f"ACME,2020-01-{day:02},x\n" for day in range(1, 21))
    message = refusal("symbol,date,close\n" + lines)
    assert "line 2" in message
    assert message.endswith("and 15 more.")


def test_a_small_archive_that_unpacks_to_too_much_is_refused(settings):
    settings.PRICES_MAX_UNPACKED_BYTES = 100_000
    for data in (gzip.compress(b"a" * 10_000_000), b"a" * 10_000_000):
        assert "more than 100,000 bytes; no more are read (PRICES_MAX_UNPACKED_BYTES)" in refusal(data)


def test_cells_and_symbols_are_counted_and_their_limits_named(settings):
    settings.PRICES_MAX_CELLS = 10
    assert "4 rows of 3 columns; at most 10 cells are read (PRICES_MAX_CELLS)" in refusal(LONG)
    assert "(PRICES_MAX_CELLS)" in refusal(parquet(pd.read_csv(io.StringIO(LONG))))
    settings.PRICES_MAX_CELLS, settings.PRICES_MAX_SYMBOLS = 100, 2
    rows = "".join(f"{symbol},2020-01-02,5\n" for symbol in ("A", "B", "C"))
    assert "3 symbols; at most 2 are read (PRICES_MAX_SYMBOLS)" in refusal("symbol,date,close\n" + rows)


def test_stored_bars_are_the_file_to_the_bit(db):
    text = "symbol,date,open,high,low,close,volume\nACME,2020-01-02,0.1,0.3,0.1,0.2,7\nACME,2020-01-03,1,3,1,2,8\n"
    assert str(store_prices(read(text), source="a test")) == "1 added"
    series = Instrument.objects.get(symbol="ACME").series
    assert (series.n_bars, series.has_ohlc, series.source) == (2, True, "a test")
    assert (str(series.first_date), str(series.last_date)) == ("2020-01-02", "2020-01-03")
    columns = decode_bars(bytes(series.data))
    assert list(columns) == ["date", "close", "open", "high", "low", "volume"]
    assert list(columns["close"]) == [0.2, 2.0]
    assert list(columns["volume"]) == [7.0, 8.0]


def test_the_same_content_again_changes_nothing_whatever_its_form(db):
    store_prices(read(LONG), source="csv")
    frame = pd.read_csv(io.StringIO(WIDE), index_col="Date", parse_dates=True)
    report = store_prices(read(parquet(frame), "x.parquet"), source="parquet")
    assert report.unchanged == ("ACME", "BOLT")
    assert PriceSeries.objects.count() == 2


def test_changed_content_is_a_new_version_and_the_old_one_stays(db):
    store_prices(read(LONG), source="first")
    report = store_prices(read(LONG.replace("11", "12")), source="second")
    assert (report.updated, report.unchanged) == (("ACME",), ("BOLT",))
    assert PriceSeries.objects.filter(symbol="ACME").count() == 2
    assert Instrument.objects.get(symbol="ACME").series.source == "second"


def walk(seed, n_bars=300):
    return 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n_bars)))


def wide(**columns):
    dates = pd.bdate_range("2020-01-01", periods=300, name="date")
    return parquet(pd.DataFrame(columns, index=dates))


def test_beta_is_measured_over_the_common_dates(db):
    market = walk(1)
    late = np.where(np.arange(300) < 100, np.nan, market**2)  # listed late, moves twice as much
    store_prices(read(wide(SP500=market, LATE=late)), source="a test")
    own, other = (pd.Series(values[100:]).pct_change().dropna() for values in (late, market))
    expected = own.cov(other) / other.var()
    assert Instrument.objects.get(symbol="LATE").beta == pytest.approx(expected, rel=1e-12)
    assert Instrument.objects.get(symbol="SP500").beta == pytest.approx(1.0)


def test_betas_are_measured_anew_when_the_benchmark_comes_or_changes(db):
    store_prices(read(wide(ACME=walk(2))), source="a test")
    assert Instrument.objects.get(symbol="ACME").beta is None
    store_prices(read(wide(SP500=walk(2))), source="a test")
    assert Instrument.objects.get(symbol="ACME").beta == pytest.approx(1.0)
    Instrument.objects.update(manual_beta=3.0)
    store_prices(read(wide(SP500=walk(3))), source="a test")
    acme = Instrument.objects.get(symbol="ACME")
    assert acme.beta == pytest.approx(0, abs=0.5)
    assert acme.manual_beta == 3.0


def test_the_command_loads_the_sample_and_says_so(db, capsys):
    call_command("load_prices", str(SAMPLE))
    assert "sp500_20_close.csv.gz: 21 added" in capsys.readouterr().out
    apple = Instrument.objects.get(symbol="AAPL")
    assert apple.series.n_bars == 8_313
    assert apple.beta == pytest.approx(1.2, abs=0.4)


def test_the_command_stores_nothing_of_a_bad_file_and_ends_with_1(db, capsys, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text(LONG + "CORE,2020-01-02,-1\n")
    for path, words in [(bad, "error: bad.csv: line 6: CORE on"), (tmp_path / "none.csv", "No such file")]:
        with pytest.raises(SystemExit) as caught:
            call_command("load_prices", str(path))
        assert caught.value.code == 1
        assert words in capsys.readouterr().err
    assert not Instrument.objects.exists()


def test_every_file_of_the_documentation_is_read_as_it_says():
    long, wide, german = (block.text for block in blocks("docs/prices.md", "csv"))
    assert closes(long)["AAPL"] == {"2020-01-02": 72.96, "2020-01-03": 72.25}
    assert closes(wide) == {"AAPL": {"2020-01-02": 72.96, "2020-01-03": 72.25}, "MSFT": {"2020-01-02": 154.49}}
    assert closes(german, "SAP.csv") == {"SAP": {"2020-01-02": 120.75, "2020-01-13": 122.0}}
