"""Files of prices for the tests, and how they are read."""

import io

import pytest

from batches.prices.importing import prepare, read_prices, store
from batches.prices.merging import OnOverlap
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


def closes(content, name="prices.csv", **options):
    """Return the closes of each symbol, oldest first."""
    return {series.symbol: series.columns["close"].tolist() for series in read(content, name, **options).series}


def store_prices(parsed, source="a test", on_overlap=OnOverlap.REFUSE):
    return store(prepare(parsed, source=source, on_overlap=OnOverlap(on_overlap)))


def parquet(frame, **options):
    sink = io.BytesIO()
    frame.to_parquet(sink, **options)
    return sink.getvalue()


def refusal(content, name="prices.csv", **options):
    with pytest.raises(BadPriceFile) as caught:
        read(content, name, **options)
    return caught.value.message
