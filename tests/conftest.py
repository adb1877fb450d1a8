"""Shared by all tests: the real stack, started once for those that ask for it."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.management.commands import flush

from batches.ops.redis_connection import redis_client
from benchmarks.live_parts import valkey
from tests.support.databases import load_sample, prepared
from tests.support.signals import reset_ignored_signals
from tests.support.stack_process import StackProcess

TESTS = Path(__file__).resolve().parent
REAL = frozenset({"live", "stack"})
IN_ONE_PROCESS = frozenset({"faults", "live"})  # folders whose files share a stack or a server
WITHOUT_KERNELS = frozenset({"deploy", "doctor", "prices"})
KEPT_TABLES = frozenset({"auth_group", "auth_group_permissions", "auth_permission", "django_content_type"})
LONG = os.environ.get("FAULTS") == "long"
EXTENDED = LONG or os.environ.get("TESTS") == "all"
ON_POSTGRESQL = os.environ.get("DATABASE_URL", "").startswith("postgres")


def pytest_configure(config: pytest.Config) -> None:
    reset_ignored_signals(config)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The database as the first start leaves it, for stacks that are not about that; none of them is on PostgreSQL."""
    return None if ON_POSTGRESQL else prepared(tmp_path_factory, "sample", load_sample)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, sample: Path | None) -> Iterator[StackProcess]:
    """The stack with the sample prices, ready; what one test leaves in it, the next one finds.

    A verdict may take five seconds, enough for the opening sweep: that of a long batch would take the cores for a
    minute.
    """
    running = StackProcess(tmp_path_factory.mktemp("stack"), database=sample, VERDICT_BUDGET_S="5")
    try:
        yield running.start().wait_until_ready()
    finally:
        running.end()


def fits(item: pytest.Item) -> bool:
    """Whether the test is for this run."""
    if (item.get_closest_marker("long") and not LONG) or (item.get_closest_marker("extended") and not EXTENDED):
        return False
    database = item.get_closest_marker("database")
    return database is None or (database.args[0] == "postgresql") == ON_POSTGRESQL


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Only what fits: the long tests with FAULTS=long, those about one database on that one.

    The first ones need no compiled kernels, which `make test` compiles beside them. The faults come next and together:
    their stack is gone when they have ended. Then files with real parts, which wait more than they compute, take turns
    with those that only compute. The browser tests come last, because Playwright's event loop runs to the end of its
    process, and no other can start beside it; the file with the most first, so that all processes end together.
    """
    if left_out := [item for item in items if not fits(item)]:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if fits(item)]
    for item in items:
        folder = item.path.parent.relative_to(TESTS).as_posix()
        item.add_marker(pytest.mark.xdist_group(folder if folder in IN_ONE_PROCESS else str(item.path)))
    yield
    files = Counter(item.path for item in items)
    stories = {path: count for path, count in files.items() if path.parent.name == "browser"}
    turns = {path: -1.0 for path in files if path.parent.name == "faults"}
    turns |= {path: -2.0 for path in files if path.parent == TESTS or path.parent.name in WITHOUT_KERNELS}
    for are_real in (True, False):
        alike = [path for path in files if path not in stories | turns and (path.parent.name in REAL) == are_real]
        turns |= {path: turn / len(alike) for turn, path in enumerate(alike)}
    items.sort(key=lambda item: (item.path in stories, turns.get(item.path, 0), -stories.get(item.path, 0)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file: connections to a database in memory would see each other's locks at once, whatever the timeout.

    For all tests: whichever comes first in a process makes the database.
    """
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def _quick_flush() -> Iterator[None]:
    """After a test with real transactions, empty the tables that tests write, and no others.

    Django empties all, and then creates content types, permissions and roles again, which takes ten times as long.
    """

    def sql_flush(style: Any, connection: Any, **options: bool) -> Any:
        tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        return connection.ops.sql_flush(style, [table for table in tables if table not in KEPT_TABLES], **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server on a socket of its own."""
    with valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def real_redis(valkey_url: str, settings: Any) -> Iterator["redis.Redis[Any]"]:
    """The settings point at a real, empty server."""
    settings.REDIS_URL = valkey_url
    redis_client.cache_clear()
    redis_client().flushall()
    yield redis_client()
    redis_client().close()
    redis_client.cache_clear()
