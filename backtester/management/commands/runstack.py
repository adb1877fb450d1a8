"""`manage.py runstack`: run all parts on this machine in the foreground."""

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack import startup
from backtester.stack.errors import exit_on_error
from backtester.stack.process import die_with_parent


class Command(BaseCommand):
    help = "Prepare what is missing, start Valkey, the worker, its watchdog and the server; Ctrl-C stops them."
    requires_system_checks: list[str] = []  # they would import all pages and routes

    def handle(self, *args: Any, **_: Any) -> None:
        if "MAKELEVEL" in os.environ:
            die_with_parent(os.getppid(), signal.SIGTERM)  # when `make run` is killed
        options = startup.Options(
            data_dir=settings.DATA_DIR,
            numba_cache_dir=settings.NUMBA_CACHE_DIR,
            host=settings.HOST,
            port=settings.PORT,
            workers=settings.WORKERS,
            redis_url=None if settings.REDIS_IS_EMBEDDED else settings.REDIS_URL,
        )
        try:
            with exit_on_error():
                startup.run(options)
        except KeyboardInterrupt:
            sys.exit("Stopped before the start.")
