"""Scenes: price files that are stored, and those that are refused."""

import gzip
import io

import pandas as pd
from django.test import override_settings

from . import inside
from .exchanges import INSTRUMENTS

LONG = "symbol,date,close\nBOX,2020-01-03,20.5\nAXE,2020-01-02,10\nAXE,2020-01-03,11\nBOX,2020-01-02,20\n"
WIDE = "Date,axe,BOX\n2020-01-03,11,20.5\n2020-01-02,10,20\n"
OHLC = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,3,0.5,2,100\n2020-01-03,2,4,1,3,200\n2020-01-20,2,4,1,3,200\n"


def parquet(frame):
    sink = io.BytesIO()
    frame.to_parquet(sink)
    return sink.getvalue()


async def good_files(wire):
    await wire.ask("GET", INSTRUMENTS, about="before any prices")
    await wire.upload(inside.prices_csv(), about="the market")
    await wire.upload(inside.prices_csv(), about="the market again", source="the same source")
    await wire.upload(LONG, about="long")
    changed = LONG.replace("11", "12")
    await wire.upload(changed, about="long, differing")
    await wire.upload(changed, about="long, changed", onOverlap="replace")
    await wire.upload(changed + "AXE,2020-01-06,13\n", about="long, continued")
    await wire.upload(LONG + "AXE,2020-01-07,14\n", about="long, differing and kept", onOverlap="append")
    await wire.upload(WIDE, about="wide", onOverlap="replace")
    await wire.upload(WIDE + "2020-01-06,12,\n", about="wide with a hole")
    await wire.upload(OHLC, "single.csv", about="one symbol, named by the file", source="a friend")
    await wire.upload(OHLC, "single.csv", about="one symbol, named by the field", symbol="OTHER", layout="single")
    await wire.upload(gzip.compress(LONG.encode(), mtime=0), "prices.csv.gz", about="gzip", onOverlap="replace")
    await wire.upload("date;close\n02.01.2020;1,5\n13.01.2020;2,5\n", "euro.csv", about="semicolons and commas")
    await wire.upload("date,close\n01/02/2020,1\n01/03/2020,2\n", "us.csv", about="month first", dateOrder="mdy")
    frame = pd.DataFrame({"symbol": ["PAR", "PAR"], "date": ["2020-01-02", "2020-01-03"], "close": [1.5, 2.5]})
    await wire.upload(parquet(frame), "prices.parquet", about="parquet")
    await wire.upload("date,close\n2020-01-02,1\n2020-01-03,2\n", "gone.csv", about="to be deleted", symbol="A&B C/D")
    await wire.ask("DELETE", f"{INSTRUMENTS}/a%26b%20c/d?versions=none", about="unknown versions")
    await wire.ask("DELETE", f"{INSTRUMENTS}/a%26b%20c/d", about="delete")
    await wire.ask("DELETE", f"{INSTRUMENTS}/a%26b%20c/d", about="deleted")
    await inside.set_manual_beta("BOLT", 2.5)
    await wire.ask("GET", INSTRUMENTS, about="after the imports")


BAD_FILES = {
    "empty": "",
    "blank": "  \n\n",
    "only a header": "symbol,date,close\n",
    "no date": "symbol,close\nACME,1\n",
    "no close": "symbol,date,price\nACME,2020-01-02,1\n",
    "no prices": "date\n2020-01-02\n",
    "a column without a name": "date,,A\n2020-01-02,1,2\n",
    "a column twice": "date,ACME,acme\n2020-01-02,1,2\n",
    "a formula": "date,=cmd()\n2020-01-02,1\n",
    "a path": LONG.replace("BOX,2020-01-02", "../B,2020-01-02"),
    "a word": LONG.replace("11", "eleven"),
    "many words": "symbol,date,close\n" + "".join(f"ACME,2020-01-{day:02},x\n" for day in range(1, 21)),
    "a cell too many": LONG.replace("11", "1,5"),
    "a missing price": LONG.replace("11", ""),
    "zero": LONG.replace("11", "0"),
    "negative": LONG.replace("11", "-3"),
    "infinite": LONG.replace("11", "inf"),
    "no such day": LONG.replace("2020-01-03,11", "2020-02-30,11"),
    "another order": LONG.replace("2020-01-03,11", "01/03/2020,11"),
    "no day": LONG.replace("2020-01-03,11", ",11"),
    "a day twice": LONG + "AXE,2020-01-02,10\n",
    "an open order": "date,close\n01/02/2020,1\n01/03/2020,1\n",
    "low above high": "date,open,high,low,close\n2020-01-02,1,1,2,1\n",
    "an empty symbol": "date,ACME,BOLT\n2020-01-02,1,\n",
    "not UTF-8": b"\xff\xfe\x00",
    "a NUL": b"symbol,date,close\nA\0,2020-01-02,1\n",
    "gzip cut off": gzip.compress(LONG.encode(), mtime=0)[:-10],
    "gzip damaged": b"\x1f\x8b" + b"junk" * 10,
    "parquet damaged": b"PAR1" + b"junk" * 10,
}
BAD_WORDS = {
    "layout": {"layout": "tall"},
    "decimal": {"decimal": ";"},
    "column": {"column.close": "clsoe"},
    "role": {"column.nothing": "close"},
    "time zone": {"timeZone": "America/NewYork"},
    "date order": {"dateOrder": "ydm"},
    "one column for two": {"column.open": "close"},
    "overlap": {"onOverlap": "merge"},
}


async def bad_files(wire):
    for about, content in BAD_FILES.items():
        await wire.upload(content, about=about)
    for about, fields in BAD_WORDS.items():
        await wire.upload(LONG, about=f"wrong {about}", **fields)
    await wire.ask("POST", INSTRUMENTS, about="no form")
    await wire.ask("POST", INSTRUMENTS, {"file": "x"}, about="JSON")
    await wire.ask("POST", INSTRUMENTS, b"junk", content_type="multipart/form-data; boundary=x", about="broken form")
    await wire.ask("POST", INSTRUMENTS, b"junk", content_type="multipart/form-data", about="no boundary")
    with override_settings(PRICES_MAX_BYTES=10):
        await wire.upload(LONG, about="too many bytes")
    with override_settings(PRICES_MAX_UNPACKED_BYTES=1000):
        await wire.upload(gzip.compress(b"a" * 100_000, mtime=0), about="unpacks to too much")
    with override_settings(PRICES_MAX_CELLS=10):
        await wire.upload(LONG, about="too many cells")
    with override_settings(PRICES_MAX_SYMBOLS=1):
        await wire.upload(LONG, about="too many symbols")
