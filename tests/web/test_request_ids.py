"""A request can be followed from the caller through the proxy into the logs."""

import logging
import re
from typing import Any, cast

import pytest
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import get_contextvars

from backtester.web.request_ids import RequestIds


def test_a_sane_id_comes_back_and_an_answer_without_one_gets_one(client, db):
    assert client.get("/healthz", headers={"X-Request-ID": "proxy-1.b_2"})["X-Request-ID"] == "proxy-1.b_2"
    first, second = (client.get("/healthz")["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ab\n", "é", '"quoted"'])
def test_an_id_that_could_forge_or_flood_a_log_is_replaced(client, db, given):
    assert re.fullmatch("[0-9a-f]{32}", client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"])


def test_also_a_refusal_and_a_page_that_there_is_not_carry_it(client, db):
    for path in ("/api/nothing", "/nothing", "/api/backtest/batch/stream"):
        assert client.get(path, headers={"X-Request-ID": "mine"})["X-Request-ID"] == "mine"


async def test_what_is_logged_inside_carries_it_and_nothing_after():
    seen = {}

    async def view(request):
        seen.update(get_contextvars())
        return HttpResponse()

    request = HttpRequest()
    request.method, request.META["HTTP_X_REQUEST_ID"] = "GET", "mine"
    await cast(Any, RequestIds(view))(request)
    assert seen == {"request_id": "mine"}
    assert "request_id" not in get_contextvars()


@pytest.mark.parametrize(("method", "status", "said"), [("GET", 200, 0), ("POST", 202, 1), ("GET", 503, 1)])
def test_what_changes_something_or_fails_is_a_line_without_its_query(caplog, method, status, said):
    request = HttpRequest()
    request.method, request.path, request.META["QUERY_STRING"] = method, "/api/x", "token=secret"
    request.META["REMOTE_ADDR"] = "192.0.2.1"
    with caplog.at_level(logging.INFO, "backtester.web.request_ids"):
        RequestIds(lambda _: HttpResponse(status=status))(request)
    lines = [vars(record) for record in caplog.records]
    assert len(lines) == said
    for line in lines:
        assert (line["method"], line["path"], line["status"]) == (method, "/api/x", status)
        assert line["address"] == "192.0.2.1"
        assert line["ms"] >= 0
    assert "secret" not in repr(lines)
