"""`manage.py warm_kernels`: compile every kernel into the cache."""

import time
from typing import Any

from django.core.management.base import BaseCommand

from backtester.engine import warm_up


class Command(BaseCommand):
    """Compile, saying what."""

    help = "Compile the kernels of all strategies into NUMBA_CACHE_DIR, so that no batch waits for a compiler."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a strategy."""
        began = time.monotonic()
        warm_up(lambda name: self.stdout.write(f"    {name} ({time.monotonic() - began:.0f} s so far)"))
