"""Bars that are dated by a month, a quarter or a week in place of a day."""

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from batches.models import Instrument
from batches.prices.series import decode_bars
from tests.support.price_files import read, refusal

WRITTEN = {
    "2023-01": "2023-01-31",
    "2024-02": "2024-02-29",
    "2023/02": "2023-02-28",
    "2023M01": "2023-01-31",
    "2023-M12": "2023-12-31",
    "Jan 2023": "2023-01-31",
    "February-2023": "2023-02-28",
    "März 2023": "2023-03-31",
    "2023Q1": "2023-03-31",
    "2023-Q4": "2023-12-31",
    "2023 q2": "2023-06-30",
    "Q3 2023": "2023-09-30",
    "2023-S1": "2023-06-30",
    "H2 2023": "2023-12-31",
    "2024-W01": "2024-01-07",
    "2020W53": "2021-01-03",
    "2023-12-25/2023-12-31": "2023-12-31",
}


@pytest.mark.parametrize(("written", "day"), WRITTEN.items())
def test_a_period_is_dated_by_its_last_day(written, day):
    (series,) = read(f"date,close\n{written},1\n", "A.csv").series
    assert str(series.columns["date"][0]) == day


@pytest.mark.parametrize("frequency", ["M", "Q", "W"])
def test_periods_of_pandas_end_where_pandas_ends_them(frequency):
    periods = pd.period_range("2019-11-20", periods=60, freq=frequency)
    text = pd.DataFrame({"close": range(1, 61)}, index=periods).rename_axis("date").to_csv()
    (series,) = read(text, "A.csv").series
    assert list(series.columns["date"]) == [end.date() for end in periods.end_time]


@pytest.mark.parametrize("written", ["2023-13", "2023Q5", "2021-W53", "2023-W00", "Foo 2023", "2023"])
def test_what_is_no_period_is_refused_with_its_line(written):
    text = f"date,close\n2022-01,1\n2022-02,2\n{written},3\n"
    assert f"line 4: date must be like 2022-12-28, got '{written}'" in refusal(text, "A.csv")


def test_a_month_among_days_is_a_day_that_was_cut_short():
    text = "date,close\n2023-01-30,1\n2023-01-31,2\n2023-02,3\n"
    assert "line 4: date must be like 2022-12-28, got '2023-02'" in refusal(text, "A.csv")


UPLOADS = {
    "months": ("Month,Close\n2023-01,1\n2023-02,2\n2023-03,3\n", "month", "2023-03-31"),
    "quarters": (
        "Quarter,Open,High,Low,Close\n2023Q1,1,1,1,1\n2023Q2,2,2,2,2\n2023Q3,3,3,3,3\n",
        "quarter",
        "2023-09-30",
    ),
    "weeks": ("Week;Price\n2024-W01;1,5\n2024-W02;2,5\n2024-W03;3,5\n", "week", "2024-01-21"),
    "quarters under a name unheard of": ("Vintage,Close\n2023-Q1,1\n2023-Q2,2\n2023-Q3,3\n", "quarter", "2023-09-30"),
}


def upload(client, text, name):
    return client.post("/api/instruments", {"file": SimpleUploadedFile(name, text.encode())})


def stored(symbol):
    return decode_bars(bytes(Instrument.objects.get(symbol=symbol).series.data))


@pytest.mark.parametrize(("text", "period", "last"), UPLOADS.values(), ids=UPLOADS)
def test_periods_are_uploaded_and_said_in_the_notes(client, db, text, period, last):
    response = upload(client, text, "PER.csv")
    assert response.status_code == 201, response.content
    assert f"Each bar is dated by the last day of its {period}." in response.json()["notes"]
    bars = stored("PER")
    assert (len(bars["close"]), str(bars["date"][-1])[:10]) == (3, last)


def test_a_wide_file_has_months_too(client, db):
    assert upload(client, "Month,PERA,PERB\n2023-01,1,10\n2023-02,2,20\n", "wide.csv").status_code == 201
    assert set(Instrument.objects.values_list("symbol", flat=True)) == {"PERA", "PERB"}


def test_a_column_of_months_beside_one_of_dates_is_no_date(client, db):
    text = "Year,Month,Date,Close\n2023,1,2023-01-30,1\n2023,2,2023-02-01,2\n"
    assert upload(client, text, "PER.csv").status_code == 201
    assert str(stored("PER")["date"][-1])[:10] == "2023-02-01"


SDMX = """KEY,FREQ,CURRENCY,CURRENCY_DENOM,EXR_TYPE,EXR_SUFFIX,TIME_PERIOD,OBS_VALUE,OBS_STATUS,TITLE
EXR.M.USD.EUR.SP00.A,M,USD,EUR,SP00,A,2023-01,1.0769,A,US dollar/Euro
EXR.M.USD.EUR.SP00.A,M,USD,EUR,SP00,A,2023-02,1.0715,A,US dollar/Euro
EXR.M.GBP.EUR.SP00.A,M,GBP,EUR,SP00,A,2023-01,0.8821,A,Pound sterling/Euro
"""


def test_series_of_central_banks_are_uploaded_under_their_keys(client, db):
    response = upload(client, SDMX, "data.csv")
    assert response.status_code == 201, response.content
    closes = {name: stored(name)["close"].tolist() for name in Instrument.objects.values_list("symbol", flat=True)}
    assert closes == {"EXR.M.USD.EUR.SP00.A": [1.0769, 1.0715], "EXR.M.GBP.EUR.SP00.A": [0.8821]}


def test_days_of_a_central_bank_are_uploaded_under_the_name_of_the_file(client, db):
    text = "FREQ,TIME_PERIOD,OBS_VALUE\nD,2023-01-02,1.0683\nD,2023-01-03,1.0545\n"
    assert upload(client, text, "EURUSD.csv").status_code == 201
    assert Instrument.objects.get().symbol == "EURUSD"


SPLIT = pd.DataFrame({"date": ["2023-01-02", "2023-01-03"], "close": [1.5, 2.5]})


@pytest.mark.parametrize(
    "frame",
    [SPLIT, SPLIT.set_index("date"), SPLIT.set_index("date", drop=False)],
    ids=["counted rows", "dates as the index", "dates in both"],
)
def test_split_json_of_pandas_is_uploaded(client, db, frame):
    assert upload(client, frame.to_json(orient="split"), "SPLIT.json").status_code == 201
    assert stored("SPLIT")["close"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("orient", ["index", "records", "table", "columns", "values"])
def test_json_of_pandas_with_counted_rows_is_uploaded(client, db, orient):
    assert upload(client, SPLIT.to_json(orient=orient), "ROWS.json").status_code == 201
    assert stored("ROWS")["close"].tolist() == [1.5, 2.5]


def test_symbols_as_the_index_of_split_json_are_symbols(client, db):
    frame = SPLIT.assign(symbol=["IDXA", "IDXB"]).set_index("symbol")
    assert upload(client, frame.to_json(orient="split"), "frame.json").status_code == 201
    assert set(Instrument.objects.values_list("symbol", flat=True)) == {"IDXA", "IDXB"}
