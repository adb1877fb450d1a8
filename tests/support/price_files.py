"""Files of prices for the tests, and how they are read."""

import io

import pytest

from batches.prices.importing import prepare, read_prices, store
from batches.prices.tables import BadPriceFile

LONG = """symbol,date,close
BOLT,2020-01-03,20.5
ACME,2020-01-02,10
ACME,2020-01-03,11
BOLT,2020-01-02,20
"""
WIDE = "Date,acme,BOLT\n2020-01-03,11,20.5\n2020-01-02,10,20\n"


def read(content, name="prices.csv", **options):
    data = content if isinstance(content, bytes) else content.encode()
    return read_prices(io.BytesIO(data), name=name, options=options)


def store_prices(parsed, source="a test"):
    return store(prepare(parsed, source=source))


def parquet(frame, **options):
    sink = io.BytesIO()
    frame.to_parquet(sink, **options)
    return sink.getvalue()


def refusal(content, name="prices.csv"):
    with pytest.raises(BadPriceFile) as caught:
        read(content, name)
    return caught.value.message
