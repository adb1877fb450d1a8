"""`manage.py export_results ID --out results.parquet --symbol AAPL --min sharpe=1`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.client.files import KINDS
from backtester.terminal import arguments, servers
from backtester.terminal.exporting import export
from backtester.terminal.words import size


class Command(BaseCommand):
    """Write the results of a batch to a file."""

    help = "Write the results of a batch, all of them or those that pass the filters, to a CSV, Parquet or JSON file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The batch, the file, the filters of the results page, the server."""
        parser.add_argument("batch", help="its id, or the address of its page")
        parser.add_argument("--format", choices=KINDS, help="default: what the name of the file says, else csv")
        parser.add_argument("--out", type=Path, metavar="FILE", help="default: batch-ID.csv; - is the standard output")
        parser.add_argument("--symbol", help="only this one")
        parser.add_argument("--sort", metavar="NAME", help="a metric or parameter; --sort=-sharpe begins with the best")
        for which in ("min", "max"):
            parser.add_argument(
                f"--{which}",
                action="append",
                default=[],
                type=arguments.bound,
                metavar="NAME=NUMBER",
                help=f"only rows with at {'least' if which == 'min' else 'most'} this: sharpe=1",
            )
        arguments.add_server(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """The last line says where they are."""
        filters = {"symbol": options["symbol"], "sort": options["sort"]}
        for which in ("min", "max"):
            filters |= {f"{which}.{name}": number for name, number in options[which]}
        with servers.sentences():
            path = export(servers.find(options["batch"], options), options["out"], options["format"], filters)
        if path:
            self.stderr.write(f"Wrote {path} ({size(path.stat().st_size)}).")
