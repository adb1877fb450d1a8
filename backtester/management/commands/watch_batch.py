"""`manage.py watch_batch https://backtester.example/batches/…/`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, servers
from backtester.terminal.following import follow


class Command(BaseCommand):
    """Attach to a batch that was started elsewhere."""

    help = "Watch a batch to its end, here or on another host. The exit codes are those of run_batch."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The batch, the server, and how to show it."""
        parser.add_argument("batch", help="its id, or the address of its page")
        arguments.add_server(parser)
        arguments.add_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """The exit code tells how it ended."""
        with servers.sentences():
            code = follow(servers.find(options["batch"], options), as_json=options["json"])
        sys.exit(code)
