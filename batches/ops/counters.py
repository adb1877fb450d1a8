"""Counts of every process on every host, added up in Redis: /metrics says the same whichever server answers.

A process adds up in memory; a thread sends what came to it every two seconds. While Redis is away it keeps them. An
emptied Redis begins again at zero, which Prometheus takes for a restart, and processes may come and go.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
from django.conf import settings

from batches.ops import heartbeats
from batches.ops.redis_connection import redis_client

PUSH_S = 2.0
BUCKETS_S: dict[str, tuple[float, ...]] = {
    "chunk_seconds": (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1, 3, 10, 30),
    "publish_seconds": (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25),
}
open_streams: Counter[str] = Counter({"sse": 0, "websocket": 0})  # of this process
_pending: Counter[str] = Counter()  # not sent yet, by field
_lock = threading.Lock()


def count(name: str, number: float = 1) -> None:
    """Add to a count. A label is a part of its name: `combinations:failed`."""
    with _lock:
        _pending[name] += number  # type: ignore[assignment]


def observe(name: str, seconds: float) -> None:
    """Note one duration of a histogram."""
    place = next((limit for limit in BUCKETS_S[name] if seconds <= limit), float("inf"))
    with _lock:
        _pending[f"{name}:{place:g}"] += 1
        _pending[f"{name}:sum"] += seconds  # type: ignore[assignment]


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Observe how long the block takes, also when it fails."""
    began = time.perf_counter()
    try:
        yield
    finally:
        observe(name, time.perf_counter() - began)


def push() -> bool:
    """Send what came together since the last time. False: it is kept for the next."""
    global _pending
    with _lock:
        sent, _pending = _pending, Counter()
    if not sent:
        return True
    try:
        pipeline = redis_client().pipeline(transaction=False)
        for name, number in sent.items():
            pipeline.hincrbyfloat(_key(), name, number)
        pipeline.execute()
    except redis.RedisError:
        with _lock:
            _pending += sent
        return False
    return True


def totals() -> dict[str, float]:
    """All counts of all processes. Raises redis.RedisError."""
    return {bytes(name).decode(): float(number) for name, number in redis_client().hgetall(_key()).items()}  # type: ignore[arg-type]


def keep_pushing(announce: Callable[[], object] = lambda: None) -> threading.Thread:
    """Push in the background until the process ends, and announce it each time. After a fork each child calls it."""

    def run() -> None:
        while True:
            announce()
            push()
            time.sleep(PUSH_S)

    thread = threading.Thread(target=run, name="tally", daemon=True)
    thread.start()
    return thread


def keep_web_pushing() -> threading.Thread:
    """For a server process, with its open streams."""
    return keep_pushing(lambda: heartbeats.announce(heartbeats.WEB, **open_streams))


def _key() -> str:
    return f"{settings.REDIS_PREFIX}:tally"
