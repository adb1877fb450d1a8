"""What can be swept, over what; the document; health."""

import pytest

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
