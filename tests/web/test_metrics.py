"""What Prometheus reads: the whole installation, from any server, and nothing that is not known."""

import json
import re

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from batches.ops import counters, heartbeats
from batches.running import events, queue
from tests.support import jobs
from tests.support.stack_process import ROOT


@pytest.fixture(autouse=True)
def _fresh_counts(monkeypatch):
    monkeypatch.setattr(counters, "_pending", counters.Counter())


def scrape(client):
    """{sample: value}, a label behind a colon."""
    text = client.get("/metrics").content.decode()
    return {
        ":".join([sample.name.removeprefix("backtester_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_batch_is_counted(client, real_redis, submitted):
    before = scrape(client)
    assert (before["batches:queued"], before["combinations_total:successful"]) == (1, 0)
    events.redis_trouble.until = queue.trouble.until = 0
    ended = jobs.finish(submitted)
    after = scrape(client)
    assert (after["batches:queued"], after["batches:complete"]) == (0, 1)
    assert after["combinations_total:successful"] == ended.successful
    assert after["chunk_seconds_count"] == after["chunk_seconds_bucket:+Inf"] == ended.chunks.count()
    assert after["chunk_seconds_sum"] > 0
    assert after["events_published_total"] == after["publish_seconds_count"] > 0
    assert after["events_dropped_total"] == 0


def test_other_processes_are_seen(client, db, real_redis, monkeypatch):
    monkeypatch.setitem(counters.open_streams, "sse", 2)
    heartbeats.announce(heartbeats.WORKER, processes=8)
    for host, streams in {"one": {"websocket": 3, "sse": 0}, "two": {"websocket": 4, "sse": 1}}.items():
        monkeypatch.setattr(heartbeats, "WORKER_HOST", host)
        heartbeats.announce(heartbeats.WEB, **streams)
    monkeypatch.setattr(heartbeats, "WORKER_HOST", "mine")
    real_redis.lpush("backtester:chunks", "message", "message")
    told = scrape(client)
    assert (told["live_connections:websocket"], told["live_connections:sse"]) == (7, 3)
    assert (told["worker_slots"], told["queue_depth"]) == (8, 2)
    assert (told["processes:web"], told["processes:worker"], told["processes:watchdog"]) == (2, 1, 0)


def test_counts_of_two_processes_add_up_and_wait_while_redis_is_away(client, db, real_redis, monkeypatch):
    counters.count("combinations:failed", 3)
    assert counters.push()
    counters.count("combinations:failed", 2)
    counters.observe("publish_seconds", 0.0004)
    with monkeypatch.context() as patch:
        patch.setattr(counters, "redis_client", lambda: redis.Redis(unix_socket_path="/nowhere"))
        assert not counters.push()
    told = scrape(client)
    assert told["combinations_total:failed"] == 5
    assert (told["publish_seconds_bucket:0.0002"], told["publish_seconds_bucket:0.0005"]) == (0, 1)


def test_without_redis_what_it_would_tell_is_left_out(client, db):
    told = scrape(client)
    assert told["batches:running"] == 0
    assert not any(name.startswith(("combinations", "live", "queue")) for name in told)


def test_every_metric_of_the_dashboard_is_told(client, db, real_redis):
    dashboard = json.loads((ROOT / "deploy/grafana/backtester.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"backtester_\w+", target["expr"])
    }
    told = set(re.findall(r"^(backtester_\w+)[ {]", client.get("/metrics").content.decode(), re.MULTILINE))
    assert len(asked) >= 10
    assert asked <= told
