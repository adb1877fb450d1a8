"""`manage.py delete_prices SYMBOL ...`: delete instruments and their prices."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from batches.errors import BatchError
from batches.prices.deleting import Versions, delete


class Command(BaseCommand):
    help = "Delete instruments. Ended batches keep their results, and the versions of the prices that they need."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
        parser.add_argument(
            "--versions",
            choices=list(Versions),
            default=Versions.UNUSED,
            help="unused: the instruments, with the versions that no batch needs (default); all: with all versions, so"
            " that their tests cannot be computed again; old: only versions that are not used any more",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(f"    {delete(options['symbols'], options['versions'])}")
        except BatchError as error:
            raise CommandError(error.message) from None
