"""`manage.py load_prices FILE ...`: prices from CSV or Parquet files."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from batches.errors import BatchError
from batches.price_import import read_prices, store_prices


class Command(BaseCommand):
    """Load each file as a whole, or not at all."""

    help = (
        "Load daily prices from CSV (gzipped or not) or Parquet. Known columns: symbol, date, close and, where known,"
        " open, high, low, volume, adj_close; or date and one column of closes for each symbol; or, in AAPL.csv,"
        " date, close, ..."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The files, and where they come from."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--source", help="where the prices come from (default: the name of the file)")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a file; the first one with something wrong ends it."""
        for path in options["files"]:
            try:
                report = store_prices(read_prices(path, name=path.name), source=options["source"] or path.name)
            except BatchError as error:
                self._give_up(error.message)
            except OSError as error:
                self._give_up(f"{path} cannot be read: {error.strerror}.")
            self.stdout.write(f"    {path.name}: {report}")

    def _give_up(self, message: str) -> None:
        self.stderr.write(f"error: {message}")
        raise SystemExit(1)
