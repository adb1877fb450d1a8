"""The main job on real parts: Valkey, workers, the watchdog, Daphne; watched by real clients of each transport."""

import asyncio
import contextlib
import json
import time
import uuid

import httpx
import pytest
import redis
import websockets
from httpx_sse import aconnect_sse

from backtester.client.files import read_parquet
from backtester.engine import METRIC_NAMES, sweep
from batches.sweep.wire_names import wire_name
from tests.stack.clients import SHARES, body, sample_prices, start, until, watch_sse, watch_websocket
from tests.support.promised import promised

pytestmark = [pytest.mark.stack]
BIG = {"fast": {"start": 2, "stop": 200, "step": 1}, "slow": {"start": 205, "stop": 454, "step": 1}}


async def test_a_websocket_and_an_eventsource_see_the_same_batch_to_its_end(stack):
    session_id = start(stack, body())["sessionId"]
    by_socket, by_stream = await asyncio.gather(watch_websocket(stack, session_id), watch_sse(stack, session_id))
    for watch in (by_socket, by_stream):
        watch.check_the_protocol()
        assert watch.last["type"] == "complete"
        assert watch.last["successfulTests"] == 5_000
        assert watch.last["results"]["totalCombinations"] == 5_000
    assert by_socket.last["results"] == by_stream.last["results"]
    assert by_socket.close_code == 1000


async def test_results_are_those_of_the_engine_to_the_bit(stack):
    session_id = start(stack, body(symbols=["AAPL", "GE"]))["sessionId"]
    await watch_websocket(stack, session_id)
    rows = read_parquet(httpx.get(f"{stack.url}/api/backtest/batch/{session_id}/results.parquet").content)
    ranges = {"fast": list(range(2, 21, 2)), "slow": list(range(25, 146, 5))}
    expected = sweep("sma_cross", sample_prices()[["AAPL", "GE"]], ranges, fees=0.001)
    assert list(rows["index"]) == list(range(500))
    for name in METRIC_NAMES:
        assert rows[wire_name(name)].astype(float).equals(expected[name].astype(float)), name


async def test_the_verdict_follows_the_end(stack):
    started = start(stack, body(symbols=["AAPL"]))
    address = f"{stack.url}/api/backtest/batch/{started['sessionId']}/verdict"
    await watch_websocket(stack, started["sessionId"])
    await until(lambda: httpx.get(address).json()["status"] == "ready", patience_s=90)
    verdict = httpx.get(address).json()
    assert verdict["sentence"]
    assert verdict["shuffle"]["draws"] >= 10
    assert verdict["trials"]["defined"] == started["total"]


def test_the_classic_answer_comes_when_all_is_done(stack):
    answer = httpx.post(f"{stack.url}/api/backtest/batch?async=false", json=body(), timeout=60)
    assert answer.status_code == 200
    data = answer.json()
    assert data["success"] is True
    assert data["executionTimeMs"] > 0
    assert data["data"]["successfulRuns"] == 5_000
    assert len(data["data"]["results"]) == 100
    assert data["data"]["truncated"] is True


async def test_two_batches_at_once_do_not_mix(stack):
    first = start(stack, body(symbols=SHARES[:4]))
    second = start(stack, {"strategy": "grid_dca", "symbols": SHARES[4:10], "fees": 0.002})
    watches = await asyncio.gather(*(watch_websocket(stack, started["sessionId"]) for started in (first, second)))
    for watch, started, symbols in zip(watches, (first, second), (SHARES[:4], SHARES[4:10]), strict=True):
        watch.check_the_protocol()
        assert {event["sessionId"] for event in watch.events} == {started["sessionId"]}
        assert {event["total"] for event in watch.events} == {started["total"]}
        assert set(watch.last["results"]["summary"]["bestBySymbol"]) == set(symbols)


async def test_cancel_stops_within_a_second_and_retry_finishes_the_rest(stack):
    session_id = start(stack, body(parameterRanges=BIG))["sessionId"]
    url = f"{stack.url}/api/backtest/batch/{session_id}"
    watching = asyncio.create_task(watch_websocket(stack, session_id))
    await until(lambda: httpx.get(url).json()["current"] > 0)
    asked = time.monotonic()
    assert httpx.post(f"{url}/cancel").json()["status"] == "cancelled"
    watch = await watching
    assert time.monotonic() - asked < promised(1)
    watch.check_the_protocol()
    assert (watch.last["type"], watch.last["code"]) == ("error", "CANCELLED")
    assert httpx.post(f"{url}/cancel").json()["changed"] is False
    kept = httpx.get(f"{url}/results").json()["total"]
    assert 0 < kept == watch.last["current"] < 995_000

    again = httpx.post(f"{url}/retry")
    assert again.status_code == 202
    retried = f"{stack.url}/api/backtest/batch/{again.json()['sessionId']}"
    assert httpx.get(retried).json()["current"] >= kept
    httpx.post(f"{retried}/cancel")
    for address in (url, retried):
        httpx.delete(f"{address}/verdict")


async def test_pause_holds_the_batch_and_resume_finishes_it(stack):
    session_id = start(stack, body(parameterRanges=BIG))["sessionId"]
    url = f"{stack.url}/api/backtest/batch/{session_id}"
    watching = asyncio.create_task(watch_websocket(stack, session_id))
    await until(lambda: httpx.get(url).json()["current"] > 0)
    assert httpx.post(f"{url}/pause").json()["status"] == "paused"
    await asyncio.sleep(1)  # what the workers held is recorded by now
    held = httpx.get(url).json()
    await asyncio.sleep(1)
    assert httpx.get(url).json()["current"] == held["current"]
    assert httpx.get(url).json()["elapsedTime"] == held["elapsedTime"]
    assert httpx.post(f"{url}/resume").json()["status"] == "running"
    watch = await watching
    watch.check_the_protocol()
    assert watch.last["type"] == "complete"


@contextlib.contextmanager
def many_large_batches(stack, number):
    """Yield the addresses of large batches that run together; cancel them and their verdicts in the end."""
    urls = [
        f"{stack.url}/api/backtest/batch/{start(stack, body(parameterRanges=BIG))['sessionId']}" for _ in range(number)
    ]
    try:
        yield urls
    finally:
        for url in urls:
            httpx.post(f"{url}/cancel")
            httpx.delete(f"{url}/verdict")


def shares_done(urls):
    return [event["current"] / event["total"] for event in (httpx.get(url).json() for url in urls)]


async def test_a_small_batch_is_served_while_large_ones_run(stack):
    with many_large_batches(stack, 8) as urls:
        await until(lambda: min(shares_done(urls)) > 0)
        before = shares_done(urls)
        watch = await watch_websocket(stack, start(stack, body())["sessionId"])
        grown = [after - share for after, share in zip(shares_done(urls), before, strict=True)]
    assert (watch.last["type"], watch.last["successfulTests"]) == ("complete", 5_000)
    assert sum(grown) < 1, "meanwhile the large ones did less than one of them has to do"


@pytest.mark.extended
async def test_each_of_fifty_large_batches_makes_progress(stack):
    with many_large_batches(stack, 50) as urls:
        await until(lambda: min(shares_done(urls)) > 0, 90)
        shares = shares_done(urls)
        await until(lambda: all(now > share for now, share in zip(shares_done(urls), shares, strict=True)), 90)
    assert max(shares) < 0.2, "none went on while others waited"


async def test_a_batch_does_not_notice_that_the_web_server_dies(stack):
    session_id = start(stack, body(parameterRanges=BIG))["sessionId"]
    socket = f"{stack.url.replace('http', 'ws')}/ws/backtest/batch/{session_id}/"
    before: list[dict] = []
    async with websockets.connect(socket, max_size=None) as connection:
        while not before or (before[-1]["type"], before[-1]["current"] > 0) != ("progress", True):
            before.append(json.loads(await connection.recv()))
        stack.kill("web")
        with contextlib.suppress(websockets.ConnectionClosed):
            before += [json.loads(text) async for text in connection]
    assert before[-1]["type"] == "progress"  # cut off in the middle
    after = await watch_websocket(stack, session_id)  # the port never closed: the supervisor holds it
    after.check_the_protocol()
    assert after.events[0]["sequence"] >= before[-1]["sequence"]
    assert after.events[0]["current"] >= before[-1]["current"]
    assert (after.last["type"], after.last["current"]) == ("complete", 995_000)


@pytest.mark.extended
async def test_an_emptied_redis_and_a_killed_worker_lose_and_double_nothing(stack):
    session_id = start(stack, body(parameterRanges=BIG))["sessionId"]
    url = f"{stack.url}/api/backtest/batch/{session_id}"
    watching = asyncio.create_task(watch_websocket(stack, session_id))
    await until(lambda: httpx.get(url).json()["current"] > 0)
    redis.Redis.from_url(stack.redis_url).flushall()
    stack.kill("worker")
    watch = await watching
    watch.check_the_protocol()
    assert watch.last["type"] == "complete"
    rows = read_parquet(httpx.get(f"{url}/results.parquet").content)
    assert list(rows["index"]) == list(range(watch.last["total"]))
    assert rows["error"].isna().all()


async def test_the_server_exports_what_the_workers_counted(stack):
    def counted():
        lines = httpx.get(f"{stack.url}/metrics", timeout=20).text.splitlines()
        samples = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return float(samples['backtester_combinations_total{outcome="successful"}'])

    before = counted()
    httpx.post(f"{stack.url}/api/backtest/batch?async=false", json=body(), timeout=60)
    await until(lambda: counted() >= before + 5_000)


async def test_a_late_watcher_gets_the_truth_and_a_returning_eventsource_is_sent_away(stack):
    session_id = start(stack, body(symbols=["KO"]))["sessionId"]
    await watch_websocket(stack, session_id)
    late = await watch_websocket(stack, session_id)
    assert [event["type"] for event in late.events] == ["connected", "complete"]
    late.check_the_protocol()
    url = f"{stack.url}/api/backtest/batch/stream?sessionId={session_id}"
    async with httpx.AsyncClient() as client, aconnect_sse(client, "GET", url) as source:
        ids = [event.id async for event in source.aiter_sse()]
    assert httpx.get(url, headers={"Last-Event-ID": ids[-1]}).status_code == 204
    assert httpx.get(url, headers={"Last-Event-ID": ids[0]}).status_code == 200


async def test_an_unknown_batch_is_refused_on_every_transport(stack):
    unknown = uuid.uuid4()
    assert httpx.get(f"{stack.url}/api/backtest/batch/{unknown}").status_code == 404
    answer = httpx.get(f"{stack.url}/api/backtest/batch/stream?sessionId={unknown}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert (await watch_websocket(stack, str(unknown))).close_code == 4404


def test_a_bad_request_is_refused_and_leaves_nothing(stack):
    session_id = str(uuid.uuid4())
    answer = httpx.post(f"{stack.url}/api/backtest/batch", json=body(sessionId=session_id, symbols=["APPL"]))
    assert answer.status_code == 422
    assert answer.json()["details"] == [
        {"field": "symbols", "message": "There are no prices for 'APPL'. Did you mean AAPL?"}
    ]
    assert httpx.get(f"{stack.url}/api/backtest/batch/{session_id}").status_code == 404
