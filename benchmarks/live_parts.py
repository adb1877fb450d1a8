"""The parts under load: Valkey, a database with some batches, and a server, each started as in the stack."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx

from backtester.stack import redis_server, web_server

ROOT = Path(__file__).resolve().parent.parent
UVICORN = ROOT / "var/bench-uvicorn"  # installed by `make bench-live`; the product does not need it
PATIENCE_S = 120.0

MAKE_BATCHES = """
import sys, uuid, django
django.setup()
from django.core.management import call_command
from django.utils import timezone
from batches.models import BatchSession
call_command("migrate", verbosity=0)
now = timezone.now()
for name in sys.argv[1:]:
    BatchSession.objects.create(
        id=uuid.UUID(name), request={}, strategy="sma_cross", sort_by="sharpe", instruments={}, engine_version="",
        status="running", phase="testing", total=10**6, work_total=1e9, created_at=now, started_at=now, timeout_s=9**6,
    )
"""


def environment(data_dir: Path, root: Path = ROOT, **changes: str) -> dict[str, str]:
    return (
        os.environ
        | {
            "DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "backtester.settings",
            "REDIS_URL": f"unix://{data_dir}/redis.sock",
            "PYTHONPATH": str(root),
            "LOG_LEVEL": "WARNING",
        }
        | changes
    )


@contextlib.contextmanager
def valkey(data_dir: Path) -> Iterator[str]:
    """Run the embedded Redis server. Yield its address."""
    path = data_dir / "redis.sock"
    with running(redis_server.arguments(redis_server.find_server(), path), dict(os.environ), data_dir / "redis.log"):
        url = f"unix://{path}"
        redis_server.wait_until_up(url)
        yield url


def make_batches(data_dir: Path, number: int) -> list[uuid.UUID]:
    """Create rows of running batches without a worker; the load test announces in their name."""
    ids = [uuid.uuid4() for _ in range(number)]
    argv = [sys.executable, "-c", MAKE_BATCHES, *(session_id.hex for session_id in ids)]
    subprocess.run(argv, env=environment(data_dir), cwd=ROOT, check=True, timeout=120)
    return ids


@contextlib.contextmanager
def server(
    kind: str, data_dir: Path, root: Path = ROOT, **changes: str
) -> Iterator[tuple[subprocess.Popen, tuple[str, int]]]:
    """Run Daphne, uvicorn or the bare fan-out of a checkout. Yield the process and its address."""
    listener = web_server.listen("127.0.0.1", 0)
    number = listener.fileno()
    argv = {
        "daphne": web_server.arguments(number),
        "uvicorn": [
            *(sys.executable, "-m", "uvicorn", "--fd", str(number), "--log-level", "warning", "--no-access-log"),
            *("--ws-ping-interval", "10", "--ws-ping-timeout", "15", "--timeout-graceful-shutdown", "2"),
            *("--ws-per-message-deflate", "false", "backtester.asgi:application"),
        ],
        "bare": [sys.executable, "-m", "benchmarks.live_fanout", str(number)],
    }[kind]
    env = environment(data_dir, root, **changes)
    if kind == "uvicorn":
        env["PYTHONPATH"] += f":{UVICORN}"
    log = data_dir / f"{kind}-{number}.log"
    with listener, running(argv, env, log, descriptors=(number,), root=root) as process:
        until_healthy(listener, log, is_bare=kind == "bare")
        yield process, listener.getsockname()[:2]


def until_healthy(listener: socket.socket, log: Path, *, is_bare: bool) -> None:
    """Wait for /healthz, or for the first line of the bare fan-out, which has no such page."""
    deadline = time.monotonic() + PATIENCE_S
    while not (log.read_text().startswith("ready") if is_bare else answers(listener)):
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        time.sleep(0.1)


def answers(listener: socket.socket) -> bool:
    """Return whether `/healthz` does. Not by `web_server.is_healthy`: it reads settings, which differ by checkout."""
    try:
        return httpx.get(f"{web_server.address(listener)}healthz", timeout=3).is_success
    except httpx.TransportError:
        return False


@contextlib.contextmanager
def running(
    argv: list[str], env: dict[str, str], log: Path, descriptors: tuple[int, ...] = (), root: Path = ROOT
) -> Iterator[subprocess.Popen]:
    """Run a process until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, env=env, cwd=root, stdout=output, stderr=output, stdin=subprocess.DEVNULL, pass_fds=descriptors
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
