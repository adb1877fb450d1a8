"""What can be swept, over what; the document; health."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.batches.api.asking import BATCH
from tests.support import jobs

pytestmark = pytest.mark.django_db(transaction=True)


def test_strategies_and_metrics_are_listed(client, db):
    body = client.get("/api/strategies").json()
    names = {strategy["name"] for strategy in body["strategies"]}
    assert {"sma_cross", "grid_dca"} <= names
    assert {metric["name"] for metric in body["metrics"]} == set(jobs.METRIC_COLUMNS)
    fast = next(s for s in body["strategies"] if s["name"] == "sma_cross")["parameters"][0]
    assert (fast["name"], fast["kind"]) == ("fast", "int")


def test_instruments_are_listed_with_their_dates(client, instruments):
    entries = client.get("/api/instruments").json()["instruments"]
    assert [entry["symbol"] for entry in entries] == ["ACME", "BOLT", "CORE", "SP500"]
    assert (entries[2]["bars"], entries[2]["kind"], entries[2]["lastDate"]) == (60, "close", "2020-12-31")


def test_the_schema_and_its_page_are_there(client, db):
    schema = client.get("/api/openapi.json").json()
    assert schema["openapi"].startswith("3.")
    for path in (BATCH, f"{BATCH}/{{session_id}}", f"{BATCH}/{{session_id}}/results", "/api/strategies"):
        assert path in schema["paths"]
    assert client.get("/api/docs").status_code == 200


def test_health_is_told_and_redis_missing_is_not_fatal(client, db):
    response = client.get("/healthz")
    assert (response.status_code, response.json()["database"], response.json()["redis"]) == (200, True, False)


PRICES = b"Date,Close\n2020-01-01,1\n2020-01-02,2\n"


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"onBadRows": "skip"}, "onBadRows", "Unknown field 'onBadRows'. Did you mean onBadRow?"),
        ({"columns.tiem": "Date"}, "columns.tiem", "Unknown field 'columns.tiem'. Did you mean columns.time?"),
        ({"symbol": ["A", "B"]}, "symbol", "symbol must be given once, got it 2 times."),
        ({"files": "more.csv"}, "files", "A file must be in the field 'file', got it in 'files'."),
    ],
)
def test_a_form_of_prices_with_a_wrong_field_stores_nothing(client, db, fields, field, message):
    if "files" in fields:
        fields = {"files": SimpleUploadedFile("more.csv", PRICES)}
    answer = client.post("/api/instruments", {"file": SimpleUploadedFile("NEW.csv", PRICES), **fields})
    assert (answer.status_code, answer.json()["details"]) == (422, [{"field": field, "message": message}])
    assert client.get("/api/instruments").json()["instruments"] == []


def test_every_operation_with_parameters_refuses_one_that_it_does_not_know(client, instruments, submitted):
    """Else a typing error changes the answer without a word. The stream takes what stand-ins for EventSource add."""
    operations = [
        (method, path.replace("{session_id}", str(submitted.pk)).replace("{symbol}", "ACME").replace("{index}", "0"))
        for path, methods in client.get("/api/openapi.json").json()["paths"].items()
        if not path.endswith("/stream")
        for method, operation in methods.items()
        if any(parameter["in"] == "query" for parameter in operation.get("parameters", []))
    ]
    assert len(operations) > 8
    answers = {(method, path): client.generic(method.upper(), f"{path}?surely=1") for method, path in operations}
    assert {key: reply.status_code for key, reply in answers.items() if reply.status_code != 422} == {}
    assert [key for key, reply in answers.items() if b"surely" not in reply.content] == []
