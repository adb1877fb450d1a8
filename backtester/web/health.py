"""`/healthz`: does this process work? `/readyz`: would a batch that is started now be computed?"""

from collections.abc import Callable
from functools import lru_cache

import redis
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse

from batches.ops import heartbeats
from batches.ops.redis_connection import redis_client

UNABLE = 503


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, else 503. Redis missing only slows the news down, so it is told but not fatal."""
    database, layer = _holds(_database_answers), _holds(_redis_answers)
    return JsonResponse({"ok": database, "database": database, "redis": layer}, status=200 if database else UNABLE)


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part that a new batch needs is there, else 503 and which one is missing."""
    parts = {
        "database": _holds(_database_answers),
        "migrations": _holds(_is_migrated),
        "redis": _holds(_redis_answers),
        "worker": _holds(lambda: bool(heartbeats.present(heartbeats.WORKER))),
        "watchdog": _holds(lambda: bool(heartbeats.present(heartbeats.WATCHDOG))),
    }
    ready = all(parts.values())
    return JsonResponse({"ok": ready, **parts}, status=200 if ready else UNABLE)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, redis.RedisError):
        return False


def _database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _redis_answers() -> bool:
    return bool(redis_client().ping())


def _is_migrated() -> bool:
    """Nothing of this code's migrations is missing. More may be there: during an upgrade the next version's are."""
    return _migrations() <= MigrationRecorder(connection).applied_migrations().keys()


@lru_cache(maxsize=1)
def _migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)
