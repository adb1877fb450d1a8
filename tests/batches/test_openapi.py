"""The schema says what the checker accepts."""

import pytest

from batches.openapi import START_REQUEST
from batches.schemas import FIELDS, parse_start

pytestmark = pytest.mark.django_db


def test_the_schema_names_exactly_the_fields_that_are_known():
    assert set(START_REQUEST["properties"]) == FIELDS


def test_the_example_is_accepted():
    assert parse_start(START_REQUEST["example"]).symbols == ("AAPL", "MSFT")


def test_the_defaults_are_those_of_the_checker():
    asked = parse_start({"strategy": "sma_cross", "symbols": ["AAPL"]}).as_json()
    for name, field in START_REQUEST["properties"].items():
        if "default" in field:
            assert asked[name] == field["default"], name


def test_the_documented_schema_carries_it(client):
    schema = client.get("/api/openapi.json").json()
    body = schema["paths"]["/api/backtest/batch"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"]["required"] == ["strategy", "symbols"]
