"""Dates and times as files write them, with the day and the order that they stand for."""

import io

import pandas as pd
import pytest

from tests.support.price_files import closes, parquet, read, refusal

DAY = "2020-01-02"
WRITTEN = [
    "2020-01-02", "2020/01/02", "2020.01.02", "20200102", "2020-1-2", "2020年01月02日", "2020年1月2日",
    "20200102 093000", "20200102 09:30:00", "202001020930", "20200102093000", "2020.01.02 09:30", "2020-01-02 9:30 AM",
    "2020-01-02 09-AM", "2020-01-02 09 PM", "2020-01-02T09:30:00.123456789", "2020-01-02T09:30:00Z",
    "2020-01-02 09:30:00+05:30", "2020-01-02 09:30:00 UTC", "2020-01-02 09:30:00 EST", "2020-01-02 09:30:00 UTC-5",
    "2020-01-02 09:30:00 America/New_York", "20200102 09:30:00 US/Eastern", "2020-01-02 09:30 GMT+0100",
    "Jan 2, 2020", "Jan 02 2020", "January 2, 2020", "02-Jan-2020", "02-JAN-2020", "2 Jan 2020", "02-Jan-20",
    "2nd Jan 2020", "Thu, Jan 2, 2020", "Thu Jan 02 2020 00:00:00 GMT+0100 (CET)", "2. Januar 2020",
    "2 janv. 2020", "2 de enero de 2020", "2 ene 2020", "2 stycznia 2020", "2 jan 2020", "2020-Jan-02",
    "1577923200", "1577923200000", "1577923200000000", "1577923200000000000", "1577923200.5", "43832", "43832.39583",
]  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN)
def test_a_date_is_read_however_it_is_written(written):
    (series,) = read(f'date,close\n"{written}",1\n', "A.csv").series
    assert str(series.columns["date"][0]) == DAY


@pytest.mark.parametrize("value", [1577923200, 1577923200000, 1577923200000000, 1577923200000000000, 20200102])
def test_a_number_of_a_parquet_file_is_read_by_its_size(value):
    frame = pd.DataFrame({"time": [value], "close": [1.0]})
    assert str(read(parquet(frame), "A.parquet").series[0].columns["date"][0]) == DAY


@pytest.mark.parametrize(
    "written",
    ["2020-02-30", "Feb 30, 2020", "32.01.2020", "soon", "10", "May", "12 junk 2020", "2020-01-02 25:00", "1577"],
)
def test_what_is_no_date_is_refused_with_its_line(written):
    assert f"line 3: date must be like 2022-12-28, got '{written}'" in refusal(
        f'date,close\n2020-01-01,1\n"{written}",1\n', "A.csv"
    )


def test_one_bad_cell_makes_no_count_of_seconds_unreadable():
    text = "time,close\n1577923200,1\nsoon,2\n1578009600,3\n"
    assert "line 3: date must be like 2022-12-28, got 'soon'." in refusal(text, "A.csv")
    assert closes(text, "A.csv", onBadRow="skip") == {"A": [1, 3]}


@pytest.mark.parametrize("options", [{}, {"timeZone": "America/New_York"}])
def test_moments_in_utc_are_read_alike_however_utc_is_written(options):
    moments = ["2020-03-08T06:30:00", "2020-03-08T06:31:00", "2020-03-08T07:30:00", "2020-03-08T07:31:00"]
    texts = ["".join(f"{moment}{zone},1\n" for moment in moments) for zone in ("Z", "+00:00", " UTC", "")]
    one, *others = (read(f"date,close\n{text}", "A.csv", **options).series[0] for text in texts)
    assert one.dates.astype("datetime64[s]").astype(str).tolist() == moments
    for other in others:
        assert (other.dates.tolist(), other.timezone) == (one.dates.tolist(), one.timezone)


TIMES = {
    "hours and minutes": ("09:30", "16:00"),
    "with seconds": ("09:30:00", "16:00:00"),
    "without colons": ("0930", "1600"),
    "as numbers": ("930", "1600"),
    "as numbers with seconds": ("93000", "160000"),
    "in halves of a day": ("9:30 AM", "4:00 PM"),
    "as hours": ("9", "16"),
    "with an offset": ("09:30-05:00", "16:00-05:00"),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_date_and_time_of_day_may_be_in_two_columns(times):
    early, late = times
    text = f"Date,Time,Close\n2020-01-02,{late},2\n2020-01-02,{early},1\n2020-01-03,{early},3\n"
    assert closes(text, "A.csv") == {"A": [1, 2, 3]}


def test_the_column_of_the_time_can_be_chosen():
    text = "day,at,close\n2020-01-02,16:00,2\n2020-01-02,09:30,1\n"
    for field in ("column.time", "columns.time"):
        assert closes(text, "A.csv", **{"column.date": "day", field: "at"}) == {"A": [1, 2]}


def dates(text, **options):
    (series,) = read(text, "A.csv", **options).series
    return series.columns["date"].astype("datetime64[m]").astype(str).tolist()


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("time", "2020-01-02T14:30:00Z", "2020-01-02T14:31:00Z"),
        ("at", "2020-01-02 14:30", "2020-01-02 14:31"),
        ("ts", "1577975400", "1577975460"),
        ("day", "2020-01-02", "2020-01-03"),
    ],
)
def test_the_chosen_column_of_the_time_may_hold_whole_moments(name, first, second):
    text = f"{name},close\n{first},1\n{second},2\n"
    expected = dates(text, **{"columns.date": name})
    assert dates(text, **{"columns.time": name}) == expected
    assert dates(text, **{"columns.time": name, "columns.date": name}) == expected


def test_the_chosen_column_of_moments_replaces_the_one_that_was_found():
    text = "opened,closed,close\n2020-01-02 09:30,2020-01-02 09:35,1\n2020-01-02 09:35,2020-01-02 09:40,2\n"
    assert dates(text, **{"columns.time": "closed"}) == ["2020-01-02T09:35", "2020-01-02T09:40"]


def test_a_bad_time_of_day_is_refused_with_its_line():
    text = "Date,Time,Close\n2020-01-02,09:30,2\n2020-01-02,noon,1\n"
    assert "line 3: time must be like 09:30, got 'noon'" in refusal(text, "A.csv", **{"column.time": "Time"})


def test_the_order_of_day_and_month_is_that_of_the_chosen_column():
    text = "a,b,close\n01/02/2020,13/01/2020,1\n02/03/2020,14/01/2020,2\n"
    (series,) = read(text, "A.csv", **{"column.date": "b"}).series
    assert series.columns["date"].astype(str).tolist() == ["2020-01-13", "2020-01-14"]
    assert "Set dateOrder" in refusal(text, "A.csv", **{"column.date": "a"})


@pytest.mark.parametrize(
    ("written", "day"), [("13/01/20", "2020-01-13"), ("01/13/20", "2020-01-13"), ("13.1.99", "1999-01-13")]
)
def test_two_digits_are_enough_for_a_year(written, day):
    assert str(read(f"date,close\n{written},1\n", "A.csv").series[0].columns["date"][0]) == day


NIGHT = """Datetime,Open,High,Low,Close
2021-11-07 01:30:00-04:00,1,9,1,2
2021-11-07 01:00:00-05:00,3,9,1,4
2021-11-07 01:00:00-04:00,5,9,1,6
"""


@pytest.mark.parametrize("zone", ["", "America/New_York"])
def test_an_hour_that_comes_twice_is_two_hours(zone):
    (series,) = read(NIGHT, "A.csv", timeZone=zone).series
    assert series.columns["open"].tolist() == [5, 1, 3]
    assert [str(moment)[11:16] for moment in series.dates] == ["05:00", "05:30", "06:00"]


def test_an_hour_that_comes_twice_in_a_zone_of_parquet_is_two_hours():
    frame = pd.read_csv(io.StringIO(NIGHT))
    frame["Datetime"] = pd.to_datetime(frame["Datetime"], utc=True).dt.tz_convert("America/New_York")
    (series,) = read(parquet(frame), "A.parquet").series
    assert series.columns["open"].tolist() == [5, 1, 3]
    assert [str(moment)[11:16] for moment in series.dates] == ["05:00", "05:30", "06:00"]


def test_two_bars_of_one_second_are_two_bars():
    text = "date,close\n2020-01-02 09:30:00.25,1\n2020-01-02 09:30:00.5,2\n"
    assert closes(text, "A.csv") == {"A": [1, 2]}
