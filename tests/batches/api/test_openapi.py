"""The document is complete and true: every route is in it, every field described, and what comes back is as it says."""

import contextlib
import json
import uuid

import jsonschema_rs
import pytest
from django.test import AsyncClient
from django.utils import timezone

from backtester.stack.preparation import SAMPLE
from batches.api.openapi.requests import EXAMPLES, start_request
from batches.prices.importing import read_prices
from batches.running import lifecycle
from batches.sweep.start_request import FIELDS, parse_start
from tests.support import jobs
from tests.support.price_files import store_prices

pytestmark = pytest.mark.django_db(transaction=True)
BATCH = "/api/backtest/batch"


@pytest.fixture
def document(client, db):
    return client.get("/api/openapi.json").json()


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def conforms(document, response, path, method="get"):
    """Whether an answer is what the document says of its route."""
    described = document["paths"][path][method]["responses"][str(response.status_code)]
    kind = response["Content-Type"].partition(";")[0]
    schema = described["content"][kind]["schema"]
    validator = jsonschema_rs.validator_for(schema | {"components": document["components"]}, validate_formats=True)
    problems = [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in validator.iter_errors(response.json())
    ]
    assert not problems, f"{method} {path} {response.status_code}: {problems[:5]} (batches/openapi describes it)"


def test_the_request_names_exactly_the_fields_that_are_known():
    assert set(start_request()["properties"]) == FIELDS


def test_the_defaults_are_those_of_the_checker():
    asked = parse_start({"strategy": "sma_cross", "symbols": ["AAPL"]}).as_json()
    for name, field in start_request()["properties"].items():
        if "default" in field:
            assert asked[name] == field["default"], name


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_runs_as_it_stands(client, db, name):
    store_prices(read_prices(SAMPLE, name="sample"), source="test")
    body = EXAMPLES[name]["value"]
    response = client.post(BATCH, json.dumps(body), content_type="application/json")
    assert response.status_code == 202, response.content
    session = jobs.finish(jobs.submit(body | {"sessionId": response.json()["sessionId"]}))
    assert (session.status, session.failed) == ("complete", 0)


def test_every_route_of_the_program_is_described(document):
    for path, methods in document["paths"].items():
        assert "{" not in path.partition("{session_id}")[0], path
        assert methods
    known = {f"{method} {path}" for path, methods in document["paths"].items() for method in methods}
    assert {
        f"post {BATCH}", f"get {BATCH}/stream", f"get {BATCH}/{{session_id}}", f"delete {BATCH}/{{session_id}}",
        f"get {BATCH}/{{session_id}}/results", f"get {BATCH}/{{session_id}}/results.csv",
        f"get {BATCH}/{{session_id}}/results.parquet", f"get {BATCH}/{{session_id}}/heatmap",
        f"get {BATCH}/{{session_id}}/results/{{index}}", f"post {BATCH}/{{session_id}}/cancel",
        f"post {BATCH}/{{session_id}}/pause", f"post {BATCH}/{{session_id}}/resume",
        f"post {BATCH}/{{session_id}}/retry", f"post {BATCH}/estimate", "get /api/strategies", "get /api/instruments",
        "post /api/instruments",
    } <= known  # fmt: skip


def test_every_operation_says_what_it_answers_and_how_it_refuses(document):
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["operationId"], name
        assert {"400", "404", "405", "500"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            assert "content" in response or status in {"204", "304"}, f"{name} {status} has no schema"
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), f"{name}: {parameter['name']} is not described"


def test_every_field_is_described(document):
    def look(schema, path):
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description") or "$ref" in inner, f"{path}.{name} is not described"
            look(inner, f"{path}.{name}")
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                look(schema[key], path)

    for name, schema in document["components"]["schemas"].items():
        look(schema, name)


def test_no_key_of_the_document_stands_twice(client, db):
    def without_twins(pairs):
        names = [name for name, _ in pairs]
        assert len(names) == len(set(names)), names
        return dict(pairs)

    json.loads(client.get("/api/openapi.json").content, object_pairs_hook=without_twins)


def test_operation_ids_are_distinct(document):
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"start", "snapshot", "resultsCsv"} <= set(ids)


def test_what_is_answered_about_a_batch_is_what_is_described(client, document, finished, halfway):
    one = f"{BATCH}/{{session_id}}"
    cancelled = jobs.submit(halfway.request)
    lifecycle.cancel(cancelled.pk, timezone.now())
    for session in (finished, halfway, cancelled):
        for rest in ("", "/results", "/heatmap"):
            conforms(document, client.get(f"{BATCH}/{session.pk}{rest}"), one + rest)
    failed = next(iter(jobs.computed(finished)[1]))
    for index in (0, 5, failed, 10**6):
        conforms(document, client.get(f"{BATCH}/{finished.pk}/results/{index}"), f"{one}/results/{{index}}")
    conforms(document, client.get(f"{BATCH}/{finished.pk}/results?sort=-fast&min.fast=4"), f"{one}/results")
    conforms(document, client.get(f"{BATCH}/{finished.pk}/results?sort=nope"), f"{one}/results")
    for word in ("pause", "resume", "cancel"):
        conforms(document, client.post(f"{BATCH}/{halfway.pk}/{word}"), f"{one}/{word}", "post")
    conforms(document, client.post(f"{BATCH}/{halfway.pk}/retry"), f"{one}/retry", "post")
    conforms(document, client.delete(f"{BATCH}/{finished.pk}"), one, "delete")
    conforms(document, client.get(f"{BATCH}/{uuid.uuid4()}"), one)


def test_what_is_answered_with_beta_scaling_is_what_is_described(client, document, start):
    body = start(strategy="grid_dca", parameterRanges={}, enableBetaScaling=True, symbols=["ACME"])
    session = jobs.finish(jobs.submit(body))
    for rest in ("", "/results", "/heatmap", "/results/0"):
        path = f"{BATCH}/{{session_id}}{rest}".replace("/results/0", "/results/{index}")
        conforms(document, client.get(f"{BATCH}/{session.pk}{rest}"), path)


def test_what_is_answered_to_a_request_is_what_is_described(client, document, start):
    def post(path, body):
        return client.post(path, json.dumps(body), content_type="application/json")

    conforms(document, post(BATCH, start()), BATCH, "post")
    conforms(document, post(BATCH, start(fees=9)), BATCH, "post")
    conforms(document, post(BATCH, start(sessionId=str(uuid.uuid4()))), BATCH, "post")
    conforms(document, post(f"{BATCH}/estimate", start()), f"{BATCH}/estimate", "post")
    conforms(document, client.get(f"{BATCH}/stream"), f"{BATCH}/stream")
    for path in ("/api/strategies", "/api/instruments"):
        conforms(document, client.get(path), path)
    with SAMPLE.open("rb") as file:
        conforms(document, client.post("/api/instruments", {"file": file}), "/api/instruments", "post")
    for query in (
        "symbol=ACME",
        "symbol=ACME&benchmark=BOLT&startDate=2020-01-02&endDate=2020-12-31",
        "symbol=NOPE",
        "",
    ):
        conforms(document, client.get(f"/api/instruments/beta?{query}"), "/api/instruments/beta")


async def test_the_classic_answer_is_what_is_described(start, worker):
    client = AsyncClient()
    document = (await client.get("/api/openapi.json")).json()
    response = await client.post(f"{BATCH}?async=false", json.dumps(start()), content_type="application/json")
    assert response.status_code == 200
    conforms(document, response, BATCH, "post")


def test_the_page_of_the_document_needs_nobody_else(client, db):
    response = client.get("/api/docs")
    page = response.content.decode()
    assert "://" not in page
    assert "<style" not in page
    assert "style=" not in page
    scripts = [part.partition(">") for part in page.split("<script")[1:]]
    assert all('src="/static/' in head or 'type="application/json"' in head for head, _, _ in scripts)
    assert "script-src 'self';" in response["Content-Security-Policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui-init.js", "swagger-ui.css"):
        assert f"/static/ninja/{name}" in page
        with contextlib.closing(client.get(f"/static/ninja/{name}")) as file:
            assert file.status_code == 200
