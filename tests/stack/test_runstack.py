"""Starting and stopping: what is said when something is in the way, and that nothing is left behind."""

import os
import re
import signal
import socket
import subprocess

import httpx
import psutil
import pytest

from backtester.stack import redis_server
from tests.support.stack_process import ROOT, StackProcess, is_running, until

pytestmark = [pytest.mark.stack]


@pytest.fixture
def own_stack(tmp_path, sample):
    """own_stack(**environment): a stack of this test alone, taken down at its end; with database=None a first start."""
    made: list[StackProcess] = []

    def make(**given):
        made.append(StackProcess(tmp_path / f"data{len(made)}", **{"database": sample, "WORKERS": "1"} | given))
        return made[-1]

    yield make
    for stack in made:
        if stack.is_alive():
            stack.end(signal.SIGKILL)


@pytest.fixture
def other_redis(tmp_path):
    """The address of a Redis on a TCP port that the stack has not started."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = [redis_server.find_server(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", tmp_path]
    process = subprocess.Popen(server, stdout=subprocess.DEVNULL)
    url = f"redis://127.0.0.1:{port}/0"
    until(lambda: redis_server.ping(url) is None, "the other Redis", seconds=10)
    yield url
    process.kill()
    process.wait()


@pytest.mark.extended
def test_the_port_is_open_while_the_parts_are_still_starting(own_stack):
    stack = own_stack().start()
    until(lambda: stack.pids() or (stack.data_dir / "run/stack.json").exists(), "the note")
    # The answer comes late, but nobody is refused.
    assert httpx.get(f"{stack.url}/healthz", timeout=60).json()["ok"] is True


def test_a_taken_port_is_one_sentence(own_stack):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stack = own_stack(PORT=str(port)).start()
        assert stack.wait() == 1
    assert f"error: Port {port} of 127.0.0.1 is taken" in stack.log()
    assert "Traceback" not in stack.log()


def test_a_second_instance_on_the_same_folder_is_refused(stack):
    second = StackProcess(stack.data_dir)
    second.output = stack.data_dir / "second.out"
    assert second.start().wait() == 1
    assert f"error: Another instance (process {stack.process.pid}, {stack.url}/)" in second.log()
    assert "Traceback" not in second.log()
    assert stack.url, "the note of the first instance is still there"


def test_a_signal_stops_everything_in_order(own_stack):
    stack = own_stack().start().wait_until_ready()
    processes = _with_the_pool(stack)
    assert stack.end(signal.SIGTERM) == 0
    assert [pid for pid in processes if is_running(pid)] == []
    assert stack.log().endswith("Stopping ...\nStopped.\n")
    assert sorted(path.name for path in (stack.data_dir / "run").iterdir()) == ["stack.lock"]


def _with_the_pool(stack):
    """Valkey, Daphne, the watchdog, the worker, and the child that it forks when it is ready."""
    return until(lambda: pids if len(pids := stack.all_pids()) >= 5 else None, "all processes")


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_a_signal_during_the_start_stops_it(own_stack, name):
    stack = own_stack(database=None).start()
    until(lambda: "…" in stack.log(), "the first step")
    processes = stack.all_pids()
    assert stack.end(signal.Signals[name]) == 0
    assert [pid for pid in processes if is_running(pid)] == []
    assert "Traceback" not in stack.log()


def test_killing_the_supervisor_leaves_no_orphan(own_stack):
    stack = own_stack().start().wait_until_ready()
    processes = _with_the_pool(stack)
    stack.end(signal.SIGKILL)
    until(lambda: not any(is_running(pid) for pid in processes), "the parts to go", seconds=5)


@pytest.mark.extended
def test_killing_make_stops_what_it_has_started(tmp_path, sample):
    stack = StackProcess(tmp_path, database=sample, WORKERS="1", MAKEFLAGS="")
    with stack.output.open("wb") as output:
        stack.process = subprocess.Popen(["make", "run"], cwd=ROOT, env=stack.environment, stdout=output, stderr=output)
    stack.wait_until_ready()
    processes = stack.all_pids()
    stack.process.kill()
    stack.process.wait()
    until(lambda: not any(is_running(pid) for pid in processes), "the stack to go", seconds=20)


@pytest.mark.parametrize("part", ["redis", "worker", "watchdog", "web"])
def test_a_part_that_dies_is_started_again_and_its_children_do_not_live_on(stack, part):
    process = psutil.Process(stack.pids()[part])
    if part == "worker":
        until(lambda: len(process.children()) == 2, "the pool of the worker")
    children = [child.pid for child in process.children()]
    killed = stack.kill(part)
    until(lambda: not any(is_running(pid) for pid in children), "the children to go", seconds=5)
    replacement = until(lambda: {pid for name, pid in stack.pids().items() if name == part} - {killed}, f"a new {part}")
    assert all(is_running(pid) for pid in replacement)
    assert f"! {part} ended (killed by SIGKILL); starting it again" in stack.log()
    health = until(lambda: _health(stack), "health")
    assert health == {"ok": True, "database": True, "redis": True}


def _health(stack):
    answer = httpx.get(f"{stack.url}/healthz", timeout=60).json()
    return answer if answer["redis"] else None


@pytest.mark.extended
def test_a_given_redis_is_used(own_stack, other_redis):
    stack = own_stack(REDIS_URL=other_redis, CELERY_BROKER_URL="redis://127.0.0.1:1/0").start().wait_until_ready()
    assert stack.redis_url == other_redis
    server = re.escape(other_redis.removeprefix("redis://"))
    until(lambda: re.search(f"Connected to redis://.*{server}", stack.log("worker")), "the worker")
    assert sorted(stack.pids()) == ["watchdog", "web", "worker"]
    assert httpx.get(f"{stack.url}/healthz", timeout=60).json()["redis"] is True
    assert stack.end() == 0
    assert redis_server.ping(other_redis) is None, "a server that is not ours is left alone"


@pytest.mark.extended
def test_a_given_redis_that_does_not_answer_is_one_sentence(own_stack):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stack = own_stack(REDIS_URL=f"redis://:secret@127.0.0.1:{port}/0").start()
    assert stack.wait() == 1
    assert f"error: REDIS_URL is redis://…@127.0.0.1:{port}/0, and no server answers there" in stack.log()
    assert "secret" not in stack.log()
    assert "Traceback" not in stack.log()


@pytest.mark.extended
def test_a_long_path_of_the_data_folder_is_no_obstacle(tmp_path, sample):
    stack = StackProcess(tmp_path / ("long" * 30), database=sample, WORKERS="1")
    try:
        stack.start().wait_until_ready()
        assert len(stack.redis_url) < 100
        assert httpx.get(f"{stack.url}/healthz", timeout=60).json()["redis"] is True
        folder = os.path.dirname(stack.redis_url.removeprefix("unix://"))
        assert os.stat(folder).st_mode & 0o077 == 0
    finally:
        assert stack.end() == 0
    assert not os.path.exists(folder)


@pytest.mark.extended
@pytest.mark.timeout(900)
def test_the_pages_answer_while_the_kernels_are_compiled(own_stack, tmp_path):
    stack = own_stack(NUMBA_CACHE_DIR=str(tmp_path / "numba")).start()
    until(lambda: "The pages answer" in stack.log(), "the pages", seconds=300)
    assert "The kernels are being compiled" in httpx.get(stack.url, timeout=60).text
    body = {"strategy": "sma_cross", "symbols": ["AAPL"], "parameterRanges": {"fast": [5], "slow": [50]}}
    started = httpx.post(f"{stack.url}/api/backtest/batch", json=body, timeout=60).json()
    assert "The kernels are being compiled" in httpx.get(f"{stack.url}{started['pageUrl']}", timeout=60).text
    assert set(stack.pids()) == {"redis", "web"}
    processes = stack.all_pids()
    assert stack.end() == 0, "it can be stopped meanwhile"
    assert [pid for pid in processes if is_running(pid)] == []
    assert [path.name for path in (stack.data_dir / "run").iterdir()] == ["stack.lock"]

    stack.start()
    until(stack.is_ready, "the compiled kernels", seconds=600)
    assert "The kernels are being compiled" not in httpx.get(stack.url, timeout=60).text
    url = f"{stack.url}/api/backtest/batch/{started['sessionId']}"
    until(lambda: httpx.get(url).json()["status"] == "complete", "the batch of before", seconds=300)


@pytest.mark.extended
def test_only_the_first_start_loads_and_compiles(own_stack):
    stack = own_stack(database=None).start().wait_until_ready()
    assert "Loading the sample prices" in stack.log()
    assert stack.end() == 0
    first = len(stack.log())
    stack.start().wait_until_ready()
    assert "Loading" not in stack.log()[first:]
    assert "Compiling" not in stack.log()[first:]
