"""`/healthz` and `/metrics`: whether the parts answer, and numbers for Prometheus."""

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from batches.events import redis_client


def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, else 503. Redis missing only slows the news down, so it is told but not fatal."""
    database, layer = _database_answers(), _redis_answers()
    return JsonResponse({"ok": database, "database": database, "redis": layer}, status=200 if database else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """This process's counters."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    try:
        return bool(redis_client().ping())
    except redis.RedisError:
        return False
