"""`manage.py watch_batch https://backtester.example/batches/…/`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, backends
from backtester.terminal.following import follow


class Command(BaseCommand):
    help = "Watch a batch until it ends, on this host or another. The exit codes are those of run_batch."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("batch", help="id of the batch, or address of its page")
        arguments.add_server(parser)
        arguments.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with backends.errors_as_messages():
            code = follow(backends.find_batch(options["batch"], options), as_json=options["json"])
        sys.exit(code)
