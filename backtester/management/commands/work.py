"""`manage.py work`: one worker with WORKERS processes, for where something else watches the processes."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack import worker
from backtester.stack.process import part_environment


class Command(BaseCommand):
    """Becomes Celery, so that signals reach it."""

    help = "Compute batches with WORKERS processes in the foreground. SIGTERM: finish what is in hand, then end."
    requires_system_checks: list[str] = []  # the worker makes them

    def handle(self, *args: Any, **options: Any) -> None:
        """The same worker as in `runstack`."""
        argv = worker.arguments(settings.WORKERS)
        os.execve(argv[0], argv, part_environment() | worker.SETTINGS)
