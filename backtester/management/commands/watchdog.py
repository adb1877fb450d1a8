"""`manage.py watchdog`: repair what dead processes left behind, until SIGTERM or SIGINT."""

import os
import signal
import sys
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack.errors import exit_on_error
from backtester.stack.process import part_environment
from batches.ops import counters
from batches.running import watchdog
from batches.running.clock_jumps import WallClock


class Command(BaseCommand):
    requires_system_checks: list[str] = []  # they would import all pages and routes
    help = "Free abandoned chunks, queue what the broker forgot, end what passed its deadline."

    def handle(self, *args: Any, **options: Any) -> None:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # prometheus_client read it when it was imported
            with exit_on_error():
                os.execve(sys.executable, sys.orig_argv, part_environment())
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        counters.start_exporter()
        watchdog.run(stop, WallClock(settings.DATA_DIR / "clock.json"))
