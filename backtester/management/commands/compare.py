"""`manage.py compare ID ID`: two batches side by side."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console

from backtester.terminal import arguments, servers
from backtester.terminal.comparing import METRIC_NAMES, Side, compare
from backtester.terminal.side_by_side import side_by_side


class Command(BaseCommand):
    """What the second batch did better or worse than the first."""

    help = "Compare two batches: the best of each, the averages, each symbol, and where the same tests differ most."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Two batches, the metric that decides, the server."""
        for name in ("first", "second"):
            parser.add_argument(name, help="its id, or the address of its page")
        parser.add_argument("--metric", choices=METRIC_NAMES, metavar="NAME", help="decides what is best (sharpe)")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
        arguments.add_server(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Batches that still run are compared as far as they are."""
        with servers.sentences():
            sides = []
            for name in ("first", "second"):
                batch = servers.find(options[name], options)
                sides.append(Side(batch.newest(), batch.results()))
            first, second = sides
            sorted_by = (first.event.results or {}).get("sortedBy", "annualizedReturn")
            found = compare(first, second, options["metric"] or sorted_by)
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
        else:
            Console(file=sys.stdout, highlight=False).print(side_by_side(first, second, found))
