"""`manage.py load_prices FILE ...`: prices from CSV or Parquet files; `--yahoo NVDA TSLA`: from Yahoo Finance."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from batches.errors import BatchError
from batches.models import PriceImport
from batches.prices.importing import import_prices, read_prices
from batches.prices.mapping import Layout
from batches.prices.yahoo import fetch

MAPPING_OPTIONS = {"layout": "layout", "decimal": "decimal", "date_order": "dateOrder", "time_zone": "timeZone"}


class Command(BaseCommand):
    help = (
        "Load prices from CSV (gzipped or not) or Parquet. Known columns: symbol, date, close and, where known,"
        " open, high, low, volume, adj_close; or date and one column of closes for each symbol; or, in AAPL.csv,"
        " date, close, ... Several bars of a day are combined into a daily bar."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--source", default="", help="origin of the prices (default: the file name)")
        reading = parser.add_argument_group("file format (default: detected)")
        reading.add_argument("--layout", choices=list(Layout), help="what a row holds")
        reading.add_argument("--decimal", choices=[".", ","], help="decimal separator")
        reading.add_argument("--date-order", choices=["ymd", "dmy", "mdy"], help="order of year, month and day")
        reading.add_argument("--time-zone", metavar="ZONE", help="convert times to this zone, such as America/New_York")
        yahoo = parser.add_argument_group("Yahoo Finance (needs yfinance: pip install yfinance)")
        yahoo.add_argument("--yahoo", nargs="+", metavar="SYMBOL", help="symbols to fetch adjusted daily bars of")
        yahoo.add_argument("--start", type=date.fromisoformat, metavar="DATE", default=date(1990, 1, 1))
        yahoo.add_argument("--end", type=date.fromisoformat, metavar="DATE", help="last day (default: today)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["files"] and not options["yahoo"]:
            self._exit("name the files to load, or --yahoo and symbols.")
        mapping = {name: options[option] for option, name in MAPPING_OPTIONS.items() if options[option]}
        for path in options["files"]:
            try:
                self._load_file(path, options["source"], mapping)
            except BatchError as error:
                self._exit(error.message)
            except OSError as error:
                self._exit(f"cannot read {path}: {error.strerror}.")
        if options["yahoo"]:
            try:
                self._load_yahoo(options["yahoo"], options["start"], options["end"] or timezone.localdate())
            except BatchError as error:
                self._exit(error.message)

    def _load_file(self, path: Path, source: str, mapping: Mapping[str, str]) -> None:
        size = path.stat().st_size
        parsed = read_prices(path, name=path.name, options=mapping)
        report = import_prices(parsed, name=path.name, size=size, source=source, channel=PriceImport.Channel.COMMAND)
        self.stdout.write(f"    {path.name}: {report}")
        for note in report.notes:
            self.stdout.write(f"      {note}")

    def _load_yahoo(self, symbols: list[str], start: date, end: date) -> None:
        parsed = fetch(symbols, start, end, say=lambda message: self.stdout.write(f"    {message}"))
        report = import_prices(
            parsed, name=" ".join(symbols).upper(), size=0, source="Yahoo Finance", channel=PriceImport.Channel.COMMAND
        )
        self.stdout.write(f"    Yahoo Finance: {report}")

    def _exit(self, message: str) -> None:
        self.stderr.write(f"error: {message}")
        raise SystemExit(1)
