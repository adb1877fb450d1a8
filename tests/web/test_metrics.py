"""What Prometheus reads: the counts of all processes of this host, gauges of the installation, nothing unknown."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backtester.stack import counter_files
from batches.ops import counters, heartbeats
from batches.running import events, queue
from tests.support import jobs
from tests.support.stack_process import ROOT, until


def parsed(text):
    """Return {sample: value}, with the labels behind colons."""
    return {
        ":".join([sample.name.removeprefix("backtester_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scrape(client):
    return parsed(client.get("/metrics").content.decode())


@pytest.fixture
def run_part(tmp_path):
    """run_part(code): run a process that counts in a directory shared with the others; return what it prints."""
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def run(code):
        argv = [sys.executable, "-c", f"from batches.ops import counters; {code}"]
        return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, check=True, text=True).stdout

    return run


def test_a_batch_is_counted(client, real_redis, submitted):
    before = scrape(client)
    assert (before["batches:queued"], before["batches:complete"]) == (1, 0)
    assert before["longest_unserved_seconds"] > 0
    events.breaker.reset()
    queue.breaker.reset()
    ended = jobs.finish(submitted)
    after = scrape(client)
    assert (after["batches:queued"], after["batches:complete"]) == (0, 1)
    assert after["longest_unserved_seconds"] == 0
    counted = {name: after[name] - before[name] for name in after}
    assert counted["combinations_total:successful"] == ended.successful
    assert counted["combinations_total:failed"] == ended.failed
    assert counted["chunk_seconds_count"] == counted["chunk_seconds_bucket:+Inf"] == ended.chunks.count()
    assert counted["chunk_seconds_sum"] > 0
    assert counted["events_published_total"] == counted["publish_seconds_count"] > 0
    assert counted["events_dropped_total"] == 0


def test_other_processes_are_seen(client, db, real_redis, monkeypatch):
    monkeypatch.setitem(counters.open_streams, "sse", 2)
    heartbeats.announce(heartbeats.WORKER, processes=8)
    for host, streams in {"one": {"websocket": 3, "sse": 0}, "two": {"websocket": 4, "sse": 1}}.items():
        monkeypatch.setattr(heartbeats, "WORKER_HOST", host)
        heartbeats.announce(heartbeats.WEB, **streams)
    monkeypatch.setattr(heartbeats, "WORKER_HOST", "mine")
    real_redis.lpush("backtester:chunks", "message", "message")
    samples = scrape(client)
    assert (samples["live_connections:websocket"], samples["live_connections:sse"]) == (7, 3)
    assert (samples["worker_slots"], samples["queue_depth"]) == (8, 2)
    assert (samples["processes:web"], samples["processes:worker"], samples["processes:watchdog"]) == (2, 1, 0)


def test_counts_of_two_processes_add_up_also_when_they_have_ended(run_part):
    run_part("counters.FAILED.inc(3); counters.PUBLISH_SECONDS.observe(0.0001)")
    run_part("counters.FAILED.inc(2); counters.PUBLISH_SECONDS.observe(0.0004)")
    samples = parsed(run_part("import prometheus_client as p; print(p.generate_latest(counters.HOST).decode())"))
    assert (samples["combinations_total:failed"], samples["combinations_total:successful"]) == (5, 0)
    assert (samples["publish_seconds_bucket:0.0002"], samples["publish_seconds_bucket:0.0005"]) == (1, 2)
    assert samples["publish_seconds_sum"] == pytest.approx(0.0005)


def test_a_forked_child_counts_in_a_file_of_its_own(run_part, tmp_path):
    run_part("import os; child = os.fork(); counters.allocate(); child and os.waitpid(child, 0)")
    assert len(list(tmp_path.glob("counter_*.db"))) == 2


def test_a_full_disk_leaves_a_process_uncounted_but_running(run_part, tmp_path):
    full = "import os, errno; os.posix_fallocate = lambda *_: exec('raise OSError(errno.ENOSPC, os.strerror(28))')"
    code = f"{full}; from batches.ops import counters; counters.FAILED.inc(3); print(counters.FAILED._value.get())"
    argv = [sys.executable, "-c", code]
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, check=True, text=True)
    assert done.stdout == "3.0\n"
    assert list(tmp_path.iterdir()) == []
    run_part("counters.FAILED.inc(2)")
    samples = parsed(run_part("import prometheus_client as p; print(p.generate_latest(counters.HOST).decode())"))
    assert samples["combinations_total:failed"] == 2
    assert all(path.stat().st_blocks * 512 >= path.stat().st_size for path in tmp_path.iterdir()), "blocks are reserved"


def test_counts_start_from_zero_once_every_part_was_stopped(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    directory = counter_files.prepare_counter_files()
    gone = subprocess.Popen(["true"])
    gone.wait()
    for pid in (gone.pid, os.getpid()):
        (directory / f"counter_{pid}.db").touch()
    counter_files.prepare_counter_files()
    assert len(list(directory.iterdir())) == 2, "a part is still running"
    (directory / f"counter_{os.getpid()}.db").unlink()
    counter_files.prepare_counter_files()
    assert not list(directory.iterdir())


def test_a_host_without_a_server_exports_its_counts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"DATA_DIR": str(tmp_path), "METRICS_PORT": str(port)}
    argv = [sys.executable, str(ROOT / "manage.py"), "watchdog"]
    with (tmp_path / "watchdog.log").open("wb") as log, subprocess.Popen(argv, env=environment, stderr=log) as watchdog:

        def answer():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            except OSError:
                assert watchdog.poll() is None, (tmp_path / "watchdog.log").read_text()
                return ""

        try:
            samples = parsed(until(answer, "the exporter"))
        finally:
            watchdog.terminate()
    assert samples["combinations_total:failed"] == 0
    assert (tmp_path / f"run/counters/counter_{watchdog.pid}.db").exists()


def test_without_redis_what_it_would_tell_is_left_out(client, db):
    samples = scrape(client)
    assert samples["batches:running"] == 0
    assert not any(name.startswith(("live", "queue", "processes", "worker")) for name in samples)
    assert "combinations_total:failed" in samples, "the processes' own counts do not need it"


def test_every_metric_of_the_dashboard_is_exported(client, db, real_redis):
    dashboard = json.loads((ROOT / "deploy/grafana/backtester.json").read_text())
    names = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"backtester_\w+", target["expr"])
    }
    exported = set(re.findall(r"^(backtester_\w+)[ {]", client.get("/metrics").content.decode(), re.MULTILINE))
    assert len(names) >= 10
    assert names <= exported


def test_the_dashboard_adds_up_rates_and_takes_one_of_equal_gauges():
    dashboard = json.loads((ROOT / "deploy/grafana/backtester.json").read_text())
    for query in (target["expr"] for panel in dashboard["panels"] for target in panel["targets"]):
        aggregates = re.findall(r"(sum|max)(?: by \(\w+\) )?\((rate\()?(backtester_\w+)", query)
        assert {name for *_, name in aggregates} == set(re.findall(r"backtester_\w+", query)), query
        assert {(function, rate) for function, rate, _ in aggregates} <= {("sum", "rate("), ("max", "")}, query
