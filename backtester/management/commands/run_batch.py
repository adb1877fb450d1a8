"""`manage.py run_batch sma_cross --symbols AAPL MSFT --set fast=5:50:5 --set slow=60,100,200`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, servers
from backtester.terminal.following import follow


class Command(BaseCommand):
    """Start a batch, and watch it."""

    help = (
        "Start a batch on the running stack, or without one in processes of its own, and watch it to its end. Ctrl-C"
        " asks whether to cancel it. Exit code 0: complete, 1: failed, 2: wrong usage, 130: interrupted."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The batch, the server, and how to show it."""
        arguments.add_batch(parser)
        arguments.add_server(parser)
        arguments.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """The exit code tells how it ended."""
        with servers.sentences():
            batch = servers.start(arguments.request_body(options), options)
            code = follow(batch, as_json=options["json"])
        sys.exit(code)
