"""`manage.py watchdog`: puts right what processes that died left behind, until it is told to stop."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from batches.ops import counters
from batches.running import watchdog
from batches.running.clock_jumps import WallClock


class Command(BaseCommand):
    """Run the watchdog in the foreground."""

    help = "Free abandoned chunks, queue what the broker forgot, end what passed its deadline."

    def handle(self, *args: Any, **options: Any) -> None:
        """Until SIGTERM or SIGINT."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        counters.keep_pushing()
        watchdog.run(stop, WallClock(settings.DATA_DIR / "clock.json"))
