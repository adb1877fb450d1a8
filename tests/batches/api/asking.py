"""What the tests of the API ask for, and how a refusal looks."""

from batches.models import BatchSession, ResultChunk

BATCH = "/api/backtest/batch"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ON_ONE_BATCH = [
    ("get", ""), ("delete", ""), ("post", "/cancel"), ("post", "/pause"), ("post", "/resume"), ("post", "/retry"),
    ("patch", ""),
    ("get", "/results"), ("get", "/results.csv"), ("get", "/results.json"), ("get", "/results.parquet"),
    ("get", "/heatmap"), ("get", "/results/0"),
]  # fmt: skip


def url(session, rest=""):
    return f"{BATCH}/{session.pk}{rest}"


def error_of(response, status, code=None):
    """The body of a refusal, after checking that it has the one shape."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"success", "error", "code", "details"}
    assert body["success"] is False
    assert body["error"]
    assert all(set(detail) == {"field", "message"} for detail in body["details"])
    if code:
        assert body["code"] == code
    return body


def nothing_is_stored():
    return not BatchSession.objects.exists() and not ResultChunk.objects.exists()
