"""Nobody gets in without an account: through nginx, in the shipped access mode."""

import json

import httpx
import pytest
import websockets

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("path", ["/", "/batches/", f"/batches/{UNKNOWN}/", "/prices/", "/admin/"])
def test_a_page_leads_to_the_login(production, path):
    answer = httpx.get(production.url + path)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, "/login/")


@pytest.mark.parametrize("path", ["/api/strategies", f"/api/backtest/batch/stream?sessionId={UNKNOWN}", "/metrics"])
def test_a_program_without_a_token_is_refused(production, path):
    answer = httpx.get(production.url + path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_batch_is_not_started_for_nobody(production):
    answer = httpx.post(f"{production.url}/api/backtest/batch", json={"strategy": "sma_cross", "symbols": ["AAPL"]})
    assert answer.status_code == 401


async def test_a_websocket_without_a_token_is_closed(production):
    url = f"{production.url.replace('http', 'ws', 1)}/ws/backtest/batch/{UNKNOWN}/"
    async with websockets.connect(url) as connection:
        assert json.loads(await connection.recv())["type"] == "error"
        with pytest.raises(websockets.ConnectionClosedError):
            await connection.recv()
    assert connection.close_code == 4401


def test_plain_http_is_sent_on_to_https(production):
    answer = httpx.get(f"http://127.0.0.1:{production.ports['http']}/batches/")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://127.0.0.1/batches/")


def test_prometheus_reads_the_metrics_with_a_token(production):
    answer = production.ask("GET", "/metrics")
    assert answer.status_code == 200
    assert "backtester_" in answer.text
