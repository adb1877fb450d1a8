"""`manage.py run_batch sma_cross --symbols AAPL MSFT --set fast=5:50:5 --set slow=60,100,200`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, backends
from backtester.terminal.following import follow


class Command(BaseCommand):
    help = (
        "Start a batch on the running stack, or without one in its own processes, and watch it until it ends. Ctrl-C"
        " asks whether to cancel it. Exit code 0: complete, 1: failed, 2: wrong usage, 130: interrupted."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_batch(parser)
        arguments.add_server(parser)
        arguments.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with backends.errors_as_messages():
            batch = backends.start_batch(arguments.request_body(options), options)
            for note in batch.notes:
                print(f"note: {note}", file=sys.stderr)
            code = follow(batch, as_json=options["json"])
        sys.exit(code)
