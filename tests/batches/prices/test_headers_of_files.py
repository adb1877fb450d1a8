"""Delimiters, encodings and headers: where the table starts, and what its columns are called."""

import pytest

from batches.errors import InvalidRequest
from batches.prices.tables import BadPriceFile
from tests.support.price_files import closes, read, refusal

ROWS = "2020-01-02,1,2,1,1.5,9\n2020-01-03,1,2,1,1.25,9\n"
BARS = [1.5, 1.25]
HEADERS = {
    "English": "Date,Open,High,Low,Close,Volume",
    "German": "Datum,Eröffnung,Hoch,Tief,Schlusskurs,Volumen",
    "French": "Date,Ouverture,Plus haut,Plus bas,Clôture,Volume",
    "Spanish": "Fecha,Apertura,Máximo,Mínimo,Cierre,Volumen",
    "Polish": "Data,Otwarcie,Najwyższy,Najniższy,Zamknięcie,Wolumen",
    "Portuguese": "Data,Abertura,Máxima,Mínima,Fechamento,Volume",
    "Chinese": "日期,开盘,最高,最低,收盘,成交量",
    "Japanese": "日付,始値,高値,安値,終値,出来高",
    "futures": "Date,Open,High,Low,Settle,Volume",
    "Bloomberg": "Date,PX_OPEN,PX_HIGH,PX_LOW,PX_LAST,PX_VOLUME",
    "brackets": "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>",
    "numbers and units": "timestamp,1. open,2. high (USD),3. low [$],4. close*,5. volume",
    "camel case": "tradeDate,openPrice,highPrice,lowPrice,closePrice,volume",
    "letters": "t,o,h,l,c,v",
    "a prefix": ",AAPL.Open,AAPL.High,AAPL.Low,AAPL.Close,AAPL.Volume",
    "a suffix": "Date,Open_AAPL,High_AAPL,Low_AAPL,Close_AAPL,Volume_AAPL",
    "an index without a name": ",open,high,low,close,volume",
    "a name that pandas gives": "Unnamed: 0,open,high,low,close,volume",
    "a date with another name": "wann,open,high,low,close,volume",
    "no name for the index, as R writes it": "open,high,low,close,volume",
    "none": "",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_the_columns_are_known_by_their_names(header):
    (series,) = read(f"{header}\n{ROWS}" if header else ROWS, "AAPL.csv").series
    assert series.symbol == "AAPL"
    assert {name: values.tolist() for name, values in series.columns.items() if name != "date"} == {
        "close": BARS,
        "open": [1, 1],
        "high": [2, 2],
        "low": [1, 1],
        "volume": [9, 9],
    }


TABLE = f"{HEADERS['English']}\n{ROWS}"
WRITTEN = {
    "semicolons": TABLE.replace(",", ";"),
    "tabs": TABLE.replace(",", "\t"),
    "bars": TABLE.replace(",", "|"),
    "blanks": TABLE.replace(",", "   "),
    "a line that names the separator": "sep=;\n" + TABLE.replace(",", ";"),
    "lines that end with CR": TABLE.replace("\n", "\r"),
    "lines that end with CR CR LF": TABLE.replace("\n", "\r\r\n"),
    "a comma at the end of each line": TABLE.replace("\n", ",\n"),
    "a comma at the end of each row": TABLE.replace("9\n", "9,\n"),
    "an address above": f"https://www.example.com\n{TABLE}",
    "lines of another width above": f"Fund Name:,Apple\nTicker:,AAPL\n\n{TABLE}",
    "a line of units": TABLE.replace("Volume\n", "Volume\n,USD,USD,USD,USD,shares\n"),
    "the header twice": f"{TABLE}{HEADERS['English']}\n",
    "a sentence below": f"{TABLE}\nSource: somewhere\n",
    "rows that are counted": f",{HEADERS['English']}\n0,{ROWS}".replace("\n2020-01-03", "\n1,2020-01-03"),
    "UTF-16": TABLE.encode("utf-16"),
    "UTF-16 without a mark": TABLE.encode("utf-16-le"),
    "UTF-32": TABLE.encode("utf-32"),
}  # fmt: skip


@pytest.mark.parametrize("content", WRITTEN.values(), ids=WRITTEN)
def test_the_table_is_found_however_it_is_written(content):
    assert closes(content, "AAPL.csv") == {"AAPL": BARS}


@pytest.mark.parametrize(
    ("language", "encoding", "label"),
    [
        ("German", "cp1252", "Windows-1252"),
        ("Polish", "cp1250", "Windows-1250"),
        ("Chinese", "gb18030", "GB18030"),
        ("Japanese", "shift_jis", "Shift_JIS"),
    ],
)
def test_the_encoding_is_the_one_that_makes_sense(language, encoding, label):
    parsed = read(f"{HEADERS[language]}\n{ROWS}".encode(encoding), "AAPL.csv")
    assert parsed.series[0].columns["close"].tolist() == BARS
    assert parsed.notes[0].startswith(f"The text is read as {label}")


def test_the_encoding_can_be_chosen():
    content = "symbol,date,close\nÉTÉ,2020-01-02,1\n".encode("cp1250")
    assert list(closes(content, encoding="windows-1250")) == ["ÉTÉ"]
    with pytest.raises(BadPriceFile, match="line 2: this is not UTF-8 text"):
        read(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"), ("utf8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("latin-1", "latin-1"),
        ("ISO-8859-1", "latin-1"), ("cp1252", "cp1252"), ("CP1250", "cp1250"), ("UTF-16", "utf-16"),
    ],
)  # fmt: skip
def test_a_chosen_encoding_has_many_names(label, codec):
    content = "symbol,date,close\nÉTÉ,2020-01-02,1\n".encode(codec)
    assert list(closes(content, encoding=label)) == ["ÉTÉ"]


@pytest.mark.parametrize("label", ["latin-11", "base64", "é", "utf\0", "u" * 1000])
def test_an_unknown_encoding_is_refused_with_those_that_are_known(label):
    with pytest.raises(InvalidRequest, match="encoding must be 'utf-8' or 'utf-16' or 'windows-1252'"):
        read("date,close\n2020-01-02,1\n", encoding=label)


def test_what_is_left_out_above_and_below_is_noted():
    notes = read(f"Apple\nUSD\n{TABLE}Source: somewhere\n", "AAPL.csv").notes
    assert notes[:2] == (
        "Lines 1 to 2 are above the table and left out.",
        "Below the table, from line 6 on, text is left out.",
    )


def test_line_numbers_count_from_the_first_line_of_the_file():
    assert "line 4: Close must be a number, got 'x'" in refusal(f"Apple\nUSD\n{TABLE}".replace("1.5", "x"), "AAPL.csv")


@pytest.mark.parametrize("text", ["No data", "Exceeded the daily hits limit"])
def test_a_message_instead_of_a_table_is_quoted(text):
    assert f"the file has no table, only {text!r}" in refusal(text, "A.csv")


def test_the_header_can_be_chosen():
    text = "x,y\nwhen,1\n2020-01-02,1\n"
    options = {"layout": "single", "column.date": "when", "column.close": "1"}
    assert closes(text, "A.csv", header="2", **options) == {"A": [1]}
    assert closes("2020-01-02,1\n", "A.csv", header="none") == {"A": [1]}
    assert closes("text\n" * 80 + "Date,Close\n2020-01-02,1\n", "A.csv", header="81", delimiter=",") == {"A": [1]}
    assert "header is line 9, which does not exist or is blank" in refusal(text, header="9")
    with pytest.raises(InvalidRequest, match="header must be 'none' or a line between 1 and 1000, got 'x'"):
        read(text, header="x")


def test_a_row_whose_date_is_wrong_is_no_part_of_the_header():
    assert "line 2: date must be like 2022-12-28, got 'soon'" in refusal(
        TABLE.replace("2020-01-02", "soon"), "AAPL.csv"
    )


def test_a_ticker_that_is_the_name_of_a_column_is_no_header():
    text = "symbol,date,close\nLOW,2020-01-02,1\nOPEN,2020-01-02,2\nACME,2020-01-02,3\n"
    assert closes(text) == {"ACME": [3], "LOW": [1], "OPEN": [2]}


@pytest.mark.parametrize(
    ("header", "row", "symbols"),
    [
        ("date,AAPL,CL,NAV,MSFT", "2020-01-02,1,2,3,4", ["AAPL", "CL", "MSFT", "NAV"]),
        ("date,V,MA,C", "2020-01-02,1,2,3", ["C", "MA", "V"]),
        ("Date,NAV,Shares Outstanding", "2020-01-02,1,2", ["FUND"]),
        ("Date,Price,Change %", "2020-01-02,1,2", ["FUND"]),
        ("DATE,GDP", "2020-01-02,1", ["GDP"]),
    ],
)
def test_a_table_is_wide_if_its_columns_are_symbols(header, row, symbols):
    assert list(closes(f"{header}\n{row}\n", "fund.csv")) == symbols


def test_a_table_with_open_high_and_low_is_never_wide():
    assert "column 'close' is missing" in refusal("Date,Open,High,Low,Foo\n2020-01-02,1,2,1,1\n")


def test_a_duplicate_column_is_a_question_only_if_its_cells_differ():
    assert closes("date,close,close\n2020-01-02,1,1\n", "A.csv") == {"A": [1]}
    text = "date,close,close\n2020-01-02,1,2\n"
    assert "duplicate column 'close'; choose one of the two with column.close" in refusal(text, "A.csv")
    assert closes(text, "A.csv", **{"column.close": "close (2)"}) == {"A": [2]}


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ("1,2,0.5,1.5,9", {"open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 9}),
        ("1,1.5,2,0.5,9", {"open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 9}),
        ("0.5,2,1,1.5,9", {"open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 9}),
        ("1,2,0.5,1.5,1.2,9,3", {"open": 1, "high": 2, "low": 0.5, "close": 1.5, "volume": 9}),
        ("1.5", {"close": 1.5}),
        ("1.5,9", {"close": 1.5, "volume": 9}),
    ],
)
def test_without_a_header_the_prices_tell_their_order(prices, expected):
    (series,) = read(f"2020-01-02,{prices}\n", "A.csv").series
    assert {name: values[0] for name, values in series.columns.items() if name != "date"} == expected


def test_without_a_header_a_column_of_words_is_the_symbol():
    text = "AAPL,20200102,1,2,0.5,1.5,9\nMSFT,20200102,1,2,0.5,1.25,9\n"
    assert closes(text) == {"AAPL": [1.5], "MSFT": [1.25]}
