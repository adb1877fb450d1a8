"""`manage.py runstack`: everything on this machine as one foreground job."""

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack import startup
from backtester.stack.errors import StackError
from backtester.stack.process import die_with_parent


class Command(BaseCommand):
    """Start it, watch it, stop it."""

    help = "Prepare what is missing, start Valkey, the worker, its watchdog and the server; Ctrl-C stops them."
    requires_system_checks: list[str] = []  # each part makes them anyway; here they would cost a second

    def handle(self, *args: Any, **options: Any) -> None:
        """Expected trouble is one sentence and exit code 1."""
        if "MAKELEVEL" in os.environ:
            die_with_parent(os.getppid(), signal.SIGTERM)  # a killed `make run` must not leave us behind
        plan = startup.Plan(
            data_dir=settings.DATA_DIR,
            numba_cache_dir=settings.NUMBA_CACHE_DIR,
            host=settings.HOST,
            port=settings.PORT,
            workers=settings.WORKERS,
            redis_url=None if settings.REDIS_IS_EMBEDDED else settings.REDIS_URL,
        )
        try:
            startup.run(plan)
        except StackError as error:
            sys.exit(f"error: {error}")
        except KeyboardInterrupt:
            sys.exit("Stopped before the start.")
