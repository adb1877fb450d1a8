"""`manage.py load_prices FILE ...`: prices from files; `--yahoo NVDA TSLA`: from Yahoo Finance."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from batches.errors import BatchError
from batches.formatting import bar_size
from batches.models import Instrument, InstrumentGroup, PriceImport
from batches.prices.importing import ImportReport, Origin, import_prices, read_prices
from batches.prices.merging import OnOverlap, chosen_overlap
from batches.prices.options import DELIMITERS, ENCODINGS, ROLES, BadRow, Layout
from batches.prices.previewing import preview
from batches.prices.yahoo import fetch

READING = {
    "layout": "layout", "decimal": "decimal", "date_order": "dateOrder", "time_zone": "timeZone", "header": "header",
    "encoding": "encoding", "delimiter": "delimiter", "part": "part", "symbol": "symbol", "on_bad_row": "onBadRow",
    "on_overlap": "onOverlap",
}  # fmt: skip


class Command(BaseCommand):
    help = (
        "Load prices from CSV, Excel, Parquet, Feather or JSON files, also in gzip or zip. What they mean is detected;"
        " --dry-run prints what would be stored. Several bars of a day are combined into a daily bar."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
        parser.add_argument("--source", default="", help="origin of the prices (default: the file name)")
        parser.add_argument("--group", help="add the symbols to this group")
        parser.add_argument("--dry-run", action="store_true", help="print the preview and store nothing")
        parser.add_argument(
            "--on-overlap",
            choices=list(OnOverlap),
            help="stored bars of a symbol: refuse the file if bars of a date differ, else append (default); append and"
            " keep the stored ones; or replace all of them",
        )
        reading = parser.add_argument_group("file format (default: detected)")
        reading.add_argument("--layout", choices=list(Layout), help="what a row holds")
        reading.add_argument("--symbol", help="of a file of one symbol (default: the file name)")
        reading.add_argument(
            "--column", action="append", default=[], metavar="ROLE=NAME", help=f"of {', '.join(ROLES)}"
        )
        reading.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="OLD= leaves OLD out")
        reading.add_argument("--decimal", choices=[".", ","], help="decimal separator")
        reading.add_argument("--date-order", choices=["ymd", "dmy", "mdy"], help="order of year, month and day")
        reading.add_argument("--time-zone", metavar="ZONE", help="convert times to this zone, such as America/New_York")
        reading.add_argument("--header", metavar="LINE", help="line of the header, or none")
        reading.add_argument("--delimiter", choices=list(DELIMITERS.values()), help="what separates the cells")
        reading.add_argument("--encoding", choices=ENCODINGS, help="encoding of the text")
        reading.add_argument("--part", help="the sheet of a workbook or the file of an archive")
        reading.add_argument(
            "--on-bad-row", choices=list(BadRow), help="refuse the file, or skip rows that are no bars"
        )
        yahoo = parser.add_argument_group("Yahoo Finance (needs yfinance: pip install yfinance)")
        yahoo.add_argument("--yahoo", nargs="+", metavar="SYMBOL", help="symbols to fetch adjusted daily bars of")
        yahoo.add_argument("--start", type=date.fromisoformat, metavar="DATE", default=date(1990, 1, 1))
        yahoo.add_argument("--end", type=date.fromisoformat, metavar="DATE", help="last day (default: today)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["files"] and not options["yahoo"]:
            self._exit("name the files to load, or --yahoo and symbols.")
        refused = 0
        for path in options["files"]:
            try:
                self._load_file(path, options)
            except BatchError as error:
                refused += 1
                self.stderr.write(f"error: {error.message}")
            except OSError as error:
                refused += 1
                self.stderr.write(f"error: cannot read {path}: {error.strerror}.")
        if options["yahoo"]:
            try:
                self._load_yahoo(options)
            except BatchError as error:
                self._exit(error.message)
        if refused:
            raise SystemExit(1)

    def _load_file(self, path: Path, options: Mapping[str, Any]) -> None:
        chosen = chosen_options(options)
        if options["dry_run"]:
            self._print_preview(path, chosen)
            return
        size = path.stat().st_size
        parsed = read_prices(path, name=path.name, options=chosen)
        origin = Origin(path.name, size, PriceImport.Channel.COMMAND, options["source"])
        report = import_prices(parsed, origin, on_overlap=chosen_overlap(chosen))
        self._finish(path.name, report, options)

    def _load_yahoo(self, options: Mapping[str, Any]) -> None:
        symbols, end = options["yahoo"], options["end"] or timezone.localdate()
        parsed = fetch(symbols, options["start"], end, say=lambda message: self.stdout.write(f"    {message}"))
        origin = Origin(" ".join(symbols).upper(), 0, PriceImport.Channel.COMMAND, "Yahoo Finance")
        # Adjusted prices change with each dividend.
        on_overlap = OnOverlap(options["on_overlap"] or OnOverlap.REPLACE)
        self._finish("Yahoo Finance", import_prices(parsed, origin, on_overlap=on_overlap), options)

    def _finish(self, name: str, report: ImportReport, options: Mapping[str, Any]) -> None:
        self.stdout.write(f"    {name}: {report}")
        for note in report.notes:
            self.stdout.write(f"      {note}")
        if options["group"]:
            group, _ = InstrumentGroup.objects.get_or_create(name=options["group"])
            symbols = [*report.added, *report.updated, *report.unchanged]
            group.instruments.add(*Instrument.objects.filter(symbol__in=symbols))

    def _print_preview(self, path: Path, chosen: Mapping[str, str]) -> None:
        with path.open("rb") as file:
            content = file.read(settings.PRICES_MAX_UNPACKED_BYTES + 1)
        file_preview = preview(content, path.name, chosen)
        self.stdout.write(f"    {path.name}: {file_preview.n_symbols:,} symbols with {file_preview.n_bars:,} bars")
        columns = ", ".join(f"{role} = {column}" for role, column in file_preview.mapping.columns.items())
        self.stdout.write(f"      Read as {file_preview.mapping.layout}: {columns}")
        for text in (*file_preview.notes, *(f"left out: {row.field}: {row.message}" for row in file_preview.skipped)):
            self.stdout.write(f"      {text}")
        for line in file_preview.symbols:
            bars = f"{line.n_bars:,} bars of {bar_size(line.bar_days)}, {line.first} to {line.last}"
            self.stdout.write(f"      {line.symbol}: {bars}, {line.change}")
        for problem in (*file_preview.problems, *file_preview.differing):
            self.stdout.write(f"      problem: {problem.field}: {problem.message}")
        self.stdout.write("      Nothing was stored.")

    def _exit(self, message: str) -> None:
        self.stderr.write(f"error: {message}")
        raise SystemExit(1)


def chosen_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options as the fields of the API."""
    chosen = {field: str(options[name]) for name, field in READING.items() if options[name]}
    for name, prefix in (("column", "column"), ("rename", "rename")):
        for text in options[name]:
            key, _, value = text.partition("=")
            chosen[f"{prefix}.{key}"] = value
    return chosen
