"""No page and no list of the API dies of a value that a query string may hold: all 500s of this kind at once."""

import itertools
import re
from urllib.parse import urlencode

import pytest

PARAMETERS = (
    "search", "tag", "from", "to", "status", "sort", "page", "symbol", "timeframe", "by", "least", "min.sharpe",
    "max.fast", "points", "trades.page", "symbols", "symbolsOf", "group", "find", "benchmark", "batch", "show", "index",
    "column", "map.symbol", "preset", "strategy", "fast",
)  # fmt: skip
VALUES = ("-", "\0", "1e999")
PLACES = (
    "/", "/batches/", "/prices/", "/api/batches", "/api/instruments", "/batches/compare/", "/prices/of/ACME/",
    "/batches/{}/", "/batches/{}/heatmap/", "/batches/{}/spread/", "/batches/{}/parallel/", "/batches/{}/results/0/",
    "/api/backtest/batch/{}/results", "/api/backtest/batch/{}/results/0", "/api/backtest/batch/{}/heatmap",
)  # fmt: skip


def requests_with(count):
    """Yield every place with every parameter, each with so many of the values; all parameters have all values."""
    for (row, place), (column, name) in itertools.product(enumerate(PLACES), enumerate(PARAMETERS)):
        for step in range(count):
            yield place, name, VALUES[(row + column + step) % len(VALUES)]


@pytest.mark.parametrize("count", [1, pytest.param(len(VALUES), marks=pytest.mark.extended)])
def test_an_odd_value_of_any_parameter_is_an_answer(client, finished, count):
    client.raise_request_exception = False
    died, reached = [], set()
    for place, name, value in requests_with(count):
        status = client.get(f"{place.format(finished.pk)}?{urlencode({name: value})}").status_code
        if status >= 500:
            died.append((place, name, value))
        if status != 404:
            reached.add(place)
    assert not died
    assert reached == set(PLACES)


def test_a_bound_that_is_no_number_is_named_and_left_out(client, finished):
    text = client.get(f"/batches/{finished.pk}/heatmap/?min.sharpe=x").content.decode()
    assert "min.sharpe must be a finite number" in text
    assert "Showing all tests." in text


def test_every_parameter_of_the_api_names_a_nul(client, finished):
    """PostgreSQL fails on it, SQLite does not."""
    values = {"symbol": "ACME", "index": "0"}
    taken = 0
    for path, operations in client.get("/api/openapi.json").json()["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query":
                address = re.sub(r"{(\w+)}", lambda match: values.get(match[1], str(finished.pk)), path)
                name = re.sub("<metric>|{metric}", "sharpe", parameter["name"])
                response = client.get(f"{address}?{urlencode({name: chr(0)})}")
                assert response.status_code in (400, 404, 422), (address, name)
                taken += 1
    assert taken > 10
