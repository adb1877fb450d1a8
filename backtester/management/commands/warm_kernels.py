"""`manage.py warm_kernels`: compile the kernels into the cache."""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.engine import compile_kernels
from backtester.stack import kernel_cache


class Command(BaseCommand):
    help = "Compile the kernels of built-in strategies into NUMBA_CACHE_DIR, so that no batch waits for the compiler."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        cache, began = Path(settings.NUMBA_CACHE_DIR), time.monotonic()
        with kernel_cache.compiling_alone(cache):
            if kernel_cache.is_warm(cache):
                return
            compile_kernels(lambda name: self.stdout.write(f"    {name} ({time.monotonic() - began:.0f} s so far)"))
            kernel_cache.mark_warm(cache)
