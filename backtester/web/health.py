"""`/healthz`: this process works. `/readyz`: a batch that is started now would be computed."""

from collections.abc import Callable
from functools import lru_cache

import redis
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

from batches.models import BatchSession
from batches.ops import heartbeats
from batches.ops.redis_connection import redis_client

UNAVAILABLE = 503


def healthz(_request: HttpRequest) -> JsonResponse:
    """Return 200 while the database answers, else 503. Without Redis only live updates are slower."""
    database = _passes(_database_answers)
    parts = {"ok": database, "database": database, "redis": _passes(_redis_answers)}
    return JsonResponse(parts, status=200 if database else UNAVAILABLE)


def readyz(_request: HttpRequest) -> JsonResponse:
    """Return 200 when every part that a new batch needs is present, else 503."""
    parts = {
        "database": _passes(_database_answers),
        "migrations": _passes(_is_migrated),
        "redis": _passes(_redis_answers),
        "worker": _passes(lambda: bool(heartbeats.present(heartbeats.WORKER))),
        "watchdog": _passes(lambda: bool(heartbeats.present(heartbeats.WATCHDOG))),
    }
    ready = all(parts.values())
    return JsonResponse({"ok": ready, **parts}, status=200 if ready else UNAVAILABLE)


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, redis.RedisError):
        return False


def _database_answers() -> bool:
    """Read a table: a file that was deleted and created anew would answer without one."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(BatchSession._meta.db_table)} LIMIT 1")  # noqa: S608
    return True


def _redis_answers() -> bool:
    return bool(redis_client().ping())


def _is_migrated() -> bool:
    """Return whether this version's migrations are applied. During an upgrade the next version's may be as well."""
    return _migrations() <= MigrationRecorder(connection).applied_migrations().keys()


@lru_cache(maxsize=1)
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)
