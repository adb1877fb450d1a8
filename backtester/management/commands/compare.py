"""`manage.py compare ID ID`: two batches side by side."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, backends
from backtester.terminal.comparison import METRIC_NAMES, Side, compare
from backtester.terminal.comparison_tables import print_tables


class Command(BaseCommand):
    help = "Compare two batches: the best of each, the averages, each symbol, and the tests that both have."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        for name in ("first", "second"):
            parser.add_argument(name, help="id of the batch, or address of its page")
        parser.add_argument(
            "--metric", choices=METRIC_NAMES, metavar="NAME", help="decides what is best (default: that of the first)"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
        arguments.add_server(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with backends.errors_as_messages():
            sides = []
            for name in ("first", "second"):
                batch = backends.find_batch(options[name], options)
                sides.append(Side(batch.newest(), batch.results()))
            first, second = sides
            sorted_by = (first.event.results or {}).get("sortedBy", "annualizedReturn")
            comparison = compare(first, second, options["metric"] or sorted_by)
        if options["json"]:
            self.stdout.write(json.dumps(comparison.as_json()))
        else:
            print_tables(first, second, comparison)
