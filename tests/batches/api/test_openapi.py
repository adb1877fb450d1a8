"""The document is complete and true: every route is in it, every field described, and what comes back is as it says."""

import contextlib
import json
import re
import uuid
from html import unescape

import jsonschema_rs
import pytest
from django.test import AsyncClient
from django.urls import URLResolver, get_resolver
from django.utils import timezone

from backtester.stack.preparation import SAMPLE
from batches.api.schemas.start import EXAMPLES
from batches.prices.importing import read_prices
from batches.running import lifecycle
from batches.sweep.start_request import FIELDS, StartRequest, parse_start
from batches.sweep.wire_names import METRICS_BY_WIRE_NAME
from batches.sweep.wire_types import Metrics
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
    assert not problems, f"{method} {path} {response.status_code}: {problems[:5]} (batches/api/schemas describes it)"


def test_the_request_names_exactly_the_fields_that_are_known():
    assert set(StartRequest.model_json_schema()["properties"]) == FIELDS


def test_the_metrics_of_a_row_are_those_of_the_engine():
    assert list(Metrics.__annotations__) == list(METRICS_BY_WIRE_NAME)


def test_the_defaults_are_those_of_the_checker():
    request = parse_start({"strategy": "sma_cross", "symbols": ["AAPL"]}).as_json()
    defaults = {
        name: field["default"]
        for name, field in StartRequest.model_json_schema()["properties"].items()
        if "default" in field
    }
    assert {"direction", "fees", "initialCapital", "sortBy", "timeoutSeconds", "abortFailureShare"} <= set(defaults)
    for name, default in defaults.items():
        assert request.get(name, default) == default or name == "parameterRanges", name


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_runs_as_it_stands(client, db, name):
    store_prices(read_prices(SAMPLE, name="sample"), source="test")
    body = EXAMPLES[name]["value"]
    response = client.post(BATCH, json.dumps(body), content_type="application/json")
    assert response.status_code == 202, response.content
    session = jobs.finish(jobs.submit(body | {"sessionId": response.json()["sessionId"]}))
    assert (session.status, session.failed) == ("complete", 0)


def routes(client, patterns, prefix="/"):
    """Yield `METHOD path` of every route under /api/, with the methods that the server itself allows."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(client, pattern.url_patterns, path)
        elif path.startswith("/api/") and pattern.name not in {"api-root", "openapi-json", "openapi-view"}:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
            refused = client.generic("PROPFIND", path.format(session_id=uuid.uuid4(), index=0, symbol="ACME"))
            assert refused.status_code == 405, path
            methods = {method.strip() for method in refused["Allow"].split(",")}
            yield from (f"{method} {path}" for method in methods - {"HEAD"})


def test_every_route_of_the_program_is_described(client, document):
    """Compare the document with the URL resolver, both ways."""
    documented = {name for name, _ in operations(document)}
    assert documented == set(routes(client, get_resolver().url_patterns))
    assert len(documented) == 30


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
    conforms(document, client.get("/api/batches"), "/api/batches")
    named = client.patch(f"{BATCH}/{finished.pk}", {"tags": ["keep"]}, content_type="application/json")
    conforms(document, named, one, "patch")
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


def test_the_page_of_the_document_holds_every_route_and_every_field(client, document):
    page = client.get("/api/docs").content.decode()
    for route, operation in operations(document):
        method, path = route.split()
        assert f'data-method="{method}">{method}</span> <code>{path}</code>' in page
        fields = [parameter["name"] for parameter in operation.get("parameters", ())]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            fields += content["schema"].get("properties", ())
        section = page.partition(f'<section class="card spaced" id="{operation["operationId"]}"')[2]
        section = section.partition("</section>")[0]
        assert [name for name in fields if f"<code>{name}</code>" not in section] == []
    for name, schema in document["components"]["schemas"].items():
        part = page.partition(f'id="schema-{name}"')[2].partition('class="spaced object"')[0]
        assert part
        assert [field for field in schema.get("properties", ()) if f"<code>{field}</code>" not in part] == []
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))
    assert "{'" not in page  # a part of a schema that is not put into words
    assert "any value" not in page


def test_the_page_of_the_document_is_light(client, db):
    response = client.get("/api/docs", headers={"Accept-Encoding": "gzip"})
    assert response["Content-Encoding"] == "gzip"
    assert len(response.content) < 30_000


def test_the_type_of_a_field_is_in_words(client, db):
    page = unescape(re.sub(r"<[^>]+>", " ", client.get("/api/docs").content.decode()))
    words = " ".join(page.split())
    assert "symbols required list of string (at most 5000 items) Symbols of /api/instruments" in words
    assert "fees default 0.0 number (≥ 0, ≤ 0.5) or null Fraction of the traded value" in words
    assert '"connected" | "progress" | "complete" | "error"' in words


@pytest.mark.parametrize("address", ["/api/docs", "/api/docs?try"])
def test_the_page_of_the_document_needs_nobody_else(client, db, address):
    response = client.get(address)
    page = response.content.decode()
    assert "://" not in page
    assert "<style" not in page
    assert "style=" not in page
    scripts = [part.partition(">") for part in page.split("<script")[1:]]
    assert all('src="/static/' in head or 'type="application/json"' in head for head, _, _ in scripts)
    assert "script-src 'self';" in response["Content-Security-Policy"]


def test_requests_are_tried_in_swagger(client, db):
    page = client.get("/api/docs?try").content.decode()
    for name in ("swagger-ui-bundle.js", "swagger-ui-init.js", "swagger-ui.css"):
        assert f"/static/ninja/{name}" in page
        with contextlib.closing(client.get(f"/static/ninja/{name}")) as file:
            assert file.status_code == 200
