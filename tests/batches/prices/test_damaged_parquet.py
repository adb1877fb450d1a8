"""Damaged and hostile Parquet files are refused with 422, and their drafts can be discarded."""

import contextlib
import io
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from batches.models import Instrument, PriceImport
from batches.prices import columnar
from batches.prices.importing import read_prices
from batches.prices.previewing import preview
from batches.prices.tables import BadPriceFile
from tests.support.page_reader import text_of
from tests.support.price_uploads import send

DAYS = pa.array(np.arange(18_262, 18_302), pa.int32())
LONG = {
    "date": DAYS.view(pa.date32()),
    "symbol": pa.array(["ACME"] * 20 + ["BOLT"] * 20),
    "close": pa.array(np.linspace(10.0, 20.0, 40)),
}


def parquet(**columns):
    sink = io.BytesIO()
    pq.write_table(pa.table(LONG | columns), sink, compression="none")
    return sink.getvalue()


def days(first):
    return pa.array([first, *range(18_263, 18_302)], pa.int32()).view(pa.date32())


def moments(first, unit, zone=None):
    return pa.array([first, *range(1, 40)], pa.int64()).view(pa.timestamp(unit, zone))


def not_utf8():
    offsets = pa.array(range(0, 82, 2), pa.int32()).buffers()[1]
    return pa.StringArray.from_buffers(40, offsets, pa.py_buffer(b"\xff\xfe" + b"AB" * 39))


HOSTILE = {
    "the last day that fits": (parquet(date=days(2**31 - 1)), "outside the calendar"),
    "the first day that fits": (parquet(date=days(-(2**31))), "outside the calendar"),
    "the year 200,000": (parquet(date=days(200_000 * 365)), "outside the calendar"),
    "the year 9,000": (parquet(date=days(7_030 * 365)), "got '8995"),
    "the last millisecond": (parquet(date=moments(2**63 - 1, "ms")), "outside the calendar"),
    "the last microsecond in a zone": (parquet(date=moments(2**63 - 1, "us", "America/New_York")), "the calendar"),
    "an unknown zone": (parquet(date=moments(0, "us", "Nowhere/Town")), "it is damaged"),
    "text that is not UTF-8": (parquet(symbol=not_utf8()), "Invalid UTF8"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_parquet_file_is_refused_and_its_draft_discarded(client, content, message):
    response = client.post("/api/instruments", {"file": SimpleUploadedFile("hostile.parquet", content)})
    assert (response.status_code, response.json()["code"]) == (422, "BAD_PRICE_FILE")
    assert message in response.json()["error"]
    sent = send(client, content, name="hostile.parquet")
    if sent.status_code != 422:
        page = sent["Location"]
        assert message in text_of(client.get(page))
        assert message in text_of(client.post(page, {"intent": "store"}))
        assert "Discarded hostile.parquet" in text_of(client.post(page, {"intent": "discard"}, follow=True))
    assert not Instrument.objects.exists()


@pytest.mark.django_db
def test_a_draft_that_cannot_be_read_any_more_is_shown_and_discarded(client):
    draft = PriceImport.objects.create(
        name="old.parquet",
        size=9,
        source="a friend",
        channel="page",
        outcome=PriceImport.Outcome.WAITING,
        created_at=timezone.now(),
        content=b"PAR1 and nothing",
    )
    page = f"/prices/import/{draft.pk}/"
    assert "invalid Parquet" in text_of(client.get(page))
    assert "Discarded old.parquet" in text_of(client.post(page, {"intent": "discard"}, follow=True))


@pytest.mark.django_db
def test_an_unforeseen_error_of_a_reader_is_a_refusal_with_a_traceback_in_the_log(client, monkeypatch, caplog):
    def fail(*_):
        raise OverflowError("date value out of range")

    page = send(client, parquet(), name="odd.parquet")["Location"]
    monkeypatch.setattr(columnar, "_check_kind", fail)
    assert "it is damaged (date value out of range)" in text_of(client.get(page))
    assert send(client, parquet(), name="odd.parquet").status_code == 422
    assert "OverflowError" in caplog.text


@pytest.mark.django_db
def test_flipped_bytes_are_read_or_refused():
    files = [
        parquet(),
        parquet(date=moments(1_577_923_200_000, "ms", "UTC"), symbol=LONG["symbol"].dictionary_encode()),
        parquet(date=LONG["date"].cast(pa.string()), close=pa.array(range(10, 50))),
    ]
    dice = random.Random(22)
    for _ in range(100):
        content = bytearray(dice.choice(files))
        for _ in range(dice.choice((1, 2, 4))):
            content[dice.randrange(len(content))] = dice.choice((0, 128, 255, dice.randrange(256)))
        with contextlib.suppress(BadPriceFile):
            read_prices(bytes(content), name="flipped.parquet")
        assert preview(bytes(content), "flipped.parquet", {}) is not None
