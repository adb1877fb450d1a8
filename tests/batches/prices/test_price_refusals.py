"""Files of prices that are refused, and the messages."""

import gzip
import io
import re

import pandas as pd
import pytest

from batches.errors import BatchError
from tests.support.price_files import LONG, parquet, read, refusal


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "prices.csv: the file is empty."),
        ("  \n\n", "the file is empty"),
        ("symbol,date,close\n", "the file has a header but no rows"),
        ("symbol,close\nACME,1\n", "line 1: column 'date' is missing; expected symbol, date, close"),
        ("symbol,date,amount\nACME,2020-01-02,1\n", "line 1: column 'close' is missing"),
        ("date,open,high,low\n2020-01-02,1,1,1\n", "line 1: column 'close' is missing"),
        ("date\n2020-01-02\n", "line 1: there are no price columns"),
        ("date,,A\n2020-01-02,1,2\n", "line 1: column 2 has no name"),
        ("date,ACME,acme\n2020-01-02,1,2\n", "line 1: duplicate column 'acme'"),
        (f"date,{'F' * 65}\n2020-01-02,1\n", "line 1: symbol must be 1 to 64 printable characters, got 'FFFFF"),
        (
            LONG.replace("BOLT,2020-01-02", "../B,2020-01-02"),
            "line 5: symbol must be 1 to 64 printable characters, got '../B'",
        ),
        (LONG.replace("11", "eleven"), "line 4: close must be a number, got 'eleven'"),
        (LONG.replace("11", "1,5"), "line 4: expected 3 cells, got 4"),
        ("\n\n".join(LONG.splitlines()).replace("11", "x"), "line 7: close must be a number, got 'x'"),
        ("symbol,date,open,close\nACME,2020-01-02,1,\n", "line 2: ACME on 2020-01-02: close is missing"),
        (LONG.replace("11", "0"), "line 4: ACME on 2020-01-03: close must be above 0, got 0"),
        (LONG.replace("11", "-3"), "close must be above 0, got -3"),
        (LONG.replace("11", "inf"), "close must be above 0, got inf"),
        (LONG.replace("11", "1e999"), "line 4: "),
        (LONG.replace("2020-01-03,11", "2020-02-30,11"), "line 4: date must be like 2022-12-28, got '2020-02-30'"),
        (LONG.replace("2020-01-03,11", "01/03/2020,11"), "line 4: date must be like 2022-12-28, got '01/03/2020'"),
        (LONG.replace("2020-01-03,11", ",11"), "line 4: date is missing"),
        (LONG.replace("2020-01-03,11", "0000-01-01,11"), "line 4: date must be like 2022-12-28, got '0000-01-01'"),
        (LONG + "ACME,2020-01-02,9\n", "line 6: ACME on 2020-01-02: duplicate of line 3 with other values"),
        (
            "symbol,date,close\nA,2020-01-02 09:30,1\nA,2020-01-02 09:30,2\n",
            "A on 2020-01-02 09:30:00: duplicate of line 2",
        ),
        (
            "date,close\n01/02/2020,1\n01/03/2020,1\n",
            "line 2: does '01/02/2020' start with the day or the month? Set dateOrder",
        ),
        ("date;close\n2020-01-02;1.23,5\n", "line 2: close must be a number, got '1.23,5'"),
        (
            "symbol,date,close\nA,2020-01-02,-1\nA,2020-01-02,5\n",
            "line 2: A on 2020-01-02: close must be above 0, got -1",
        ),
        (
            "date," + ",".join(f"S{n}" for n in range(6_000)) + "\n2020-01-02" + ",1" * 6_000 + "\n",
            "the file must have at most 5,000 symbols (PRICES_MAX_SYMBOLS), got 6,001 columns",
        ),
        (
            "symbol,date,close\n" + "".join(f"S{n},2020-01-02,1\n" for n in range(5_001)),
            "the file must have at most 5,000 symbols (PRICES_MAX_SYMBOLS), got 5,001",
        ),
        ("x" * 2_000_000 + ",y\n1,2\n", "line 1: the header must have at most 1,048,576 characters"),
        ("date," + "x" * 200_000 + "\n1,2\n", "line 1: invalid CSV header"),
        ("date,close\n2020-01-02," + "1" * 3_000_000 + "\n", "invalid CSV"),
        ("date,BOLT\n2020-01-02,\n2020-01-03,.\n", "column BOLT: it contains no prices"),
        ("date,open,high,low,close\n2020-01-02,1,1,2,1\n", "low must not be above high, got 2 and 1"),
        (b"\xff\xfe\x00", "this is not UTF-16-LE text. Choose another encoding"),
        (b"symbol,date,close\nA\0,2020-01-02,1\n", "line 2: this is not text"),
        (gzip.compress(LONG.encode(), mtime=0)[:-10], "the gzip data is truncated"),
        (b"\x1f\x8b" + b"junk" * 10, "invalid gzip data"),
        (b"PAR1" + b"junk" * 10, "invalid Parquet"),
        (
            parquet(pd.DataFrame({"date": ["2020-01-02"], "ACME": [[1, 2]]})),
            "column ACME: it must contain numbers, text or dates, got list<",
        ),
    ],
)
def test_a_bad_file_is_refused_and_the_place_is_named(content, message):
    assert message in refusal(content)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "tall"}, "layout must be 'long' or 'single' or 'wide', got 'tall'."),
        ({"decimal": ";"}, "decimal must be '.' or ',', got ';'."),
        ({"column.close": "clsoe"}, "The file has no column 'clsoe'. Did you mean close?"),
        (
            {"timeZone": "America/NewYork"},
            "timeZone must be a time zone such as America/New_York, got 'America/NewYork'.",
        ),
        ({"timeZone": "/etc/passwd"}, "timeZone must be a time zone such as America/New_York, got '/etc/passwd'"),
        ({"column.open": "close"}, "one column is used for two roles"),
    ],
)
def test_an_invalid_option_is_refused(options, message):
    with pytest.raises(BatchError, match=re.escape(message)):
        read(LONG, **options)


def test_the_first_of_many_problems_are_reported_and_all_are_counted():
    lines = "".join(f"ACME,2020-01-{day:02},x\n" for day in range(1, 21))
    message = refusal("symbol,date,close\n" + lines)
    assert "line 2" in message
    assert message.endswith("and 15 more. Set onBadRow to 'skip' to leave out such rows.")


def test_the_unpacked_size_is_limited(settings):
    settings.PRICES_MAX_UNPACKED_BYTES = 100_000
    for data in (gzip.compress(b"a" * 10_000_000), b"a" * 10_000_000):
        assert "at most 100,000 bytes (PRICES_MAX_UNPACKED_BYTES)" in refusal(data)


def test_the_numbers_of_cells_and_symbols_are_limited(settings):
    settings.PRICES_MAX_CELLS = 10
    assert "at most 10 cells (PRICES_MAX_CELLS), got 4 rows of 3 columns" in refusal(LONG)
    assert "(PRICES_MAX_CELLS)" in refusal(parquet(pd.read_csv(io.StringIO(LONG))))
    settings.PRICES_MAX_CELLS, settings.PRICES_MAX_SYMBOLS = 100, 2
    rows = "".join(f"{symbol},2020-01-02,5\n" for symbol in ("A", "B", "C"))
    assert "at most 2 symbols (PRICES_MAX_SYMBOLS), got 3" in refusal("symbol,date,close\n" + rows)
