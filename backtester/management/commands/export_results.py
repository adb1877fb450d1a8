"""`manage.py export_results ID --out results.parquet --symbol AAPL --min sharpe=1`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from backtester.terminal import arguments, backends
from backtester.terminal.exporting import KINDS, export
from batches.formatting import bytes_


class Command(BaseCommand):
    help = "Write the results of a batch, all of them or those that pass the filters, to a CSV, Parquet or JSON file."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("batch", help="id of the batch, or address of its page")
        parser.add_argument("--format", choices=KINDS, help="default: that of the file name, else csv")
        parser.add_argument("--out", type=Path, metavar="FILE", help="default: batch-ID.csv; - is the standard output")
        parser.add_argument("--symbol", help="only results of this symbol")
        parser.add_argument("--sort", metavar="NAME", help="metric or parameter; --sort=-sharpe has the best first")
        for name, limit in (("--min", "at least"), ("--max", "at most")):
            parser.add_argument(
                name,
                action="append",
                default=[],
                type=arguments.bound,
                metavar="NAME=NUMBER",
                help=f"only rows with {limit} this value: sharpe=1",
            )
        arguments.add_server(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        filters = {"symbol": options["symbol"], "sort": options["sort"]}
        for limit in ("min", "max"):
            filters |= {f"{limit}.{name}": number for name, number in options[limit]}
        with backends.errors_as_messages():
            batch = backends.find_batch(options["batch"], options)
            path = export(batch, options["out"], options["format"], filters)
        if path:
            self.stderr.write(f"Wrote {path} ({bytes_(path.stat().st_size)}).")
