"""Tables beside each other, each with dates of its own, and columns that hold other dates."""

import pytest

from tests.support.price_files import closes, read, refusal

BLOOMBERG = """Start Date,2020-01-02,,,
AAPL US Equity,,,MSFT US Equity,
Date,PX_LAST,,Date,PX_LAST
2020-01-02,300.35,,2020-01-03,158.62
2020-01-03,297.43,,2020-01-06,159.03
2020-01-06,299.8,,,
"""
PAIRS = """Date,AAPL,Date,MSFT
2020-01-02,300.35,2020-01-03,158.62
2020-01-03,297.43,2020-01-06,159.03
2020-01-06,299.8,,
"""
BARS = {"AAPL": [300.35, 297.43, 299.8], "MSFT": [158.62, 159.03]}


def test_the_line_above_names_the_symbol_of_each_table():
    assert closes(BLOOMBERG) == {f"{symbol} US EQUITY": values for symbol, values in BARS.items()}


def test_each_table_keeps_its_own_dates_and_loses_nothing():
    (_, microsoft) = read(BLOOMBERG).series
    assert microsoft.columns["date"].astype(str).tolist() == ["2020-01-03", "2020-01-06"]
    assert read(BLOOMBERG).notes == ("Line 1 is above the table and left out.",)


def test_the_prices_of_pairs_are_called_by_their_symbol():
    assert closes(PAIRS) == BARS


def test_a_row_with_a_price_and_no_date_is_named():
    assert "line 4: date is missing" in refusal(PAIRS.replace("299.8,,", "299.8,,159.2"))


def test_two_dates_of_one_table_are_not_two_tables():
    assert closes("Date,Close,Date,Volume\n2020-01-02,1.5,2020-01-02,7\n", symbol="ONE") == {"ONE": [1.5]}


@pytest.mark.parametrize("day", ["02 Jan 2024", "2024-Q1", "2024-01-02"])
def test_a_column_of_other_dates_is_no_symbol(day):
    parsed = read(f"DATE,TIME PERIOD,EUR\n2024-01-02,{day},1.0956\n")
    assert [series.symbol for series in parsed.series] == ["EUR"]
    assert parsed.notes == ("Dates, not prices, are in TIME PERIOD: left out.",)


def test_a_column_of_whole_numbers_that_look_like_days_has_prices():
    assert closes("date,NIKKEI\n2024-01-02,20240102\n") == {"NIKKEI": [20240102.0]}


def test_names_with_a_dollar_sign_are_known():
    assert closes("instrument,datetime,$close,$open\nSH600000,2020-01-02,10.1,10\n") == {"SH600000": [10.1]}
