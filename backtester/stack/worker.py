"""The Celery worker, as every installation runs it."""

import sys

SETTINGS = {"DJANGO_SETTINGS_MODULE": "backtester.worker_settings"}


def arguments(processes: int) -> list[str]:
    """Celery without what only its own monitors need; `fair` gives a task to a process that is free."""
    return [
        *(sys.executable, "-m", "celery", "-A", "backtester.celery", "--quiet", "worker"),
        *("--pool", "prefork", "--concurrency", str(processes), "-O", "fair"),
        *("--without-gossip", "--without-mingle"),
    ]
