"""What the parts write where LOG_FORMAT=json is shipped: one object a line, which says what it is about."""

import json
import uuid

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


def test_every_line_is_json_and_leads_from_the_request_to_the_chunk(production):
    production.chunks(symbol="AAPL", mishap="exception")
    production.headers["X-Request-ID"] = "from-outside-1"
    try:
        session_id = production.start_batch()
    finally:
        del production.headers["X-Request-ID"]
    assert production.wait_for_end(session_id)["failedTests"] > 0
    ours = ("web1", "web2", "worker1", "worker2", "watchdog")
    lines = [json.loads(line) for name in ours for line in production.log(name).splitlines()]
    about = [line for line in lines if line.get("session") == session_id]
    assert {line["request_id"] for line in about if "request_id" in line} == {"from-outside-1"}
    failed = [line for line in about if "exception" in line]
    chunks = production.rows("SELECT id FROM batches_resultchunk WHERE session_id = ?", uuid.UUID(session_id).hex)
    assert failed
    assert {line["chunk"] for line in failed} <= {pk for (pk,) in chunks}
    assert any(line["event"] == "batch moved: complete" for line in about)
