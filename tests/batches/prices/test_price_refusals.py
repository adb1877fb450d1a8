"""What is refused of files of prices, and in which words."""

import gzip
import io
import re

import pandas as pd
import pytest

from batches.errors import BatchError
from tests.support.price_files import LONG, parquet, read, refusal


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
