"""`manage.py work`: run one worker with WORKERS processes, for installations with another supervisor."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack import worker
from backtester.stack.errors import exit_on_error
from backtester.stack.process import part_environment


class Command(BaseCommand):
    help = "Compute batches with WORKERS processes in the foreground. SIGTERM: finish the current chunks, then exit."
    requires_system_checks: list[str] = []  # the worker runs them

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process by Celery, so that signals reach it."""
        argv = worker.arguments(settings.WORKERS)
        with exit_on_error():
            os.execve(argv[0], argv, part_environment() | worker.SETTINGS)
