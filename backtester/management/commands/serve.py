"""`manage.py serve`: run one web server process, for installations with another supervisor."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from backtester.stack import web_server
from backtester.stack.errors import exit_on_error
from backtester.stack.process import part_environment


class Command(BaseCommand):
    help = "Serve pages, API and live updates on HOST:PORT in the foreground."
    requires_system_checks: list[str] = []  # the server runs them

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace this process by Daphne, so that signals reach it."""
        with exit_on_error():
            listener = web_server.listen(settings.HOST, settings.PORT)
            listener.set_inheritable(True)
            argv = web_server.arguments(listener.fileno())
            os.execve(argv[0], argv, part_environment())
