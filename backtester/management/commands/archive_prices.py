"""`manage.py archive_prices SYMBOL ...`: hide instruments from new batches."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from batches.errors import BatchError
from batches.prices.archiving import set_archived


class Command(BaseCommand):
    help = "Archive instruments: new batches are not offered them. Their prices and batches stay."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
        parser.add_argument("--restore", action="store_true", help="offer archived instruments again")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = set_archived(options["symbols"], not options["restore"])
        except BatchError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"    {', '.join(changed)}: {'restored' if options['restore'] else 'archived'}")
