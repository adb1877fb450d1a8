"""Numbers as people write them: separators, currencies, units, and cells without a value."""

import numpy as np
import pytest

from tests.support.price_files import closes, parquet, read, refusal

NUMBERS = {
    "1234.5": 1234.5, "+1234.5": 1234.5, "1,234.5": 1234.5, "1,234,567.5": 1234567.5, "1,02,345.5": 102345.5,
    "1 234.5": 1234.5, "1\u00a0234.5": 1234.5, "1\u202f234.5": 1234.5, "1'234.5": 1234.5, "1’234.5": 1234.5,
    "$1,234.50": 1234.5, "US$ 1,234.50": 1234.5, "€1234.5": 1234.5, "1234.5 €": 1234.5, "₹ 1,02,345.50": 102345.5,
    "USD 1234.5": 1234.5, "1234.5 USD": 1234.5, "1.2345e3": 1234.5, "1.5K": 1500, "1.5M": 1.5e6, "1.5 B": 1.5e9,
    "1.5万": 15000, "98.5%": 98.5, "\u200b1234.5": 1234.5,
}  # fmt: skip


@pytest.mark.parametrize(("written", "value"), NUMBERS.items())
def test_a_number_is_read_however_it_is_written(written, value):
    assert closes(f'date,close\n2020-01-02,"{written}"\n2020-01-03,{value}\n', "A.csv") == {"A": [value, value]}


COMMAS = {"1234,5": 1234.5, "1.234,5": 1234.5, "1.234.567,5": 1234567.5, "1 234,5": 1234.5, "1.234,50 €": 1234.5}


@pytest.mark.parametrize(("written", "value"), COMMAS.items())
def test_a_decimal_comma_is_read_and_noted(written, value):
    parsed = read(f"date;close\n2020-01-02;{written}\n", "A.csv")
    assert parsed.series[0].columns["close"].tolist() == [value]
    assert "Numbers are read with a decimal comma." in parsed.notes


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        ('"1,234","1,235"', [1234, 1235]),  # in a file separated by commas, a comma groups
        ('"1,234","1.5"', [1234, 1.5]),  # beside a point, too
        ('"0,123","0,124"', [0.123, 0.124]),  # nothing is grouped behind a zero
        ('"1,5","1,234"', [1.5, 1.234]),
        ('"1.234.567","1.234"', [1234567, 1234]),  # only points can be repeated
        ('"1.234","1.235"', [1.234, 1.235]),
    ],
)
def test_a_sign_before_three_digits_is_read_as_the_others_are(cells, values):
    first, second = cells.split('","')
    text = f'date,close,x\n2020-01-02,{first}",y\n2020-01-03,"{second},y\n'
    assert closes(text, "A.csv", **{"column.close": "close"}) == {"A": values}


def test_a_point_that_may_group_thousands_is_pointed_out():
    text = "Datum;Schluss\n02.01.2020;12.345\n03.01.2020;12.400\n"
    parsed = read(text, "DAX.csv")
    assert parsed.series[0].columns["close"].tolist() == [12.345, 12.4]
    note = "All prices have a point before three digits: if it groups thousands, set decimal to ','."
    assert note in parsed.notes
    chosen = read(text, "DAX.csv", decimal=",")
    assert chosen.series[0].columns["close"].tolist() == [12345, 12400]
    assert note not in chosen.notes


def test_the_decimal_sign_can_be_chosen():
    text = "date;close\n2020-01-02;1,234\n"
    assert closes(text, "A.csv", decimal=",") == {"A": [1.234]}
    assert closes(text, "A.csv", decimal=".") == {"A": [1234]}


@pytest.mark.parametrize("written", ["1,23.5", "1.2.3", "eleven", "1-2", "0.24 Dividend", "--5", "12;5", "1 2 x", "K"])
def test_what_is_no_number_is_refused_with_its_line(written):
    text = f'date,close\n2020-01-02,1.5\n2020-01-03,"{written}"\n'
    assert f"line 3: close must be a number, got '{written}'" in refusal(text, "A.csv")


NOTHING = ["", "-", "--", "null", "NULL", "NaN", "n/a", "N/A", "#N/A", "#N/A N/A", "None", ".", "nan"]


@pytest.mark.parametrize("cell", NOTHING)
def test_a_row_without_any_price_is_a_day_without_a_bar(cell):
    parsed = read(f"date,open,close,volume\n2020-01-02,1,1,1\n2020-01-03,{cell},{cell},{cell}\n", "A.csv")
    assert parsed.series[0].columns["close"].tolist() == [1]
    assert "1 row without any price is left out, as a day without a bar, starting with line 3." in parsed.notes


@pytest.mark.parametrize("cell", [*NOTHING, "-1"])
def test_an_unknown_volume_makes_no_bar_bad(cell):
    parsed = read(f"date,close,volume\n2020-01-02,1,7\n2020-01-03,2,{cell}\n", "A.csv")
    assert np.array_equal(parsed.series[0].columns["volume"], [7, np.nan], equal_nan=True)
    assert "The volume of 1 bar is unknown." in parsed.notes


def test_a_column_without_any_volume_is_left_out():
    (series,) = read("date,close,volume\n2020-01-02,1,-1\n2020-01-03,2,\n", "A.csv").series
    assert "volume" not in series.columns


def test_the_volume_of_a_day_is_the_total_of_what_is_known():
    rows = "".join(f"2020-01-{day:02} 09:30,2,-1\n" for day in range(3, 8))
    text = f"date,close,volume\n2020-01-02 09:30,1,7\n2020-01-02 09:31,2,\n{rows}"
    (series,) = read(text, "A.csv").series
    assert np.array_equal(series.columns["volume"], [7, *[np.nan] * 5], equal_nan=True)


def test_a_large_clean_column_is_not_read_cell_by_cell(monkeypatch):
    from batches.prices import cells

    monkeypatch.setattr(cells, "_parsed", None)
    rows = "".join(f"2020-01-02 {n // 60:02}:{n % 60:02},{n + 1}.5\n" for n in range(1_000))
    assert closes(f"date,close\n{rows}", "A.csv") == {"A": [n + 1.5 for n in range(1_000)]}


def test_text_numbers_of_parquet_are_read():
    import pandas as pd

    frame = pd.DataFrame({"date": ["2020-01-02", "2020-01-03"], "close": ["$1,234.50", None]})
    assert closes(parquet(frame), "A.parquet") == {"A": [1234.5]}
