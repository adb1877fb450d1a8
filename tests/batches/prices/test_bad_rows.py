"""Rows that are no bars, and bars that cannot be: refused with the line, or left out and listed."""

import pytest

from batches.errors import InvalidRequest
from tests.support.price_files import closes, read, refusal

HEADER = "Date,Open,High,Low,Close,Volume\n"
GOOD = "2020-01-02,1,2,1,1.5,9\n2020-01-06,1,2,1,1.25,9\n"
BAD = {
    "2020-01-03,0.24 Dividend,,,,": "line 4: Open must be a number, got '0.24 Dividend'",
    "2020-01-03,0.24 Dividend": "line 4: expected 6 cells, got 2",
    "2020-01-03,1,2,1,1.5,9,7": "line 4: expected 6 cells, got 7",
    "2020-01-03,1,2,1,,9": "line 4: A on 2020-01-03: close is missing",
    "2020-01-03,0,2,1,1.5,9": "line 4: A on 2020-01-03: open must be above 0, got 0",
    "2020-01-03,1,2,1,-1.5,9": "line 4: A on 2020-01-03: close must be above 0, got -1.5",
    "2020-01-03,1,2,1,1.5,-5": "line 4: A on 2020-01-03: volume must be 0 or more, got -5",
    "2020-01-03,1,1,2,1.5,9": "line 4: A on 2020-01-03: low must not be above high, got 2 and 1",
    "2020-01-03,1,2,1,2.5,9": "line 4: A on 2020-01-03: close must be within low and high, got 2.5, low 1 and high 2",
    "2020-01-03,0.5,2,1,1.5,9": "line 4: A on 2020-01-03: open must be within low and high, got 0.5",
    "2020-01-02,1,2,1,1.75,9": "line 4: A on 2020-01-02: duplicate of line 2 with other values",
    "Total,1,2,1,1.5,9": "line 4: date must be like 2022-12-28, got 'Total'",
}  # fmt: skip


@pytest.mark.parametrize(("row", "message"), BAD.items())
def test_a_bad_row_refuses_the_file_or_is_left_out_and_listed(row, message):
    text = f"{HEADER}{GOOD}{row}\n"
    refused = refusal(text, "A.csv")
    assert message in refused
    assert refused.endswith("Set onBadRow to 'skip' to leave out such rows.")
    parsed = read(text, "A.csv", onBadRow="skip")
    assert parsed.series[0].columns["close"].tolist() == [1.5, 1.25]
    assert parsed.n_skipped == 1
    assert message.startswith(f"{parsed.skipped[0].field}: ")
    assert parsed.skipped[0].message in message or message in f"{parsed.skipped[0].field}: {parsed.skipped[0].message}"
    assert any(note.startswith(f"1 bad row is left out, starting with {message}") for note in parsed.notes)


def test_of_many_bad_rows_all_are_counted_and_the_first_listed():
    rows = "".join(f"2021-01-{day:02},x,2,1,1.5,9\n" for day in range(1, 31)) * 10
    parsed = read(HEADER + GOOD + rows, "A.csv", onBadRow="skip")
    assert (parsed.n_skipped, len(parsed.skipped)) == (300, 100)
    assert any(note.startswith("300 bad rows are left out, starting with line 4") for note in parsed.notes)


def test_a_file_of_bad_rows_alone_is_refused_even_if_they_may_be_left_out():
    assert "Open must be a number" in refusal(f"{HEADER}2020-01-02,x,2,1,1.5,9\n", "A.csv", onBadRow="skip")


def test_a_bad_cell_of_a_wide_table_costs_one_symbol_one_day():
    text = "date,A,B\n2020-01-02,1,x\n2020-01-03,-1,2\n"
    assert closes(text, onBadRow="skip") == {"A": [1], "B": [2]}


def test_what_to_do_with_bad_rows_must_be_a_known_word():
    with pytest.raises(InvalidRequest, match="onBadRow must be 'refuse' or 'skip', got 'drop'"):
        read(HEADER + GOOD, onBadRow="drop")


def test_an_excess_of_rounding_is_no_reason_to_refuse_a_bar():
    assert closes(f"{HEADER}2020-01-02,1,1.0000005,1,1.000001,9\n", "A.csv") == {"A": [1.000001]}


def test_the_way_to_read_closes_alone_is_named_where_only_they_are_known():
    text = f"{HEADER}1962-01-02,0,2,1,1.5,9\n{GOOD}"
    assert "To read closes alone, leave column.open, column.high and column.low empty." in refusal(text, "A.csv")
    assert "To read closes alone" not in refusal(text.replace("1.5", "0"), "A.csv")
    closed = {f"column.{role}": "" for role in ("open", "high", "low")}
    assert closes(text, "A.csv", **closed) == {"A": [1.5, 1.5, 1.25]}


def test_an_exact_copy_of_a_row_is_left_out_with_a_note():
    parsed = read(HEADER + GOOD + GOOD, "A.csv")
    assert parsed.series[0].columns["close"].tolist() == [1.5, 1.25]
    assert "2 rows are exact copies of another and left out, starting with line 4 (A on 2020-01-02)." in parsed.notes


def test_flat_weekends_are_pointed_out():
    weekend = "2020-01-04,1,1,1,1,0\n2020-01-05,1,1,1,1,0\n"
    (note,) = read(HEADER + "2020-01-03,1,2,1,1,9\n" + weekend, "A.csv").notes
    assert (
        note
        == "2 flat bars without volume are on a weekend, starting with A on 2020-01-04 (line 3): was the market open?"
    )


def test_empty_columns_of_a_wide_table_are_left_out_with_a_note():
    parsed = read("date,A,B,C\n2020-01-02,1,,\n2020-01-03,2,.,\n")
    assert [series.symbol for series in parsed.series] == ["A"]
    assert parsed.notes == ("No prices are in the columns of B, C, which are left out.",)


# ---- Symbols ---------------------------------------------------------------------------------------------------------

LONG = "symbol,date,close\nA,2020-01-02,1\n../B,2020-01-02,2\n"


def test_one_bad_symbol_costs_no_other_one():
    assert "line 3: symbol must be 1 to 64 printable characters, got '../B'; set rename.../B" in refusal(LONG)
    assert closes(LONG, onBadRow="skip") == {"A": [1]}
    assert closes(LONG, **{"rename.../B": "B"}) == {"A": [1], "B": [2]}
    assert closes(LONG, **{"rename.../B": ""}) == {"A": [1]}


def test_one_bad_symbol_of_a_wide_table_costs_no_other_one():
    text = "date,A,../B\n2020-01-02,1,2\n"
    assert "line 1: symbol must be 1 to 64 printable characters, got '../B'" in refusal(text)
    assert closes(text, onBadRow="skip") == {"A": [1]}
    assert closes(text, **{"rename.../B": "B"}) == {"A": [1], "B": [2]}


def test_symbols_are_renamed_left_out_and_noted():
    parsed = read(
        "symbol,date,close\nA,2020-01-02,1\nB,2020-01-02,2\nC,2020-01-02,3\n", **{"rename.a": "x", "rename.B": ""}
    )
    assert [series.symbol for series in parsed.series] == ["C", "X"]
    assert parsed.notes == ("Symbols left out: B.", "Symbols renamed: A as X.")


@pytest.mark.parametrize("written", ["'000001", '"=""000001"""'])
def test_a_code_protected_from_spreadsheets_is_a_symbol(written):
    assert list(closes(f"code,date,close\n{written},2020-01-02,1\n")) == ["000001"]


FILES = {
    "AAPL.csv": "AAPL", "AAPL.CSV": "AAPL", "aapl.txt": "AAPL", "AAPL.tsv.gz": "AAPL", "AAPL (1).csv": "AAPL",
    "AAPL - Copy.csv": "AAPL", "BRK-B.csv": "BRK-B", "AAPL.US.txt": "AAPL.US", "GC=F.csv": "GC=F", "^GSPC.csv": "^GSPC",
    "BINANCE_BTCUSDT, 1D.csv": "BTCUSDT", "NASDAQ_AAPL, 60.csv": "AAPL, 60", "Binance_BTCUSDT_d.csv": "BTCUSDT",
    "BTCUSDT-1d-2025-01.zip": "BTCUSDT", "BTCUSDT-1h-2025-01-31.csv": "BTCUSDT", "XBTUSD_1440.csv": "XBTUSD",
    "EURUSD_Daily.csv": "EURUSD", "DAT_ASCII_EURUSD_M1_2012.csv": "EURUSD", "wig20_d.csv": "WIG20",
    "AAPL Historical Data.csv": "AAPL", "DAX Historische Daten.csv": "DAX", "SBER_200101_200131.txt": "SBER",
    "SP500.csv": "SP500", "prices.csv": "PRICES", "C:\\data\\AAPL.csv": "AAPL", "日経平均 過去データ.csv": "日経平均",
}  # fmt: skip


@pytest.mark.parametrize(("name", "symbol"), FILES.items())
def test_the_symbol_is_taken_from_the_name_of_the_file(name, symbol):
    assert list(closes("date,open,close\n2020-01-02,1,1\n", name)) == [symbol]
