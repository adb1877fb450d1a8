"""The command line of the Celery worker."""

import sys

SETTINGS = {"DJANGO_SETTINGS_MODULE": "backtester.worker_settings"}


def arguments(processes: int) -> list[str]:
    """Return it, without what only Celery's monitors need. `fair` gives a task to a free process."""
    return [
        *(sys.executable, "-m", "celery", "-A", "backtester.celery", "--quiet", "worker"),
        *("--pool", "prefork", "--concurrency", str(processes), "-O", "fair"),
        *("--without-gossip", "--without-mingle"),
    ]
