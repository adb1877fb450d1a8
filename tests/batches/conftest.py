"""A market, a request for it, and batches in several states. No Redis, no Celery: chunks run in this process."""

import sys
import threading

import hypothesis
import pytest
from django.conf import settings as live_settings
from django.db import connection
from django.test import override_settings

from backtester.engine import get_strategy, warm_up
from backtester.engine.strategies import _catalog
from batches.live import hub
from batches.models import BatchSession
from batches.prices import beta, series
from batches.results import holding
from batches.results.cache import cache
from batches.running import events, queue
from batches.running import worker as execution
from batches.sweep import plan, user_strategies
from tests.support import announcements, jobs, market, user_strategy_files

hypothesis.settings.register_profile("batches", deadline=None)  # other work on the machine must not fail a test
hypothesis.settings.load_profile("batches")


@pytest.fixture(scope="session", autouse=True)
def _no_redis(tmp_path_factory):
    """Point at a socket without a server, even if a developer's stack is running."""
    url = f"unix://{tmp_path_factory.mktemp('nowhere') / 'redis.sock'}"
    layers = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"prefix": live_settings.REDIS_PREFIX, "hosts": [{"address": url}]},
        }
    }
    with pytest.MonkeyPatch.context() as patch, override_settings(REDIS_URL=url, CHANNEL_LAYERS=layers):
        patch.setenv("CELERY_BROKER_URL", url.replace("unix://", "redis+socket://", 1))  # Celery asks here first
        _forget_connections()
        yield
    _forget_connections()


def _forget_connections():
    events.redis_client.cache_clear()
    queue._producers.cache_clear()


CACHED_BY_ID = (series.count_bars, beta.series_beta, holding._held)


@pytest.fixture(autouse=True)
def _small_world(settings):
    """Many small chunks, and empty caches: a rolled back test gives its ids to the next one."""
    settings.CHUNK_TARGET_S = 3 * 400 * get_strategy("sma_cross").cost_ns / 1e9  # three tests on 400 bars
    events.breaker.reset()
    queue.breaker.reset()
    plan._plans.clear()
    series.cache.clear()
    for cached in CACHED_BY_ID:
        cached.cache_clear()
    cache.tables.clear()


@pytest.fixture
def instruments(db):
    return {symbol: market.store(symbol) for symbol in market.BARS}


@pytest.fixture
def start(instruments):
    """start(**changes): the body of a request for 27 tests, 3 of which fail: CORE has too few bars for slow=70."""

    def body(**changes):
        return {
            "strategy": "sma_cross",
            "symbols": ["ACME", "BOLT", "CORE"],
            "parameterRanges": {"fast": [3, 5, 8], "slow": [10, 20, 70]},
            "sortBy": "sharpe",
            "fees": 0.001,
        } | changes

    return body


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder; what its files register is forgotten after the test, and so are failures."""
    known = dict(_catalog)
    monkeypatch.setattr(user_strategies, "failures", {})
    yield tmp_path
    _catalog.clear()
    _catalog.update(known)
    for name in [name for name in sys.modules if name.startswith("user_strategy_")]:
        del sys.modules[name]


@pytest.fixture
def wicked(folder):
    """The strategy of that file."""
    (folder / "wicked.py").write_text(user_strategy_files.WICKED, encoding="utf-8")
    user_strategies.load(folder)
    assert user_strategies.failures == {}


@pytest.fixture
def submitted(start):
    return jobs.submit(start())


@pytest.fixture
def halfway(submitted):
    """Some chunks are done, some are not."""
    session = jobs.work_some(submitted, 3)
    assert 0 < session.current < session.total
    return session


@pytest.fixture
def finished(start):
    """Another batch than `submitted` and `halfway`."""
    session = jobs.finish(jobs.submit(start()))
    assert session.status == "complete"
    return session


@pytest.fixture
def queued(monkeypatch):
    """The messages that were sent to workers, in place of the broker."""
    return announcements.capture_messages(monkeypatch)


@pytest.fixture
def published(monkeypatch):
    """The events that were published, in place of Redis."""
    return announcements.capture_events(monkeypatch)


@pytest.fixture(scope="session")
def _compiled():
    """A cold kernel cache must not count as a worker that hangs."""
    warm_up(strategies=("sma_cross",))


@pytest.fixture
def worker(_compiled, transactional_db):
    """A worker in a thread that works on every queued or running batch."""
    stop = threading.Event()

    def work():
        try:
            while not stop.wait(0.005):
                for pk in BatchSession.objects.filter(status__in=["queued", "running"]).values_list("pk", flat=True):
                    execution.take_turns(pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


@pytest.fixture
def quick(monkeypatch, settings):
    """Poll rows every few milliseconds, and publish nearly every change."""
    monkeypatch.setattr(hub, "POLL_S", 0.02)
    settings.EVENT_INTERVAL_S = 0.01
