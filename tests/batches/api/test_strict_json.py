"""Bodies that cannot be trusted, are too large, or are no JSON."""

import gzip
import json

import pytest

from batches.api import strict_json
from tests.batches.api.asking import BATCH, error_of, nothing_is_stored

pytestmark = pytest.mark.django_db(transaction=True)
DEEP = b"[" * 100_000 + b"]" * 100_000
BODIES = {
    "space": b" ", "truncated": b'{"strategy": ', "not JSON": b"strategy=sma_cross", "NaN": b'{"fees": NaN}',
    "Infinity": b'{"fees": Infinity}', "1e400": b'{"fees": 1e400}', "-1e400": b'{"fees": -1e400}',
    "5,000 digits": b'{"fees": ' + b"9" * 5_000 + b"}", "doubled key": b'{"fees": 1, "fees": 1}',
    "doubled key, nested": b'{"parameterRanges": {"fast": [1], "fast": [2]}}', "depth": DEEP,
    "depth of objects": b'{"a":' * 100_000, "comment": b"{} // no", "trailing comma": b'{"fees": 0,}',
    "invalid UTF-8": b'{"strategy": "\xff"}', "BOM of UTF-16": "{}".encode("utf-16")[:5], "NUL": b"{}\x00",
    "half a surrogate pair": b'{"\\ud800": 1}', "half a pair in a value": b'{"strategy": "\\udfff"}',
    "gzip": gzip.compress(b"{}"), "single quotes": b"{'fees': 0}",
}  # fmt: skip


@pytest.mark.parametrize("path", [BATCH, f"{BATCH}/estimate"], ids=["start", "estimate"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_cannot_be_trusted_is_refused(client, instruments, path, name):
    response = client.post(path, BODIES[name], content_type="application/json")
    body = error_of(response, 400, "MALFORMED_JSON")
    assert len(body["error"]) < 500
    assert nothing_is_stored()


@pytest.mark.parametrize("value", [b"[]", b'"x"', b"null", b"5", b"true"])
def test_json_that_is_no_object_is_refused(client, db, value):
    error_of(client.post(BATCH, value, content_type="application/json"), 422, "INVALID_REQUEST")


def test_a_flood_of_keys_with_one_doubled_at_the_end_is_refused_quickly(client, db):
    keys = b",".join(b'"k%d":0' % number for number in range(100_000))
    response = client.post(BATCH, b"{" + keys + b',"k99999":0}', content_type="application/json")
    assert "'k99999' is given twice" in error_of(response, 400, "MALFORMED_JSON")["error"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_what_is_not_sent_as_json_is_refused(client, start, kind):
    response = client.post(BATCH, json.dumps(start()), content_type=kind)
    error_of(response, 415, "UNSUPPORTED_MEDIA_TYPE")
    assert nothing_is_stored()


def test_a_charset_beside_the_content_type_is_no_hindrance(client, start):
    response = client.post(BATCH, json.dumps(start()), content_type="application/json; charset=utf-8")
    assert response.status_code == 202


def test_a_body_as_large_as_the_limit_is_read_and_one_byte_more_is_refused(client, start, settings):
    body = json.dumps(start()).encode()
    settings.BATCH_MAX_BODY_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(body)
    refused = client.post(BATCH, body + b" ", content_type="application/json")
    assert "BATCH_MAX_BODY_BYTES" in error_of(refused, 413, "BODY_TOO_LARGE")["error"]
    assert nothing_is_stored()
    assert client.post(BATCH, body, content_type="application/json").status_code == 202


def test_depth_and_digits_are_limited(client, instruments, monkeypatch):
    monkeypatch.setattr(strict_json, "MAX_DEPTH", 2)
    monkeypatch.setattr(strict_json, "MAX_DIGITS", 5)

    def post(text):
        return client.post(BATCH, text, content_type="application/json")

    for text, limit in (
        ('{"a": [[1]]}', "nested at most 2 deep"),
        ("[[{}]]", "nested at most 2 deep"),
        ('{"fees": 123456}', "at most 5 characters"),
        ('{"fees": 0.12345}', "at most 5 characters"),
    ):
        assert limit in error_of(post(text), 400, "MALFORMED_JSON")["error"]
    for text in ('{"a": [1, {}]}'.replace("{}", "2"), '{"fees": 12345}', '"x"'):
        error_of(post(text), 422)
