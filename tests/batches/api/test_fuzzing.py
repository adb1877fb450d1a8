"""Requests made up from the document, and at random: nothing makes us fail, and what is refused leaves nothing."""

import contextlib
import json
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.config import SchemathesisConfig

from batches.errors import InvalidRequest
from batches.models import BatchSession, ResultChunk
from batches.sweep.start_request import FIELDS, parse_start

pytestmark = pytest.mark.django_db(transaction=True)
# Names of symbols and parameters are a matter of what is stored, which no schema knows: 422 is an honest answer.
EXPECTED = ["2xx", "304", "401", "403", "404", "409", "422", "429"]
CONFIG = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": EXPECTED}}})
BATCH, STREAM = "/api/backtest/batch", "/api/backtest/batch/stream"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
EXAMPLES = [4, pytest.param(12, marks=pytest.mark.extended)]  # requests for each operation


@pytest.fixture
def schema(settings):
    settings.ALLOWED_HOSTS = ["*"]
    return schemathesis.openapi.from_wsgi("/api/openapi.json", WSGIHandler(), config=CONFIG)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators")  # as WSGI has it
@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=str)
def test_requests_made_up_from_the_document_are_answered_as_it_says(schema, finished, mode, examples):
    """Every check of schemathesis, for every operation, with data that follows the document and data that does not."""
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= 17
    for operation in sorted(
        operations, key=lambda each: each.method == "delete"
    ):  # last: then there is no batch any more
        if operation.path == STREAM:
            continue  # a stream that is open has no end here; the tests of the transports have it

        @hypothesis.settings(
            max_examples=examples, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def answered(case):
            if "session_id" in (case.path_parameters or {}) and mode.is_positive:
                case.path_parameters["session_id"] = str(finished.pk)
            if (case.query or {}).get("async") == "false":
                del case.query["async"]  # nobody works here: it would wait for its deadline
            case.call_and_validate(headers={"Accept-Encoding": "identity"})  # its client unpacks nothing

        with contextlib.suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
            answered()
    assert BatchSession.objects.filter(pk=finished.pk).exists() == mode.is_negative


METHODS = ("get", "post", "put", "patch", "delete", "trace")


@hypothesis.settings(
    max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_a_method_that_a_route_does_not_have_is_refused_whatever_comes_with_it(schema, halfway, queued, data):
    """PUT, PATCH, DELETE where there is none: 405 that names those that there are, and nothing has changed."""
    before = BatchSession.objects.values().get()
    paths = schema.raw_schema["paths"]
    path = data.draw(st.sampled_from(sorted(paths)))
    method = data.draw(st.sampled_from([each for each in METHODS if each not in paths[path]]))
    named = data.draw(st.sampled_from([str(halfway.pk), UNKNOWN]) | st.text(st.characters(codec="ascii"), min_size=1))
    address = path.replace("{session_id}", quote(named, safe="")).replace("{index}", "0")
    body = data.draw(st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
    kind = data.draw(st.sampled_from(["application/json", "multipart/form-data; boundary=x", "text/plain", ""]))
    response = Client().generic(method.upper(), address, body, content_type=kind)
    assert response.status_code in ({405} if named == str(halfway.pk) else {404, 405}), (method, address)
    assert response.json()["code"] == {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}[response.status_code]
    if response.status_code == 405:
        assert {each.strip().lower() for each in response["Allow"].split(",")} >= set(paths[path]) & set(METHODS)
    assert list(BatchSession.objects.values()) == [before]
    assert not queued


@pytest.mark.parametrize("status", ["submitted", "halfway"])
def test_an_active_batch_is_not_deleted_whatever_comes_with_the_request(request, queued, status):
    session = request.getfixturevalue(status)
    queued.clear()
    before = BatchSession.objects.values().get()
    for query in ("", "?force=true", "?sessionId=x", "?" + "x" * 5_000):
        for body in (b"", b"{}", b'{"force": true}', b"\xff", b"[" * 5_000):
            response = Client().delete(f"{BATCH}/{session.pk}{query}", body, content_type="application/json")
            assert (response.status_code, response.json()["code"]) == (409, "STILL_ACTIVE")
    assert BatchSession.objects.values().get() == before
    assert session.chunks.exists()
    assert not queued


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@hypothesis.settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=12), ANYTHING, max_size=8),
    good=st.booleans(),
)
def test_whatever_stands_in_a_request_is_taken_or_refused_field_by_field(start, data, good):
    try:
        parse_start((start() if good else {}) | data)
        said = [""]
    except InvalidRequest as refused:
        said = [detail.message for detail in refused.details]
    assert said
    assert all(len(message) <= 500 for message in said)


# ---- the table of bad input ------------------------------------------------------------------------------------------

NUMBERS = [True, "1", [], {}, -1, 1e308, 10**300, 2**53 + 0.5, "NaN", "Infinity", "１", " 1 "]
TEXTS = [
    "", " ", "x" * 10_000, "../../etc/passwd", "A\x00B", "A\r\nB", "\u202eABC", "😀", "=cmd|' /C calc'!A0",
    "<img src=x onerror=alert(1)>", "{{7*7}}", "'; DROP TABLE batches_batchsession; --", "%00", "АCME", "ACMＥ",
]  # fmt: skip
RANGES = [
    {"start": 9, "stop": 3, "step": 1}, {"start": 1, "stop": 9, "step": 0}, {"start": 1, "stop": 9, "step": -1},
    {"start": 1, "stop": 9, "step": 1e-300}, {"start": 1, "stop": 10**9, "step": 1}, {"start": 1, "stop": 9},
    {"start": 1, "stop": 9, "step": 1, "x": 1}, {}, [], [0], [-5], [10**9], [[1]], [None], [True], ["5"], "5", 5, [1.5],
    [1] * 10_001, list(range(1, 10_002)),
]  # fmt: skip
DATES = [
    "0000-01-01",
    "2020-02-30",
    "2020-13-01",
    "20200101",
    "2020-13-01T00:00",
    "２０２０-01-01",
    "x",
    5,
    True,
    "9999-12-31",
]
FIELD_VALUES = [
    *((name, value) for name in ("fees", "slippage", "abortFailureShare") for value in NUMBERS),
    *(
        (name, value)
        for name in ("initialCapital", "timeoutSeconds", "abortMinimumTests")
        for value in [0, *NUMBERS[:5]]
    ),
    *(
        (name, value)
        for name in ("enableBetaScaling", "includeComparison", "wholeShares")
        for value in [0, 1, "true", []]
    ),
    *(("symbols", [text]) for text in TEXTS),
    *(("symbols", value) for value in ([], "ACME", [[]], [1], [None], {"a": 1}, [f"S{n}" for n in range(5_001)])),
    *(("strategy", value) for value in [*TEXTS, 1, None, [], {}]),
    *(("sortBy", value) for value in [*TEXTS, 1, []]),
    *(("direction", value) for value in [*TEXTS, 1, []]),
    *(("parameterRanges", {"fast": value}) for value in RANGES),
    *(("parameterRanges", value) for value in ([], "x", 1, {"": [1]}, {"f" * 10_000: [1]}, {"fast": [1], "Fast": [1]})),
    *(("startDate", value) for value in DATES),
    *(("endDate", value) for value in DATES[:-1]),
    *(("sessionId", value) for value in ["x", 1, [], "0" * 33, "g" * 32]),
    *(("coefficients", value) for value in ([], [0], [-1], [101], ["1"], [True], 1, [0.1] * 10_001)),
]


def test_each_bad_value_is_refused_by_the_name_of_its_field_and_leaves_nothing(client, start, queued):
    for name, value in FIELD_VALUES:
        body = start(**{"enableBetaScaling": name == "coefficients"} | {name: value})
        response = client.post("/api/backtest/batch", json.dumps(body), content_type="application/json")
        said = response.json()
        assert response.status_code in {400, 422}, (name, str(value)[:80], said)
        assert any(detail["field"].startswith((name, "startDate")) for detail in said["details"]), (
            name,
            str(value)[:80],
            said,
        )
        assert len(response.content) < 20_000
    assert not queued
    assert not BatchSession.objects.exists()
    assert not ResultChunk.objects.exists()


QUERIES = [
    f"{name}={value}"
    for name in ("sort", "symbol", "page", "pageSize", "min.sharpe", "max.fast", "min.", "page[]", "__proto__")
    for value in (
        "%00",
        "-1",
        "1e400",
        "NaN",
        "x" * 5_000,
        "%F0%9F%98%80",
        "%0d%0a",
        "1&page=2&page=3",
        "１",
        "..%2f",
        "true",
    )
]


def test_each_bad_query_is_refused_by_the_name_of_its_part(client, finished):
    for query in QUERIES:
        for rest in ("results", "results.csv", "heatmap"):
            response = client.get(f"/api/backtest/batch/{finished.pk}/{rest}?{query}")
            if response.status_code == 200:  # `min.sharpe=-1` is one
                continue
            assert response.status_code == 422, (rest, query[:80])
            assert response.json()["details"][0]["field"]
